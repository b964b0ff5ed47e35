/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "codes.h"
#include "tally.h"

enum {
	WIRE_MAX = MESSAGE_HEADER_LEN + NAME_WIRE_MAX + 4 + 11,	/* with an empty OPT */
	EDNS_DO = 0x80,		/* in the high byte of OPT's flags */
};

struct explain {
	int fd;
	bool over;		/* as far as the main thread knows */
	unsigned int holders;	/* the worker, while it looks at the query; and who waits */
	bool anew;
	struct query query;
	uint8_t wire[WIRE_MAX];
	size_t wire_len;
	struct explain_side main, a;
	size_t n_steps;
	struct explain_step steps[EXPLAIN_STEPS_MAX];
	uint8_t *reply;		/* NULL: none yet */
	size_t reply_len;
};

static void put_u16(struct explain *explain, uint16_t value)
{
	explain->wire[explain->wire_len++] = (uint8_t)(value >> 8);
	explain->wire[explain->wire_len++] = (uint8_t)value;
}

/* RD, for which all clients ask; AD, that it may be told (RFC 6840 5.7); EDNS, that errors
 * may be explained (RFC 8914). */
static void compose(struct explain *explain, const struct query *query)
{
	static const uint8_t root;

	put_u16(explain, 0);
	put_u16(explain, query->flags);
	put_u16(explain, 1);
	put_u16(explain, 0);
	put_u16(explain, 0);
	put_u16(explain, 1);
	memcpy(explain->wire + explain->wire_len, query->qname.wire, query->qname.len);
	explain->wire_len += query->qname.len;
	put_u16(explain, query->type);
	put_u16(explain, query->class);
	explain->wire[explain->wire_len++] = root;
	put_u16(explain, LDNS_RR_TYPE_OPT);
	put_u16(explain, MESSAGE_UDP_MAX);
	put_u16(explain, 0);
	put_u16(explain, query->dnssec_ok ? EDNS_DO << 8 : 0);
	put_u16(explain, 0);
}

struct explain *explain_new(const struct name *qname, uint16_t type,
			    const struct explain_options *options)
{
	struct explain *explain = calloc(1, sizeof(*explain));

	if (!explain)
		return NULL;
	explain->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (explain->fd < 0) {
		free(explain);
		return NULL;
	}
	explain->anew = options->anew;
	explain->query = (struct query){
		.flags = MESSAGE_RD | MESSAGE_AD,
		.qname = *qname,
		.type = type,
		.class = LDNS_RR_CLASS_IN,
		.edns = true,
		.dnssec_ok = options->dnssec_ok,
	};
	compose(explain, &explain->query);
	return explain;
}

int explain_fd(const struct explain *explain)
{
	return explain->fd;
}

/* What was written before the descriptor was is seen by who reads it. */
bool explain_is_over(struct explain *explain)
{
	uint64_t count;

	if (!explain->over)
		explain->over = read(explain->fd, &count, sizeof(count)) == sizeof(count);
	return explain->over;
}

static void side_free(struct explain_side *side)
{
	free((void *)(uintptr_t)side->answer.wire);
	free((void *)(uintptr_t)side->answer.why);
}

void explain_free(struct explain *explain)
{
	if (!explain)
		return;
	close(explain->fd);
	side_free(&explain->main);
	side_free(&explain->a);
	free(explain->reply);
	free(explain);
}

/* ---- what was heard ------------------------------------------------------------------ */

const struct query *explain_query(const struct explain *explain)
{
	return &explain->query;
}

const struct explain_step *explain_steps(const struct explain *explain, size_t *n)
{
	*n = explain->n_steps;
	return explain->steps;
}

const struct explain_side *explain_main(const struct explain *explain)
{
	return &explain->main;
}

const struct explain_side *explain_a(const struct explain *explain)
{
	return &explain->a;
}

const uint8_t *explain_reply(const struct explain *explain, size_t *len)
{
	*len = explain->reply_len;
	return explain->reply;
}

/* ---- what is said ---------------------------------------------------------------------- */

const uint8_t *explain_wire(const struct explain *explain, size_t *len)
{
	*len = explain->wire_len;
	return explain->wire;
}

bool explain_anew(const struct explain *explain)
{
	return explain && explain->anew;
}

void explain_say(struct explain *explain, const char *by, const char *format, ...)
{
	struct explain_step *step;
	va_list args;

	if (!explain || explain->n_steps == EXPLAIN_STEPS_MAX)
		return;
	step = &explain->steps[explain->n_steps++];
	step->by = by;
	va_start(args, format);
	vsnprintf(step->text, sizeof(step->text), format, args);
	va_end(args);
}

static struct explain_side *side_of(struct explain *explain, bool a)
{
	return a ? &explain->a : &explain->main;
}

void explain_asked(struct explain *explain, bool a, const struct name *qname, uint16_t type)
{
	struct explain_side *side;

	if (!explain)
		return;
	side = side_of(explain, a);
	side->asked = true;
	side->qname = *qname;
	side->type = type;
	side->asked_us = tally_now_us();
}

void explain_answered(struct explain *explain, bool a, const struct resolver_answer *answer)
{
	struct explain_side *side;
	uint8_t *wire;

	if (!explain)
		return;
	side = side_of(explain, a);
	wire = answer->wire ? malloc(answer->wire_len) : NULL;
	if (wire)
		memcpy(wire, answer->wire, answer->wire_len);
	side_free(side);
	side->answer = *answer;
	side->answer.wire = wire;
	side->answer.why = answer->why ? strdup(answer->why) : NULL;
	side->took_us = tally_now_us() - side->asked_us;
	side->known = true;
}

void explain_take_reply(struct explain *explain, const uint8_t *wire, size_t len)
{
	free(explain->reply);
	explain->reply = malloc(len);
	explain->reply_len = explain->reply ? len : 0;
	if (explain->reply)
		memcpy(explain->reply, wire, len);
}

void explain_hold(struct explain *explain)
{
	explain->holders++;
}

void explain_release(struct explain *explain)
{
	uint64_t one = 1;

	if (--explain->holders > 0)
		return;
	/* It fails only when it is full, and this is written once. */
	if (write(explain->fd, &one, sizeof(one)) < 0)
		return;
}
