/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/chance.h"

#include <math.h>

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

struct chance chance_stream(uint64_t seed, uint64_t number)
{
	struct chance stream = {.state = seed};

	/* Two steps apart, or streams of neighbouring seeds would overlap. */
	stream.state = next(&stream) ^ (number + 1) * 0xd1342543de82ef95;
	stream.state = next(&stream);
	return stream;
}

double chance_share(struct chance *chance)
{
	return (double)((next(chance) >> 11) + 1) * 0x1p-53;
}

bool chance_is(struct chance *chance, double share)
{
	return share > 0 && chance_share(chance) <= share;
}

uint64_t chance_below(struct chance *chance, uint64_t below)
{
	return next(chance) % below;
}

uint64_t chance_wait(struct chance *chance, double per_second)
{
	return (uint64_t)(-log(chance_share(chance)) / per_second * 1e9);
}

/* Box and Muller's; its other number is not kept, which would be a state more. */
uint64_t chance_duration(struct chance *chance, double median, double sigma)
{
	double radius = sqrt(-2 * log(chance_share(chance)));
	double normal = radius * cos(2 * M_PI * chance_share(chance));

	return (uint64_t)(median * exp(sigma * normal));
}
