# SPDX-License-Identifier: GPL-2.0
# Everything that is built goes below build/. `make help` lists the targets, `make V=1` shows the
# commands. CC=clang works too; SANITIZE=address,undefined builds into a folder of its own.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash
# Debian keeps bpftool in /usr/sbin, which not every user's PATH holds.
export PATH := $(PATH):/usr/sbin:/sbin

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= bpftool
ARCH := $(shell uname -m)
PREFIX := /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
RELEASE := 0.1.0
V ?= 0
T :=
ARGS :=
Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(filter-out 0,$(V)),@:,@printf '  %-9s%s\n' $(1) $(2))
# Sub-makes use every core, unless -j was given.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# OUT holds what no compiler flag of user space changes (BPF objects, skeletons), BUILD the rest.
OUT := build
BUILD := $(if $(SANITIZE),$(OUT)/sanitize,$(OUT))

# ---- flags --------------------------------------------------------------------------------------

LIBRARIES := libbpf libelf zlib libsystemd libmicrohttpd libcyaml yaml-0.1 jansson libcap-ng libseccomp libcurl \
	libprotobuf-c ncursesw libdeflate libisal sqlite3
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	-Wold-style-definition -Wvla -Wformat=2 -Wpointer-arith -Wwrite-strings -Wundef \
	-Wimplicit-fallthrough
CFLAGS ?= -O2 -g
HARDENING := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDENING_LD := -pie -Wl,-z,relro,-z,now
ifdef SANITIZE
# Sanitizers know more than a fortified libc does, and their code makes gcc warn of what is not there.
HARDENING := -fPIE -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-U_FORTIFY_SOURCE -Wno-error
HARDENING_LD := -pie -fsanitize=$(SANITIZE)
endif

# Asked once, and only when something is compiled: before `make deps` there may be no pkg-config.
once = $(eval $(1) := $$(shell $(2)))$(if $(filter-out 0,$(.SHELLSTATUS)),$(error shunt: build: a \
	library is missing: try 'sudo make deps', or 'sudo make check' for the tests))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags $(LIBRARIES))
PKG_LIBS = $(call once,PKG_LIBS,pkg-config --libs $(LIBRARIES))
TEST_CFLAGS = $(call once,TEST_CFLAGS,pkg-config --cflags criterion)
TEST_LIBS = $(call once,TEST_LIBS,pkg-config --libs criterion)

# -isystem: what bpftool and protoc-c write does not pass these warnings.
USER_FLAGS = -std=gnu11 -D_GNU_SOURCE -Iinclude -Iuser -isystem $(OUT)/skel -isystem $(OUT)/gen \
	$(PKG_CFLAGS) $(WARNINGS) $(HARDENING) $(CFLAGS)
USER_LINK = $(HARDENING_LD) -Wl,--as-needed $(LDFLAGS)
USER_LIBS = $(PKG_LIBS) -lm

BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))
# BPF_PROG() gives each program a context that most do not use.
BPF_FLAGS := -target bpf -mcpu=v3 -std=gnu11 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter \
	-D__TARGET_ARCH_$(BPF_ARCH) -Iinclude -Ibpf -isystem vmlinux/$(ARCH) \
	-isystem /usr/include/$(ARCH)-linux-gnu

# git describe where there is a git tree (1.2.3-4-gabc, or the release and the commit), else the release
VERSION := $(or $(shell test -e .git && git describe --tags --always --dirty 2>/dev/null | \
	sed -e 's/^v\([0-9]\)/\1/;t' -e 's/^/$(RELEASE)+g/'),$(RELEASE))
DEB_VERSION := $(VERSION)
VERSION_FLAG := -DSHUNT_VERSION='"$(VERSION)"'

# ---- what there is ------------------------------------------------------------------------------

