/* SPDX-License-Identifier: GPL-2.0 */
/* What a target's answers lead to, in virtual time. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "alert/target.h"
#include "unit/alert_notices.h"
#include "unit/fake_sender.h"

#define SEC 1000000ULL

#define AM   "http://am:9093"
#define POST "http://am:9093/api/v2/alerts"
#define HOOK "http://u:secret@hook:81/T0KEN?x=1"

static const struct target_times times = {
	.repeat = 60 * SEC, .lifetime = 240 * SEC, .keep = 900 * SEC};
static const struct payload_sender origin = {.instance = "host-1", .url = "http://here/"};

static struct target *target;
static uint64_t now;

static void make(enum target_kind kind, const char *url, size_t capacity)
{
	now = 1000 * SEC;
	cr_assert_eq(target_new(kind, url, capacity, &times, 1, NULL, &target), 0);
}

static void tear_down(void)
{
	target_free(target);
	cr_assert(!fake_transfers);
}

TestSuite(alert_target, .init = cr_redirect_stderr, .fini = tear_down);

static void put(const char *name, bool fires)
{
	struct notice *notice = make_notice(name, fires);

	target_put(target, notice, now);
	notice_drop(notice);
}

static void on_done(void *userdata, const struct sender_answer *answer)
{
	target_answered(userdata, answer, now);
}

static void send_due(void)
{
	target_send(target, &fake, &origin, now, 1700000000000000000, on_done);
}

/* Time goes on until it wants to send, and it does. */
static void go_on(void)
{
	cr_assert_neq(target_due(target), OUTBOX_NEVER);
	if (now < target_due(target))
		now = target_due(target);
	send_due();
}

static void expect_log(const char *want)
{
	fflush(stderr);
	cr_expect_stderr_eq_str(want);
}

/* ---- Alertmanager ---- */

Test(alert_target, alertmanager_gets_all_at_once)
{
	make(TARGET_ALERTMANAGER, AM "/", 1024);
	for (int i = 0; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "A%d", i);
		put(name, true);
	}
	send_due();
	cr_expect_eq(fake_contains(POST, "\"alertname\""), TARGET_BATCH);
	cr_expect_eq(fake_contains(POST, "\"endsAt\":\"2023-11-14T22:17:20.0"), TARGET_BATCH,
		     "now and four minutes");
	cr_expect_eq(target_due(target), OUTBOX_NEVER, "one transfer at a time");
	send_due();
	cr_expect_eq(fake_posts, 1);
	fake_answer(POST, 200);
	cr_expect_eq(target->sent, 64);
	send_due();
	cr_expect_eq(fake_contains(POST, "\"alertname\""), 36);
	fake_answer(POST, 202);
	cr_expect_eq(target->sent, 100);
	cr_expect_eq(target_due(target), 1020 * SEC);
	go_on();
	cr_expect_eq(fake_contains(POST, "\"alertname\""), TARGET_BATCH, "repeated");
	fake_answer(POST, 200);
	cr_expect_eq(target->sent, 100);
	expect_log("");
}

/* For days: tried again ever more rarely, said once, and nothing lost. */
Test(alert_target, a_dead_one_is_tried_again)
{
	uint64_t last = 0;

	make(TARGET_ALERTMANAGER, AM, 1024);
	put("A", true);
	put("B", false);
	for (int i = 0; i < 10000; i++) {
		go_on();
		cr_assert_eq(fake_contains(POST, "\"alertname\""), 2);
		cr_assert_geq(now - last, i < 6 ? SEC / 2 : 15 * SEC);
		last = now;
		fake_answer(POST, 0);
		send_due();
		cr_assert(!fake_transfers, "it waits");
		cr_assert_leq(target_due(target) - now, 30 * SEC);
	}
	cr_expect_eq(target->failed, 10000);
	go_on();
	fake_answer(POST, 200);
	cr_expect_eq(target->sent, 2);
	cr_expect_eq(target->outbox.dropped, 0);
	expect_log("shunt: alerts: http://am:9093: nobody there, trying again\n"
		   "shunt: alerts: http://am:9093: answers again (attempts that failed: 10000)\n");
}

/* What is raised meanwhile waits with the rest: each would be an attempt. */
Test(alert_target, a_new_alert_does_not_hurry)
{
	uint64_t due;

	make(TARGET_ALERTMANAGER, AM, 1024);
	put("A", true);
	go_on();
	fake_answer(POST, 0);
	due = target_due(target);
	cr_expect_gt(due, now);
	put("B", true);
	cr_expect_eq(target_due(target), due);
	go_on();
	cr_expect_eq(fake_contains(POST, "\"alertname\""), 2);
	fake_answer(POST, 200);
}

