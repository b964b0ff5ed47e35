/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slot that was freed rests before it is used again: a processor that has just found it
 * may still be reading it, and its packet must not become another session's.
 */
#include "fast.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/addr.h"
#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "fast_attach.h"
#include "fast_pins.h"
#include "fastpath.skel.h"
#include "flow.h"
#include "ipid.h"
#include "nat64.h"

enum {
	SLOT_REST_MS = 1000,
	FAILED_REST_MS = 1000,		/* after there was no slot or no memory for a session */
	/* Bytes that the kernel takes for an entry of each hash table: 56 beside key and value
	 * (struct htab_elem, and a word of its allocator), up to the next of the sizes it has */
	OUT_ENTRY = 128, IN_ENTRY = 96,
};

/* The free slots in the order they were freed, each with when that was */
struct free_slots {
	uint32_t *slot, *freed_ms;
	uint32_t size, n, first;
};

struct fast {
	struct fastpath_bpf *bpf;
	struct fast_config *config;	/* mapped */
	struct fast_session *sessions;	/* mapped; slot 0 is no slot */
	size_t config_len, sessions_len;
	int out, in;			/* descriptors of the hash tables */
	bool inherited, pinned;
	bool attached;			/* once, by us */
	struct fast_attach *attach;
	pthread_mutex_t mutex;		/* for the free slots */
	struct free_slots free;
	_Atomic uint32_t in_use;
	_Atomic int64_t failed_ms;
};

/* ---- keys ------------------------------------------------------------------------- */

static struct fast_key_out key_out(const struct fast_session *s)
{
	struct fast_key_out key = {
		.inside_port = s->inside_port, .remote_port = s->remote_port, .proto = s->proto,
	};

	memcpy(key.inside, s->inside, sizeof(key.inside));
	memcpy(key.remote6, s->remote6, sizeof(key.remote6));
	return key;
}

static struct fast_key_in key_in(const struct fast_session *s)
{
	return (struct fast_key_in){
		.outside = s->outside, .remote = s->remote, .outside_port = s->outside_port,
		.remote_port = s->remote_port, .proto = s->proto,
	};
}

static int lead_to(const struct fast *fast, uint32_t slot)
{
	const struct fast_session *s = &fast->sessions[slot];
	const struct fast_key_out out = key_out(s);
	const struct fast_key_in in = key_in(s);

	if (bpf_map_update_elem(fast->out, &out, &slot, BPF_ANY) < 0)
		return -errno;
	if (bpf_map_update_elem(fast->in, &in, &slot, BPF_ANY) == 0)
		return 0;
	bpf_map_delete_elem(fast->out, &out);
	return -ENOMEM;
}

/* ---- slots -------------------------------------------------------------------------- */

static void put_free(struct free_slots *free, uint32_t slot, int64_t now_ms)
{
	uint32_t at = (free->first + free->n) % free->size;

	free->slot[at] = slot;
	free->freed_ms[at] = (uint32_t)now_ms;
	free->n++;
}

/* Return: 0 where there is none that has rested. */
static uint32_t take_free(struct free_slots *free, int64_t now_ms)
{
	uint32_t slot;

	if (!free->n || (uint32_t)now_ms - free->freed_ms[free->first] < SLOT_REST_MS)
		return 0;
	slot = free->slot[free->first];
	free->first = (free->first + 1) % free->size;
	free->n--;
	return slot;
}

static void fill(struct fast_session *s, const struct flow *flow, uint64_t life)
{
	s->life = life;
	memcpy(s->inside, &flow->inside, sizeof(s->inside));
	memcpy(s->remote6, &flow->remote6, sizeof(s->remote6));
	s->outside = flow->outside_be32;
	s->remote = flow->remote_be32;
	s->inside_port = htons(flow->inside_port);
	s->outside_port = htons(flow->outside_port);
	s->remote_port = htons(flow->remote_port);
	s->proto = flow->l4 == L4_TCP	? IPPROTO_TCP
		   : flow->l4 == L4_UDP ? IPPROTO_UDP : IPPROTO_ICMP;
	s->in_use = 1;
}

static void give_back(struct fast *fast, uint32_t slot, int64_t now_ms)
{
	fast->sessions[slot].in_use = 0;
	pthread_mutex_lock(&fast->mutex);
	put_free(&fast->free, slot, now_ms);
	pthread_mutex_unlock(&fast->mutex);
}

