/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those who give orders over the control socket: who may, who it was, and a connection for
 * each order, which is read, answered and closed.  All of that on the loop and without
 * waiting for anybody: an order is a line of at most ORDER_LINE_MAX bytes, has a second to
 * arrive, and of more than OPERATORS_MAX connections the oldest gives way.
 */
#ifndef SHUNT_DAEMON_OPERATORS_H
#define SHUNT_DAEMON_OPERATORS_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include <jansson.h>

#include "daemon/order.h"

#define OPERATORS_MAX 16

struct operators;

/*
 * Carries out an order of `who` ("alice, as root (pid 123)").  Returns the answer,
 * an object that becomes the caller's; NULL where there is no memory.
 */
typedef json_t *(*operators_fn)(void *userdata, const struct order *order, const char *who);

struct operators_options {
	int fd; /* the listening socket, which does not wait; it stays the caller's */
	gid_t group; /* whose members may give orders beside root; (gid_t)-1: nobody */
	operators_fn fn;
	void *userdata;
};

/* Listens.  0 and operators to free with operators_free(), or a negative errno. */
int operators_new(sd_event *event, const struct operators_options *options,
		  struct operators **ret_operators);

/* Closes their connections; NULL is fine. */
void operators_free(struct operators *operators);

/* An answer that says no: {"ok": false, "message": …}; printf(3)'s format. */
json_t *operators_refusal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
