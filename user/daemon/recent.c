/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/recent.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/notify.h"

#define NSEC_PER_SEC 1e9

/* A place for one more, zeroed.  Changes are rare, so that moving them all is no matter. */
static struct view_change *recent_push(struct recent *recent)
{
	if (recent->count < RECENT_MAX)
		recent->count++;
	memmove(&recent->changes[1], &recent->changes[0],
		(recent->count - 1) * sizeof(recent->changes[0]));
	recent->changes[0] = (struct view_change){
		.id = ++recent->last,
		.wall_clock = (double)clock_wall() / NSEC_PER_SEC,
	};
	return &recent->changes[0];
}

void recent_health(struct recent *recent, const struct health_change *change)
{
	struct view_change *entry = recent_push(recent);

	entry->role = change->role;
	entry->kind = "health";
	entry->was = health_state_name(change->was);
	entry->is = health_state_name(change->is);
	snprintf(entry->service, sizeof(entry->service), "%s", change->service);
	snprintf(entry->reason, sizeof(entry->reason), "%s", change->reason);
}

void recent_breaker(struct recent *recent, const struct breaker_notice *notice)
{
	struct view_change *entry;

	if (notice->decision->what != BREAKER_MOVED)
		return;
	entry = recent_push(recent);
	/* As of the tick that decided, which carries its verdict out before it tells. */
	entry->wall_clock -= (double)(clock_monotonic() - notice->decision->now) / NSEC_PER_SEC;
	entry->role = notice->role;
	entry->kind = "breaker";
	entry->was = breaker_state_name(notice->decision->from);
	entry->is = breaker_state_name(notice->decision->to);
	snprintf(entry->service, sizeof(entry->service), "%s", notice->service);
	snprintf(entry->reason, sizeof(entry->reason), "%s", notice->reason);
}
