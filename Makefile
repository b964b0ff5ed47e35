# SPDX-License-Identifier: GPL-2.0-or-later
# gate64: one plain Makefile. `make help` lists the targets.
#
#   CC=clang        another compiler
#   O=build/name    another build folder
#   SAN=address,undefined | thread     with sanitizers

ifeq ($(origin CC),default)
CC      := gcc
endif
O       ?= build/$(or $(subst $(comma),-,$(SAN)),release)
PREFIX  ?= /usr/local
comma   := ,

PACKAGES := libnetfilter_queue libmnl libnl-3.0 libnl-route-3.0 libevent_core libevent_pthreads \
            libevent_openssl openssl \
            ldns libunbound libfyaml libnftables json-c libbpf
WARN    := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wconversion \
           -Wsign-conversion -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Werror
CFLAGS  ?= -O2 -g
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ifneq ($(SAN),)
CFLAGS  := -O1 -g -fno-omit-frame-pointer
HARDEN  := -fsanitize=$(SAN) -fno-sanitize-recover=all -fPIE
LDSAN   := -fsanitize=$(SAN)
endif
VERSION := $(shell git -c safe.directory='$(CURDIR)' describe --tags --always --dirty 2>/dev/null || echo unknown)
# Library headers are system headers to us: their warnings are not ours to mend.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PACKAGES) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
ALL_CFLAGS  = -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) $(HARDEN) $(PKG_CFLAGS) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -pthread -pie -Wl,-z,relro,-z,now $(LDSAN) $(LDFLAGS)

