/* SPDX-License-Identifier: GPL-2.0 */
/* Notices for tests: of alerts that have a name and nothing else of interest. */
#ifndef SHUNT_TESTS_UNIT_ALERT_NOTICES_H
#define SHUNT_TESTS_UNIT_ALERT_NOTICES_H

#include <criterion/criterion.h>

#include "alert/alert.h"

/* The caller holds it. */
static inline struct notice *make_notice(const char *name, bool fires)
{
	const struct alert alert = {
		.name = name,
		.service = "checkout",
		.severity = ALERT_CRITICAL,
		.starts_at = 1000,
		.ends_at = fires ? 0 : 2000,
	};
	struct notice *notice = NULL;

	cr_assert_eq(notice_new(&alert, "host-1", 1, &notice), 0);
	return notice;
}

#endif
