# SPDX-License-Identifier: GPL-2.0
# The tool: libbpf and bpftool from the kernel source, the BPF objects, the binary, what is generated from its tables, unit tests.

PREFIX ?= /usr/local
CC := gcc
CLANG ?= clang-19
LLVM_STRIP ?= llvm-strip-19
TOOL_CFLAGS ?= -O2 -g
HOST_ARCH := $(shell uname -m | sed -e s/x86_64/x86/ -e s/aarch64/arm64/ -e s/ppc64le/powerpc/ -e s/riscv64/riscv/ -e s/s390x/s390/)

# The source: a directory or a tarball. Only what bpftool's bootstrap needs is taken from it.
TOOL_KERNEL_SRC := $(or $(KERNEL_SRC),/usr/src/linux-source-6.12.tar.xz)
TOOL_KERNEL_PARTS := tools/lib tools/bpf tools/include tools/scripts tools/build tools/arch kernel/bpf include/uapi scripts/bpf_doc.py

LT := $(BUILD)/linux-tools
LT_BOOT := $(LT)/out/bootstrap
LIBBPF := $(LT_BOOT)/libbpf/libbpf.a
BPFTOOL := $(LT_BOOT)/bpftool
LIBBPF_INC := $(LT_BOOT)/libbpf/include

OBJ := $(BUILD)/obj
BPF_OUT := $(BUILD)/bpf

# Quiet: one line a step; a step with much to say writes a log that is shown if it fails.
say = @printf '  %-8s %s\n' $(1) '$(2)';
logged = >$(1) 2>&1 || { tail -n 40 $(1) >&2; echo "$(2) failed; the whole log: $(1)" >&2; exit 1; }

TOOL_WARN := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wno-missing-field-initializers
TOOL_INC := -Itools -Itools/lib -Itools/schema -Ibpf -I$(BPF_OUT) -I$(OBJ) -I$(LIBBPF_INC)
TOOL_CPP := -std=gnu11 -D_GNU_SOURCE $(TOOL_INC) $(TOOL_WARN)
TOOL_LIBS := $(LIBBPF) -lelf -lzstd -lz
SCREEN_LIBS := -lncursesw -ltinfo
HTTP_LIBS := -levent_extra -levent_core
# See tools/noresolve.c.
UNUSED_CALLS := -Wl,--wrap=getaddrinfo,--wrap=getservbyname,--wrap=getprotobynumber

