/* SPDX-License-Identifier: GPL-2.0 */
/* Who is told of what: raise, resolve, and another configuration. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "alert/alerts.h"
#include "unit/fake_sender.h"

#define AM    "http://am/api/v2/alerts"
#define OTHER "http://other/api/v2/alerts"
#define HOOK  "http://hook/"

#define FIRING	 "\"status\":\"firing\""
#define RESOLVED "\"status\":\"resolved\""

static sd_event *event;
static struct alerts *alerts;
static struct config config = {.listen_host = "10.0.0.5", .listen_port = 9909};

static void set_up(void)
{
	cr_redirect_stderr();
	cr_assert_geq(sd_event_new(&event), 0);
}

static void tear_down(void)
{
	alerts_free(alerts);
	cr_expect_eq(fake_senders, 0);
	sd_event_unref(event);
}

TestSuite(alerts, .init = set_up, .fini = tear_down);

/* Each "" is none. */
static void configure(const char *am, const char *other, const char *hook)
{
	static char *managers[2], *hooks[1];

	managers[0] = (char *)am;
	managers[1] = (char *)other;
	hooks[0] = (char *)hook;
	config.alertmanager.items = managers;
	config.alertmanager.count = (*am != 0) + (size_t)(*other != 0);
	config.webhook.items = hooks;
	config.webhook.count = *hook != 0;
}

static void begin(const char *am, const char *other, const char *hook)
{
	const struct alerts_options options = {.instance = "host-1", .seed = 1};

	configure(am, other, hook);
	cr_assert_eq(alerts_new(event, &config, &options, &alerts), 0);
}

/* What the loop has to do by now. */
static void run(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static struct alert make(const char *service, const char *state, const char *summary)
{
	return (struct alert){
		.name = "ShuntServiceFailing",
		.service = service,
		.severity = ALERT_CRITICAL,
		.state = state,
		.summary = summary,
		.description = "why",
		.starts_at = 1700000000000000000,
	};
}

static void raise_alert(const char *service, const char *state, const char *summary)
{
	const struct alert alert = make(service, state, summary);

	cr_assert_eq(alerts_raise(alerts, &alert), 0);
}

static void resolve(const char *service)
{
	struct alert alert = {
		.name = "ShuntServiceFailing", .service = service, .severity = ALERT_CRITICAL};

	cr_assert_eq(alerts_resolve(alerts, &alert), 0);
}

static void expect_counts(enum target_kind kind, uint64_t sent, uint64_t waiting, uint64_t dropped)
{
	struct target_counts counts;

	alerts_count(alerts, kind, &counts);
	cr_expect_eq(counts.sent, sent, "sent %lu", counts.sent);
	cr_expect_eq(counts.waiting, waiting, "waiting %lu", counts.waiting);
	cr_expect_eq(counts.dropped, dropped, "dropped %lu", counts.dropped);
}

/* ---- who is told ---- */

Test(alerts, nobody_to_tell)
{
	begin("", "", "");
	raise_alert("a", "failing", "s");
	run();
	resolve("a");
	run();
	cr_expect_eq(fake_senders, 0, "libcurl is not needed");
	expect_counts(TARGET_ALERTMANAGER, 0, 0, 0);
}

Test(alerts, everybody_is_told_at_once)
{
	begin("http://am", "http://other/", HOOK);
	cr_expect_eq(fake_senders, 1);
	raise_alert("a", "failing", "s");
	raise_alert("b", "failing", "s");
	cr_expect_eq(fake_posts, 0, "not from within");
	run();
	cr_expect_eq(fake_posts, 3);
	cr_expect_eq(fake_contains(AM, "\"alertname\""), 2);
	cr_expect_eq(fake_contains(OTHER, "\"alertname\""), 2);
	cr_expect_eq(fake_contains(HOOK, "\"fingerprint\""), 1);
	cr_expect_eq(fake_contains(AM, "\"generatorURL\":\"http://10.0.0.5:9909/\""), 2);
	cr_expect_eq(fake_contains(AM, "\"instance\":\"host-1\""), 2);
	expect_counts(TARGET_ALERTMANAGER, 0, 4, 0);
	expect_counts(TARGET_WEBHOOK, 0, 2, 0);
	fake_answer(AM, 200);
	fake_answer(HOOK, 200);
	run();
	expect_counts(TARGET_ALERTMANAGER, 2, 2, 0);
	expect_counts(TARGET_WEBHOOK, 1, 1, 0);
	cr_expect_eq(fake_contains(HOOK, "\"service\":\"b\""), 3);
}

Test(alerts, one_that_does_not_answer_holds_up_nobody)
{
	begin("http://am", "http://other", "");
	for (int i = 0; i < 5; i++) {
		char service[2] = {(char)('a' + i), '\0'};

		raise_alert(service, "failing", "s");
		run();
		fake_answer(OTHER, 200);
	}
	expect_counts(TARGET_ALERTMANAGER, 5, 5, 0);
	cr_expect_eq(fake_contains(AM, "\"alertname\""), 1);
}

/* ---- what is told ---- */

Test(alerts, what_has_not_changed_is_not_sent)
{
	begin("http://am", "", HOOK);
	raise_alert("a", "failing", "s");
	run();
	fake_answer(AM, 200);
	fake_answer(HOOK, 200);
	run();
	raise_alert("a", "failing", "s");
	run();
	cr_expect(!fake_transfers);
	raise_alert("a", "failing", "now 13 of 20");
	run();
	cr_expect_eq(fake_contains(AM, "now 13 of 20"), 1);
	cr_expect(!fake_find(HOOK), "no transition");
	raise_alert("a", "wedged", "now 13 of 20");
	run();
	cr_expect_eq(fake_contains(HOOK, FIRING), 2);
	cr_expect_eq(fake_contains(HOOK, "\"state\":\"wedged\""), 2);
}

/* Whatever later calls say of its start. */
Test(alerts, an_alert_keeps_its_start)
{
	struct alert again = make("a", "wedged", "s");

	begin("http://am", "", HOOK);
	raise_alert("a", "failing", "s");
	again.starts_at += 5000000000;
	cr_assert_eq(alerts_raise(alerts, &again), 0);
	run();
	cr_expect_eq(fake_contains(AM, "\"startsAt\":\"2023-11-14T22:13:20.000000000Z\""), 1);
	again.starts_at += 5000000000;
	again.ends_at = 1700000060000000000;
	cr_assert_eq(alerts_resolve(alerts, &again), 0);
	fake_answer(AM, 200);
	run();
	cr_expect_eq(fake_contains(AM, "\"startsAt\":\"2023-11-14T22:13:20.000000000Z\""), 1);
	cr_expect_eq(fake_contains(AM, "\"endsAt\":\"2023-11-14T22:14:20.000000000Z\""), 1);
}

/* Nobody has answered yet: Alertmanager needs the last state, a webhook all of them. */
Test(alerts, fired_and_over_before_anybody_listened)
{
	begin("http://am", "", HOOK);
	raise_alert("a", "failing", "s");
	resolve("a");
	raise_alert("a", "failing", "s");
	resolve("a");
	run();
	cr_expect_eq(fake_contains(AM, "\"alertname\""), 1);
	fake_answer(AM, 200);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(fake_contains(HOOK, i % 2 ? RESOLVED : FIRING), 2, "%d", i);
		fake_answer(HOOK, 200);
		run();
	}
	expect_counts(TARGET_ALERTMANAGER, 1, 0, 0);
	expect_counts(TARGET_WEBHOOK, 4, 0, 0);
}

