/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libunbound's options, every one of them checked. A context takes none after
 * its first question, and is made complete by that question. So one is asked
 * here, for "localhost", which it answers itself: what is wrong shows at once,
 * and in the thread that makes it.
 *
 * Making and deleting contexts touches state that all contexts share (libunbound's
 * issue 1492). So both happen under one lock. Deleting takes long where the caches
 * are full, a tenth of a second and more: a thread of its own does it, and no worker
 * waits for that. What is made for a change of configuration is made in behalf of the
 * main thread, which has the lock by then; who renews his own may do without.
 */
#include "context.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "../core/config.h"
#include "../core/log.h"
#include "codes.h"
#include "resolver.h"
#include "ub_events.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;

/* Contexts to be deleted, and the threads that do so; the process does not end before. */
static pthread_mutex_t dead_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t deleted = PTHREAD_COND_INITIALIZER;
static STAILQ_HEAD(context_queue, context) dead = STAILQ_HEAD_INITIALIZER(dead);
static unsigned int n_deleting;

/* What libunbound has to say goes where everything goes. Its lines begin with
 * "[time] libunbound[pid:thread] ", which is dropped. */
static ssize_t log_line(void *cookie, const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	(void)cookie;
	for (int i = 0; i < 2; i++) {
		const char *bracket = memmem(at, (size_t)(end - at), "] ", 2);

		at = bracket ? bracket + 2 : at;
	}
	while (end > at && end[-1] == '\n')
		end--;
	if (end - at > 6 && strncmp(at, "error:", 6) == 0)
		log_limited(LOG_LEVEL_WARN, "libunbound: %.*s", (int)(end - at), at);
	else if (end > at)
		log_debug("libunbound: %.*s", (int)(end - at), at);
	return (ssize_t)len;
}

/* One stream for all contexts and for good: libunbound has one log a process. */
static FILE *log_stream(void)
{
	static FILE *stream;

	if (!stream) {
		stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = log_line });
		if (stream)
			setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	}
	return stream;
}

/*
 * What a recursive resolver is attacked with, and what is done about it here and in
 * libunbound (1.17.1 as Debian has mended it); tests in tests/lab.
 *
 * forged answers (RFC 5452)	a random ID and a socket of its own for each question, at a
 *				random port of the host's range: set_source_ports(); letter
 *				case by chance, with fallback for servers that lose it:
 *				use-caps-for-id; test_zones.py, `lower-case' of dns_odd.py
 * garbage before the answer	a datagram that fits no question is passed over, and waiting
 *				goes on: `lie-id', `lie-question'
 * birthdays			who asks the same waits for one question: lookup.c, and the
 *				mesh of libunbound
 * records out of bailiwick	removed by the iterator's scrubber, with promiscuous NS records
 *				(CVE-2025-11411); harden-glue; our cache keeps whole answers,
 *				and no record of one for another name: `poison'
 * aliases without end		16 links: max-query-restarts, message_chase()
 * truncation			asked again by TCP; what libunbound itself cuts is a failure, and
 *				kept nowhere: `truncate'
 * fragments			EDNS 1232: edns-buffer-size; test_zones.py
 * the root is told too much	qname-minimisation, aggressive-nsec; test_zones.py
 * NXNSAttack			no more than 64 addresses of servers are looked for in behalf of a
 *				question, 16 of a delegation, 5 that do not exist (built in)
 * KeyTrap, NSEC3		8 signatures of a record set are tried, and 8 hashes at a time until
 *				others have their turn (CVE-2023-50387, -50868, built in); above
 *				150 iterations a zone counts as not signed (RFC 9276 3.2)
 * too many questions		num-queries-per-thread, RESOLVER_QUESTIONS_MAX
 * forwarded names poisoned	(MaginotDNS) a context for each zone: engine.c
 *
 * Left at libunbound's default: unwanted-reply-threshold (off: it ends the process,
 * CVE-2026-44621), harden-referral-path (off: it multiplies questions),
 * harden-algo-downgrade (off: RFC 6840 5.11), target-fetch-policy.
 */
struct option {
	const char *name, *value;
};

static const struct option options_always[] = {
	{ "do-daemonize:", "no" },
	{ "use-syslog:", "no" },
	/* bytes and descriptors: of each worker */
	{ "msg-cache-size:", "4m" },
	{ "rrset-cache-size:", "8m" },
	{ "outgoing-range:", "512" },
	{ "outgoing-num-tcp:", "32" },
	{ "num-queries-per-thread:", "8192" },
	{ "edns-buffer-size:", "1232" },
	{ "minimal-responses:", "yes" },
	{ "max-query-restarts:", "16" },	/* as many links as MESSAGE_CHAIN_MAX */
	{ "harden-glue:", "yes" },
	{ "harden-dnssec-stripped:", "yes" },
	{ "harden-below-nxdomain:", "yes" },
	{ "harden-large-queries:", "yes" },
	{ "harden-short-bufsize:", "yes" },
	{ "aggressive-nsec:", "yes" },
};

