/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a trace is written down: addresses as text, steps, the end. */
#ifndef NAT64_TRACE_SAY_H
#define NAT64_TRACE_SAY_H

#include <stdint.h>

#include "../core/addr.h"
#include "nat64.h"
#include "packet.h"

struct mtu_cache;
struct trace_room;

/* One trace in the making */
struct tracer {
	const struct trace_room *room;
	struct nat64_trace *out;
	struct mtu_cache *mtus;
	int64_t now_ms;
	enum l4_proto l4;
	bool turning;		/* an IPv4 packet of our own making, on its way back in */
};

/** say() - one step more. @by: static, see struct nat64_step. */
void say(struct tracer *t, const char *by, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** ends() - the step said last is where its way ends, with this verdict. Return: false. */
bool ends(struct tracer *t, enum nat64_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A short-lived text: good until the end of the expression that makes it */
struct text {
	char s[ENDPOINT_STRLEN];
};

struct text text4(uint32_t v4_be32);
struct text text6(const struct in6_addr *addr);		/* either family */
struct text text_end(const struct in6_addr *addr, uint16_t port);
struct text text_end4(uint32_t v4_be32, uint16_t port);

/** holder() - the longest prefix of @list that holds @addr, as text; "" where none does. */
const char *holder(const struct prefix_list *list, const struct in6_addr *addr,
		   char text[PREFIX_STRLEN]);

/** say_way() - by which interface and router it goes on to @dst. @whom: "the IPv4 host". */
void say_way(struct tracer *t, const char *whom, const struct in6_addr *dst);

/** say_sizes() - the MTU of both ways, and what becomes of the MSS. */
void say_sizes(struct tracer *t, const struct in6_addr *inside, const struct in6_addr *remote);

#endif