Test(alert_target, which_answers_are_worth_another_attempt)
{
	static const struct {
		long status;
		bool again;
	} answers[] = {
		{0, true},    {100, true},  {302, true},  {400, false}, {401, false},
		{403, false}, {404, false}, {405, false}, {408, true},	{410, false},
		{413, false}, {418, false}, {422, false}, {425, true},	{429, true},
		{499, false}, {500, true},  {502, true},  {503, true},	{504, true},
	};

	make(TARGET_WEBHOOK, "http://hook/", 1024);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint64_t failed = target->failed, dropped = target->outbox.dropped;

		put("A", true);
		go_on();
		fake_answer("http://hook/", answers[i].status);
		cr_expect_eq(target->failed - failed, answers[i].again, "%ld", answers[i].status);
		cr_expect_eq(target->outbox.dropped - dropped, !answers[i].again, "%ld",
			     answers[i].status);
		if (!answers[i].again)
			continue;
		go_on();
		fake_answer("http://hook/", 204);
	}
	cr_expect_eq(target->sent, 10);
	cr_expect_eq(outbox_waiting(&target->outbox), 0);
}

/* It is alive, and its misconfiguration may be cured: an alert that fires is told again. */
Test(alert_target, alertmanager_refuses)
{
	make(TARGET_ALERTMANAGER, AM, 1024);
	put("A", true);
	put("B", false);
	send_due();
	fake_answer(POST, 404);
	cr_expect_eq(target->outbox.dropped, 2);
	cr_expect_eq(target_due(target), 1020 * SEC);
	go_on();
	cr_expect_eq(fake_contains(POST, "\"alertname\""), 1);
	fake_answer(POST, 404);
	go_on();
	fake_answer(POST, 200);
	cr_expect_eq(target->sent, 1);
	go_on();
	fake_answer(POST, 404);
	/* Said anew only after it had answered otherwise. */
	expect_log("shunt: alerts: http://am:9093: answers 404, giving up what it refuses\n"
		   "shunt: alerts: http://am:9093: answers 404, giving up what it refuses\n");
}

/* ---- webhooks ---- */

Test(alert_target, webhook_gets_one_by_one)
{
	make(TARGET_WEBHOOK, HOOK, 1024);
	put("A", true);
	put("A", false);
	put("B", true);
	send_due();
	cr_expect_eq(fake_contains(HOOK, "\"status\":\"firing\""), 2);
	fake_answer(HOOK, 500);
	go_on();
	cr_expect_eq(fake_contains(HOOK, "\"status\":\"firing\""), 2, "the same again");
	fake_answer(HOOK, 200);
	go_on();
	cr_expect_eq(fake_contains(HOOK, "\"status\":\"resolved\""), 2);
	fake_answer(HOOK, 200);
	go_on();
	cr_expect_eq(fake_contains(HOOK, "\"alertname\":\"B\""), 3);
	fake_answer(HOOK, 200);
	cr_expect_eq(target_due(target), OUTBOX_NEVER, "nothing is repeated");
	/* Neither the password nor the path, which lets anybody post. */
	expect_log("shunt: alerts: http://hook:81: answers 500, trying again\n"
		   "shunt: alerts: http://hook:81: answers again (attempts that failed: 1)\n");
}

Test(alert_target, a_full_queue_is_said_once)
{
	make(TARGET_WEBHOOK, "http://hook", 3);
	for (int i = 0; i < 10; i++)
		put("A", true);
	cr_expect_eq(target->outbox.dropped, 7);
	for (int i = 0; i < 3; i++) {
		go_on();
		fake_answer("http://hook", 200);
	}
	for (int i = 0; i < 4; i++)
		put("A", true);
	expect_log("shunt: alerts: http://hook: 3 wait to be told, giving up the oldest\n"
		   "shunt: alerts: http://hook: 3 wait to be told, giving up the oldest\n");
}

Test(alert_target, no_memory_is_a_failure_too)
{
	make(TARGET_WEBHOOK, "http://hook", 3);
	put("A", true);
	fake_fails = true;
	send_due();
	cr_expect_eq(target->failed, 1);
	cr_expect_gt(target_due(target), now);
	fake_fails = false;
	go_on();
	fake_answer("http://hook", 200);
	cr_expect_eq(target->sent, 1);
}

Test(alert_target, freed_with_something_under_way)
{
	make(TARGET_WEBHOOK, "http://hook", 3);
	put("A", true);
	send_due();
	cr_expect(fake_transfers);
}