/*
 * How long an answer is waited for before it is asked for again, five times in all. Who recurses
 * in our behalf knows one name at once, and has to ask others for the next one: what he took for
 * the first says nothing of the second.
 */
#define FORWARDER_WAIT { "infra-cache-min-rtt:", "400" }

/* Who knows a single zone has less to keep, and fewer askers. */
static const struct option options_zone[] = {
	FORWARDER_WAIT,
	{ "msg-cache-size:", "1m" },
	{ "rrset-cache-size:", "2m" },
	{ "outgoing-range:", "128" },
	{ "outgoing-num-tcp:", "8" },
	{ "num-queries-per-thread:", "8192" },
};

static const struct option options_recursive[] = {
	{ "qname-minimisation:", "yes" },
	{ "use-caps-for-id:", "yes" },
	/* There is IPv4 where there is a NAT64. IPv6 may lead nowhere, which is found out by
	 * trying, and ends QNAME minimisation for the question that did. */
	{ "prefer-ip4:", "yes" },
};

/* Who forwards asks his upstream also about private addresses' names. */
static const struct option options_forwarding[] = {
	FORWARDER_WAIT,
	{ "qname-minimisation:", "no" },
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
};

static int set_option(struct ub_ctx *ctx, const char *name, const char *value)
{
	int err = ub_ctx_set_option(ctx, name, value);

	if (err)
		log_error("dns64: libunbound does not take %s %s (%s)", name, value,
			  ub_strerror(err));
	return err ? -EINVAL : 0;
}

static int set_options(struct ub_ctx *ctx, const struct option *options, size_t n)
{
	int result = 0;

	for (size_t i = 0; i < n; i++)
		if (set_option(ctx, options[i].name, options[i].value) < 0)
			result = -EINVAL;
	return result;
}

/*
 * Its source ports must be the host's own, or NAT64 would take the answers for
 * flows of its own: pool4 never holds ports of ip_local_port_range.
 */
static int set_source_ports(struct ub_ctx *ctx)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_local_port_range";
	unsigned int first, last;
	char range[16];
	FILE *file = fopen(path, "re");
	int n;

	if (!file) {
		log_error("dns64: %s: %s", path, strerror(errno));
		return -EIO;
	}
	n = fscanf(file, "%u %u", &first, &last);
	fclose(file);
	if (n != 2 || first > last || last > UINT16_MAX) {
		log_error("dns64: %s: not a port range", path);
		return -EIO;
	}
	snprintf(range, sizeof(range), "%u-%u", first, last);
	if (set_option(ctx, "outgoing-port-avoid:", "0-65535") < 0)
		return -EINVAL;
	return set_option(ctx, "outgoing-port-permit:", range);
}

static int set_file(struct ub_ctx *ctx, const char *option, const char *key, const char *path)
{
	if (access(path, R_OK) < 0) {
		int err = errno;

		log_error("%s: %s: %s", key, path, strerror(err));
		return -err;
	}
	return set_option(ctx, option, path);
}

static int set_all(struct ub_ctx *ctx, const struct context_setup *setup,
		   enum context_scope scope)
{
	int err;

	err = set_options(ctx, options_always, COUNT(options_always));
	if (!err && scope == CONTEXT_ZONE)
		err = set_options(ctx, options_zone, COUNT(options_zone));
	if (!err && setup->forwards.n)
		err = forward_apply(ctx, &setup->forwards, setup->dnssec);
	if (!err)
		err = set_option(ctx, "module-config:",
				 setup->dnssec ? "validator iterator" : "iterator");
	if (!err)
		err = set_source_ports(ctx);
	if (!err && setup->dnssec)
		err = set_file(ctx, "trust-anchor-file:", "dns64.trust_anchor",
			       setup->trust_anchor);
	if (err)
		return err;
	if (!setup->recursive)
		return set_options(ctx, options_forwarding, COUNT(options_forwarding));
	err = set_options(ctx, options_recursive, COUNT(options_recursive));
	return err ? err : set_file(ctx, "root-hints:", "dns64.root_hints",
				    setup->root_hints);
}

static void on_localhost(void *arg, int rcode, void *packet, int packet_len, int security,
			 char *why_bogus, int was_ratelimited)
{
	(void)rcode;
	(void)packet;
	(void)packet_len;
	(void)security;
	(void)why_bogus;
	(void)was_ratelimited;
	*(bool *)arg = true;
}