Test(alerts, the_end_says_what_was_said_unless_it_says_more)
{
	struct alert over = make("a", NULL, "s");

	begin("", "", HOOK);
	raise_alert("a", "failing", "fires");
	run();
	fake_answer(HOOK, 200);
	over.state = "healthy";
	over.summary = NULL;
	over.ends_at = 1;
	cr_assert_eq(alerts_resolve(alerts, &over), 0);
	run();
	cr_expect_eq(fake_contains(HOOK, "\"summary\":\"fires\""), 2);
	cr_expect_eq(fake_contains(HOOK, "\"state\":\"healthy\""), 2);
	/* Alertmanager refuses an end before the start. */
	cr_expect_eq(fake_contains(HOOK, "\"endsAt\":\"2023-11-14T22:13:20.000000001Z\""), 1);
}

Test(alerts, what_does_not_fire_cannot_end)
{
	begin("http://am", "", HOOK);
	resolve("a");
	raise_alert("b", "failing", "s");
	resolve("b");
	resolve("b");
	run();
	expect_counts(TARGET_WEBHOOK, 0, 2, 0);
	expect_counts(TARGET_ALERTMANAGER, 0, 1, 0);
}

Test(alerts, now_is_when_nobody_says)
{
	const struct alert alert = {.name = "A", .service = "a"};
	time_t before = time(NULL);
	char day[32];

	begin("", "", HOOK);
	cr_assert_eq(alerts_raise(alerts, &alert), 0);
	run();
	strftime(day, sizeof(day), "\"startsAt\":\"%Y-", gmtime(&before));
	cr_expect_eq(fake_contains(HOOK, day), 1);
	fake_answer(HOOK, 200);
	cr_assert_eq(alerts_resolve(alerts, &alert), 0);
	run();
	strftime(day, sizeof(day), "\"endsAt\":\"%Y-", gmtime(&before));
	cr_expect_eq(fake_contains(HOOK, day), 1);
}

/* ---- how many ---- */

static void raise_many(unsigned int from, unsigned int to, bool over)
{
	for (unsigned int i = from; i < to; i++) {
		char service[16];
		struct alert alert = make(service, "failing", "s");

		snprintf(service, sizeof(service), "s%u", i);
		cr_assert_eq(alerts_raise(alerts, &alert), i < 1024 || over ? 0 : -ENOBUFS);
		if (over)
			resolve(service);
	}
}

