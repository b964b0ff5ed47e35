/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace_say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mss.h"
#include "mtu.h"
#include "route.h"
#include "trace.h"

void say(struct tracer *t, const char *by, const char *format, ...)
{
	struct nat64_step *step = &t->out->steps[t->out->n_steps];
	va_list args;

	if (t->out->n_steps == NAT64_STEPS_MAX)
		return;
	t->out->n_steps++;
	step->by = by;
	va_start(args, format);
	vsnprintf(step->text, sizeof(step->text), format, args);
	va_end(args);
}

bool ends(struct tracer *t, enum nat64_outcome outcome, const char *format, ...)
{
	va_list args;

	t->out->outcome = outcome;
	t->out->steps[t->out->n_steps - 1].stops = true;
	va_start(args, format);
	vsnprintf(t->out->verdict, sizeof(t->out->verdict), format, args);
	va_end(args);
	return false;
}

struct text text4(uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);
	struct text text;

	addr_format(&addr, text.s);
	return text;
}

struct text text6(const struct in6_addr *addr)
{
	struct text text;

	addr_format(addr, text.s);
	return text;
}

struct text text_end(const struct in6_addr *addr, uint16_t port)
{
	const struct endpoint end = { *addr, port };
	struct text text;

	endpoint_format(&end, text.s);
	return text;
}

struct text text_end4(uint32_t v4_be32, uint16_t port)
{
	struct in6_addr addr = addr_from_v4(v4_be32);

	return text_end(&addr, port);
}

const char *holder(const struct prefix_list *list, const struct in6_addr *addr,
		   char text[PREFIX_STRLEN])
{
	const struct prefix *best = NULL;

	for (size_t i = 0; i < list->n; i++)
		if (prefix_contains(&list->v[i], addr) && (!best || list->v[i].len > best->len))
			best = &list->v[i];
	text[0] = '\0';
	return best ? prefix_format(best, text) : text;
}

void say_way(struct tracer *t, const char *whom, const struct in6_addr *dst)
{
	struct route route;
	int err = route_get(dst, NAT64_MARK, &route);

	if (err)
		say(t, "the kernel's routes", "there is no way to %s %s: %s", whom,
		    text6(dst).s, strerror(-err));
	else if (route.has_gateway)
		say(t, "the kernel's routes", "the way to %s %s is %s by %s", whom,
		    text6(dst).s, route.interface, text6(&route.gateway).s);
	else
		say(t, "the kernel's routes", "the way to %s %s is %s", whom, text6(dst).s,
		    route.interface);
}

void say_sizes(struct tracer *t, const struct in6_addr *inside, const struct in6_addr *remote)
{
	size_t mtu6 = mtu_to(t->mtus, inside, t->now_ms);
	size_t mtu4 = t->turning ? IPV4_MAX : mtu_to(t->mtus, remote, t->now_ms);
	uint16_t mss = mss_limit(t->room->config, mtu4, mtu6);

	if (t->turning)
		say(t, "RFC 7915 4, 5", "the MTU is %zu towards the IPv6 host", mtu6);
	else
		say(t, "RFC 7915 4, 5", "the MTU is %zu towards the IPv4 host, %zu towards the "
		    "IPv6 host", mtu4, mtu6);
	if (t->l4 == L4_TCP && mss)
		say(t, "nat64.mss_clamp", "an MSS above %u becomes %u, both ways", mss, mss);
}