USER_SRC := $(sort $(wildcard user/*/*.c))
BPF_SRC := $(sort $(wildcard bpf/*.bpf.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
# BPF programs of the tests: a skeleton for each in tests/bpf and tests/bench; in tests/netns for who asks.
BPFTEST_BPF := $(sort $(wildcard tests/bpf/*.bpf.c))
BPFTEST_SRC := $(filter-out $(BPFTEST_BPF),$(sort $(wildcard tests/bpf/test_*.c)))
NETNS_BPF := $(sort $(wildcard tests/netns/*.bpf.c))
NETNS_SRC := $(filter-out $(NETNS_BPF),$(sort $(wildcard tests/netns/*.c)))
NETNS_SH := $(sort $(wildcard tests/netns/test_*.sh))
BUILD_SH := $(sort $(wildcard tests/build/test_*.sh))
DOCS_SH := $(sort $(wildcard tests/docs/test_*.sh))
SIM_SH := $(sort $(wildcard tests/sim/test_*.sh))
KERNELS_SH := $(sort $(wildcard tests/kernels/test_*.sh))
BENCH_BPF := $(sort $(wildcard tests/bench/*.bpf.c))
BENCH_SRC := $(filter-out $(BENCH_BPF),$(sort $(wildcard tests/bench/*.c)))
C_FILES := $(sort $(wildcard include/*/*.h user/*/*.[ch] bpf/*.[ch] tests/*/*.[ch]))