ROOMS   := core nat64 dns64 snid ops
SRCS    := $(filter-out %.bpf.c,$(foreach room,$(ROOMS),$(sort $(wildcard $(room)/*.c))))
OBJS    := $(SRCS:%.c=$(O)/%.o)
GATE64  := $(O)/gate64

.PHONY: all help
all: $(GATE64) man

## Targets:
help:
	@sed -n 's/^## //p' Makefile

$(GATE64): $(OBJS)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(OBJS) $(PKG_LIBS)

# Compiled anew when the version is another.
$(O)/ops/cli.o: ALL_CFLAGS += -DGATE64_VERSION='"$(VERSION)"'
$(O)/ops/cli.o: $(O)/version
$(O)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
.PHONY: FORCE
FORCE:

# Said once and clearly, rather than by the first header that is missing
.PHONY: libraries
libraries:
	@pkg-config --cflags $(PACKAGES) >/dev/null || \
		{ echo "Libraries are missing: 'make deps' installs them." >&2; exit 1; }

$(O)/%.o: %.c | libraries
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The fast path's program, and the header that holds it for its keeper
BPF_CLANG ?= clang
BPFTOOL   ?= bpftool
BPF_CFLAGS := -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v3 -ffreestanding \
              -I/usr/include/$(shell gcc -print-multiarch 2>/dev/null)

$(O)/nat64/fastpath.bpf.o: nat64/fastpath.bpf.c | libraries
	@mkdir -p $(@D)
	@echo "  BPF     $@"
	@$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@ $<

$(O)/nat64/fastpath.skel.h: $(O)/nat64/fastpath.bpf.o
	@$(BPFTOOL) gen skeleton $< name fastpath_bpf >$@.new && mv $@.new $@

# A generated header: its warnings are not ours to mend.
$(O)/nat64/fast.o: $(O)/nat64/fastpath.skel.h
$(O)/nat64/fast.o: ALL_CFLAGS += -isystem $(O)/nat64

# The status page's files, for the program that holds them
PAGE_INC := $(patsubst %,$(O)/%.inc,$(wildcard ops/page/*.*))
$(O)/ops/%.inc: ops/%
	@mkdir -p $(@D)
	@od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' >$@.new && mv $@.new $@

$(O)/ops/web_pages.o: $(PAGE_INC)
$(O)/ops/web_pages.o: ALL_CFLAGS += -I$(O)/ops

# The configuration that is installed, for `gate64 setup' to know it by
$(O)/ops/setup_sample.o: $(O)/ops/gate64.yaml.inc
$(O)/ops/setup_sample.o: ALL_CFLAGS += -I$(O)/ops

# ---- unit tests: each links only the files it tests ----------------------
# One row a test: UNIT_<name> = the project files that tests/unit/<name>_test.c needs
# What core/addrmap.c stands on
ADDRMAP := core/addrmap.c core/eamt.c core/special4.c core/addr.c

UNIT_addr      := core/addr.c
UNIT_rfc6052   :=
UNIT_csum      :=
UNIT_clients   := core/clients.c core/addr.c
UNIT_recent    := core/recent.c core/stats.c core/addr.c
UNIT_cursor    :=
UNIT_addrmap   := $(ADDRMAP)
UNIT_eamt      := core/eamt.c core/addr.c
UNIT_special4  := core/special4.c
UNIT_eam       := nat64/eam.c $(ADDRMAP) core/log.c core/loop.c
UNIT_log       := core/log.c core/loop.c
UNIT_log_journal := $(UNIT_log)
UNIT_loop      := core/loop.c
UNIT_stats     := core/stats.c
UNIT_tcp_state :=
UNIT_packet    := nat64/packet.c core/addr.c
UNIT_packet_headers := $(UNIT_packet)
UNIT_transport := nat64/transport.c nat64/packet.c core/addr.c
UNIT_to        := nat64/to4.c nat64/to6.c nat64/transport.c nat64/packet.c nat64/header.c nat64/ipid.c \
                  core/addr.c core/stats.c
UNIT_icmp      := nat64/icmp.c nat64/icmp_extension.c nat64/transport.c nat64/packet.c nat64/header.c core/addr.c
UNIT_icmp_head := $(UNIT_icmp)
UNIT_icmp_extension := $(UNIT_icmp)
UNIT_icmp_send := nat64/icmp_send.c nat64/packet.c nat64/header.c core/addr.c core/stats.c
UNIT_coalesce  := nat64/coalesce.c
UNIT_hostports := nat64/hostports.c core/log.c core/loop.c
UNIT_journal   := nat64/journal.c core/addr.c core/log.c core/loop.c core/stats.c
UNIT_ports     := nat64/ports.c
UNIT_pairs     := nat64/pairs.c
UNIT_statics   := nat64/statics.c $(UNIT_hostports) $(UNIT_addrmap)
UNIT_blocks    := nat64/blocks.c nat64/ports.c $(UNIT_journal)
UNIT_pool4     := nat64/pool4.c nat64/pool4_plan.c nat64/pairs.c $(UNIT_blocks) $(UNIT_statics)
UNIT_pool4_stress := $(UNIT_pool4)
# Flow tables, with the fast path's keeper or without
FLOWS          := nat64/flow_mem.c nat64/flow_expire.c nat64/flow_fast.c nat64/session.c nat64/syn.c nat64/bib.c \
                  nat64/limits.c nat64/peers.c nat64/hash.c nat64/slab.c nat64/journal.c \
                  core/stats.c $(UNIT_pool4)
UNIT_flow      := nat64/fast.c nat64/fast_pins.c nat64/fast_attach.c nat64/ipid.c $(FLOWS)
UNIT_flow_fast := $(FLOWS)
UNIT_flow_stress := $(UNIT_flow)
UNIT_flow_preview := nat64/flow_preview.c $(UNIT_flow)
UNIT_flow_limits := $(UNIT_flow)
UNIT_flow_filter := $(UNIT_flow)
UNIT_flow_prefix := $(UNIT_flow)
UNIT_flow_memory := $(UNIT_flow)
UNIT_probe     := nat64/probe.c nat64/header.c
UNIT_bib       := $(UNIT_flow)
UNIT_cli       := ops/cli.c ops/cli_help.c ops/cli_table.c
UNIT_control   := ops/control.c ops/client.c core/log.c core/loop.c
UNIT_gateway   := ops/gateway.c ops/host.c ops/plan.c core/addr.c core/log.c core/loop.c core/stats.c
UNIT_grace     := ops/grace.c ops/netdetect.c core/log.c $(ADDRMAP)
UNIT_heal      := ops/heal.c core/stats.c
UNIT_fast_attach := nat64/fast_attach.c core/log.c
UNIT_standing  := ops/standing.c
UNIT_guard     := ops/guard.c ops/standing.c core/addr.c core/log.c core/loop.c
UNIT_gauges    := ops/gauges.c core/stats.c
UNIT_listing   := ops/listing.c ops/filter.c ops/proto.c nat64/listing.c $(UNIT_flow)
UNIT_trace     := ops/trace.c ops/proto.c core/addr.c
UNIT_exposition := ops/exposition.c ops/exposition_json.c
UNIT_metrics   := ops/metrics.c ops/exposition.c ops/exposition_json.c ops/process.c snid/stages.c core/addr.c core/histogram.c core/stats.c
UNIT_web_head  := ops/web_head.c
UNIT_web       := ops/web.c ops/web_server.c ops/web_head.c ops/exchange.c ops/shared_text.c core/addr.c core/log.c \
                  core/loop.c core/stats.c
UNIT_rates     := ops/rates.c ops/top.c
UNIT_status    := ops/status.c ops/status_pool.c snid/stages.c core/addr.c core/stats.c
UNIT_config    := $(sort $(wildcard core/config*.c)) core/hostname.c core/addr.c
UNIT_config_errors := $(UNIT_config)
UNIT_config_value := core/config_value.c core/config_report.c
UNIT_convert   := ops/convert.c ops/convert_snid.c ops/convert_jool.c ops/convert_jool_pools.c \
                  ops/convert_tayga.c $(UNIT_config)
UNIT_effective := ops/effective.c ops/config_document.c ops/document.c $(UNIT_config)
UNIT_doctor_read := ops/doctor_read.c core/addr.c
UNIT_doctor_nft := ops/doctor_nft.c ops/doctor_match.c ops/document.c core/addr.c
UNIT_doctor_hosts := $(UNIT_doctor_nft)
UNIT_doctor_wg := ops/doctor_wg.c ops/doctor_read.c core/addr.c
UNIT_doctor_ask := ops/doctor_ask.c dns64/message.c dns64/name.c core/addr.c core/loop.c core/log.c
UNIT_netdetect := ops/netdetect.c $(ADDRMAP)
UNIT_ruleset   := ops/ruleset.c ops/ruleset_nft.c ops/ruleset_xtables.c ops/standing.c ops/helper.c ops/tool.c \
                  ops/restore_text.c ops/privilege.c ops/confine.c \
                  core/addr.c core/log.c core/loop.c
UNIT_heartbeat := ops/heartbeat.c ops/notify.c core/log.c core/loop.c
UNIT_notify    := ops/notify.c core/log.c core/loop.c
UNIT_confine   := ops/confine.c core/log.c core/loop.c
UNIT_restore_text := ops/restore_text.c core/addr.c
UNIT_helper    := ops/helper.c ops/tool.c ops/restore_text.c ops/privilege.c ops/confine.c core/addr.c \
                  core/log.c core/loop.c
UNIT_tool      := ops/tool.c ops/privilege.c ops/confine.c core/log.c core/loop.c
UNIT_privilege := ops/privilege.c ops/confine.c core/log.c core/loop.c
UNIT_port_holder := ops/port_holder.c ops/doctor_sockets.c ops/doctor_read.c core/addr.c
UNIT_setup     := ops/setup_ask.c ops/setup_changes.c ops/setup_file.c ops/setup_plan.c ops/setup_sample.c \
                  ops/systemctl.c \
                  $(UNIT_config)
UNIT_fragment  := nat64/fragment.c nat64/packet.c nat64/header.c core/addr.c

UNIT_hello     := snid/hello.c
UNIT_sni_seats := snid/seats.c
UNIT_hostname  := core/hostname.c
UNIT_sni_postgres := snid/postgres.c
UNIT_sni_http  := snid/http.c
UNIT_sni_proxy := snid/proxy.c core/special4.c core/addr.c
PREFACE        := snid/preface.c snid/hello.c snid/http.c core/hostname.c snid/postgres.c \
                  snid/service.c $(UNIT_sni_proxy)
UNIT_sni_preface := $(PREFACE)
UNIT_sni_relay := snid/relay.c snid/pipe.c core/loop.c core/log.c core/stats.c
UNIT_sni_splice := $(UNIT_sni_relay)
UNIT_sni_pipe := snid/pipe.c core/loop.c core/log.c
UNIT_sni_watch := snid/watch.c snid/tcp.c
# A name's servers, on a resolver of the test's own
SNI_ROUTE      := snid/route.c snid/srv.c snid/resolve.c snid/answers.c core/hostname.c core/config_routes.c \
                  core/clients.c core/throttle.c core/loop.c \
                  core/stats.c $(ADDRMAP)
UNIT_sni_route := $(SNI_ROUTE)
UNIT_sni_dial  := snid/dial.c snid/tcp.c core/addr.c
UNIT_sni_race  := snid/race.c snid/watch.c snid/fails.c $(SNI_ROUTE)
UNIT_sni_backends := snid/race.c snid/watch.c snid/fails.c snid/dial.c snid/tcp.c $(SNI_ROUTE)
UNIT_sni_resolve := snid/resolve.c snid/answers.c core/clients.c core/throttle.c core/loop.c core/stats.c core/addr.c
UNIT_sni_srv   := snid/srv.c snid/fails.c core/addr.c
UNIT_sni_deadline :=
UNIT_sni_service := snid/service.c $(UNIT_config) $(ADDRMAP)

UNIT_dns_message := dns64/message.c dns64/name.c
UNIT_dns_records := dns64/records.c dns64/message.c dns64/name.c core/addr.c
UNIT_dns_forward := dns64/forward.c dns64/name.c core/log.c core/loop.c $(UNIT_config)
UNIT_dns_cookie := dns64/cookie.c core/addr.c
UNIT_throttle  := core/throttle.c core/addr.c
UNIT_dns_edns  := dns64/reply.c dns64/message.c dns64/name.c core/stats.c
UNIT_dns_reply := $(UNIT_dns_edns)
UNIT_dns_bogus := dns64/bogus.c
UNIT_dns_context := dns64/context.c dns64/ub_events.c $(UNIT_dns_forward)
UNIT_dns_engine := dns64/engine.c dns64/name.c core/log.c
UNIT_dns_ub_events := dns64/ub_events.c
UNIT_dns_selfask := $(sort dns64/selfask.c core/log.c core/loop.c $(ADDRMAP) $(UNIT_config))
UNIT_dns_ptr   := dns64/ptr.c dns64/name.c $(ADDRMAP)
UNIT_dns_cache := dns64/cache.c dns64/store.c dns64/key.c dns64/reply.c dns64/message.c dns64/name.c core/stats.c
UNIT_dns_lookup := dns64/lookup.c dns64/refused.c core/recent.c core/loop.c core/log.c dns64/explain.c dns64/tally.c core/histogram.c dns64/key.c dns64/name.c core/addr.c core/stats.c
UNIT_dns_present := dns64/present.c dns64/message.c dns64/name.c
UNIT_dns_tally := dns64/tally.c core/histogram.c core/stats.c
UNIT_dns_top   := dns64/top.c dns64/name.c core/addr.c
UNIT_dns_inspect := dns64/upstreams.c dns64/inspect.c dns64/top.c dns64/name.c core/addr.c core/loop.c core/stats.c
UNIT_dns_synth := dns64/synth.c dns64/reply.c dns64/message.c dns64/name.c \
                  $(ADDRMAP) core/stats.c
UNIT_dns_prefixes := dns64/local.c $(UNIT_dns_synth)
UNIT_dns_policy := dns64/policy.c dns64/local.c dns64/ptr.c dns64/reply.c dns64/message.c dns64/name.c \
                  core/config_names.c $(ADDRMAP) core/stats.c
UNIT_dns_rebind := $(sort dns64/rebind.c $(UNIT_dns_synth) $(UNIT_dns_forward))

UNITS     := $(sort $(patsubst UNIT_%,%,$(filter UNIT_%,$(.VARIABLES))))
UNIT_BINS := $(UNITS:%=$(O)/unit/%_test)

# What core/log.c stands on
with_log = $(sort $(1) $(if $(filter core/log.c,$(1)),core/log_journal.c core/log_stderr.c core/stats.c))

define unit_rule
$(O)/unit/$(1)_test: $(O)/tests/unit/$(1)_test.o $(patsubst %.c,$(O)/%.o,$(call with_log,$(UNIT_$(1))))
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ -lcmocka $$(PKG_LIBS)
endef
$(foreach unit,$(UNITS),$(eval $(call unit_rule,$(unit))))

# ---- manual pages: prose and the program's own tables ----------------------
MANUAL := $(O)/manual
PAGES  := $(O)/man/gate64.8 $(O)/man/gate64.yaml.5

$(MANUAL): $(patsubst %.c,$(O)/%.o,ops/man/manual.c ops/cli_table.c $(UNIT_config))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/man/%: ops/man/%.in $(MANUAL)
	@mkdir -p $(@D)
	@$(MANUAL) $< >$@.new && mv $@.new $@

.PHONY: man
##   man        the manual pages gate64(8) and gate64.yaml(5)
man: $(PAGES)

# ---- the translator against a reference of its own ----------------------
# What reads like the RFC and computes in full shares nothing with the project's code.
DIFF      := $(O)/diff/nat64_diff
DIFF_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/diff/*.c)) $(UNIT_icmp) \
             nat64/to4.c nat64/to6.c core/stats.c)

$(DIFF): $(DIFF_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^

# The fast path's program against the same reference
FAST_DIFF := $(O)/diff/fast_diff
FAST_DIFF_OBJS := $(patsubst %.c,$(O)/%.o,$(wildcard tests/diff_fast/*.c tests/diff/reference*.c) \
                  tests/diff/generate.c)
$(O)/tests/diff_fast/fast.o: $(O)/nat64/fastpath.skel.h
$(O)/tests/diff_fast/fast.o: ALL_CFLAGS += -isystem $(O)/nat64

$(FAST_DIFF): $(FAST_DIFF_OBJS)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# ---- load for the benchmarks ----------------------------------------------
$(O)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $<

# ---- fuzz harnesses (clang, libFuzzer) -----------------------------------
# One row a harness: FUZZ_<name> = the project files that tests/fuzz/<name>_fuzz.c needs
FUZZ_config := $(UNIT_config)
FUZZ_packet := nat64/packet.c nat64/transport.c nat64/to4.c nat64/to6.c nat64/header.c core/addr.c \
               core/stats.c
FUZZ_fragment := $(UNIT_fragment)
FUZZ_convert := $(UNIT_convert)
FUZZ_icmp   := $(UNIT_icmp)

FUZZ_hello     := snid/hello.c core/hostname.c
FUZZ_sni_postgres := snid/postgres.c
FUZZ_sni_http  := snid/http.c core/hostname.c
FUZZ_sni_proxy := $(UNIT_sni_proxy)
FUZZ_sni_preface := $(PREFACE)
FUZZ_dns_query := dns64/cookie.c $(UNIT_dns_policy)
FUZZ_dns_synth := $(UNIT_dns_rebind)
FUZZ_dns_present := dns64/present.c $(UNIT_dns_synth)
FUZZ_dns_recurse := dns64/recurse.c dns64/records.c dns64/context.c dns64/ub_events.c dns64/bogus.c \
                  dns64/message.c \
                  dns64/tally.c core/histogram.c core/stats.c $(UNIT_dns_forward)
FUZZ_dns_ptr   := dns64/ptr.c dns64/name.c $(ADDRMAP)
FUZZ_web_head  := ops/web_head.c
FUZZ_restore_text := $(UNIT_restore_text)
FUZZES    := $(sort $(patsubst FUZZ_%,%,$(filter FUZZ_%,$(.VARIABLES))))
FUZZ_BINS := $(FUZZES:%=build/fuzz/%_fuzz)

define fuzz_rule
build/fuzz/$(1)_fuzz: tests/fuzz/$(1)_fuzz.c $(call with_log,$(FUZZ_$(1))) $(wildcard */*.h)
	@mkdir -p $$(@D)
	@echo "  FUZZ    $$@"
	@clang -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) $(PKG_CFLAGS) -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $$@ tests/fuzz/$(1)_fuzz.c $(call with_log,$(FUZZ_$(1))) $(PKG_LIBS)
endef
$(foreach fuzz,$(FUZZES),$(eval $(call fuzz_rule,$(fuzz))))

.PHONY: units diff fuzz-bins
units: $(UNIT_BINS) diff
diff: $(DIFF) $(FAST_DIFF)
fuzz-bins: $(FUZZ_BINS)

# ---- on the machine --------------------------------------------------------
# All that building, testing and the demonstration need of Debian (nettle-dev: what
# libunbound's pkg-config file asks for, and its package forgets)
DEB_BUILD := gcc libc6-dev make pkg-config git libnetfilter-queue-dev libmnl-dev libnl-3-dev \
             libnl-route-3-dev libevent-dev libssl-dev libldns-dev libunbound-dev nettle-dev libfyaml-dev \
             libnftables-dev libjson-c-dev libbpf-dev clang bpftool
DEB_RUN   := iptables dns-root-data
DEB_TEST  := llvm clang-tidy cppcheck libcmocka-dev python3 python3-pytest python3-scapy \
             python3-pytest-xdist python3-dnspython iproute2 iputils-ping nftables wireguard-go wireguard-tools \
             nsd nginx-light fcgiwrap curl openssl tcpdump iperf3 tayga systemd traceroute ethtool wrk \
             python3-pyftpdlib knot-dnsutils ldnsutils bind9-dnsutils dnsperf musl-tools unbound \
             libnginx-mod-stream haproxy postgresql gnutls-bin python3-jsonschema mandoc \
             python3-pycurl python3-websockets python3-prometheus-client \
             bird2 openssh-server openssh-client
# It would become the resolver of the machine that it is installed on.
DEB_UNPACKED := systemd-resolved libsystemd-shared

SYSCONFDIR ?= /etc
BINDIR     := $(PREFIX)/bin
MANDIR     := $(PREFIX)/share/man
SCHEMADIR  := $(PREFIX)/share/gate64/schema
COMPLETIONDIR := $(PREFIX)/share/bash-completion/completions
UNITDIR    := $(PREFIX)/lib/systemd/system
DOCDIR     := $(PREFIX)/share/doc/gate64
SUDO       := $(if $(filter 0,$(shell id -u)),,sudo)
FUZZING_SECONDS ?= 60

# These start from nothing, so each step is a make of its own: what pkg-config
# says is read when a make starts, and `deps` may have just installed it.
.PHONY: deps build demo run user test check asan fuzz
##   deps       install what building, testing and the demonstration need (Debian)
deps:
	@tests/deps $(DEB_BUILD) $(DEB_RUN) $(DEB_TEST)
	@tests/unpack build/unpacked $(DEB_UNPACKED)

.PHONY: build-deps
##   build-deps   of these, only what building and running the gateway need
build-deps:
	@tests/deps $(DEB_BUILD) $(DEB_RUN)

##   build      build/release/gate64
build: all

##   demo       deps, build, and the whole gateway on real traffic in a lab
demo: deps
	@$(MAKE) --no-print-directory build
	$(SUDO) /usr/bin/python3 tests/lab/demo.py

##   run        deps, build, and run the gateway on this machine (CONFIG=file)
run: deps
	@$(MAKE) --no-print-directory build user
	$(SUDO) $(GATE64) run $(if $(CONFIG),-c $(CONFIG))

# The user that the gateway becomes
user:
	@getent passwd gate64 >/dev/null || \
		$(SUDO) systemd-sysusers $(CURDIR)/ops/systemd/gate64.sysusers || \
		$(SUDO) useradd --system --user-group --no-create-home \
			--shell /usr/sbin/nologin gate64

##   test       deps, and every test: unit, fuzz (short), lab; with sanitizers
test: deps
	@$(SUDO) tests/run

##   check      unit tests alone, quickly, without sanitizers
check: all
	@O=$(O) tests/run unit

##   asan       unit tests and labs with the address and undefined sanitizers
asan:
	@$(SUDO) tests/run asan lab

##   fuzz       every fuzz harness for FUZZING_SECONDS (60) each
fuzz:
	@FUZZING_SECONDS=$(FUZZING_SECONDS) tests/run fuzz

.PHONY: soak
##   soak       MINUTES (10) of mixed and hostile load in the lab, with the sanitizers of
##              SAN (address,undefined)
MINUTES ?= 10
SOAK_SAN := $(or $(SAN),address$(comma)undefined)
soak: deps
	@$(MAKE) --no-print-directory SAN=$(SOAK_SAN) all
	$(SUDO) env GATE64=build/$(subst $(comma),-,$(SOAK_SAN))/gate64 tests/lab/soak.py $(MINUTES)

.PHONY: vm-test
##   vm-test    the labs on a Debian kernel in QEMU, and gate64 as a service of a real systemd
##              (debootstrap, qemu-system-x86)
vm-test:
	$(SUDO) tests/vm/service
	$(SUDO) tests/vm/run

.PHONY: install-test
##   install-test  the README's installation word for word on a bare Debian, in a chroot
##              (mmdebstrap), and traffic through what comes of it
install-test:
	$(SUDO) tests/install/run

.PHONY: page-test
##   page-test  the status page in Chromium, by Playwright and axe-core, which npm brings into
##              build/page (chromium, nodejs, npm); pictures stay there
page-test: build
	$(SUDO) tests/page/run

.PHONY: bench
##   bench      deps, build, and ratios against plain forwarding and against Debian's unbound,
##              nginx and haproxy, each in one run; restarts, reloads, floods
bench: deps
	@$(MAKE) --no-print-directory build $(O)/bench/snid_load
	$(SUDO) tests/bench/nat64.py
	$(SUDO) tests/bench/restarts.py
	$(SUDO) tests/bench/flood.py
	$(SUDO) tests/bench/dns64.py
	$(SUDO) tests/bench/dns_flood.py
	$(SUDO) tests/bench/snid.py
	$(SUDO) tests/bench/snid_hard.py
	$(SUDO) tests/bench/reloads.py

.PHONY: tidy cppcheck install uninstall clean
##   tidy       clang-tidy over all sources
tidy: TIDY_CFLAGS = $(filter-out -MMD -MP -W% -D_FORTIFY_SOURCE=2,$(ALL_CFLAGS)) \
                    -DGATE64_VERSION='""' -isystem $(O)/nat64 -I$(O)/ops
tidy: $(O)/nat64/fastpath.skel.h $(PAGE_INC) $(O)/ops/gate64.yaml.inc
	clang-tidy --quiet --warnings-as-errors='*' $(filter-out nat64/fast.c,$(SRCS)) -- \
		$(TIDY_CFLAGS)
	@# It does not see that libbpf frees what the generated header hands to it.
	clang-tidy --quiet --warnings-as-errors='*' --checks=-clang-analyzer-unix.Malloc \
		nat64/fast.c -- $(TIDY_CFLAGS)

# It reads no system headers, so it cannot tell what is initialised through macros
# such as s6_addr; compilers can. An automatic variable in a list: loop_call() waits so.
##   cppcheck   cppcheck over all sources
cppcheck:
	cppcheck --quiet --enable=warning,portability,performance --inline-suppr \
		--error-exitcode=1 --std=c11 -D_GNU_SOURCE -DGATE64_VERSION='""' \
		--suppress=uninitvar --suppress=ctuuninitvar --suppress=autoVariables '-DSEC(name)=' $(ROOMS)

# What is installed as it is: SOURCE:TARGET, a word each. A target that is not below PREFIX
# starts with another variable; uninstall takes all of these away.
INSTALLED := ops/systemd/gate64.sysusers:$(PREFIX)/lib/sysusers.d/gate64.conf \
             ops/systemd/gate64.tmpfiles:$(PREFIX)/lib/tmpfiles.d/gate64.conf \
             $(O)/gate64.service:$(UNITDIR)/gate64.service \
             $(O)/gate64.bash:$(COMPLETIONDIR)/gate64 \
             $(O)/man/gate64.8:$(MANDIR)/man8/gate64.8 \
             $(O)/man/gate64.yaml.5:$(MANDIR)/man5/gate64.yaml.5 \
             $(foreach file,$(wildcard ops/schema/*.json),$(file):$(SCHEMADIR)/$(notdir $(file))) \
             ops/grafana/gate64.json:$(dir $(SCHEMADIR))grafana/gate64.json \
             ops/prometheus/gate64.rules.yml:$(dir $(SCHEMADIR))prometheus/gate64.rules.yml \
             README.md:$(DOCDIR)/README.md \
             LICENSE:$(DOCDIR)/LICENSE \
             $(foreach file,$(wildcard ops/recipes/*.md),$(file):$(DOCDIR)/recipes/$(notdir $(file)))
install_sources = $(foreach row,$(INSTALLED),$(firstword $(subst :, ,$(row))))
install_targets = $(foreach row,$(INSTALLED),$(lastword $(subst :, ,$(row))))
define newline


endef

$(O)/gate64.service: ops/systemd/gate64.service.in FORCE
	@mkdir -p $(@D)
	@sed 's|@BINDIR@|$(BINDIR)|' $< >$@.new && mv $@.new $@

$(O)/gate64.bash: all FORCE
	@$(GATE64) completion bash >$@.new && mv $@.new $@

##   install    program, manual, unit, user, configuration where there is none; DESTDIR=
##              PREFIX=/usr/local SYSCONFDIR=/etc. Starts nothing: `gate64 setup' does
install: all $(install_sources)
	install -D -m 755 $(GATE64) $(DESTDIR)$(BINDIR)/gate64
	$(foreach row,$(INSTALLED),install -D -m 644 $(subst :, $(DESTDIR),$(row))$(newline)	)
	test -e $(DESTDIR)$(SYSCONFDIR)/gate64/gate64.yaml || \
		install -D -m 644 ops/gate64.yaml $(DESTDIR)$(SYSCONFDIR)/gate64/gate64.yaml
ifeq ($(DESTDIR),)
	@$(MAKE) --no-print-directory user
	@! test -d /run/systemd/system || systemctl daemon-reload
endif

##   uninstall  take it away again; the configuration and the user stay
uninstall:
ifeq ($(DESTDIR),)
	@! test -e /var/lib/gate64/setup.json || \
		{ echo "First take back what setup has changed: gate64 setup --undo" >&2; exit 1; }
	@! test -d /run/systemd/system || systemctl disable --quiet --now gate64 || true
	@# What it has left in the kernel would translate for ever.
	@! test -x $(BINDIR)/gate64 || $(BINDIR)/gate64 setup --undo --yes >/dev/null
endif
	rm -f $(DESTDIR)$(BINDIR)/gate64 $(addprefix $(DESTDIR),$(install_targets))
	@rmdir $(addprefix $(DESTDIR),$(DOCDIR)/recipes $(DOCDIR) $(SCHEMADIR) \
		$(addprefix $(dir $(SCHEMADIR)),grafana prometheus) $(dir $(SCHEMADIR))) \
		2>/dev/null || true
ifeq ($(DESTDIR),)
	@! test -d /run/systemd/system || systemctl daemon-reload
endif

##   clean      remove everything that was built
clean:
	rm -rf build

-include $(OBJS:.o=.d) $(O)/ops/man/manual.d $(O)/nat64/fastpath.bpf.d $(UNIT_BINS:%=%.d) \
	 $(wildcard $(O)/tests/unit/*.d $(O)/tests/diff/*.d $(O)/tests/diff_fast/*.d)