static struct ub_ctx *make_ub(struct ub_event_base *base, const struct context_setup *setup,
			      enum context_scope scope)
{
	struct ub_ctx *ctx = ub_ctx_create_ub_event(base);
	bool answered = false;
	int err;

	if (!ctx) {
		log_error("dns64: libunbound made no context: out of memory");
		return NULL;
	}
	ub_ctx_debugout(ctx, log_stream());
	if (set_all(ctx, setup, scope) < 0)
		goto fail;
	err = ub_resolve_event(ctx, "localhost.", LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, &answered,
			       on_localhost, NULL);
	if (err || !answered) {
		log_error("dns64: libunbound does not start: %s", ub_strerror(err));
		goto fail;
	}
	return ctx;
fail:
	ub_ctx_delete(ctx);
	return NULL;
}

static struct context *make(struct event_base *base, const struct context_setup *setup,
			    enum context_scope scope)
{
	struct context *context = calloc(1, sizeof(*context));

	if (context)
		context->events = ub_events_new(base);
	if (!context || !context->events) {
		log_error("dns64: no resolver: out of memory");
		free(context);
		return NULL;
	}
	context->ub = make_ub(ub_events_base(context->events), setup, scope);
	if (!context->ub) {
		ub_events_free(context->events);
		free(context);
		return NULL;
	}
	return context;
}

bool resolver_setup_equal(const struct config *a, const struct config *b)
{
	return forward_equal(a, b) && a->dns64.dnssec == b->dns64.dnssec &&
	       strcmp(a->dns64.trust_anchor, b->dns64.trust_anchor) == 0 &&
	       strcmp(a->dns64.root_hints, b->dns64.root_hints) == 0;
}

struct context_setup *context_setup_new(const struct config *config)
{
	struct context_setup *setup = calloc(1, sizeof(*setup));

	if (!setup)
		return NULL;
	setup->recursive = config->dns64.upstream_recursive;
	setup->dnssec = config->dns64.dnssec;
	setup->trust_anchor = strdup(config->dns64.trust_anchor);
	setup->root_hints = strdup(config->dns64.root_hints);
	if (forward_list_init(&setup->forwards, config) < 0 || !setup->trust_anchor ||
	    !setup->root_hints) {
		context_setup_free(setup);
		return NULL;
	}
	return setup;
}

void context_setup_free(struct context_setup *setup)
{
	if (!setup)
		return;
	free(setup->trust_anchor);
	free(setup->root_hints);
	forward_list_free(&setup->forwards);
	free(setup);
}

void resolvers_hold(void)
{
	pthread_mutex_lock(&contexts_lock);
}

void resolvers_let_go(void)
{
	pthread_mutex_unlock(&contexts_lock);
}

struct context *context_new(struct event_base *base, const struct context_setup *setup,
			    enum context_scope scope)
{
	return make(base, setup, scope);
}

struct context *context_new_now(struct event_base *base, const struct context_setup *setup,
				enum context_scope scope)
{
	struct context *context;

	if (pthread_mutex_trylock(&contexts_lock))
		return NULL;
	context = make(base, setup, scope);
	pthread_mutex_unlock(&contexts_lock);
	return context;
}

void context_cancel(struct context *context, int id)
{
	ub_cancel(context->ub, id);
}

static struct context *next_dead(void)
{
	struct context *context;

	pthread_mutex_lock(&dead_lock);
	context = STAILQ_FIRST(&dead);
	if (context) {
		STAILQ_REMOVE_HEAD(&dead, link);
	} else {
		n_deleting--;
		pthread_cond_signal(&deleted);
	}
	pthread_mutex_unlock(&dead_lock);
	return context;
}

static void *delete_dead(void *arg)
{
	struct context *context;

	(void)arg;
	while ((context = next_dead()) != NULL) {
		pthread_mutex_lock(&contexts_lock);
		ub_ctx_delete(context->ub);
		pthread_mutex_unlock(&contexts_lock);
		ub_events_free(context->events);
		free(context);
	}
	return NULL;
}

static void await_deleted(void)
{
	pthread_mutex_lock(&dead_lock);
	while (n_deleting)
		pthread_cond_wait(&deleted, &dead_lock);
	pthread_mutex_unlock(&dead_lock);
}

/* Where there can be no thread now, the next one does it. */
void context_free(struct context *context)
{
	static bool awaited;
	pthread_t thread;

	if (!context)
		return;
	ub_events_detach(context->events);
	pthread_mutex_lock(&dead_lock);
	if (!awaited)
		awaited = atexit(await_deleted) == 0;
	STAILQ_INSERT_TAIL(&dead, context, link);
	if (pthread_create(&thread, NULL, delete_dead, NULL) == 0) {
		pthread_detach(thread);
		n_deleting++;
	}
	pthread_mutex_unlock(&dead_lock);
}
