/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two joined sockets: bytes, ends and resets pass from each to the other. Knows
 * nothing of loops; it is told what became ready and says how it stands.
 */
#ifndef SNID_RELAY_H
#define SNID_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffered.h"
#include "pipe.h"

enum {
	RELAY_SCRATCH_LEN = 64 * 1024,
};

enum relay_end { RELAY_CLIENT, RELAY_BACKEND };

/* One socket. Readiness is edge-triggered: set when epoll says so, cleared when the kernel
 * says EAGAIN, or took or gave less than it was asked to. */
struct relay_side {
	int fd;			/* non-blocking, the owner's to close; -1 = none */
	bool readable, writable;
	bool hung_up;		/* EPOLLRDHUP was told: the end, of which no edge tells again,
				 * may stand behind the bytes */
	bool urgent;		/* it has sent urgent bytes, at which reading stops */
};

/* One direction; dir[i] goes from side[i] to the other. It has bytes that wait in `held` or
 * in `pipe`, never in both, and reads no more while it has. */
struct relay_dir {
	uint8_t *held;		/* bytes that the receiver did not take; NULL = none */
	uint32_t held_len;	/* of which held_sent are gone already */
	uint32_t held_sent;
	uint32_t counted;	/* bytes of this direction in relay_tools.buffered */
	struct pipe *pipe;	/* borrowed from the tools' pool; NULL = none */
	bool bulk;		/* reads are large: move by splice() */
	uint32_t fill;		/* bytes that go into the pipe at most; grows as they go out */
	bool ended;		/* the sender's FIN was read, nothing follows */
	bool shut;		/* and was passed on */
};

struct relay {
	struct relay_side side[2];	/* indexed by enum relay_end */
	struct relay_dir dir[2];	/* indexed by the end that sends */
	uint64_t bytes[2];		/* that came from each end, held ones included */
};

/* What the connections of a worker share */
struct relay_tools {
	uint8_t *scratch;		/* RELAY_SCRATCH_LEN bytes; used only within a call */
	struct pipe_pool pipes;
	struct buffered *buffered;	/* of all workers */
};

enum relay_verdict {
	RELAY_OPEN,		/* waits for an event */
	RELAY_MORE,		/* could go on at once, but others shall have their turn */
	RELAY_HALF_CLOSED,	/* one direction has ended; waits for an event */
	RELAY_CLOSED,		/* both have ended: close both sockets */
	RELAY_RESET,		/* one side was reset or broke: reset both */
};

/** relay_init() - no sockets, nothing held. */
void relay_init(struct relay *relay);

/**
 * relay_hold() - bytes that came from @from before the two were joined; they are passed on
 * first, once.
 * @bytes:	@len of them, from malloc(); taken, freed when they are gone.
 * @ours:	how many of them did not come from there, and are not counted.
 */
void relay_hold(struct relay *relay, enum relay_end from, uint8_t *bytes, size_t len,
		size_t ours);

/**
 * relay_run() - move what can be moved.
 *
 * A direction that is blocked by its receiver keeps at most RELAY_SCRATCH_LEN bytes, or where
 * that took much without a pause before, PIPE_LEN, and reads no further: the back-pressure
 * reaches the sender through its TCP window. Where buffered_full(), it keeps none: it takes from the sender's socket
 * only what the receiver's socket has taken.
 */
enum relay_verdict relay_run(struct relay *relay, struct relay_tools *tools);

/** relay_reads() - will relay_run() read from @end, and so see for itself what is wrong? */
bool relay_reads(const struct relay *relay, enum relay_end end);

/** relay_free() - release what is held. The sockets are the owner's. */
void relay_free(struct relay *relay, struct relay_tools *tools);

#endif
