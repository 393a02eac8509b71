/* SPDX-License-Identifier: GPL-2.0 */
/* What can be had here: each signal and each action, and why not. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <jansson.h>

#include "cli/cli.h"
#include "daemon/privilege.h"
#include "kernel/cgroup.h"
#include "kernel/signal.h"

/* One line of the answer. */
struct finding {
	const char *kind; /* host, signal, action */
	const char *name;
	bool available;
	const char *what;
	const char *why; /* NULL where available */
};

/* The data plane's hooks. */
struct action {
	const char *name;
	const char *what;
	enum bpf_prog_type hook;
};

static const struct action actions[] = {
	{"drop", "let new inbound connections vanish (XDP)", BPF_PROG_TYPE_XDP},
	{"reject", "answer new inbound connections with a reset (XDP)", BPF_PROG_TYPE_XDP},
	{"redirect", "carry new inbound connections elsewhere (XDP)", BPF_PROG_TYPE_XDP},
	{"drain", "refuse the probers alone (XDP)", BPF_PROG_TYPE_XDP},
	{"reject_local", "refuse connections from this host itself (sk_lookup)",
	 BPF_PROG_TYPE_SK_LOOKUP},
	{"reject_outbound",
	 "refuse or redirect connections to a dependency (cgroup/connect4, connect6)",
	 BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
};

#define ACTIONS	     (sizeof(actions) / sizeof(actions[0]))
#define FINDINGS_MAX (2 + SIGNAL_MAX + ACTIONS)

/* What stands against a start; NULL: nothing. */
static const char *find_obstacle(void)
{
	static char text[sizeof("not permitted, missing: ") + PRIVILEGE_NAMES_MAX];
	char missing[PRIVILEGE_NAMES_MAX];

	privilege_missing(missing);
	if (missing[0]) {
		snprintf(text, sizeof(text), "not permitted, missing: %s", missing);
		return text;
	}
	/* A program of two instructions that needs nothing but to be asked for. */
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCKET_FILTER, NULL) <= 0)
		return "bpf(2) is refused although the capabilities are there: by a seccomp "
		       "profile, as of a container, or by the kernel's lockdown";
	return NULL;
}

static struct finding find_signal(enum signal_id id, bool available, const char *obstacle,
				  bool has_btf)
{
	const struct signal *signal = signal_at(id);
	struct finding finding = {"signal", signal->name, false, signal->what, NULL};

	if (!has_btf)
		finding.why = "the kernel's types (BTF) cannot be read";
	else if (!available)
		finding.why = signal->why_not;
	else
		finding.why = obstacle;
	finding.available = !finding.why;
	return finding;
}

static bool has_cgroups(void)
{
	int root = cgroup_root();

	if (root >= 0)
		close(root);
	return root >= 0;
}

/* Probing loads a program of two instructions, which takes privileges. */
static struct finding find_action(const struct action *action, const char *obstacle)
{
	struct finding finding = {"action", action->name, false, action->what, NULL};

	if (obstacle)
		finding.why = obstacle;
	else if (!privilege_may_divert())
		finding.why = "not permitted, missing: CAP_NET_ADMIN";
	else if (libbpf_probe_bpf_prog_type(action->hook, NULL) <= 0)
		finding.why = "the kernel refuses this kind of program";
	else if (action->hook == BPF_PROG_TYPE_CGROUP_SOCK_ADDR && !has_cgroups())
		finding.why = "no cgroup2 is mounted";
	finding.available = !finding.why;
	return finding;
}

static size_t examine(struct finding findings[static FINDINGS_MAX])
{
	bool signals[SIGNAL_MAX], has_btf = !signal_probe(signals);
	const char *obstacle = find_obstacle();
	size_t count = 0;

	findings[count++] = (struct finding){
		"host", "privileges", !obstacle, "loading BPF programs", obstacle,
	};
	findings[count++] = (struct finding){
		"host",
		"btf",
		has_btf,
		"the kernel's types, which the programs are fitted to",
		has_btf ? NULL : "/sys/kernel/btf/vmlinux is not there (CONFIG_DEBUG_INFO_BTF)",
	};
	for (enum signal_id id = 0; id < SIGNAL_MAX; id++)
		findings[count++] = find_signal(id, signals[id], obstacle, has_btf);
	for (size_t i = 0; i < ACTIONS; i++)
		findings[count++] = find_action(&actions[i], obstacle);
	return count;
}

static void print_text(const struct finding *findings, size_t count, const char *kernel)
{
	printf("shunt %s on Linux %s\n", cli_version_text(), kernel);
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = &findings[i];

		if (!i || strcmp(finding->kind, findings[i - 1].kind))
			printf("\n%s\n", finding->kind);
		printf("  %-3s  %-18s %s\n", finding->available ? "yes" : "no", finding->name,
		       finding->what);
		if (finding->why)
			printf("       %-18s why not: %s\n", "", finding->why);
	}
}

static int print_json(const struct finding *findings, size_t count, const char *kernel)
{
	json_t *root = json_pack("{s:s, s:s, s:[]}", "version", cli_version_text(), "kernel",
				 kernel, "findings");
	int r;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(json_object_get(root, "findings"),
				      json_pack("{s:s, s:s, s:b, s:s, s:s?}", "kind",
						findings[i].kind, "name", findings[i].name,
						"available", findings[i].available, "what",
						findings[i].what, "why", findings[i].why));
	r = json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return r;
}

int cli_doctor(const struct cli_options *options)
{
	struct finding findings[FINDINGS_MAX];
	struct utsname kernel;
	size_t count;

	libbpf_set_print(NULL);
	uname(&kernel);
	count = examine(findings);
	if (options->json)
		print_json(findings, count, kernel.release);
	else
		print_text(findings, count, kernel.release);

	/* What shunt cannot do without: privileges, types, the state tracepoint. */
	for (size_t i = 0; i < 3; i++) {
		if (!findings[i].available)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}
