/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inbound room: IPv4 clients reach the servers' TLS services by name (SNI).
 *
 * Life: snid_new() while privileged (it binds the listeners), snid_start() after
 * the privileges are dropped, snid_reconfigure() at will, snid_free().
 */
#ifndef SNID_SNID_H
#define SNID_SNID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"

struct addrmap;
struct config;
struct leaders;
struct snid;

enum { SNID_STAGES = 8 };		/* see snid_stage_name() */

/* One connection */
struct snid_connection {
	struct endpoint client;		/* host byte order port, as of all of these */
	struct endpoint backend;	/* port 0: none yet, or a unix socket */
	char name[256];			/* "": none, or not known yet */
	const char *stage, *protocol, *mode;	/* static */
	uint64_t bytes_in, bytes_out;	/* from the client, from the server */
	int64_t age_ms;
};

/* Which of them */
struct snid_filter {
	struct prefix client, backend;	/* IPv4 mapped; length 0: all */
	const char *name;		/* or "*." and what it ends in; NULL: all */
	const char *stage;		/* snid_stage_name(); NULL: all */
};

/* For status and metrics */
struct snid_gauges {
	uint64_t connections;		/* open now, in any stage */
	uint64_t connections_max;
	uint64_t opening;		/* of these, not joined to a server yet */
	uint64_t opening_max;
	uint64_t stages[SNID_STAGES];
	uint64_t buffered_bytes;	/* kept because their receivers do not take them */
	uint64_t buffered_bytes_max;
	uint64_t hello_bytes;		/* kept of who is not joined to a server yet */
	uint64_t hello_bytes_max;
};

/**
 * snid_new() - allocate the workers, bind the listeners.
 * @config, @map:	borrowed until snid_reconfigure() replaced them or snid_free().
 * Return: 0 with *@out, or -errno, the reason having been logged.
 */
int snid_new(struct snid **out, const struct config *config, const struct addrmap *map);

/** snid_start() - start the workers; @enter: see loop_start(). Return: 0 or -errno. */
int snid_start(struct snid *snid, int (*enter)(void));

/**
 * snid_reconfigure() - go over to a new configuration and map (main thread).
 * Listeners that stay are kept, connections live on.
 * Return: 0, and the old ones are no longer used; or -errno, and nothing changed.
 */
int snid_reconfigure(struct snid *snid, const struct config *config,
		     const struct addrmap *map);

/**
 * snid_flush() - forget what is known of names, the resolvers' own knowledge included, which
 * they can only forget as a whole; main thread.
 * @name:	that name, as text, with or without the final dot; NULL = everything.
 * @below:	what is below it, too.
 * @n_forgotten: how many answers that were.
 * Return: 0; or -errno, logged, and nothing changed.
 */
int snid_flush(struct snid *snid, const char *name, bool below, size_t *n_forgotten);

/** snid_gauges() - what is in use now; any thread. */
void snid_gauges(struct snid *snid, struct snid_gauges *out);

/**
 * snid_top_clients() - who (an IPv4 address, an IPv6 /64) has most connections; any thread.
 * @leaders:	added to.
 */
void snid_top_clients(struct snid *snid, struct leaders *leaders);

/** snid_stage_name() - of 0 to SNID_STAGES - 1: in words, static; NULL beyond. */
const char *snid_stage_name(unsigned int stage);

/**
 * snid_connections() - some of the connections, without keeping a worker for long.
 * @filter:	borrowed for the call.
 * @cursor:	0 first, then what the last call has left there; 0 again: that was all. What
 *		is there all the time is met once.
 * @max:	rows; there may be fewer, even none, and yet more to come.
 * @rows, @n:	copies; the caller frees @rows.
 * Return: 0 or -ENOMEM.
 */
int snid_connections(struct snid *snid, const struct snid_filter *filter, uint64_t *cursor,
		     unsigned int max, struct snid_connection **rows, size_t *n);

/**
 * snid_inherit() - listeners from before a restart; where the configuration still has their
 * addresses, snid_new() goes on with them, and nothing that waits in their queues is lost.
 * @fd:	the room's from now on.
 */
void snid_inherit(int fd);

/** snid_inherit_no_more() - the rooms are open: close what nobody wanted. */
void snid_inherit_no_more(void);

/** snid_listening() - tell each socket that listens, one a worker for each address. */
void snid_listening(struct snid *snid, void (*tell)(void *arg, const struct endpoint *at, int fd),
		    void *arg);

/**
 * snid_drain() - take what is queued up at the listeners, then close them; connections go on
 * to their ends. snid_reconfigure() listens again.
 */
void snid_drain(struct snid *snid);

/**
 * snid_probe() - can connections be made from the addresses that stand for clients? To be
 * asked once the host's routes are set up; takes half a second at most, where they cannot.
 * Return: 0, or -errno.
 */
int snid_probe(const struct prefix *nat46);

/** snid_free() - close every connection, stop the workers; NULL is allowed. */
void snid_free(struct snid *snid);

#endif
