/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel has, and where its tables and buffers overflow. */
#include "doctor.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/config.h"
#include "../nat64/nat64.h"
#include "doctor_buffers.h"
#include "doctor_read.h"
#include "doctor_sockets.h"
#include "ruleset_backend.h"

enum {
	NEARLY = 90,			/* percent */
	QUEUES_MAX = 1024,		/* of ours, from NAT64_QUEUE_FIRST on */
	SAMPLE_US = 1000000,		/* between two readings of a counter */
	UDP_BUFFER = 1 << 20,		/* bytes, as dns64/listen.c asks for */
};

/* ---- queues ------------------------------------------------------------------------ */

static bool has_program(const char *name)
{
	static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };
	char path[64];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Has nftables a way to queue? Return: 0; -ENOENT: not with this kernel; -errno. */
static int nft_queues(void)
{
	char said[RULESET_SAID_SIZE];
	int err = ruleset_nft_open();

	if (err)
		return err;
	err = ruleset_nft_check("table inet gate64-doctor {\n chain c {\n  type filter hook "
				"prerouting "
				"priority raw; policy accept;\n  queue to 6400\n }\n}\n",
				said);
	ruleset_nft_close();
	return err;
}

void doctor_queue(struct doctor *doctor)
{
	int err;

	if (!doctor->config->nat64.enabled) {
		doctor_skip(doctor, "nat64 is off");
		return;
	}
	if (access("/proc/net/netfilter/nfnetlink_queue", F_OK) < 0 && geteuid() == 0) {
		doctor_find(doctor, "the kernel has no nfnetlink_queue");
		doctor_mend(doctor, "modprobe nfnetlink_queue; where there is none: another kernel "
				    "(CONFIG_NETFILTER_NETLINK_QUEUE)");
		return;
	}
	/* Where rules are in place, they could be made. */
	if (doctor->status)
		return;
	err = nft_queues();
	if (!err)
		return;
	if (geteuid() != 0) {
		doctor_cannot(doctor, "only root may try nftables' queue");
	} else if (!has_program("iptables-nft-restore") || !has_program("ip6tables-nft-restore")) {
		doctor_find(doctor, "nftables cannot queue with this kernel (nft_queue), and there "
				    "is no "
				    "iptables-nft-restore to do it otherwise");
		doctor_mend(doctor, "modprobe nft_queue, or: apt install iptables");
	}
}

/* Of our queues. Return: false where they cannot be read, which is said. */
static bool count_lost(struct doctor *doctor, uint64_t *full, uint64_t *unsent)
{
	FILE *file = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	struct read_queue queue;
	char line[256];

	*full = *unsent = 0;
	if (!file) {
		doctor_cannot(doctor, "/proc/net/netfilter/nfnetlink_queue: %s", strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), file)) {
		if (!read_queue(line, &queue) || queue.number < NAT64_QUEUE_FIRST ||
		    queue.number >= NAT64_QUEUE_FIRST + QUEUES_MAX)
			continue;
		*full += queue.dropped;
		*unsent += queue.unsent;
	}
	fclose(file);
	return true;
}

/* The kernel counts since the queues were opened: only where more are lost now is it news. */
void doctor_queue_drops(struct doctor *doctor)
{
	uint64_t full, unsent, full_now, unsent_now;

	if (!count_lost(doctor, &full, &unsent) || (!full && !unsent))
		return;
	usleep(SAMPLE_US);
	if (!count_lost(doctor, &full_now, &unsent_now))
		return;
	if (full_now + unsent_now <= full + unsent) {
		doctor_note(doctor, "queues have dropped %llu packets since the gateway started, "
				    "none of them now", (unsigned long long)full + unsent);
		return;
	}
	doctor_find(doctor,
		    "queues have dropped %llu packets within a second, %llu of them as a buffer "
		    "was full",
		    (unsigned long long)(full_now + unsent_now - full - unsent),
		    (unsigned long long)(unsent_now - unsent));
	doctor_mend(doctor, "more processors, or nat64: {fast_path: auto}; a client that floods: "
			    "nat64: {limits: {new_per_client: 200/s}}");
}

/* ---- BPF --------------------------------------------------------------------------- */

static void mend_fast_path(struct doctor *doctor)
{
	doctor_mend(doctor, "a kernel from 6.1 on, with CAP_BPF and CAP_PERFMON for the gateway "
			    "(its "
			    "unit has them) and /sys/fs/bpf mounted; or say that it is meant so: "
			    "nat64: {fast_path: off}");
}

/* Without a gateway the kernel is asked whether it takes such programs at all. */
static void judge_bpf(struct doctor *doctor)
{
	if (geteuid() != 0) {
		doctor_cannot(doctor, "only root may try BPF");
	} else if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL) != 1) {
		doctor_find(doctor, "this kernel takes no BPF programs for traffic control");
		mend_fast_path(doctor);
	}
}

void doctor_fast_path(struct doctor *doctor)
{
	struct json_object *enabled = doctor_status(doctor, "rooms.nat64.fast_path.enabled");
	struct json_object *because = doctor_status(doctor, "rooms.nat64.fast_path.because");

	if (!doctor->config->nat64.enabled ||
	    doctor->config->nat64.fast_path == CONFIG_FAST_PATH_OFF) {
		doctor_skip(doctor, "it is off by the configuration");
	} else if (!enabled) {
		judge_bpf(doctor);
	} else if (!json_object_get_boolean(enabled)) {
		doctor_find(doctor, "there is no fast path: %s", json_object_get_string(because));
		mend_fast_path(doctor);
	}
}