uint32_t fast_add(struct fast *fast, const struct flow *flow, uint64_t life)
{
	int64_t now_ms = loop_now_ms();
	uint32_t slot;

	if (now_ms - atomic_load_explicit(&fast->failed_ms, memory_order_relaxed) < FAILED_REST_MS)
		return 0;
	pthread_mutex_lock(&fast->mutex);
	slot = take_free(&fast->free, now_ms);
	pthread_mutex_unlock(&fast->mutex);
	if (!slot) {		/* packets of many sessions ask, and would all wait for the mutex */
		atomic_store(&fast->failed_ms, now_ms);
		return 0;
	}
	fill(&fast->sessions[slot], flow, life);
	if (lead_to(fast, slot) < 0) {
		atomic_store(&fast->failed_ms, now_ms);
		give_back(fast, slot, now_ms);
		return 0;
	}
	atomic_fetch_add_explicit(&fast->in_use, 1, memory_order_relaxed);
	return slot;
}

void fast_remove(struct fast *fast, uint32_t slot)
{
	const struct fast_session *s = &fast->sessions[slot];
	const struct fast_key_out out = key_out(s);
	const struct fast_key_in in = key_in(s);

	bpf_map_delete_elem(fast->out, &out);
	bpf_map_delete_elem(fast->in, &in);
	give_back(fast, slot, loop_now_ms());
	atomic_fetch_sub_explicit(&fast->in_use, 1, memory_order_relaxed);
}

struct fast_session *fast_session(const struct fast *fast, uint32_t slot)
{
	return &fast->sessions[slot];
}

/* Whatever a process that was killed has left half done is whole, or gone, after this. */
void fast_inherited(struct fast *fast, bool (*keep)(void *arg, uint32_t slot), void *arg)
{
	for (uint32_t slot = 1; slot <= fast->config->sessions; slot++) {
		if (!fast->sessions[slot].in_use)
			continue;
		if (lead_to(fast, slot) < 0 || !keep(arg, slot))
			fast_remove(fast, slot);
	}
}

uint32_t fast_in_use(const struct fast *fast)
{
	return atomic_load_explicit(&fast->in_use, memory_order_relaxed);
}

uint64_t fast_memory_bytes(const struct fast *fast)
{
	const uint64_t entry = OUT_ENTRY + IN_ENTRY;
	/* Two tables of buckets, 16 bytes each, a power of two of them */
	uint64_t buckets = 1;

	while (buckets < fast->config->sessions)
		buckets *= 2;
	return fast->sessions_len + fast->config_len + 32 * buckets + entry * fast_in_use(fast) +
	       sizeof(*fast) + 2 * sizeof(uint32_t) * fast->free.size;
}

/* The program's counters, all processors added up */
static void read_stats(const struct fast *fast, uint64_t out[FAST_STAT_COUNT])
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(fast->bpf->maps.fast_stats);
	uint64_t *values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;

	memset(out, 0, FAST_STAT_COUNT * sizeof(*out));
	for (uint32_t i = 0; values && i < FAST_STAT_COUNT; i++)
		if (bpf_map_lookup_elem(fd, &i, values) == 0)
			for (int cpu = 0; cpu < cpus; cpu++)
				out[i] += values[cpu];
	free(values);
}

void fast_gauges(const struct fast *fast, struct nat64_gauges *out)
{
	uint64_t counted[FAST_STAT_COUNT];

	read_stats(fast, counted);
	out->fast_sessions = fast_in_use(fast);
	out->fast_interfaces = fast_interfaces(fast);
	out->fast_packets_out = counted[FAST_STAT_OUT];
	out->fast_bytes_out = counted[FAST_STAT_OUT_BYTES];
	out->fast_packets_in = counted[FAST_STAT_IN];
	out->fast_bytes_in = counted[FAST_STAT_IN_BYTES];
	out->fast_handed_over = counted[FAST_STAT_HANDED_OVER];
}

/* ---- configuration ---------------------------------------------------------------------- */

