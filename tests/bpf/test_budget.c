/* SPDX-License-Identifier: GPL-2.0 */
/* What the verifier has to go through for each program, against what it may. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "kernel/observer.h"
#include "kernel/signal.h"
#include "shunt/abi.h"

#include "breaker.skel.h"
#include "connect.skel.h"
#include "observe.skel.h"
#include "standby.skel.h"

#define BUDGET_FILE  "tests/bpf/budget.txt"
#define PROGRAMS_MAX 64

struct budget {
	char program[64];
	unsigned instructions;
	bool met; /* there is a program of that name */
};

static struct budget budgets[PROGRAMS_MAX];
static unsigned budgets_count;

static void read_budgets(void)
{
	FILE *file = fopen(BUDGET_FILE, "re");
	char line[256];

	cr_assert_not_null(file, "cannot open %s from here", BUDGET_FILE);
	while (fgets(line, sizeof(line), file)) {
		struct budget *budget = &budgets[budgets_count];

		if (line[0] == '#' || line[0] == '\n')
			continue;
		cr_assert_lt(budgets_count, PROGRAMS_MAX);
		cr_assert_eq(sscanf(line, "%63s %u", budget->program, &budget->instructions), 2,
			     "%s: '%s', expected a program and a number", BUDGET_FILE, line);
		budgets_count++;
	}
	fclose(file);
}

static struct budget *find_budget(const char *program)
{
	for (unsigned i = 0; i < budgets_count; i++) {
		if (!strcmp(budgets[i].program, program))
			return &budgets[i];
	}
	return NULL;
}

/* As observer_open() chooses them; it keeps its programs to itself. */
static void choose_programs(struct observe_bpf *bpf)
{
	struct bpf_program *program;
	bool has[SIGNAL_MAX];

	cr_assert_eq(signal_probe(has), 0);
	bpf_object__for_each_program(program, bpf->obj) bpf_program__set_autoload(program, false);
	for (enum signal_id id = 0; id < SIGNAL_MAX; id++) {
		program = bpf_object__find_program_by_name(bpf->obj, signal_at(id)->program);
		cr_assert_not_null(program, "%s", signal_at(id)->program);
		if (has[id])
			bpf_program__set_autoload(program, true);
	}
	bpf_program__set_autoload(bpf->progs.shunt_seed, has[SIGNAL_DISCOVERY]);
	bpf_program__set_autoload(bpf->progs.shunt_destroy, true);
	bpf_program__set_autoload(bpf->progs.shunt_answer, true);
}

static struct observe_bpf *load(void)
{
	const struct observer_limits limits = {.slots = SHUNT_SLOT_FIRST + 256};
	struct observe_bpf *bpf = observe_bpf__open();

	cr_assert_not_null(bpf);
	choose_programs(bpf);
	cr_assert_eq(observer_size_maps(bpf, &limits), 0);
	cr_assert_eq(observe_bpf__load(bpf), 0);
	return bpf;
}

/* A tenth more, with two digits: what the file should hold. */
static unsigned with_headroom(unsigned instructions)
{
	unsigned unit = 1, budget = instructions + instructions / 10;

	while (budget / unit >= 100)
		unit *= 10;
	return (budget + unit - 1) / unit * unit;
}

static void check(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	struct budget *budget = find_budget(name);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	if (budget)
		budget->met = true;
	if (!bpf_program__autoload(program)) {
		printf("# %s: this kernel lacks its hook\n", name);
		return;
	}
	cr_assert_eq(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
	printf("budget %s %u # %u\n", name, with_headroom(info.verified_insns),
	       info.verified_insns);
	cr_expect_not_null(budget, "%s has no budget in %s", name, BUDGET_FILE);
	if (budget)
		cr_expect_leq(info.verified_insns, budget->instructions,
			      "%s takes %u instructions of the verifier's, expected at most %u",
			      name, info.verified_insns, budget->instructions);
}

Test(budget, every_program_is_within_its_own)
{
	struct observe_bpf *bpf = load();
	struct breaker_bpf *breaker = breaker_bpf__open_and_load();
	struct connect_bpf *connect = connect_bpf__open_and_load();
	struct standby_bpf *standby = standby_bpf__open_and_load();
	struct bpf_program *program;

	cr_assert_not_null(breaker);
	cr_assert_not_null(connect);
	cr_assert_not_null(standby);
	read_budgets();
	bpf_object__for_each_program(program, bpf->obj) check(program);
	bpf_object__for_each_program(program, breaker->obj) check(program);
	bpf_object__for_each_program(program, connect->obj) check(program);
	bpf_object__for_each_program(program, standby->obj) check(program);
	for (unsigned i = 0; i < budgets_count; i++)
		cr_expect(budgets[i].met, "%s names %s, which is no program", BUDGET_FILE,
			  budgets[i].program);
	fflush(stdout);
	observe_bpf__destroy(bpf);
	breaker_bpf__destroy(breaker);
	connect_bpf__destroy(connect);
	standby_bpf__destroy(standby);
}
