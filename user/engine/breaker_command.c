/* SPDX-License-Identifier: GPL-2.0 */
/* What operators order. */
#include <errno.h>
#include <string.h>

#include "engine/breaker_parts.h"

/* Nothing but the text and zeros after it, so that equal orders are equal bytes. */
static void copy_text(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size - 1);

	memset(to, 0, size);
	memcpy(to, from, length);
}

static struct breaker_standing stand(const struct breaker_round *round,
				     const struct breaker_command *command, uint64_t lasts)
{
	struct breaker_standing standing;

	memset(&standing, 0, sizeof(standing));
	if (lasts > round->rules->limits.order_longest)
		lasts = round->rules->limits.order_longest;
	standing.until = round->now + lasts;
	standing.order = command->order;
	standing.mode = command->order == BREAKER_SET_MODE ? command->mode : CONFIG_MODE_OFF;
	copy_text(standing.who, command->who, sizeof(standing.who));
	copy_text(standing.why, command->why, sizeof(standing.why));
	return standing;
}

static struct breaker_decision draft_order(const struct breaker_round *round,
					   const struct breaker_command *command)
{
	struct breaker_decision draft = breaker_draft(round, command->service, BREAKER_ORDERED,
						      BREAKER_OPERATOR);

	draft.order = command->order;
	copy_text(draft.who, command->who, sizeof(draft.who));
	copy_text(draft.why, command->why, sizeof(draft.why));
	return draft;
}

/* ---- trip ---- */

static bool can_have(const struct breaker_service *service, enum config_action action)
{
	switch (action) {
	case CONFIG_ACTION_DROP:
	case CONFIG_ACTION_REJECT:
		return true;
	case CONFIG_ACTION_REDIRECT:
		return service->breaker->redirect_to.port;
	case CONFIG_ACTION_DRAIN:
		return service->role == SHUNT_ROLE_SERVER;
	}
	return false;
}

static int refuse(struct breaker_round *round, struct breaker_decision *draft)
{
	struct breaker *breaker = &round->breakers->items[draft->service];

	draft->what = BREAKER_REFUSED;
	breaker->held[guards_first(&draft->guards)]++;
	breaker_tell(round, draft);
	return -EPERM;
}

static int trip(struct breaker_round *round, const struct breaker_command *command)
{
	const struct breaker_service *service = &round->rules->services[command->service];
	struct breaker *breaker = &round->breakers->items[command->service];
	enum config_action action = command->own_action ? command->action
							: service->breaker->action;
	struct breaker_decision draft = draft_order(round, command);
	bool closed = breaker->state == BREAKER_CLOSED;

	if (!can_have(service, action))
		return -EINVAL;
	draft.about = breaker_case(round, command->service, round->census.open + closed);
	/* His own reset is his to take back; that all are off is not this order's to change. */
	draft.about.ordered = round->breakers->mode.order &&
			      round->breakers->mode.mode == CONFIG_MODE_OFF;
	draft.guards = guards_ask(&round->guards_limits, &draft.about, GUARDS_ALL);
	if (draft.about.protected || draft.about.ordered) {
		draft.guards.refused &= GUARD_BIT(GUARD_PROTECT) | GUARD_BIT(GUARD_OPERATOR);
		return refuse(round, &draft);
	}

	breaker->order = stand(round, command,
			       command->lasts ? command->lasts : round->rules->limits.trip_for);
	breaker->order.action = action;
	breaker->action = 1 + action;
	if (breaker->state == BREAKER_OPEN) {
		breaker->by_hand = 1;
		breaker->until = breaker->order.until;
		draft.until = breaker->until;
		breaker_tell(round, &draft);
		return 0;
	}
	draft.what = BREAKER_MOVED;
	breaker_move(round, command->service, BREAKER_OPEN, &draft);
	return 0;
}

/* ---- reset, mode ---- */

static int reset(struct breaker_round *round, const struct breaker_command *command)
{
	struct breaker *breaker = &round->breakers->items[command->service];
	struct breaker_decision draft = draft_order(round, command);

	memset(&breaker->order, 0, sizeof(breaker->order));
	if (command->lasts)
		breaker->order = stand(round, command, command->lasts);
	if (breaker->state == BREAKER_CLOSED) {
		evidence_forget(&breaker->evidence);
		draft.until = breaker->order.until;
		breaker_tell(round, &draft);
		return 0;
	}
	draft.what = BREAKER_MOVED;
	breaker_move(round, command->service, BREAKER_CLOSED, &draft);
	return 0;
}

static int set_mode(struct breaker_round *round, const struct breaker_command *command)
{
	struct breakers *breakers = round->breakers;
	bool all = command->service == BREAKER_ALL;
	struct breaker_standing *mode = all ? &breakers->mode
					    : &breakers->items[command->service].mode;
	struct breaker_decision draft = draft_order(round, command);

	*mode = stand(round, command,
		      command->lasts ? command->lasts : round->rules->limits.mode_for);
	draft.mode = command->mode;
	draft.until = mode->until;
	breaker_tell(round, &draft);
	return 0;
}

static int obey(struct breaker_round *round, const struct breaker_command *command)
{
	switch (command->order) {
	case BREAKER_TRIP:
		return trip(round, command);
	case BREAKER_RESET:
		return reset(round, command);
	case BREAKER_SET_MODE:
		return command->mode <= CONFIG_MODE_ENFORCE ? set_mode(round, command) : -EINVAL;
	case BREAKER_NO_ORDER:
		break;
	}
	return -EINVAL;
}

int breaker_command(struct breakers *breakers, const struct breaker_rules *rules,
		    const struct breaker_command *command, struct breaker_decisions *decisions)
{
	bool all = command->service == BREAKER_ALL;
	struct breaker_round round;
	int r;

	if (all && command->order != BREAKER_SET_MODE)
		return -EINVAL;
	if (!all &&
	    (command->service >= breakers->count || !breaker_exists(rules, command->service)))
		return -ENOENT;
	breaker_begin(&round, breakers, rules, decisions, command->now);
	breaker_count(&round);
	r = obey(&round, command);
	if (!all)
		breaker_settle(breakers, command->service);
	return r;
}