void fast_configure(struct fast *fast, const struct config *config)
{
	fast->config->lifetime_ms[FAST_LIFETIME_UDP] = config->nat64.timeouts.udp_ms;
	fast->config->lifetime_ms[FAST_LIFETIME_ICMP] = config->nat64.timeouts.icmp_ms;
	fast->config->lifetime_ms[FAST_LIFETIME_EST] = config->nat64.timeouts.tcp_established_ms;
	fast->config->lifetime_ms[FAST_LIFETIME_TRANS] = config->nat64.timeouts.tcp_transitory_ms;
	fast->config->lowest_ipv6_mtu = config->nat64.lowest_ipv6_mtu;
	fast->config->mark = NAT64_MARK;
}

void fast_links(struct fast *fast, const struct netinfo_links *links)
{
	fast->config->lowest_mtu4 = links->lowest_mtu4;
	fast->config->lowest_mtu6 = links->lowest_mtu6;
	fast->config->uplink_mtu = links->uplink_mtu;
	_Static_assert(NETINFO_ELSEWHERE_MAX == FAST_ELSEWHERE_MAX &&
		       sizeof(links->elsewhere) == sizeof(fast->config->elsewhere), "the same");
	memcpy(fast->config->elsewhere, links->elsewhere, sizeof(links->elsewhere));
	fast->config->n_elsewhere = links->n_elsewhere;
	fast->config->uplink_ifindex = links->uplink;
}

void fast_pause(struct fast *fast, bool policies)
{
	bool was = __atomic_exchange_n(&fast->config->paused, policies, __ATOMIC_RELAXED);

	if (policies && !was)
		log_warn("nat64: all packets go through user space while there are IPsec policies, or "
			 "rules of routing (ip-rule(8)) by our mark, by interface or by user");
	else if (was && !policies)
		log_info("nat64: no such policies any more: packets go fast again");
}

struct ipid_shared *fast_ids(struct fast *fast)
{
	return &fast->config->ids;
}

void fast_attach(struct fast *fast, const unsigned int *ifindexes, size_t n)
{
	fast->attached = true;
	fast_attach_to(fast->attach, ifindexes, n);
}

unsigned int fast_mend(struct fast *fast, char *names, size_t size)
{
	return fast_attach_mend(fast->attach, names, size);
}

unsigned int fast_interfaces(const struct fast *fast)
{
	return fast_attach_count(fast->attach);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int say_to_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];
	int len = vsnprintf(line, sizeof(line), format, args);

	while (len > 0 && len < (int)sizeof(line) && line[len - 1] == '\n')
		line[--len] = 0;
	if (level != LIBBPF_DEBUG)
		log_debug("nat64: libbpf: %s", line);
	return 0;
}

static int open_program(struct fast *fast)
{
	fast->bpf = fastpath_bpf__open();
	return fast->bpf ? 0 : -errno;
}

static int inherit(struct fast *fast)
{
	int err = fast_pins_reuse(fast->bpf->obj);

	fast->inherited = err == 1;
	if (err >= 0)
		return 0;
	log_warn("nat64: the flows that another version of gate64 has left in " FAST_PINS
		 " are given up: they are kept in another way, or not whole");
	/* Some maps may have been taken over before one did not fit. */
	fastpath_bpf__destroy(fast->bpf);
	fast->bpf = NULL;
	return open_program(fast);
}

