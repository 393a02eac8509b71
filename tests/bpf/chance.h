/* SPDX-License-Identifier: GPL-2.0 */
/* Random frames, and sound ones that something happened to; the same each time. */
#ifndef SHUNT_TESTS_BPF_CHANCE_H
#define SHUNT_TESTS_BPF_CHANCE_H

#include <linux/if_ether.h>
#include <stdlib.h>

#include "bpf/frames.h"

#define CHANCE_TIMEOUT 3000

/* How many there are to be: CHANCE in the environment, or few enough for a check. */
static inline unsigned chance_frames(void)
{
	const char *frames = getenv("CHANCE");

	return frames ? (unsigned)strtoul(frames, NULL, 10) : 200000;
}

static uint64_t seed = 20261121;

/* xorshift64: the same frames each time. */
static inline uint32_t chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static inline void make_noise(struct frame *ret_frame)
{
	ret_frame->length = ETH_HLEN + chance(200);
	for (size_t i = 0; i < ret_frame->length; i++)
		ret_frame->bytes[i] = (uint8_t)chance(256);
}

/* Behind the Ethernet addresses; often what is worth a look: headers, not data. */
static inline void mutate(struct frame *frame)
{
	uint32_t flips = chance(4);

	for (uint32_t i = 0; i < flips; i++)
		frame->bytes[12 +
			     chance(frame->length > 100 ? 88 : (uint32_t)frame->length - 12)] ^=
			(uint8_t)(chance(2) ? 1u << chance(8) : chance(256));
	if (!chance(8))
		frame->length = ETH_HLEN + chance((uint32_t)frame->length - ETH_HLEN + 1);
	/* Mutated addresses and options of a sound IPv4 header. */
	if (chance(2) && frame->length >= 34 && get_short(frame->bytes + 12) == 0x0800) {
		size_t header = (size_t)(frame->bytes[14] & 15) * 4;

		set_short(frame->bytes + 24, 0);
		if (14 + header <= frame->length)
			set_short(frame->bytes + 24, ~add_up(0, frame->bytes + 14, header));
	}
}

#endif
