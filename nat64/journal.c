/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring is the bounded queue of Dmitry Vyukov (1024cores.net, "Bounded MPMC queue"):
 * a cell's turn says whether it is free for the writer at a position, or full for the
 * reader there. One thread reads.
 */
#include "journal.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "bib.h"

enum {
	CELLS = 16384,		/* a power of two */
	WRITE_EVERY_MS = 100,
	PATIENCE_MS = 1000,
	STALL_MS = 200,		/* stderr takes no line for so long: nobody reads */
	NAP_US = 1000,
	LINE = 512,		/* the longest is some 300 bytes */
};

/* natEvent, RFC 8158 5.2 */
enum nat_event {
	SESSION_CREATE = 6, SESSION_DELETE = 7,
	BINDING_CREATE = 10, BINDING_DELETE = 11,
	BLOCK_ALLOCATE = 16, BLOCK_DEALLOCATE = 17,
};

static const char *const event_words[] = {
	[SESSION_CREATE] = "session-create", [SESSION_DELETE] = "session-delete",
	[BINDING_CREATE] = "binding-create", [BINDING_DELETE] = "binding-delete",
	[BLOCK_ALLOCATE] = "block-allocate", [BLOCK_DEALLOCATE] = "block-deallocate",
};

static const char *const proto_words[] = { [L4_TCP] = "tcp", [L4_UDP] = "udp", [L4_ICMP] = "icmp" };

struct record {
	struct timespec at;
	enum nat_event event;
	enum l4_proto l4;
	struct in6_addr inside;			/* of a block: the client's prefix */
	struct in6_addr remote6;
	uint32_t outside_be32, remote_be32;
	uint16_t inside_port, outside_port;	/* host byte order; of a block: first, last */
	uint16_t remote_port;
	uint8_t prefix_len;
};

struct cell {
	_Atomic uint32_t turn;
	struct record record;
};

/* Who records does not share a cache line with who reads. */
struct journal { /* NOLINT(clang-analyzer-optin.performance.Padding) */
	_Atomic int mode;			/* enum config_flow_log */
	struct loop *loop;
	struct event *tick;
	uint32_t read_at;			/* the reader's own */
	int64_t patient_until_ms, taken_ms;	/* of who records while nobody else does */
	_Atomic uint32_t write_at __attribute__((aligned(64)));
	struct cell cells[CELLS];
};

/* ---- recording ------------------------------------------------------------------- */

static bool wants(const struct journal *journal, enum config_flow_log mode)
{
	return journal && atomic_load_explicit(&journal->mode, memory_order_relaxed) == (int)mode;
}

static bool wait_for_room(struct journal *journal);

static void put(struct journal *journal, const struct record *record)
{
	uint32_t at = atomic_load_explicit(&journal->write_at, memory_order_relaxed);
	struct cell *cell;

	for (;;) {
		int32_t ahead;

		cell = &journal->cells[at % CELLS];
		ahead = (int32_t)(atomic_load_explicit(&cell->turn, memory_order_acquire) - at);
		if (ahead < 0 && !wait_for_room(journal)) {
			stats_inc(STAT_NAT64_LOG_LOST);
			return;
		}
		if (ahead != 0)
			at = atomic_load_explicit(&journal->write_at, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(&journal->write_at, &at, at + 1,
							       memory_order_relaxed,
							       memory_order_relaxed))
			break;
	}
	cell->record = *record;
	clock_gettime(CLOCK_REALTIME, &cell->record.at);
	atomic_store_explicit(&cell->turn, at + 1, memory_order_release);
}

void journal_binding(struct journal *journal, bool begins, const struct bib *bib)
{
	if (wants(journal, CONFIG_FLOW_LOG_BINDINGS) ||
	    (!bib->blocked && wants(journal, CONFIG_FLOW_LOG_PORT_BLOCKS)))
		put(journal, &(struct record){
			.event = begins ? BINDING_CREATE : BINDING_DELETE,
			.l4 = bib->l4,
			.inside = bib->inside,
			.outside_be32 = bib->outside_be32,
			.inside_port = bib->inside_port,
			.outside_port = bib->outside_port,
		});
}

void journal_session(struct journal *journal, bool begins, const struct flow *flow)
{
	if (wants(journal, CONFIG_FLOW_LOG_SESSIONS))
		put(journal, &(struct record){
			.event = begins ? SESSION_CREATE : SESSION_DELETE,
			.l4 = flow->l4,
			.inside = flow->inside,
			.remote6 = flow->remote6,
			.outside_be32 = flow->outside_be32,
			.remote_be32 = flow->remote_be32,
			.inside_port = flow->inside_port,
			.outside_port = flow->outside_port,
			.remote_port = flow->remote_port,
		});
}

void journal_block(struct journal *journal, bool begins, const struct prefix *client,
		   uint32_t outside_be32, uint16_t first, uint16_t last)
{
	if (wants(journal, CONFIG_FLOW_LOG_PORT_BLOCKS))
		put(journal, &(struct record){
			.event = begins ? BLOCK_ALLOCATE : BLOCK_DEALLOCATE,
			.inside = client->addr,
			.prefix_len = client->len,
			.outside_be32 = outside_be32,
			.inside_port = first,
			.outside_port = last,
		});
}

/* ---- writing ---------------------------------------------------------------------- */

static const char *text4(uint32_t v4_be32, char *text)
{
	struct in6_addr addr = addr_from_v4(v4_be32);

	return addr_format(&addr, text);
}