static void *map_memory(const struct bpf_map *map, size_t *len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory;

	/* The kernel rounds an array's elements up to 8 bytes, and all of it to pages. */
	*len = ((bpf_map__value_size(map) + 7ul) & ~7ul) * bpf_map__max_entries(map);
	*len = (*len + page - 1) & ~(page - 1);
	memory = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static int map_all(struct fast *fast)
{
	fast->config = map_memory(fast->bpf->maps.fast_config, &fast->config_len);
	fast->sessions = map_memory(fast->bpf->maps.fast_sessions, &fast->sessions_len);
	if (!fast->config || !fast->sessions)
		return -errno;
	fast->out = bpf_map__fd(fast->bpf->maps.fast_out);
	fast->in = bpf_map__fd(fast->bpf->maps.fast_in);
	if (fast->inherited)
		return 0;
	fast->config->sessions = bpf_map__max_entries(fast->bpf->maps.fast_out);
	fast->config->layout = FASTPATH_LAYOUT;
	return ipid_shared_init(&fast->config->ids);
}

/* From now on there is somebody to hand packets over to. */
static int be_alive(const struct fast *fast)
{
	uint32_t zero = 0, program = (uint32_t)bpf_program__fd(fast->bpf->progs.gate64_pass);

	return bpf_map_update_elem(bpf_map__fd(fast->bpf->maps.fast_alive), &zero, &program,
				   BPF_ANY) < 0 ? -errno : 0;
}

static int count_slots(struct fast *fast)
{
	uint32_t n = fast->config->sessions;

	fast->free.size = n;
	fast->free.slot = calloc(n, sizeof(*fast->free.slot));
	fast->free.freed_ms = calloc(n, sizeof(*fast->free.freed_ms));
	if (!fast->free.slot || !fast->free.freed_ms)
		return -ENOMEM;
	for (uint32_t slot = 1; slot <= n; slot++) {
		if (fast->sessions[slot].in_use)
			fast->in_use++;
		else
			put_free(&fast->free, slot, loop_now_ms() - SLOT_REST_MS);
	}
	return 0;
}

static int size_maps(const struct fast *fast, uint32_t sessions)
{
	int err = bpf_map__set_max_entries(fast->bpf->maps.fast_out, sessions);

	if (!err)
		err = bpf_map__set_max_entries(fast->bpf->maps.fast_in, sessions);
	if (!err)
		err = bpf_map__set_max_entries(fast->bpf->maps.fast_sessions, sessions + 1);
	return err;
}

/* One step after the other; *@why names the one that failed. */
static int open_all(struct fast *fast, const struct config *config, const char **why)
{
	int err;

	libbpf_set_print(say_to_log);
	*why = "the program cannot be opened";
	err = open_program(fast);
	fast->pinned = fast_pins_usable();
	if (!err && fast->pinned)
		err = inherit(fast);
	if (!err && !fast->inherited)
		err = size_maps(fast, config->nat64.limits.sessions);
	if (err)
		return err;
	*why = "the kernel does not take the program";
	err = fastpath_bpf__load(fast->bpf);
	if (err)
		return err;
	*why = "its maps cannot be mapped";
	err = map_all(fast);
	if (!err)
		err = be_alive(fast);
	if (!err)
		err = count_slots(fast);
	if (err)
		return err;
	if (fast->pinned && !fast->inherited) {
		*why = "its maps cannot be pinned in " FAST_PINS;
		err = fast_pins_pin(fast->bpf->obj);
	}
	return err;
}

int fast_open(struct fast **out, const struct config *config, const char **why)
{
	struct fast *fast = calloc(1, sizeof(*fast));
	int err;

	*why = "out of memory";
	if (!fast)
		return -ENOMEM;
	pthread_mutex_init(&fast->mutex, NULL);
	fast->failed_ms = -FAILED_REST_MS;
	err = open_all(fast, config, why);
	if (!err) {
		fast->attach = fast_attach_new(bpf_program__fd(fast->bpf->progs.gate64_ether),
					       bpf_program__fd(fast->bpf->progs.gate64_bare));
		err = fast->attach ? 0 : -ENOMEM;
	}
	if (err) {
		fast_close(fast, fast->inherited);
		return err;
	}
	fast_configure(fast, config);
	*out = fast;
	return 0;
}

void fast_forget(void)
{
	struct fast_attach *attach;

	if (fast_pins_taken())
		return;
	attach = fast_attach_new(-1, -1);
	if (attach)
		fast_attach_to(attach, NULL, 0);
	fast_attach_free(attach);
	fast_pins_clear();
}

int fast_sweep(void)
{
	int err = fast_pins_take_over();

	if (err)
		return err;
	fast_forget();
	return fast_pins_remove();
}

void fast_close(struct fast *fast, bool keep)
{
	if (!fast)
		return;
	/* What is there may be another gate64's, where we have not come so far. */
	if (!keep && fast->attach && (fast->attached || fast->inherited))
		fast_attach_to(fast->attach, NULL, 0);
	if (!keep && fast->bpf && fast->pinned)
		fast_pins_unpin(fast->bpf->obj);
	fast_attach_free(fast->attach);
	if (fast->config)
		munmap(fast->config, fast->config_len);
	if (fast->sessions)
		munmap(fast->sessions, fast->sessions_len);
	fastpath_bpf__destroy(fast->bpf);
	free(fast->free.slot);
	free(fast->free.freed_ms);
	pthread_mutex_destroy(&fast->mutex);
	free(fast);
}
