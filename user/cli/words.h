/* SPDX-License-Identifier: GPL-2.0 */
/* A service of /api/v1/status in words, as people are shown it. */
#ifndef SHUNT_CLI_WORDS_H
#define SHUNT_CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* 0 where there is no such number. */
double words_number(const json_t *object, const char *key);

/* "" where there is no such string. */
const char *words_string(const json_t *object, const char *key);

/* Three significant digits and a unit, in at most 7 columns: "1.25ms"; "-" for what is no number.
 */
void words_duration(const json_t *value, size_t size, char *ret_text);
void words_seconds(double seconds, size_t size, char *ret_text);

/* In one word; of a healthy service, and one that is not judged, whether there is any life in it.
 */
const char *words_state(const json_t *service);

/* _unknown and _other are of interest only once something was counted there. */
bool words_is_silent(const json_t *service);

/* "10.0.0.1 checks it every 2 s (haproxy, 99% sure): going_down, out after 2 more failed checks,
 * in 3.1s" */
void words_prober(const json_t *prober, size_t size, char *ret_text);

/* Whether its breaker is open or half open. */
bool words_is_open(const json_t *service);

/* "breaker open (enforce): 30 of 30 connections failed …; half-open in 12 s" */
void words_breaker(const json_t *service, size_t size, char *ret_text);

#endif
