/* SPDX-License-Identifier: GPL-2.0 */
/* A service's histograms as JSON, an octave a count: enough to draw, and small. */
#ifndef SHUNT_STATUS_HISTOGRAMS_H
#define SHUNT_STATUS_HISTOGRAMS_H

#include <jansson.h>

#include "shunt/abi.h"

/* Below the lowest bound, an octave each, and above the highest. */
#define STATUS_OCTAVES 28

/* The upper bound of the first of them is 2 to this many seconds. */
#define STATUS_OCTAVE_LOWEST (-20)

/*
 * {"handshake": {"first_le_log2": -12, "counts": [3, 0, 1]}, …}: since the start, those of
 * the signals that have counted.  The first count is of durations above 2^-13 s up to
 * 2^-12 s, the next up to 2^-11 s; 2^7 stands for all above 2^6 s, 2^-20 for all up to it.
 * NULL without memory.
 */
json_t *status_histograms(const struct shunt_cell *cell);

#endif
