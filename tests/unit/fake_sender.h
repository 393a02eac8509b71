/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sender without a network: it keeps what is posted until the test answers.  Its
 * functions take the place of user/alert/sender.c, which the linker leaves out since
 * nothing asks for it any more.  For one file a program.
 */
#ifndef SHUNT_TESTS_UNIT_FAKE_SENDER_H
#define SHUNT_TESTS_UNIT_FAKE_SENDER_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/sender.h"

struct sender {
	int unused;
};

struct transfer {
	char *url;
	char *body;
	sender_done_fn done;
	void *userdata;
	struct transfer *next;
};

static struct sender fake;
static struct transfer *fake_transfers; /* the latest first */
static unsigned int fake_senders; /* that there are now */
static unsigned int fake_posts; /* so far */
static bool fake_fails;

int sender_new(sd_event *event, const struct sender_limits *limits, struct sender **ret_sender)
{
	(void)event;
	(void)limits;
	if (fake_fails)
		return -ENOMEM;
	fake_senders++;
	*ret_sender = &fake;
	return 0;
}

void sender_free(struct sender *sender)
{
	fake_senders -= sender != NULL;
	cr_assert(!sender || !fake_transfers, "a transfer is left");
}

int sender_post(struct sender *sender, const char *url, const char *body, sender_done_fn done,
		void *userdata, struct transfer **ret_transfer)
{
	struct transfer *transfer;

	cr_assert_eq(sender, &fake);
	if (fake_fails)
		return -ENOMEM;
	transfer = malloc(sizeof(*transfer));
	*transfer = (struct transfer){strdup(url), strdup(body), done, userdata, fake_transfers};
	fake_transfers = transfer;
	fake_posts++;
	*ret_transfer = transfer;
	return 0;
}

void sender_cancel(struct transfer *transfer)
{
	struct transfer **at = &fake_transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	free(transfer->url);
	free(transfer->body);
	free(transfer);
}

/* What is under way to a URL, or NULL. */
static struct transfer *fake_find(const char *url)
{
	struct transfer *transfer = fake_transfers;

	while (transfer && strcmp(transfer->url, url) != 0)
		transfer = transfer->next;
	return transfer;
}

/* Answers it, which ends it. */
static void fake_answer(const char *url, long status)
{
	const struct sender_answer answer = {status, status ? "" : "nobody there"};
	struct transfer *transfer = fake_find(url);
	struct transfer copy;

	cr_assert(transfer, "nothing is under way to %s", url);
	copy = *transfer;
	sender_cancel(transfer);
	copy.done(copy.userdata, &answer);
}

/* How often `what` is in what is under way to a URL. */
static unsigned int fake_contains(const char *url, const char *what)
{
	const struct transfer *transfer = fake_find(url);
	const char *at = transfer ? transfer->body : "";
	unsigned int count = 0;

	while ((at = strstr(at, what))) {
		at += strlen(what);
		count++;
	}
	return count;
}

#endif
