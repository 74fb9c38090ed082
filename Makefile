# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make` builds build/release/ctc; `make help` lists the other targets.

VERSION := 0.1.0

# What a packager may set.
PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/ctc
DOCDIR     ?= $(PREFIX)/share/doc/ctc
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR    ?=
PKG_CONFIG ?= pkg-config
INSTALL    ?= install

# How to build: MODE=release|debug|asan|coverage|fuzz, WERROR=1 for warnings as errors, V=1 to see the commands.
MODE   ?= release
WERROR ?= $(if $(filter true 1,$(CI)),1,0)
V      ?= 0

# Tools of single targets.
CLANG        ?= clang
CLANG_FORMAT ?= clang-format
CLANG_TIDY   ?= clang-tidy
CPPCHECK     ?= cppcheck
GCOVR        ?= gcovr
SHELLCHECK   ?= shellcheck
VALGRIND     ?= valgrind
FUZZ_TIME    ?= 7
KERNEL_JOBS  ?=# words in the names of jobs of the kernel tier; all of them unless given

OPTIMISE_release  := -O2
OPTIMISE_debug    := -O0 -g3
OPTIMISE_asan     := -O1 -g
OPTIMISE_coverage := -O0 -g
OPTIMISE_fuzz     := -O1 -g

ifeq ($(OPTIMISE_$(MODE)),)
$(error MODE=$(MODE) is none of release, debug, asan, coverage, fuzz)
endif

ifeq ($(MODE),fuzz)
override CC := $(CLANG)# the fuzzer's runtime is clang's, whatever compiler builds the rest
endif

CFLAGS ?= $(OPTIMISE_$(MODE))

PACKAGES := yaml-0.1 jansson libmd libip4tc libip6tc xtables libmnl libnetfilter_conntrack

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wmissing-declarations -Wold-style-definition -Wredundant-decls -Wnested-externs -Wpointer-arith \
	-Wcast-qual -Wcast-align -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference \
	-Wimplicit-fallthrough -Wmisleading-indentation -Wduplicated-cond -Wduplicated-branches \
	-Wlogical-op -Wrestrict

ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null)),)# some of these only gcc knows
WARNINGS += -Wno-unknown-warning-option
endif

HARDENING := -fstack-protector-strong -fPIE
THREADS   := -pthread
ifeq ($(MODE),release)
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)# a distribution may ask for another level
HARDENING += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
endif

INSTRUMENT_asan     := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
INSTRUMENT_coverage := --coverage
INSTRUMENT_fuzz     := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DFUZZING
INSTRUMENT          := $(INSTRUMENT_$(MODE))

ifeq ($(MODE),asan)# the checks gcc adds to the code make these two see paths that do not exist
WARNINGS += -Wno-maybe-uninitialized -Wno-null-dereference
endif
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

PACKAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm
CMOCKA_LIBS     = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)

