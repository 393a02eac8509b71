/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "alert/alert.h"

static const struct alert plain = {
	.name = "ShuntServiceFailing",
	.service = "checkout",
	.role = SHUNT_ROLE_SERVER,
	.severity = ALERT_CRITICAL,
	.state = "failing",
	.summary = "checkout is failing",
	.description = "12 of 20 connections were refused",
	.starts_at = 1700000000000000001,
};

static struct notice *copy(const struct alert *alert)
{
	struct notice *notice = NULL;

	cr_assert_eq(notice_new(alert, "host-1", 7, &notice), 0);
	return notice;
}

Test(alert, a_notice_is_a_copy)
{
	char summary[] = "before";
	struct alert alert = plain;
	struct notice *notice;

	alert.summary = summary;
	notice = copy(&alert);
	strcpy(summary, "after");
	cr_expect_str_eq(notice->alert.summary, "before");
	cr_expect_str_eq(notice->alert.name, plain.name);
	cr_expect_str_eq(notice->alert.service, plain.service);
	cr_expect_str_eq(notice->alert.state, plain.state);
	cr_expect_str_eq(notice->alert.description, plain.description);
	cr_expect_eq(notice->alert.starts_at, plain.starts_at);
	cr_expect_eq(notice->id, 7);
	cr_expect(notice_fires(notice));
	notice_hold(notice);
	notice_drop(notice);
	cr_expect_str_eq(notice->alert.summary, "before", "one holder is left");
	notice_drop(notice);
}

/* FNV-1a of labels and values, each ended by 0xff: computed apart, by the definition. */
Test(alert, the_fingerprint_is_that_of_alertmanager)
{
	struct notice *notice = copy(&plain);

	cr_expect_eq(notice->fingerprint, UINT64_C(0xb66cbfa4bef22e4a), "%016" PRIx64,
		     notice->fingerprint);
	notice_drop(notice);
}

/* Name, service, role and severity; nothing else. */
Test(alert, identity)
{
	struct alert others[8];
	struct notice *first = copy(&plain);

	for (size_t i = 0; i < 8; i++)
		others[i] = plain;
	others[0].name = "ShuntServiceWedged";
	others[1].service = "payments";
	others[2].role = SHUNT_ROLE_CLIENT;
	others[3].severity = ALERT_WARNING;
	others[4].state = "wedged";
	others[5].summary = "another";
	others[6].starts_at++;
	others[7].ends_at = 1800000000000000000;
	for (size_t i = 0; i < 8; i++) {
		struct notice *other = copy(&others[i]);

		cr_expect_eq(notice_same(first, other), i >= 4, "%zu", i);
		cr_expect_eq(first->fingerprint == other->fingerprint, i >= 4, "%zu", i);
		notice_drop(other);
	}
	notice_drop(first);
}

/* Where one text ends and the next begins counts. */
Test(alert, texts_do_not_run_together)
{
	struct alert left = plain, right = plain;
	struct notice *a, *b;

	left.name = "ab";
	left.service = "c";
	right.name = "a";
	right.service = "bc";
	a = copy(&left);
	b = copy(&right);
	cr_expect_neq(a->fingerprint, b->fingerprint);
	cr_expect(!notice_same(a, b));
	notice_drop(a);
	notice_drop(b);
}

Test(alert, absent_texts_are_empty)
{
	const struct alert alert = {.name = "A", .service = "b"};
	struct notice *notice = copy(&alert);

	cr_expect_str_eq(notice->alert.state, "");
	cr_expect_str_eq(notice->alert.summary, "");
	cr_expect_str_eq(notice->alert.description, "");
	notice_drop(notice);
}

/* A process may call itself any bytes, and discovery makes a service's name of it. */
Test(alert, what_is_no_utf8_is_replaced)
{
	struct alert alert = plain;
	struct notice *notice;

	alert.service = "caf\xc3\xa9\xff:80\xe2\x82";
	notice = copy(&alert);
	cr_expect_str_eq(notice->alert.service,
			 "caf\xc3\xa9\xef\xbf\xbd:80\xef\xbf\xbd\xef\xbf\xbd");
	notice_drop(notice);
}

Test(alert, long_texts_are_cut_between_characters)
{
	char text[4000];
	struct alert alert = plain;
	struct notice *notice;

	/* Two bytes each, one byte off. */
	text[0] = 'x';
	for (size_t i = 1; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';
	alert.service = alert.summary = alert.description = alert.state = text;
	notice = copy(&alert);
	cr_expect_eq(strlen(notice->alert.service), 127);
	cr_expect_eq(strlen(notice->alert.state), 31);
	cr_expect_eq(strlen(notice->alert.summary), 255);
	cr_expect_eq(strlen(notice->alert.description), 1023);
	notice_drop(notice);
	alert.service = text + 1;
	notice = copy(&alert);
	cr_expect_eq(strlen(notice->alert.service), 126);
	notice_drop(notice);
}
