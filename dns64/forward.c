/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forwarding is told to libunbound as a piece of its configuration file, for want
 * of another way to name servers for a zone that are to recurse (ub_ctx_set_stub()
 * is for those that do not). It opens files by name only: so the text stands in
 * memory, and its name is that of the descriptor.
 *
 * A zone with servers of its own is, as a rule, private: the DNS above proves that
 * it does not exist, or that it is not signed so. Hence it is exempt from
 * validation, and from the private reverse zones that libunbound answers itself.
 */
#include "forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include "../core/config.h"
#include "../core/log.h"

/* ---- the list -------------------------------------------------------------------- */

static int add(struct forward_list *list, const struct name *zone,
	       const struct endpoint_list *upstream)
{
	struct forward *forward = &list->v[list->n];

	forward->upstream = calloc(upstream->n + 1, sizeof(*forward->upstream));
	if (!forward->upstream)
		return -ENOMEM;
	list->n++;
	forward->zone = *zone;
	for (; forward->n_upstream < upstream->n; forward->n_upstream++)
		forward->upstream[forward->n_upstream] = upstream->v[forward->n_upstream];
	return 0;
}

int forward_list_init(struct forward_list *list, const struct config *config)
{
	static const struct name root = { .len = 1 };
	int err = 0;

	list->n = 0;
	list->v = calloc(config->dns64.n_zones + 1, sizeof(*list->v));
	if (!list->v)
		return -ENOMEM;
	for (size_t i = 0; i < config->dns64.n_zones && !err; i++) {
		struct name zone;

		if (name_from_text(&zone, config->dns64.zones[i].name))
			err = add(list, &zone, &config->dns64.zones[i].upstream);
	}
	if (!err && !config->dns64.upstream_recursive)
		err = add(list, &root, &config->dns64.upstream);
	return err;
}

void forward_list_free(struct forward_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i].upstream);
	free(list->v);
	*list = (struct forward_list){ 0 };
}

size_t forward_find(const struct forward_list *list, const struct name *name)
{
	size_t best = list->n;

	for (size_t i = 0; i < list->n; i++)
		if (name_below(name, &list->v[i].zone) &&
		    (best == list->n || list->v[i].zone.len > list->v[best].zone.len))
			best = i;
	return best;
}

bool forward_configured(const struct config *config, const struct name *name)
{
	struct name zone;

	for (size_t i = 0; i < config->dns64.n_zones; i++)
		if (name_from_text(&zone, config->dns64.zones[i].name) &&
		    name_below(name, &zone))
			return true;
	return false;
}

static bool endpoints_equal(const struct endpoint_list *a, const struct endpoint_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!endpoint_equal(&a->v[i], &b->v[i]))
			return false;
	return true;
}

bool forward_equal(const struct config *a, const struct config *b)
{
	if (a->dns64.upstream_recursive != b->dns64.upstream_recursive ||
	    !endpoints_equal(&a->dns64.upstream, &b->dns64.upstream) ||
	    a->dns64.n_zones != b->dns64.n_zones)
		return false;
	for (size_t i = 0; i < a->dns64.n_zones; i++)
		if (strcmp(a->dns64.zones[i].name, b->dns64.zones[i].name) != 0 ||
		    !endpoints_equal(&a->dns64.zones[i].upstream, &b->dns64.zones[i].upstream))
			return false;
	return true;
}

/* ---- as libunbound reads it --------------------------------------------------------- */

static bool is_loopback(const struct in6_addr *addr)
{
	if (addr_is_v4(addr))
		return ntohl(addr_v4_be32(addr)) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(addr);
}

/* Reverse zones of private addresses (RFC 6303 4, RFC 7793 2), which libunbound answers
 * itself: labels from first to last below a tail */
static const struct {
	unsigned int first, last;
	const char *format;
} private_zones[] = {
	{ 10, 10, "%u.in-addr.arpa" },
	{ 16, 31, "%u.172.in-addr.arpa" },
	{ 168, 168, "%u.192.in-addr.arpa" },
	{ 64, 127, "%u.100.in-addr.arpa" },
	{ 254, 254, "%u.169.in-addr.arpa" },
	{ 0xd, 0xd, "%x.f.ip6.arpa" },
	{ 0x8, 0xb, "%x.e.f.ip6.arpa" },
};

/* What libunbound would answer itself at or below the zone goes to its servers too. */
static void write_private(FILE *out, const struct forward *forward)
{
	for (size_t i = 0; i < sizeof(private_zones) / sizeof(*private_zones); i++) {
		for (unsigned int k = private_zones[i].first; k <= private_zones[i].last; k++) {
			struct name name;
			char text[32];

			snprintf(text, sizeof(text), private_zones[i].format, k);
			if (name_from_text(&name, text) && name_below(&name, &forward->zone))
				fprintf(out, "\tlocal-zone: \"%s\" nodefault\n", text);
		}
	}
}

static void write_server(FILE *out, const struct forward *forward, bool dnssec)
{
	char zone[NAME_TEXT_MAX];

	name_format(&forward->zone, zone);
	fputs("server:\n", out);
	/* The root is neither private nor unsigned: its servers are merely nearer. */
	if (forward->zone.len > 1) {
		fprintf(out, "\tlocal-zone: \"%s\" transparent\n", zone);
		write_private(out, forward);
		if (dnssec)
			fprintf(out, "\tdomain-insecure: \"%s\"\n", zone);
	}
	for (size_t i = 0; i < forward->n_upstream; i++)
		if (is_loopback(&forward->upstream[i].addr))
			fputs("\tdo-not-query-localhost: no\n", out);
}

static void write_forward(FILE *out, const struct forward *forward)
{
	char zone[NAME_TEXT_MAX], addr[ADDR_STRLEN];

	fprintf(out, "forward-zone:\n\tname: \"%s\"\n", name_format(&forward->zone, zone));
	for (size_t i = 0; i < forward->n_upstream; i++)
		fprintf(out, "\tforward-addr: %s@%u\n",
			addr_format(&forward->upstream[i].addr, addr), forward->upstream[i].port);
}

/* The name of the descriptor holds as long as it is open. */
static int read_text(struct ub_ctx *ctx, int fd)
{
	char path[32];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = ub_ctx_config(ctx, path);
	if (err)
		log_error("dns64: libunbound does not take what is to be forwarded (%s)",
			  ub_strerror(err));
	return err ? -EINVAL : 0;
}

int forward_apply(struct ub_ctx *ctx, const struct forward_list *list, bool dnssec)
{
	int fd = memfd_create("forward", MFD_CLOEXEC);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	int err;

	if (!out) {
		err = -errno;
		log_error("dns64: no memory file: %s", strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (size_t i = 0; i < list->n; i++) {
		write_server(out, &list->v[i], dnssec);
		write_forward(out, &list->v[i]);
	}
	if (fflush(out) == 0)
		err = read_text(ctx, fd);
	else
		err = -ENOSPC;
	fclose(out);
	return err;
}