DIALECT      := -std=c11 -D_GNU_SOURCE -DCTC_VERSION='"$(VERSION)"' -Icompiler -Ibuild/$(MODE)/generated $(PACKAGE_CFLAGS)
TEST_DIALECT := $(DIALECT) -Itests
COMPILE       = $(CC) $(DIALECT) $(WARNINGS) $(HARDENING) $(THREADS) $(INSTRUMENT) $(CPPFLAGS) $(CFLAGS)
LINK          = $(CC) $(THREADS) $(INSTRUMENT) $(CFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

# Files. Everything but main.c is in the library, which the tests link too.
B       := build/$(MODE)
MAIN    := compiler/main.c
SOURCES := $(filter-out $(MAIN),$(sort $(wildcard compiler/*.c compiler/*/*.c)))
HEADERS := $(sort $(wildcard compiler/*.h compiler/*/*.h tests/*/*.h))
CTC     := $(B)/ctc
LIB     := $(B)/libctc.a

COMPLETIONS      := $(B)/ctc.bash $(B)/ctc.zsh $(B)/ctc.fish
COMPLETION_LISTS := compiler/cli/commands.def compiler/cli/options.def compiler/passes/passes.def

SUPPORT := $(sort $(wildcard tests/support/*.c))
UNITS   := $(sort $(wildcard tests/unit/test_*.c))
FUZZERS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
REPRINT := $(B)/reprint
STAGES  := $(B)/stages
PACKETS := $(B)/packets
LOADER  := $(B)/loader
SETS    := $(B)/sets
MUTANTS := $(B)/mutants
SCRIPTS := .ci/run compiler/completions/ctc.bash $(sort $(wildcard tests/*.sh tests/*/*.sh))
OWN_C   := $(MAIN) $(SOURCES) $(sort $(wildcard tests/*/*.c))

object        = $(patsubst %.c,$(B)/%.o,$(1))
UNIT_PROGRAMS = $(patsubst tests/unit/%.c,$(B)/%,$(UNITS))
FUZZ_PROGRAMS = $(patsubst tests/fuzz/%.c,$(B)/%,$(FUZZERS))

ifeq ($(V),1)
Q   :=
say  = @:
else
Q   := @
say  = @printf '  %-7s %s\n' $(1) $(2)
endif

.DELETE_ON_ERROR:
.SUFFIXES:

## Building

ifeq ($(MODE),fuzz)
all: $(FUZZ_PROGRAMS)
else
all: $(CTC) $(COMPLETIONS)   ## build build/MODE/ctc; MODE is release unless given
endif

$(CTC): $(call object,$(MAIN)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(PACKAGE_LIBS) $(LIBS)

$(LIB): $(call object,$(SOURCES)) $(B)/members
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(B)/compiler/%.o: compiler/%.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

# The style sheet of reports, as the lines of a C string.
STYLE := $(B)/generated/report/style.inc

$(STYLE): compiler/report/style.css Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's/[\\"]/\\&/g' -e 's/^ *//' -e 's/.*/"&\\n"/' $< > $@

$(B)/compiler/report/style.o: $(STYLE)

# Completions for shells, of the lists that the program is made of too.
$(B)/ctc.%: compiler/completions/ctc.% compiler/completions/tables.awk $(COMPLETION_LISTS)
	@mkdir -p $(@D)
	$(Q)awk -v shell=$* -f compiler/completions/tables.awk $(COMPLETION_LISTS) $< > $@

# Two stamps, rewritten only when what they record has changed: other flags rebuild the objects, another set of
# sources rebuilds the library.
$(B)/flags: export STAMP = $(COMPILE)
$(B)/members: export STAMP = $(SOURCES)
$(B)/flags $(B)/members: FORCE
	@mkdir -p $(@D)
	@echo "$$STAMP" | cmp -s - $@ || { \
		$(PKG_CONFIG) --exists --print-errors $(PACKAGES) || { echo 'Missing: try "make deps".' >&2; exit 1; }; \
		echo "$$STAMP" > $@; }

deps:                        ## install what building and testing need (without root: say what to install)
	$(Q)tests/deps.sh build test

demo:                        ## install what is missing, build, and compile the example policies
	$(Q)tests/deps.sh build
	+$(Q)$(SUBMAKE) $(JOBS) MODE=release all
	$(Q)CTC=build/release/ctc tests/demo.sh

# Every processor is used unless the caller said how many.
SUBMAKE = $(MAKE) --no-print-directory
JOBS    = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

## Testing

TIERS      := unit golden careful questions findings report schema corpus mutants fuzz hostile docs completions kernel
ASAN_TIERS := unit golden questions findings hostile

# A tier is tests/<tier>/run.sh, told by its environment which binary to try.
TIER_ENV = CC='$(CC)' CTC=$(CURDIR)/$(CTC) BUILD=$(CURDIR)/$(B) FUZZ_TIME=$(FUZZ_TIME)
run_tier = $(Q)$(TIER_ENV) bash tests/$(1)/run.sh

# A test program that does not build fails its own tier and no other, hence the `-`.
check: deps                  ## everything: the tiers below, five of them again under the sanitizers
	+$(Q)$(SUBMAKE) $(JOBS) all
	-+$(Q)$(SUBMAKE) $(JOBS) programs
	+$(Q)MAKE='$(SUBMAKE)' tests/support/tiers.sh check-asan $(TIERS:%=check-%)

check-unit: $(UNIT_PROGRAMS) ## functions keep their contracts
	$(Q)tests/support/unit.sh $(UNIT_PROGRAMS)

check-golden: $(CTC)         ## each policy gives exactly the rules and diagnostics on file
	$(call run_tier,golden)

check-careful: $(CTC)        ## small policies give no more rules than a careful person would write
	$(call run_tier,careful)

check-questions: $(CTC)      ## explain, diff, tune and advise answer as on file
	$(call run_tier,questions)

check-findings: $(CTC)       ## what `ctc check` finds in rulesets, and what it does not
	$(call run_tier,findings)

check-report: $(CTC)         ## pages of `ctc report`; in a browser too, where there is one
	$(call run_tier,report)

check-browser:               ## the same, with a Chromium installed for it
	$(Q)tests/deps.sh build browser
	+$(Q)$(SUBMAKE) $(JOBS) check-report

check-schema: $(CTC)         ## JSON Schemas and compiler agree on policies and on what is printed
	$(call run_tier,schema)

check-corpus: $(CTC) $(REPRINT) ## real policies and rules compile to what they should
	$(call run_tier,corpus)

check-mutants: $(MUTANTS)    ## whatever is changed in emitted rules, the proof tells whether it matters
	$(call run_tier,mutants)

check-fuzz: $(CTC)           ## no input crashes, hangs or leaks; FUZZ_TIME seconds a harness
	+$(Q)if command -v $(CLANG) >/dev/null; then $(SUBMAKE) $(JOBS) MODE=fuzz all; fi
	$(Q)mkdir -p build/fuzz
	$(call run_tier,fuzz)
check-fuzz: TIER_ENV = CC='$(CC)' CTC=$(CURDIR)/$(CTC) BUILD=$(CURDIR)/build/fuzz FUZZ_TIME=$(FUZZ_TIME)

check-hostile: $(CTC)        ## full disks, closed pipes, unreadable and enormous files
	$(call run_tier,hostile)

check-docs: $(CTC)           ## manual, README and examples say what the compiler does
	$(call run_tier,docs)

check-completions: $(CTC) $(COMPLETIONS) ## shells complete every command, option and word
	$(call run_tier,completions)

check-kernel: $(CTC) $(LOADER) $(SETS) ## a real kernel treats real packets so (needs root); KERNEL_JOBS=WORDS: of its jobs
	$(call run_tier,kernel) $(KERNEL_JOBS)

check-kernel-million: $(CTC) $(LOADER) $(SETS) ## it treats a million packets at the boundaries of rules as explain says (needs root)
	$(Q)$(TIER_ENV) PACKETS=1000000 bash tests/kernel/run.sh agree

check-kernel-requests: $(CTC) $(LOADER) $(SETS) ## ten thousand requests over live connections cross each change of mode (needs root)
	$(Q)$(TIER_ENV) REQUESTS=10000 bash tests/kernel/run.sh 'apply under traffic'

check-kernel-crowd: $(CTC) $(LOADER) $(SETS) ## 200 applies beside others who change the tables, and beside all real rulesets (needs root)
	$(Q)$(TIER_ENV) APPLIES=200 CORPUS_STEP=1 JOB_SECONDS=1200 bash tests/kernel/run.sh own

check-asan:                  ## unit, golden, questions, findings and hostile with address and undefined-behaviour sanitizers
	+$(Q)$(SUBMAKE) $(JOBS) MODE=asan all
	-+$(Q)$(SUBMAKE) $(JOBS) MODE=asan programs
	+$(Q)MAKE='$(SUBMAKE) MODE=asan' LANES=1 tests/support/tiers.sh $(ASAN_TIERS:%=check-%)

check-kernel-asan:           ## apply, whatever fails or is killed, with these sanitizers (needs root); KERNEL_JOBS=WORDS: other jobs
	+$(Q)$(SUBMAKE) $(JOBS) MODE=asan all
	+$(Q)JOB_SECONDS=600 $(SUBMAKE) $(JOBS) MODE=asan check-kernel \
		KERNEL_JOBS='$(or $(KERNEL_JOBS),apply backend boot connections drift own plan via)'

check-valgrind:              ## unit tests, and a compile of each example, under valgrind
	+$(Q)$(SUBMAKE) $(JOBS) MODE=debug all programs
	$(Q)CTC=build/debug/ctc VALGRIND='$(VALGRIND)' tests/support/valgrind.sh \
		$(UNITS:tests/unit/%.c=build/debug/%)

check-headers: $(HEADERS:%=$(B)/%.alone) ## each header compiles alone

$(B)/%.h.alone: %.h $(B)/flags
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_DIALECT) $(WARNINGS) $(CPPFLAGS) -fsyntax-only -x c -include $< /dev/null
	@touch $@

coverage:                    ## lines and branches that unit, golden, questions, findings and hostile reach
	$(Q)tests/deps.sh build test lint
	$(Q)find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	+$(Q)$(SUBMAKE) $(JOBS) MODE=coverage all programs
	+$(Q)MAKE='$(SUBMAKE) MODE=coverage' tests/support/tiers.sh $(ASAN_TIERS:%=check-%)
	$(Q)$(GCOVR) --root . --filter compiler/ --sort-uncovered --object-directory build/coverage build/coverage

fuzz:                        ## fuzz for long: FUZZ_TIME=600 seconds a harness unless given
	+$(Q)$(SUBMAKE) check-fuzz FUZZ_TIME=$(if $(filter file,$(origin FUZZ_TIME)),600,$(FUZZ_TIME))

bench: $(CTC) $(STAGES) $(PACKETS) ## time, memory, loads and packets, beside others, as policies grow
	$(call run_tier,bench)

programs: $(UNIT_PROGRAMS)

# A test that nobody registered is an unused function, and must not pass for a test.
$(B)/tests/unit/%.o: TEST_FLAGS := -Werror=unused-function
# libFuzzer calls its entry point by name; no header declares it.
$(B)/tests/fuzz/%.o: TEST_FLAGS := -Wno-missing-prototypes -Wno-missing-declarations

$(B)/tests/%.o: tests/%.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Itests $(TEST_FLAGS) -MMD -MP -c -o $@ $<

$(UNIT_PROGRAMS): $(B)/%: $(B)/tests/unit/%.o $(call object,$(SUPPORT)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(CMOCKA_LIBS) $(PACKAGE_LIBS) $(LIBS)

$(REPRINT): $(B)/%: $(B)/tests/corpus/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(PACKAGE_LIBS) $(LIBS)

$(STAGES) $(PACKETS): $(B)/%: $(B)/tests/bench/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(PACKAGE_LIBS) $(LIBS)

$(LOADER) $(SETS): $(B)/%: $(B)/tests/kernel/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(PACKAGE_LIBS) $(LIBS)

$(MUTANTS): $(call object,$(sort $(wildcard tests/mutants/*.c)) $(SUPPORT)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(PACKAGE_LIBS) $(LIBS)

$(FUZZ_PROGRAMS): $(B)/%: $(B)/tests/fuzz/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(PACKAGE_LIBS) $(LIBS)

## Tidying

lint: lint-tidy lint-cppcheck lint-analyzer lint-shell check-headers ## every checker below, and each header alone

lint-deps:
	$(Q)tests/deps.sh build test lint

lint-tidy: lint-deps $(STYLE)        ## clang-tidy; .clang-tidy says what is off and why
	$(Q)printf '%s\n' $(OWN_C) | xargs -P $$(nproc) -n 1 sh -c \
		'$(CLANG_TIDY) --quiet "$$1" -- $(subst ','\'',$(TEST_DIALECT)) 2>/dev/null' tidy

# Off: missingIncludeSystem (system headers are the compiler's business). It does not know _Noreturn by itself.
lint-cppcheck: lint-deps $(STYLE)    ## cppcheck
	$(Q)$(CPPCHECK) --quiet -j $$(nproc) --std=c11 --language=c --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		-Icompiler -I$(B)/generated -D_GNU_SOURCE -DCTC_VERSION='"$(VERSION)"' '-D_Noreturn=__attribute__((noreturn))' \
		$(MAIN) $(SOURCES)

lint-analyzer: lint-deps $(STYLE)    ## gcc's own analyser, whatever CC is
	$(Q)printf '%s\n' $(MAIN) $(SOURCES) | xargs -P $$(nproc) -n 1 \
		gcc $(DIALECT) -fanalyzer -Werror $(ANALYZER_OFF) -S -o /dev/null

lint-shell: lint-deps        ## shellcheck
	$(Q)$(SHELLCHECK) -x $(SCRIPTS)

format:                      ## lay out the C sources (tables in .def files are laid out by hand)
	$(Q)$(CLANG_FORMAT) -i $(OWN_C) $(HEADERS)

format-check:                ## say which C sources `make format` would change
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(OWN_C) $(HEADERS)

## Installing

MAN_PAGES := $(wildcard compiler/man/*.[1-8])
SCHEMAS   := $(wildcard schemas/*.json)
UNITS_IN  := $(wildcard compiler/host/*.service.in)
EXAMPLES  := $(shell find examples -type f 2>/dev/null | sort)

# Pages and examples name the files beside them where they are installed.
PLACES := -e 's|/usr/local/share/bash-completion/completions/|$(BASHDIR)/|g' -e 's|/usr/local/share/zsh/site-functions/|$(ZSHDIR)/|g' \
	-e 's|/usr/local/share/fish/vendor_completions.d/|$(FISHDIR)/|g' -e 's|/usr/local/share/ctc/|$(DATADIR)/|g' -e 's|/usr/local/share/doc/ctc/|$(DOCDIR)/|g' \
	-e 's|/usr/local/lib/systemd/system/|$(UNITDIR)/|g' -e 's|=\.\./schemas/|=$(DATADIR)/|'

# Where each file goes: section N of the manual to manN, examples with their folders.
unit_target = $(DESTDIR)$(UNITDIR)/$(basename $(notdir $(1)))
man_target = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

install: $(CTC) $(COMPLETIONS) ## install under DESTDIR and PREFIX
	$(INSTALL) -D -m 755 $(CTC) $(DESTDIR)$(SBINDIR)/ctc
	$(foreach f,$(MAN_PAGES),$(INSTALL) -D -m 644 $(f) $(call man_target,$(f))$(newline))
	$(foreach f,$(SCHEMAS),$(INSTALL) -D -m 644 $(f) $(DESTDIR)$(DATADIR)/$(notdir $(f))$(newline))
	$(foreach f,$(UNITS_IN),$(INSTALL) -D -m 644 $(f) $(call unit_target,$(f))$(newline))
	$(INSTALL) -D -m 644 $(B)/ctc.bash $(DESTDIR)$(BASHDIR)/ctc
	$(INSTALL) -D -m 644 $(B)/ctc.zsh $(DESTDIR)$(ZSHDIR)/_ctc
	$(INSTALL) -D -m 644 $(B)/ctc.fish $(DESTDIR)$(FISHDIR)/ctc.fish
	sed -i 's|@SBINDIR@|$(SBINDIR)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' $(foreach f,$(UNITS_IN),$(call unit_target,$(f)))
	$(foreach f,$(EXAMPLES),$(INSTALL) -D -m 644 $(f) $(DESTDIR)$(DOCDIR)/$(f)$(newline))
	sed -i $(PLACES) $(foreach f,$(MAN_PAGES),$(call man_target,$(f))) $(EXAMPLES:%=$(DESTDIR)$(DOCDIR)/%)

uninstall:                   ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/ctc $(DESTDIR)$(BASHDIR)/ctc $(DESTDIR)$(ZSHDIR)/_ctc $(DESTDIR)$(FISHDIR)/ctc.fish
	rm -f $(foreach f,$(MAN_PAGES),$(call man_target,$(f))) $(foreach f,$(UNITS_IN),$(call unit_target,$(f)))
	rm -rf $(DESTDIR)$(DATADIR) $(DESTDIR)$(DOCDIR)

dist:                        ## pack the committed sources into build/ctc-VERSION.tar.gz
	@mkdir -p build
	git archive --prefix=ctc-$(VERSION)/ -o build/ctc-$(VERSION).tar.gz HEAD

define newline


endef

clean:                       ## remove build/
	rm -rf build

help:                        ## list the targets
	@awk '/^## / { printf "\n%s\n", substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  %-20s %s\n", substr($$0, 1, index($$0, ":") - 1), substr($$0, index($$0, "## ") + 3) }' \
		$(firstword $(MAKEFILE_LIST))

.PHONY: FORCE all deps demo check $(TIERS:%=check-%) check-kernel-million check-kernel-requests \
	check-kernel-crowd check-kernel-asan check-browser check-asan check-valgrind check-headers \
	coverage fuzz bench programs lint lint-deps lint-tidy lint-cppcheck lint-analyzer lint-shell format format-check \
	install uninstall dist clean help

-include $(patsubst %.o,%.d,$(call object,$(OWN_C)))