static void format_head(FILE *out, const struct record *record)
{
	char when[32];
	struct tm tm;

	gmtime_r(&record->at.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "{\"time\":\"%s.%03ldZ\",\"event\":\"%s\",\"natEvent\":%d", when,
		record->at.tv_nsec / 1000000, event_words[record->event], record->event);
}

static void format_block(FILE *out, const struct record *record)
{
	struct prefix client = { record->inside, record->prefix_len };
	char prefix[PREFIX_STRLEN], outside[ADDR_STRLEN];

	fprintf(out, ",\"client\":\"%s\",\"outside\":\"%s\",\"first_port\":%u,\"last_port\":%u}",
		prefix_format(&client, prefix), text4(record->outside_be32, outside),
		record->inside_port, record->outside_port);
}

static void format_flow(FILE *out, const struct record *record)
{
	char inside[ADDR_STRLEN], outside[ADDR_STRLEN], remote[ADDR_STRLEN], remote6[ADDR_STRLEN];
	bool session = record->event == SESSION_CREATE || record->event == SESSION_DELETE;

	fprintf(out, ",\"proto\":\"%s\",\"inside\":\"%s\",\"inside_port\":%u,"
		"\"outside\":\"%s\",\"outside_port\":%u", proto_words[record->l4],
		addr_format(&record->inside, inside), record->inside_port,
		text4(record->outside_be32, outside), record->outside_port);
	if (session)
		fprintf(out, ",\"remote6\":\"%s\",\"remote\":\"%s\"",
			addr_format(&record->remote6, remote6),
			text4(record->remote_be32, remote));
	if (session && record->l4 != L4_ICMP)
		fprintf(out, ",\"remote_port\":%u", record->remote_port);
	fputc('}', out);
}

/* Return: false where stderr takes nothing now; the record must wait. */
static bool write_record(const struct record *record)
{
	char line[LINE];
	FILE *out = fmemopen(line, sizeof(line), "w");

	if (!out) {
		stats_inc(STAT_NAT64_LOG_LOST);
		return true;
	}
	format_head(out, record);
	if (record->event >= BLOCK_ALLOCATE)
		format_block(out, record);
	else
		format_flow(out, record);
	fclose(out);
	return log_object(line);
}

static bool is_empty(const struct journal *journal)
{
	const struct cell *cell = &journal->cells[journal->read_at % CELLS];

	return atomic_load_explicit(&cell->turn, memory_order_acquire) != journal->read_at + 1;
}

/* At most a ringful, so that a flood of records lets the loop go on. Return: how many. */
static int write_out(struct journal *journal)
{
	int n = 0;

	while (n < CELLS && !is_empty(journal)) {
		struct cell *cell = &journal->cells[journal->read_at % CELLS];

		if (!write_record(&cell->record))
			break;
		atomic_store_explicit(&cell->turn, journal->read_at + CELLS, memory_order_release);
		journal->read_at++;
		n++;
	}
	return n;
}

static int write_now(void *arg)
{
	return write_out(arg);
}

/* Return: false once patience is at its end. */
static bool wait_for_room(struct journal *journal)
{
	int64_t now_ms = loop_now_ms();

	if (now_ms >= journal->patient_until_ms)
		return false;
	if (loop_call(journal->loop, write_now, journal) > 0)
		journal->taken_ms = now_ms;
	else if (now_ms - journal->taken_ms >= STALL_MS)
		journal->patient_until_ms = 0;
	else
		usleep(NAP_US);
	return true;
}

/* Once the log is off the thread sleeps, but not before all is written. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct journal *journal = arg;

	(void)fd;
	(void)what;
	write_out(journal);
	if (atomic_load(&journal->mode) == CONFIG_FLOW_LOG_OFF && is_empty(journal))
		event_del(journal->tick);
}

/* ---- life --------------------------------------------------------------------------- */

static int set_tick(void *arg)
{
	struct timeval every = { .tv_usec = WRITE_EVERY_MS * 1000 };
	struct journal *journal = arg;

	write_out(journal);
	return event_add(journal->tick, &every);
}

void journal_mode(struct journal *journal, enum config_flow_log mode)
{
	atomic_store(&journal->mode, (int)mode);
	if (loop_call(journal->loop, set_tick, journal) < 0)
		log_error("nat64: the flow log cannot be written: out of memory");
}

void journal_patience(struct journal *journal, bool on)
{
	journal->taken_ms = loop_now_ms();
	journal->patient_until_ms = on ? journal->taken_ms + PATIENCE_MS : 0;
}

struct journal *journal_new(void)
{
	struct journal *journal = aligned_alloc(64, sizeof(*journal));

	if (!journal)
		return NULL;
	memset(journal, 0, sizeof(*journal));
	for (uint32_t i = 0; i < CELLS; i++)
		atomic_init(&journal->cells[i].turn, i);
	journal->loop = loop_new("nat64-log");
	if (journal->loop)
		journal->tick = event_new(loop_base(journal->loop), -1, EV_PERSIST, on_tick, journal);
	if (journal->tick)
		return journal;
	journal_free(journal);
	return NULL;
}

int journal_start(struct journal *journal, int (*enter)(void))
{
	return loop_start(journal->loop, enter);
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->loop)
		loop_stop(journal->loop);
	journal_patience(journal, true);
	while (!is_empty(journal) && wait_for_room(journal))
		;
	if (journal->tick)
		event_free(journal->tick);
	loop_free(journal->loop);
	free(journal);
}