USER_OBJ := $(USER_SRC:%.c=$(BUILD)/obj/%.o)
# user/*/NAME.proto becomes NAME.pb-c.[ch] in gen/, included as <NAME.pb-c.h>.
PROTO_SRC := $(sort $(wildcard user/*/*.proto))
PROTO_C := $(patsubst %.proto,$(OUT)/gen/%.pb-c.c,$(notdir $(PROTO_SRC)))
PROTO_H := $(PROTO_C:.c=.h)
PROTO_OBJ := $(patsubst $(OUT)/gen/%.c,$(BUILD)/obj/gen/%.o,$(PROTO_C))
PAGE_OBJ := $(BUILD)/obj/gen/page.o
TEST_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(UNIT_SRC) $(BPFTEST_SRC))
MAIN_OBJ := $(BUILD)/obj/user/cli/main.o
BPF_OBJ := $(BPF_SRC:%.c=$(OUT)/%.o)
TEST_BPF_OBJ := $(patsubst %.c,$(OUT)/%.o,$(BPFTEST_BPF) $(NETNS_BPF) $(BENCH_BPF))
SKELETONS := $(patsubst %.bpf.c,$(OUT)/skel/%.skel.h,$(notdir $(BPF_SRC)))
TEST_SKELETONS := $(patsubst %.bpf.c,$(OUT)/skel/%.skel.h,$(notdir $(BPFTEST_BPF) $(BENCH_BPF)))
UNIT_TESTS := $(UNIT_SRC:%.c=$(BUILD)/%)
BPF_TESTS := $(BPFTEST_SRC:%.c=$(BUILD)/%)
NETNS_HELPERS := $(NETNS_SRC:%.c=$(BUILD)/%)
BENCH_TOOLS := $(BENCH_SRC:%.c=$(BUILD)/%)

# ---- targets for people -------------------------------------------------------------------------

.PHONY: all bpf kernels tests unit-tests deps run demo check test bench quote prove lint lint-format \
	lint-tidy lint-cppcheck install deb clean help vmlinux FORCE

all: $(BUILD)/shunt ## build build/shunt (the default)
bpf: $(SKELETONS) ## build the BPF objects and their skeletons alone

deps: ## install the Debian packages that a build and a run need (root; only what is missing)
	$(Q)packaging/deps build run

run: deps ## install what is missing, build, and observe this host (root; ARGS="-c FILE")
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)exec $(BUILD)/shunt run $(ARGS)

demo: ## see what shunt shows of a flapping nginx, in namespaces of its own (root; 3 minutes; PACE=0: no pauses)
	$(Q)packaging/deps build run demo
	$(Q)$(MAKE) --no-print-directory $(JOBS) all $(addprefix $(BUILD)/tests/netns/,load states) $(OUT)/tests/netns/pass.bpf.o
	$(Q)BUILD=$(BUILD) PACE='$(or $(PACE),1)' exec tests/demo/run

check: ## install what is missing, build, lint, and run every test (root)
	$(Q)packaging/deps build run test
	$(Q)$(MAKE) --no-print-directory $(JOBS) all tests
	$(Q)$(MAKE) --no-print-directory $(JOBS) CC=clang SANITIZE=address,undefined \
		BUILD=$(OUT)/sanitize all unit-tests
	$(Q)$(MAKE) --no-print-directory test SANITIZED=$(OUT)/sanitize

test: all tests ## build and run the tests, no more (T=PATTERN: those whose name matches)
	$(Q)BUILD=$(BUILD) SHUNT=$(BUILD)/shunt CC=$(CC) T='$(T)' tests/run $(BUILD_SH) $(DOCS_SH) $(SIM_SH) $(UNIT_TESTS) \
		$(if $(SANITIZED),$(UNIT_SRC:%.c=$(SANITIZED)/%)) $(BPF_TESTS) $(KERNELS_SH) -- $(NETNS_SH)

tests: unit-tests $(BPF_TESTS) $(NETNS_HELPERS) $(TEST_BPF_OBJ)
unit-tests: $(UNIT_TESTS)

bench: ## measure what shunt costs and write docs/bench.md (root; 13 minutes; QUICK=1: three, a mere look)
	$(Q)packaging/deps build run bench
	$(Q)$(MAKE) --no-print-directory $(JOBS) all $(BENCH_TOOLS)
	$(Q)BUILD=$(BUILD) QUICK='$(QUICK)' tests/bench/run

quote: ## put the figures of docs/bench.md into README.md and shunt(8), as make bench does itself
	$(Q)tests/bench/quote

prove: ## show at length what is promised and write docs/proof.md (root; 40 minutes; RUNS=3: a mere try)
	$(Q)packaging/deps build run test
	$(Q)$(MAKE) --no-print-directory $(JOBS) all $(NETNS_HELPERS) $(addprefix $(BUILD)/tests/unit/,test_store_kill test_replay_day) \
		$(BUILD)/tests/bpf/test_shapes $(BUILD)/tests/bpf/test_carry $(TEST_BPF_OBJ)
	$(Q)BUILD=$(BUILD) RUNS='$(or $(RUNS),50)' tests/prove/run

kernels: $(BUILD)/shunt $(addprefix $(BUILD)/tests/netns/,client holder server) ## boot Debian's 6.1 and 6.12 under qemu and count there
	$(Q)for test in $(KERNELS_SH); do BUILD=$(BUILD) bash $$test || exit 1; done

lint: lint-format lint-cppcheck lint-tidy ## clang-format, cppcheck and clang-tidy over everything

install: $(BUILD)/shunt ## install the program, its pages, unit, rules, manifests and completion (PREFIX, DESTDIR)
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/sbin/shunt)
	$(Q)install -D -m 755 $(BUILD)/shunt $(DESTDIR)$(PREFIX)/sbin/shunt
	$(Q)for page in $(wildcard docs/man/*.[1-8]); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(Q)install -D -m 644 packaging/systemd/shunt.service $(DESTDIR)$(PREFIX)/lib/systemd/system/shunt.service
	$(Q)sed -i 's,/usr/sbin/shunt,$(PREFIX)/sbin/shunt,' $(DESTDIR)$(PREFIX)/lib/systemd/system/shunt.service
	$(Q)install -D -m 644 packaging/systemd/shunt.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/shunt.conf
	$(Q)install -D -m 644 packaging/bash-completion/shunt \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/shunt
	$(Q)install -d $(SHARE)/shunt/prometheus $(SHARE)/shunt/grafana $(SHARE)/shunt/kubernetes $(SHARE)/doc/shunt/docs \
		$(SHARE)/doc/shunt/docs/runbooks
	$(Q)install -m 644 packaging/prometheus/*.yml $(SHARE)/shunt/prometheus
	$(Q)install -m 644 packaging/grafana/shunt.json $(SHARE)/shunt/grafana
	$(Q)install -m 644 packaging/kubernetes/*.yaml $(SHARE)/shunt/kubernetes
	$(Q)install -m 644 *.md LICENSE $(SHARE)/doc/shunt
	$(Q)install -m 644 docs/*.md $(SHARE)/doc/shunt/docs
	$(Q)install -m 644 docs/runbooks/*.md $(SHARE)/doc/shunt/docs/runbooks

deb: $(BUILD)/shunt ## build the Debian package (DEB_VERSION)
	$(call say,DEB,$(BUILD)/deb)
	$(Q)mkdir -p $(BUILD)/deb
	$(Q)BUILD=$(BUILD) packaging/debian/build '$(DEB_VERSION)' $(BUILD)/deb

clean: ## remove everything that was built
	$(call say,CLEAN,$(OUT))
	$(Q)rm -rf $(OUT) compile_commands.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- user space ---------------------------------------------------------------------------------

# $(call remember,TEXT) keeps TEXT in the target, which gets a new date only when TEXT is another.
remember = @mkdir -p $(@D); printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) >$@

$(BUILD)/flags: FORCE
	$(call remember,'$(CC) $(USER_FLAGS) $(USER_LINK)')
$(BUILD)/objects: FORCE
	$(call remember,'$(USER_OBJ)')
$(BUILD)/version: FORCE
	$(call remember,'$(VERSION)')

$(BUILD)/obj/user/cli/version.o: USER_FLAGS += $(VERSION_FLAG)
$(BUILD)/obj/user/cli/version.o: $(BUILD)/version

# -MD, not -MMD: the skeletons are system headers here and must be followed.
$(USER_OBJ): $(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(SKELETONS) $(PROTO_H)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -MD -MP -c $< -o $@

$(TEST_OBJ): $(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(SKELETONS) $(TEST_SKELETONS) $(PROTO_H)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -Itests $(TEST_CFLAGS) -MD -MP -c $< -o $@

define proto_rule
$(OUT)/gen/$(notdir $(1:.proto=)).pb-c.c $(OUT)/gen/$(notdir $(1:.proto=)).pb-c.h &: $(1)
	$$(call say,PROTO,$$<)
	@mkdir -p $$(@D)
	$$(Q)protoc-c --proto_path=$(dir $(1)) --c_out=$(OUT)/gen $$<
endef
$(foreach src,$(PROTO_SRC),$(eval $(call proto_rule,$(src))))

$(PROTO_OBJ): $(BUILD)/obj/gen/%.o: $(OUT)/gen/%.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -w -c $< -o $@

# The status page, one file and its policy. As a dependency of the object: .incbin is unknown to -MD.
$(OUT)/gen/page.S: $(wildcard user/serve/page/*)
	$(call say,PAGE,$@)
	@mkdir -p $(@D)
	$(Q)user/serve/page/build $(OUT)/gen/page.html $@

$(PAGE_OBJ): $(OUT)/gen/page.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@

$(BUILD)/libshunt.a: $(filter-out $(MAIN_OBJ),$(USER_OBJ)) $(PROTO_OBJ) $(PAGE_OBJ) $(BUILD)/objects
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(BUILD)/shunt: $(MAIN_OBJ) $(BUILD)/libshunt.a
	$(call say,LD,$@)
	$(Q)$(CC) $(USER_LINK) $^ $(USER_LIBS) -o $@

$(UNIT_TESTS) $(BPF_TESTS): $(BUILD)/%: $(BUILD)/obj/%.o $(BUILD)/libshunt.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_LINK) $^ $(USER_LIBS) $(TEST_LIBS) -o $@

# The helpers of the network tests are programs of their own: peers must not share shunt's code. The
# shadow is what peers are compared with, the others are parts of shunt that run alone.
SHUNT_HELPERS := $(BUILD)/tests/netns/shadow $(BUILD)/tests/netns/alarm $(BUILD)/tests/netns/holder
$(SHUNT_HELPERS): $(BUILD)/libshunt.a
$(SHUNT_HELPERS) $(addprefix $(BUILD)/tests/netns/,models witness): HELPER_LIBS = $(USER_LIBS)
$(BUILD)/tests/netns/witness: $(OUT)/skel/witness.skel.h
$(NETNS_HELPERS): $(BUILD)/%: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -MD -MP -MF $@.d $< $(USER_LINK) $(filter %.a,$^) $(HELPER_LIBS) \
		-pthread -lm -o $@

$(BUILD)/tests/bench/xdp: $(BUILD)/libshunt.a
$(BUILD)/tests/bench/floor: $(OUT)/skel/floor.skel.h
$(BENCH_TOOLS): $(BUILD)/%: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -Itests -MD -MP -MF $@.d $< $(USER_LINK) $(filter %.a,$^) $(USER_LIBS) -o $@

# ---- BPF ----------------------------------------------------------------------------------------

$(OUT)/bpf.flags: FORCE
	$(call remember,'$(CLANG) $(BPF_FLAGS)')

# The second step keeps BTF and drops the rest of the debugging information.
$(BPF_OBJ) $(TEST_BPF_OBJ): $(OUT)/%.bpf.o: %.bpf.c $(OUT)/bpf.flags
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $(@:.o=.full.o)
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.full.o)

# bpf/NAME.bpf.c is `struct NAME_bpf` of NAME.skel.h.
define skeleton_rule
$(OUT)/skel/$(notdir $(1:.bpf.c=)).skel.h: $(OUT)/$(1:.c=.o)
	$$(call say,SKEL,$$@)
	@mkdir -p $$(@D)
	$$(Q){ echo '/* NOLINTBEGIN */' && $$(BPFTOOL) gen skeleton $$< \
		name $$(subst -,_,$(notdir $(1:.bpf.c=)))_bpf && echo '/* NOLINTEND */'; } >$$@
endef
$(foreach src,$(BPF_SRC) $(BPFTEST_BPF) $(NETNS_BPF) $(BENCH_BPF),$(eval $(call skeleton_rule,$(src))))

# The pinned header keeps what the programs read, as a kernel has it: their relocations against the
# pinned header find it in BTF, and the padding that bpftool shows is dropped (CO-RE goes by name).
# Only a header that every program compiles against replaces the old one. See the README.md there.
BTF := /sys/kernel/btf/vmlinux
NEW := $(OUT)/vmlinux
vmlinux: $(BPF_OBJ) $(TEST_BPF_OBJ) ## regenerate the pinned type header from this kernel (BTF=FILE)
	$(call say,BTF,$(BTF))
	@mkdir -p $(NEW)
	$(Q)$(BPFTOOL) gen min_core_btf $(BTF) $(NEW)/min.btf $^
	$(Q){ sed '/^#ifndef __VMLINUX_H__/,$$d' vmlinux/$(ARCH)/vmlinux.h; \
		$(BPFTOOL) btf dump file $(NEW)/min.btf format c | \
		sed -E '/^\t+(long|int|short|char): [0-9]+;$$/d'; } >$(NEW)/vmlinux.h
	$(Q)for src in $(BPF_SRC) $(BPFTEST_BPF) $(NETNS_BPF) $(BENCH_BPF); do \
		$(CLANG) -isystem $(NEW) $(BPF_FLAGS) -c $$src -o $(NEW)/check.o || exit 1; \
	done
	$(Q)cp $(NEW)/vmlinux.h vmlinux/$(ARCH)/vmlinux.h

# ---- lint ---------------------------------------------------------------------------------------

lint-format:
	$(call say,FORMAT,.clang-format)
	$(Q)clang-format --dry-run -Werror $(C_FILES)

# Off: what is a matter of style (scopes) or guesses wrong (conditions). Macros of jansson's that it
# must know to read a file at all.
CPPCHECK_FLAGS := --quiet --error-exitcode=1 --inline-suppr --std=c11 --library=posix,gnu \
	--enable=warning,style,performance,portability --suppress=missingIncludeSystem \
	--suppress=unusedStructMember --suppress=variableScope --suppress=knownConditionTrueFalse \
	--cppcheck-build-dir=$(OUT)/lint/cppcheck -D_GNU_SOURCE -Iinclude -Iuser \
	'-Djson_array_foreach(array,index,value)=for (index = 0; (value = json_array_get(array, index)); index++)' \
	'-Djson_object_foreach(object,key,value)=for (; (value = json_next(object, &key));)'
lint-cppcheck:
	$(call say,CPPCHECK,'user tests/netns tests/bench')
	@mkdir -p $(OUT)/lint/cppcheck
	$(Q)cppcheck -j $(shell nproc) $(CPPCHECK_FLAGS) $(USER_SRC) $(NETNS_SRC) $(BENCH_SRC)

# A stamp for each file that passed. The object stands for the headers: a change of one renews it.
tidy_stamps = $(patsubst %.c,$(BUILD)/lint/%.tidy,$(1))
TIDY_OBJ := $(call tidy_stamps,$(USER_SRC) $(UNIT_SRC) $(BPFTEST_SRC))
TIDY_PROGRAM := $(call tidy_stamps,$(NETNS_SRC) $(BENCH_SRC))
TIDY_BPF := $(call tidy_stamps,$(BPF_SRC) $(BPFTEST_BPF) $(NETNS_BPF) $(BENCH_BPF))
lint-tidy: $(TIDY_OBJ) $(TIDY_PROGRAM) $(TIDY_BPF)

$(TIDY_OBJ): $(BUILD)/lint/%.tidy: $(BUILD)/obj/%.o
$(TIDY_PROGRAM): $(BUILD)/lint/%.tidy: $(BUILD)/%
$(TIDY_BPF): $(BUILD)/lint/%.tidy: $(OUT)/%.o
$(TIDY_OBJ) $(TIDY_PROGRAM): TIDY_FLAGS = $(USER_FLAGS) $(VERSION_FLAG) -Itests
$(TIDY_BPF): TIDY_FLAGS = $(BPF_FLAGS)
# The analyzer walks every path through Criterion's macros, which takes longer than all the rest.
$(call tidy_stamps,$(UNIT_SRC) $(BPFTEST_SRC)): TIDY_CHECKS = --checks=-clang-analyzer-*
# BPF_CORE_READ_BITFIELD() has a switch over every size there is, which the analyzer cannot know.
$(TIDY_BPF): TIDY_CHECKS = --checks=-clang-analyzer-core.uninitialized.Assign
$(TIDY_OBJ) $(TIDY_PROGRAM) $(TIDY_BPF): $(BUILD)/lint/%.tidy: %.c .clang-tidy
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $(TIDY_CHECKS) $< -- $(TIDY_FLAGS) 2>$@.log || { cat $@.log >&2; exit 1; }
	$(Q)touch $@

# ---- for editors --------------------------------------------------------------------------------

# $(call database,FILES,COMMAND): their elements of the compilation database, each after a comma
define newline


endef
database = $(foreach f,$(1),$(comma)$(newline){"directory": "$(CURDIR)", "file": "$(f)", \
	"command": "$(subst ",\",$(subst \,\\,$(2))) -c $(f)"})
comma := ,

compile_commands.json: FORCE ## for clangd and clang-tidy
	$(file >$@,$(subst [$(comma),[,[$(call \
		database,$(USER_SRC) $(UNIT_SRC) $(BPFTEST_SRC) $(NETNS_SRC) $(BENCH_SRC),$(CC) \
		$(USER_FLAGS) -Itests $(VERSION_FLAG))$(call \
		database,$(BPF_SRC) $(BPFTEST_BPF) $(NETNS_BPF) $(BENCH_BPF),$(CLANG) $(BPF_FLAGS))]))
	$(call say,JSON,$@)

-include $(USER_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(NETNS_HELPERS:=.d) $(BENCH_TOOLS:=.d) $(BPF_OBJ:.o=.d) \
	$(TEST_BPF_OBJ:.o=.d)