LIB_SRC := $(wildcard tools/lib/*.c tools/bench/*.c tools/export/*.c tools/report/*.c) $(filter-out tools/schema/gen.c,$(wildcard tools/schema/*.c))
CMD_SRC := $(wildcard tools/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(OBJ)/%.o) $(OBJ)/tools/report/assets.o
CMD_OBJ := $(CMD_SRC:%.c=$(OBJ)/%.o)
SKELS := $(patsubst bpf/%.bpf.c,$(BPF_OUT)/%.skel.h,$(wildcard bpf/*.bpf.c))

# Steps are no command of their own: only metrics are made of them.
OBSERVERS := $(filter-out steps,$(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c)))
MAN_PAGES := $(BUILD)/man/iomapscope.8 $(patsubst %,$(BUILD)/man/iomapscope-%.8,$(OBSERVERS) top record report export probe bench)
COMPLETION := $(BUILD)/completion/iomapscope
# What has fields: the observers, and the rows of top.
FIELDED := $(OBSERVERS) top
EVENTS := $(FIELDED:%=$(BUILD)/man/%-fields.md)
METRICS := $(BUILD)/man/metrics.md
CHECKS := $(BUILD)/man/checks.md

.PHONY: tool install unit docs-events
tool: $(BUILD)/bin/iomapscope $(MAN_PAGES) $(COMPLETION) $(EVENTS) $(METRICS) $(CHECKS) ## build/bin/iomapscope with its man pages and completion

# What was taken is remembered by name and time of the source, so that another source is taken anew.
$(LT)/.source: $(wildcard $(TOOL_KERNEL_SRC)) mk/tool.mk
	$(call say,EXTRACT,$(TOOL_KERNEL_SRC))
	@test -e "$(TOOL_KERNEL_SRC)" || { echo "$(TOOL_KERNEL_SRC) is missing: install the package linux-source-6.12 (make packages), or give KERNEL_SRC=<tree or tarball>" >&2; exit 1; }
	@rm -rf $(LT) && mkdir -p $(LT)/src
	@{ if [ -d "$(TOOL_KERNEL_SRC)" ]; then \
		tar -C "$(TOOL_KERNEL_SRC)" -cf - $(TOOL_KERNEL_PARTS) | tar -C $(LT)/src -xf -; \
	else \
		tar -C $(LT)/src --strip-components=1 --wildcards -xf "$(TOOL_KERNEL_SRC)" $(TOOL_KERNEL_PARTS:%='*/%'); \
	fi; } $(call logged,$(LT)/extract.log,Extraction)
	@touch $@

# A make of its own: the kernel's makefiles must not see this one's variables.
$(BPFTOOL): $(LT)/.source
	$(call say,MAKE,libbpf and bpftool)
	@mkdir -p $(LT)/out
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -j$$(nproc) -C $(LT)/src/tools/bpf/bpftool bootstrap \
		OUTPUT=$(CURDIR)/$(LT)/out/ CC=$(CC) $(call logged,$(LT)/build.log,The build of libbpf and bpftool)
	@touch $@ $(LIBBPF)

$(LIBBPF): $(BPFTOOL) ;

$(BPF_OUT)/%.bpf.o: bpf/%.bpf.c $(BPFTOOL) mk/tool.mk
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	@$(CLANG) -target bpf -g -ffile-prefix-map=$(CURDIR)=. -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -D__TARGET_ARCH_$(HOST_ARCH) -Ibpf -Itools/schema \
		-I$(LIBBPF_INC) -I$(LT)/src/tools/include/uapi -idirafter /usr/include/$(shell $(CC) -dumpmachine) \
		-MMD -MP -MF $@.d -MT $@ -c $< -o $@
	@$(LLVM_STRIP) -g $@

$(BPF_OUT)/%.skel.h: $(BPF_OUT)/%.bpf.o $(BPFTOOL)
	$(call say,SKEL,$@)
	@$(BPFTOOL) gen skeleton $< name $*_bpf >$@

$(OBJ)/%.o: %.c $(BPFTOOL) mk/tool.mk | $(SKELS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	@$(CC) $(TOOL_CPP) $(TOOL_CFLAGS) -MMD -MP -c $< -o $@

# The page of report: its files as they are, and what allows a browser to take just these.
PAGE := tools/report/page.html tools/report/page.css tools/report/page.js
page_hash = printf '\#define %s "sha256-%s"\n' $(1) $$(printf "$$(sha256sum <$(2) | cut -c1-64 | sed 's/../\\x&/g')" | base64)

$(OBJ)/page_hashes.h: $(PAGE) mk/tool.mk
	@mkdir -p $(@D)
	@{ $(call page_hash,PAGE_CSS_HASH,tools/report/page.css); $(call page_hash,PAGE_JS_HASH,tools/report/page.js); } >$@

$(OBJ)/tools/report/assets.o: tools/report/assets.S $(PAGE)
	$(call say,AS,$<)
	@mkdir -p $(@D)
	@$(CC) -c $< -o $@

$(OBJ)/tools/report/page.o $(BUILD)/unit/obj/tools/report/page.o $(BUILD)/fuzz/obj/tools/report/page.o: $(OBJ)/page_hashes.h

$(BUILD)/bin/iomapscope: $(CMD_OBJ) $(LIB_OBJ) $(LIBBPF)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	@$(CC) -static $(TOOL_CFLAGS) $(CMD_OBJ) $(LIB_OBJ) $(TOOL_LIBS) $(SCREEN_LIBS) $(HTTP_LIBS) $(UNUSED_CALLS) -o $@

$(OBJ)/gen: $(OBJ)/tools/schema/gen.o $(LIB_OBJ) $(LIBBPF)
	$(call say,LINK,$@)
	@$(CC) $(TOOL_CFLAGS) $< $(LIB_OBJ) $(TOOL_LIBS) $(HTTP_LIBS) -o $@

$(BUILD)/man/iomapscope.8: $(OBJ)/gen
	@mkdir -p $(@D)
	@$< man iomapscope >$@

$(BUILD)/man/iomapscope-%.8: $(OBJ)/gen
	@mkdir -p $(@D)
	@$< man $* >$@

$(COMPLETION): $(OBJ)/gen
	@mkdir -p $(@D)
	@$< completion >$@

$(EVENTS): $(BUILD)/man/%-fields.md: $(OBJ)/gen
	@mkdir -p $(@D)
	@$< events $* >$@

$(METRICS): $(OBJ)/gen
	@mkdir -p $(@D)
	@$< metrics >$@

$(CHECKS): $(OBJ)/gen
	@mkdir -p $(@D)
	@$< checks >$@

install: tool ## install below PREFIX (/usr/local), and DESTDIR if given
	install -D -m 755 $(BUILD)/bin/iomapscope $(DESTDIR)$(PREFIX)/sbin/iomapscope
	install -d $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(MAN_PAGES) $(DESTDIR)$(PREFIX)/share/man/man8/
	install -D -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/iomapscope
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' packaging/iomapscope-exporter.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/iomapscope-exporter.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/iomapscope-exporter.service

# Unit tests: the library's sources again, with the sanitizers.
UNIT := $(BUILD)/unit
UNIT_CFLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_OBJ := $(LIB_SRC:%.c=$(UNIT)/obj/%.o) $(OBJ)/tools/report/assets.o
UNIT_BIN := $(patsubst tests/unit/%.c,$(UNIT)/%,$(wildcard tests/unit/*.c))

unit: $(UNIT_BIN) $(BUILD)/perf/scrape tool ## build the unit tests

# What a scrape costs: as the tool itself is built.
$(BUILD)/perf/scrape: $(OBJ)/tests/native/scrape.o $(LIB_OBJ) $(LIBBPF)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	@$(CC) $(TOOL_CFLAGS) $< $(LIB_OBJ) $(TOOL_LIBS) $(HTTP_LIBS) -o $@

$(UNIT)/obj/%.o: %.c $(BPFTOOL) mk/tool.mk | $(SKELS)
	$(call say,UNIT,$<)
	@mkdir -p $(@D)
	@$(CC) $(TOOL_CPP) -Itests/unit $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

$(UNIT)/%: $(UNIT)/obj/tests/unit/%.o $(UNIT_OBJ) $(LIBBPF)
	$(call say,LINK,$@)
	@$(CC) $(UNIT_CFLAGS) $< $(UNIT_OBJ) $(TOOL_LIBS) $(HTTP_LIBS) -o $@

# The fuzzer of the reader of recordings: the library once more, by clang with libFuzzer and the sanitizers.
FUZZ := $(BUILD)/fuzz
FUZZ_SECONDS ?= 600
FUZZ_RUNTIME := $(wildcard /usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.fuzzer-*.a)
# The checksums are not looked at in this build: see crc_good() in tools/lib/recording.c.
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
FUZZ_OBJ := $(LIB_SRC:%.c=$(FUZZ)/obj/%.o) $(FUZZ)/obj/tests/fuzz/recording.o $(OBJ)/tools/report/assets.o

.PHONY: fuzz
fuzz: $(FUZZ)/recording $(UNIT)/recording ## fuzz the reader of recordings for FUZZ_SECONDS (600)
	@rm -rf $(FUZZ)/corpus && mkdir -p $(FUZZ)/corpus && $(UNIT)/recording corpus $(FUZZ)/corpus
	$(FUZZ)/recording -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ)/ $(FUZZ)/corpus

# The tests run it for a while, if it can be built.
ifneq ($(FUZZ_RUNTIME),)
unit: $(FUZZ)/recording
endif

$(FUZZ)/obj/%.o: %.c $(BPFTOOL) mk/tool.mk | $(SKELS)
	$(call say,FUZZ,$<)
	@mkdir -p $(@D)
	@$(CLANG) $(TOOL_CPP) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FUZZ)/recording: $(FUZZ_OBJ) $(LIBBPF)
	$(call say,LINK,$@)
	@$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(FUZZ_OBJ) $(TOOL_LIBS) $(HTTP_LIBS) -o $@

docs-events: $(EVENTS) $(METRICS) $(CHECKS) ## write the tables of docs/events.md, docs/metrics.md and docs/checks.md: the fields of each observer's events, the kernel's events, the metrics, the rules
	@set -e; for table in $(FIELDED); do \
		tools/schema/splice docs/events.md $$table-fields $(BUILD)/man/$$table-fields.md; done
	@mkdir -p $(BUILD)/man && tests/guest/steps/table.py --markdown >$(BUILD)/man/kernel-events.md
	@tools/schema/splice docs/events.md kernel-events $(BUILD)/man/kernel-events.md
	@tools/schema/splice docs/metrics.md metrics $(METRICS)
	@tools/schema/splice docs/checks.md checks $(CHECKS)

-include $(CMD_OBJ:.o=.d) $(LIB_OBJ:.o=.d) $(OBJ)/tools/schema/gen.d $(OBJ)/tests/native/scrape.d $(wildcard $(UNIT)/obj/tests/unit/*.d) $(UNIT_OBJ:.o=.d) \
	$(wildcard $(BPF_OUT)/*.bpf.o.d) $(FUZZ_OBJ:.o=.d)
.SECONDARY:
