/* SPDX-License-Identifier: GPL-2.0 */
/* What is sent, byte for byte where it matters: others parse it. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "alert/payload.h"

static const struct payload_sender sender = {.instance = "host-1", .url = "http://127.0.0.1:9909/"};

static struct notice *firing, *resolved;

static void set_up(void)
{
	struct alert alert = {
		.name = "ShuntServiceFailing",
		.service = "check\"out",
		.role = SHUNT_ROLE_SERVER,
		.severity = ALERT_CRITICAL,
		.state = "failing",
		.summary = "checkout is failing",
		.description = "12 of 20\nrefused",
		.starts_at = 1700000000000000001,
	};

	cr_assert_eq(notice_new(&alert, sender.instance, 0xabc, &firing), 0);
	alert.ends_at = 1700000061500000000;
	alert.role = SHUNT_ROLE_CLIENT;
	alert.severity = ALERT_WARNING;
	cr_assert_eq(notice_new(&alert, sender.instance, 0xabd, &resolved), 0);
}

static void tear_down(void)
{
	notice_drop(firing);
	notice_drop(resolved);
}

TestSuite(alert_payload, .init = set_up, .fini = tear_down);

#define LABELS(role, severity)                                                                     \
	"{\"alertname\":\"ShuntServiceFailing\",\"instance\":\"host-1\",\"role\":\"" role          \
	"\",\"service\":\"check\\\"out\",\"severity\":\"" severity "\"}"
#define ANNOTATIONS                                                                                \
	"{\"summary\":\"checkout is failing\",\"description\":\"12 of 20\\nrefused\","             \
	"\"state\":\"failing\"}"

Test(alert_payload, alertmanager)
{
	struct notice *notices[] = {firing, resolved};
	char *text = NULL;

	cr_assert_eq(payload_alertmanager(&sender, notices, 2, 1700000240000000000, &text), 0);
	cr_expect_str_eq(
		text,
		"[{\"labels\":" LABELS(
			"server",
			"critical") ","
				    "\"annotations\":" ANNOTATIONS ","
				    "\"startsAt\":\"2023-11-14T22:13:20.000000001Z\","
				    "\"endsAt\":\"2023-11-14T22:17:20.000000000Z\","
				    "\"generatorURL\":\"http://127.0.0.1:9909/\"},"
				    "{\"labels\":" LABELS(
					    "client",
					    "warning") ","
						       "\"annotations\":" ANNOTATIONS ","
						       "\"startsAt\":\"2023-11-14T22:13:20.000000001Z\","
						       "\"endsAt\":\"2023-11-14T22:14:21.500000000Z\","
						       "\"generatorURL\":\"http://127.0.0.1:9909/\"}]");
	free(text);
}

/* Alertmanager answers 400 to an end before the start. */
Test(alert_payload, a_clock_that_was_set_back)
{
	char *text = NULL;

	cr_assert_eq(payload_alertmanager(&sender, &firing, 1, 1600000000000000000, &text), 0);
	cr_expect(strstr(text, "\"endsAt\":\"2023-11-14T22:13:20.000000002Z\""), "%s", text);
	free(text);
}

Test(alert_payload, webhook_firing)
{
	char *text = NULL;

	cr_assert_eq(payload_webhook(&sender, firing, &text), 0);
	cr_expect(strstr(text, "{\"version\":\"4\",\"id\":\"0000000000000abc\",") == text, "%s",
		  text);
	cr_expect(
		strstr(text,
		       "\"truncatedAlerts\":0,\"status\":\"firing\","
		       "\"receiver\":\"shunt\","
		       "\"groupLabels\":" LABELS(
			       "server",
			       "critical") ","
					   "\"commonLabels\":" LABELS(
						   "server",
						   "critical") ","
							       "\"commonAnnotations\":" ANNOTATIONS
							       ","
							       "\"externalURL\":\"http://127.0.0.1:9909/\","
							       "\"alerts\":[{\"labels\":" LABELS(
								       "server",
								       "critical") ","
										   "\"annotations\":" ANNOTATIONS
										   ","
										   "\"startsAt\":\"2023-11-14T22:13:20.000000001Z\","
										   "\"endsAt\":\"0001-01-01T00:00:00Z\","
										   "\"generatorURL\":\"http://127.0.0.1:9909/\","
										   "\"status\":\"firing\",\"fingerprint\":\""),
		"%s", text);
	free(text);
}

Test(alert_payload, webhook_resolved)
{
	json_t *root, *alert;
	char *text = NULL;

	cr_assert_eq(payload_webhook(&sender, resolved, &text), 0);
	root = json_loads(text, 0, NULL);
	cr_assert(root, "%s", text);
	alert = json_array_get(json_object_get(root, "alerts"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(root, "status")), "resolved");
	cr_expect_str_eq(json_string_value(json_object_get(alert, "status")), "resolved");
	cr_expect_str_eq(json_string_value(json_object_get(alert, "endsAt")),
			 "2023-11-14T22:14:21.500000000Z");
	cr_expect_str_eq(json_string_value(json_object_get(root, "groupKey")),
			 json_string_value(json_object_get(alert, "fingerprint")));
	cr_expect_eq(json_array_size(json_object_get(root, "alerts")), 1);
	json_decref(root);
	free(text);
}
