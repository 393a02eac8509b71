/* SPDX-License-Identifier: GPL-2.0 */
#include "engine/awareness.h"

void awareness_add(struct awareness *awareness, const struct awareness_limits *limits, uint64_t now,
		   uint64_t late, uint64_t lost)
{
	if (late > limits->late || lost) {
		if (awareness->score < limits->highest)
			awareness->score++;
		if (late > awareness->late)
			awareness->late = late;
		awareness->lost += lost;
		awareness->at = now;
		return;
	}
	if (!awareness->score || now - awareness->at < limits->calm)
		return;
	awareness->score--;
	awareness->at = now;
	if (!awareness->score) {
		awareness->late = 0;
		awareness->lost = 0;
	}
}

unsigned awareness_stretch(const struct awareness *awareness)
{
	return awareness->score + 1;
}
