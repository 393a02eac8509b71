/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/ask.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"

#define TIMEOUT_MS	 5000L
#define ASKER_TIMEOUT_MS 3000L

/* An answer as it comes in. */
struct answer {
	char *text;
	size_t size;
};

struct asker {
	CURLM *multi;
	CURL *easy;
	struct answer answer;
	bool asking;
	uint64_t asked_at; /* ms, monotonic; 0: never */
};

static size_t take(char *data, size_t size, size_t count, void *userdata)
{
	struct answer *answer = userdata;
	char *text = realloc(answer->text, answer->size + size * count + 1);

	if (!text)
		return 0;
	memcpy(text + answer->size, data, size * count);
	answer->text = text;
	answer->size += size * count;
	answer->text[answer->size] = '\0';
	return size * count;
}

/* A daemon that listens everywhere is asked on loopback. */
static void make_url(const struct config *config, char ret_url[ASK_URL_MAX])
{
	const char *host = config->listen_host;

	if (!strcmp(host, "0.0.0.0"))
		host = "127.0.0.1";
	else if (!strcmp(host, "::"))
		host = "::1";
	snprintf(ret_url, ASK_URL_MAX,
		 strchr(host, ':') ? "http://[%s]:%u/api/v1/status" : "http://%s:%u/api/v1/status",
		 host, config->listen_port);
}

int ask_url(const struct cli_options *options, const char *command, char ret_url[ASK_URL_MAX])
{
	struct config *config;

	if (config_load(options->config_path, !options->config_given, cli_complain, (void *)command,
			&config) < 0)
		return EXIT_USAGE;
	make_url(config, ret_url);
	config_free(config);
	return EXIT_DONE;
}

static CURL *make_request(const char *url, long timeout_ms, struct answer *answer)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	/* The daemon is on this host, whatever proxy the environment names. */
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	return curl;
}

static bool is_answered(CURL *curl, CURLcode r, const struct answer *answer)
{
	long code = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	return r == CURLE_OK && code == 200 && answer->text;
}

static int ask_once(const char *command, const char *url, char **ret_text)
{
	struct answer answer = {0};
	CURL *curl = make_request(url, TIMEOUT_MS, &answer);
	bool answered;
	CURLcode r;

	if (!curl)
		return EXIT_FAILED;
	r = curl_easy_perform(curl);
	answered = is_answered(curl, r, &answer);
	curl_easy_cleanup(curl);
	if (answered) {
		*ret_text = answer.text;
		return EXIT_DONE;
	}
	free(answer.text);
	if (r == CURLE_COULDNT_CONNECT) {
		log_error("%s: no daemon answers at %s", command, url);
		return EXIT_NO_DAEMON;
	}
	log_error("%s: %s: %s", command, url,
		  r != CURLE_OK ? curl_easy_strerror(r) : "not the answer of a shunt daemon");
	return EXIT_FAILED;
}

/* NULL for what is no status. */
static json_t *parse(const char *text)
{
	json_t *status = json_loads(text, 0, NULL);

	if (json_is_array(json_object_get(status, "services")))
		return status;
	json_decref(status);
	return NULL;
}

int ask_status(const char *command, const char *url, json_t **ret_status, char **ret_text)
{
	char *text = NULL;
	int r = ask_once(command, url, &text);
	json_t *status;

	if (r != EXIT_DONE)
		return r;
	status = parse(text);
	if (!status) {
		free(text);
		log_error("%s: %s: not the answer of a shunt daemon", command, url);
		return EXIT_FAILED;
	}
	*ret_status = status;
	*ret_text = text;
	return EXIT_DONE;
}

/* ---- again and again ---- */

struct asker *asker_new(const char *url)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker)
		return NULL;
	asker->multi = curl_multi_init();
	asker->easy = make_request(url, ASKER_TIMEOUT_MS, &asker->answer);
	if (asker->multi && asker->easy)
		return asker;
	asker_free(asker);
	return NULL;
}

void asker_free(struct asker *asker)
{
	if (!asker)
		return;
	if (asker->asking)
		curl_multi_remove_handle(asker->multi, asker->easy);
	curl_easy_cleanup(asker->easy);
	curl_multi_cleanup(asker->multi);
	free(asker->answer.text);
	free(asker);
}

static uint64_t now_ms(void)
{
	return clock_monotonic() / 1000000;
}

/* How long until it is to ask again; asks where that is now. */
static int asker_begin(struct asker *asker, int period_ms)
{
	uint64_t now = now_ms(), due = asker->asked_at + (uint64_t)period_ms;

	if (asker->asking)
		return period_ms;
	if (asker->asked_at && now < due)
		return (int)(due - now);
	free(asker->answer.text);
	asker->answer = (struct answer){0};
	asker->asked_at = now;
	asker->asking = !curl_multi_add_handle(asker->multi, asker->easy);
	return period_ms;
}

static bool asker_take(struct asker *asker, json_t **ret_status)
{
	int left;
	const CURLMsg *message = curl_multi_info_read(asker->multi, &left);
	bool answered;

	if (!message)
		return false;
	answered = is_answered(asker->easy, message->data.result, &asker->answer);
	curl_multi_remove_handle(asker->multi, asker->easy);
	asker->asking = false;
	*ret_status = answered ? parse(asker->answer.text) : NULL;
	return true;
}

bool asker_wait(struct asker *asker, int fd, int period_ms, int wait_ms, json_t **ret_status)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
	int due = asker_begin(asker, period_ms), running;

	curl_multi_perform(asker->multi, &running);
	if (asker_take(asker, ret_status))
		return true;
	curl_multi_poll(asker->multi, &extra, 1, due < wait_ms ? due : wait_ms, NULL);
	curl_multi_perform(asker->multi, &running);
	return asker_take(asker, ret_status);
}