Test(alerts, two_thousand_that_are_over)
{
	begin("http://am", "", HOOK);
	raise_many(0, 2000, true);
	expect_counts(TARGET_ALERTMANAGER, 0, 1024, 976);
	expect_counts(TARGET_WEBHOOK, 0, 1024, 2976);
	run();
	cr_expect_eq(fake_contains(HOOK, "\"service\":\"s1488\""), 3, "the last 512 pairs");
	cr_expect_eq(fake_contains(AM, "\"service\":\"s976\""), 1);
}

Test(alerts, two_thousand_that_fire)
{
	begin("http://am", "http://other", HOOK);
	raise_many(0, 2000, false);
	expect_counts(TARGET_ALERTMANAGER, 0, 2048, 1952);
	expect_counts(TARGET_WEBHOOK, 0, 1024, 976);
	resolve("s5");
	raise_alert("late", "failing", "s");
	expect_counts(TARGET_ALERTMANAGER, 0, 2048, 1954);
}

/* Where there may be more services, more may fire. */
Test(alerts, room_grows_with_the_services)
{
	config.max_services = 4096;
	begin("http://am", "", "");
	for (unsigned int i = 0; i < 8192; i++) {
		char service[16];
		struct alert alert = make(service, "failing", "s");

		snprintf(service, sizeof(service), "s%u", i);
		cr_assert_eq(alerts_raise(alerts, &alert), 0);
	}
	expect_counts(TARGET_ALERTMANAGER, 0, 8192, 0);
	cr_expect_eq(alerts_raise(alerts, &(struct alert){.name = "A", .service = "a"}), -ENOBUFS);
}

/* ---- another configuration ---- */

Test(alerts, the_first_target_comes_with_a_reload)
{
	begin("", "", "");
	raise_alert("a", "failing", "s");
	raise_alert("b", "failing", "s");
	resolve("a");
	configure("http://am", "", HOOK);
	cr_assert_eq(alerts_reload(alerts, &config), 0);
	cr_expect_eq(fake_senders, 1);
	run();
	cr_expect_eq(fake_contains(AM, "\"alertname\""), 1, "b fires");
	cr_expect_eq(fake_contains(HOOK, "\"service\":\"b\""), 3);
}

Test(alerts, targets_that_stay_keep_what_they_have)
{
	struct transfer *transfer;

	begin("http://am", "", HOOK);
	raise_alert("a", "failing", "s");
	run();
	transfer = fake_find(AM);
	configure("http://other", "http://am", HOOK);
	cr_assert_eq(alerts_reload(alerts, &config), 0);
	run();
	cr_expect_eq(fake_find(AM), transfer);
	cr_expect_eq(fake_contains(OTHER, "\"alertname\""), 1);
	cr_expect_eq(fake_posts, 3, "the webhook hears of nothing twice");
	fake_answer(AM, 200);
	fake_answer(OTHER, 200);
	run();
	expect_counts(TARGET_ALERTMANAGER, 2, 0, 0);
	configure("http://am", "", HOOK);
	cr_assert_eq(alerts_reload(alerts, &config), 0);
	expect_counts(TARGET_ALERTMANAGER, 2, 0, 0);
}

Test(alerts, the_last_target_goes)
{
	begin("http://am", "", "");
	raise_alert("a", "failing", "s");
	run();
	configure("", "", "");
	cr_assert_eq(alerts_reload(alerts, &config), 0);
	cr_expect_eq(fake_senders, 0);
	cr_expect(!fake_transfers);
	run();
	resolve("a");
	run();
	expect_counts(TARGET_ALERTMANAGER, 0, 0, 0);
}

Test(alerts, a_reload_that_fails_changes_nothing)
{
	begin("", "", "");
	configure("http://am", "", "");
	fake_fails = true;
	cr_expect_eq(alerts_reload(alerts, &config), -ENOMEM);
	fake_fails = false;
	raise_alert("a", "failing", "s");
	run();
	cr_expect_eq(fake_posts, 0);
	cr_assert_eq(alerts_reload(alerts, &config), 0);
	run();
	cr_expect_eq(fake_posts, 1);
}

/* One URL may be in both lists: it is two targets. */
Test(alerts, alertmanager_and_webhook_of_one_name)
{
	begin("http://same", "", "http://same");
	raise_alert("a", "failing", "s");
	run();
	cr_expect(fake_find("http://same"));
	cr_expect(fake_find("http://same/api/v2/alerts"));
	cr_assert_eq(alerts_reload(alerts, &config), 0);
	run();
	cr_expect_eq(fake_posts, 2);
}

Test(alerts, who_listens_everywhere_has_the_hosts_name)
{
	strcpy(config.listen_host, "::");
	begin("http://am", "", "");
	raise_alert("a", "failing", "s");
	run();
	cr_expect_eq(fake_contains(AM, "\"generatorURL\":\"http://host-1:9909/\""), 1);
}