void doctor_btf(struct doctor *doctor)
{
	if (!doctor->config->nat64.enabled ||
	    doctor->config->nat64.fast_path == CONFIG_FAST_PATH_OFF) {
		doctor_skip(doctor, "the fast path is off by the configuration");
	} else if (access("/sys/kernel/btf/vmlinux", R_OK) < 0 &&
		   !json_object_get_boolean(
			   doctor_status(doctor, "rooms.nat64.fast_path.enabled"))) {
		doctor_find(doctor, "there is no /sys/kernel/btf/vmlinux");
		doctor_mend(doctor, "a kernel with CONFIG_DEBUG_INFO_BTF, as Debian's are; or "
				    "nat64: {fast_path: off}");
	}
}

/* ---- tables and buffers ------------------------------------------------------------ */

void doctor_conntrack(struct doctor *doctor)
{
	long count = doctor_sysctl("net/netfilter/nf_conntrack_count");
	long max = doctor_sysctl("net/netfilter/nf_conntrack_max");

	if (count < 0 || max <= 0) {
		doctor_skip(doctor, "the kernel tracks no connections");
	} else if (count >= max * NEARLY / 100) {
		doctor_find(doctor, "%ld of %ld entries are in use", count, max);
		doctor_mend(doctor, "sysctl -w net.netfilter.nf_conntrack_max=%ld, and keep it in "
				    "/etc/sysctl.d", 4 * max);
	}
}

/* Lost since they were opened, by all sockets at @at */
static uint64_t count_drops(const struct endpoint *at)
{
	struct sockets sockets;
	uint64_t drops = 0;

	if (sockets_read(&sockets, 0) < 0)
		return 0;
	for (size_t i = 0; i < sockets.n; i++)
		if (sockets_conflict(&sockets.v[i], false, at, false))
			drops += sockets.v[i].socket.drops;
	sockets_free(&sockets);
	return drops;
}

static void judge_drops(struct doctor *doctor, const struct endpoint *at, const char *text)
{
	uint64_t before = count_drops(at), now;

	if (!before)
		return;
	usleep(SAMPLE_US);
	now = count_drops(at);
	if (now <= before) {
		doctor_note(doctor, "at %s %llu queries were dropped since the gateway started, "
				    "none of them now", text, (unsigned long long)before);
		return;
	}
	doctor_find(doctor, "at %s %llu queries were dropped within a second, as buffers were full",
		    text, (unsigned long long)(now - before));
	doctor_mend(doctor, "more processors; who asks so much: gate64 dns top");
}

/* Beyond the system's limit a socket's buffer gets only where CAP_NET_ADMIN is. */
static void judge_buffer(struct doctor *doctor, const struct endpoint *at)
{
	char text[ENDPOINT_STRLEN];
	uint32_t bytes;

	endpoint_format(at, text);
	if (buffers_smallest(at, &bytes) == 0 && bytes < UDP_BUFFER) {
		doctor_find(doctor, "at %s %u bytes of queries may wait, dns64 wants %u", text,
			    bytes, UDP_BUFFER);
		doctor_mend(doctor, "sysctl -w net.core.rmem_max=%u, keep it in /etc/sysctl.d, and "
				    "restart the gateway; or give it CAP_NET_ADMIN", UDP_BUFFER);
	} else {
		judge_drops(doctor, at, text);
	}
}

void doctor_udp_buffers(struct doctor *doctor)
{
	const struct endpoint_list *listen = &doctor->config->dns64.listen;

	if (!doctor->pid || !doctor->config->dns64.enabled) {
		doctor_skip(doctor, doctor->pid ? "dns64 is off" : "no gateway runs");
		return;
	}
	if (access("/proc/net/udp", R_OK) < 0) {
		doctor_cannot(doctor, "/proc/net/udp cannot be read");
		return;
	}
	for (size_t i = 0; i < listen->n; i++)
		judge_buffer(doctor, &listen->v[i]);
}

static void judge_use(struct doctor *doctor, const char *what, const char *used_at,
		      const char *max_at, const char *mend)
{
	int64_t used = json_object_get_int64(doctor_status(doctor, used_at));
	int64_t max = json_object_get_int64(doctor_status(doctor, max_at));

	if (max <= 0 || used < max * NEARLY / 100 || !used)
		return;
	doctor_find(doctor, "%lld of %lld %s are in use", (long long)used, (long long)max, what);
	doctor_mend(doctor, "%s", mend);
}

void doctor_full(struct doctor *doctor)
{
	if (!doctor->status)
		doctor_skip(doctor, "no gateway runs");
	judge_use(doctor, "NAT64 sessions", "rooms.nat64.sessions", "rooms.nat64.sessions_max",
		  "raise nat64: {limits: {sessions: ..}}; who has them: gate64 flows");
	judge_use(doctor, "ports of nat64.pool4", "rooms.nat64.ports_used",
		  "rooms.nat64.ports_size",
		  "more ports or another address in nat64.pool4; who has them: gate64 bindings");
	judge_use(doctor, "connections of snid", "rooms.snid.connections",
		  "rooms.snid.connections_max",
		  "raise snid: {limits: {connections: ..}}; who has them: gate64 connections");
	judge_use(doctor, "connections of snid that are opening", "rooms.snid.opening",
		  "rooms.snid.opening_max",
		  "raise snid: {limits: {opening: ..}}; whose they are: gate64 connections");
}
