/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A libFuzzer target: no text crashes the parser, and what is taken prints back
 * as itself.  Built on demand, with tests/golden/config as the first corpus:
 *
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iinclude -Iuser \
 *         tests/fuzz/fuzz_config.c user/config/[a-z]*.c \
 *         $(pkg-config --cflags --libs libcyaml yaml-0.1 jansson) -lm -o build/fuzz_config
 *   build/fuzz_config -max_total_time=60 CORPUS tests/golden/config
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct config *config, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	if (!out || config_print(config, out) || fclose(out))
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	struct config *again = NULL;
	size_t first_size = 0;
	size_t second_size = 0;
	char *first;
	char *second;

	if (config_parse("fuzz", (const char *)data, size, NULL, NULL, &config))
		return 0;
	first = print(config, &first_size);
	if (config_parse("again", first, first_size, NULL, NULL, &again))
		abort();
	second = print(again, &second_size);
	if (first_size != second_size || memcmp(first, second, first_size) != 0)
		abort();
	free(first);
	free(second);
	config_free(config);
	config_free(again);
	return 0;
}
