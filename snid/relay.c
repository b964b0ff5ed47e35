/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Relaying; see relay.h.
 *
 * A direction reads into scratch memory that all connections of a worker share and
 * sends from there at once. Only what the receiver does not take is kept, in a buffer
 * of just that size: an idle connection holds no memory for data.
 *
 * Once a read brings much, the next goes through a pipe, without copying; once it brings
 * little, the one after that is copied again, which costs less then. Into a pipe goes as much
 * as a copy has, and twice as much each time the receiver has taken all of it at once: of who
 * is slower than his sender little is kept, and where many are, not in pipes, of which there
 * are few.
 */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../core/stats.h"

enum {
	BUDGET = 1024 * 1024,		/* bytes after which a direction gives others a turn */
	BULK_LEN = 16 * 1024,		/* bytes of a read that are much */
};

/* What a direction works with, in a call of relay_run() */
struct way {
	struct relay_dir *dir;
	struct relay_side *from, *to;
	struct relay_tools *tools;
};

void relay_init(struct relay *relay)
{
	memset(relay, 0, sizeof(*relay));
	relay->side[RELAY_CLIENT].fd = -1;
	relay->side[RELAY_BACKEND].fd = -1;
}

static void note_bytes(struct relay *relay, enum relay_end from, size_t n)
{
	relay->bytes[from] += n;
	stats_add(from == RELAY_CLIENT ? STAT_SNI_BYTES_IN : STAT_SNI_BYTES_OUT, n);
}

void relay_hold(struct relay *relay, enum relay_end from, uint8_t *bytes, size_t len,
		size_t ours)
{
	struct relay_dir *dir = &relay->dir[from];

	dir->held = bytes;
	dir->held_len = (uint32_t)len;
	dir->held_sent = 0;
	note_bytes(relay, from, len - ours);
}

static void drop_held(struct relay_dir *dir)
{
	free(dir->held);
	dir->held = NULL;
	dir->held_len = 0;
}

/* ---- out ------------------------------------------------------------------- */

/* Return: bytes taken by the receiver, 0 when it takes none now, or -1 when it is gone.
 * Where it takes a part only, the kernel tells when there is room again.
 * @flags:	MSG_MORE where more follows at once, or 0. */
static ssize_t send_some(struct relay_side *to, const uint8_t *bytes, size_t len, int flags)
{
	ssize_t n = send(to->fd, bytes, len, flags | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		return -1;
	if (n < (ssize_t)len)
		to->writable = false;
	return n < 0 ? 0 : n;
}

static bool send_held(struct relay_dir *dir, struct relay_side *to)
{
	ssize_t n = send_some(to, dir->held + dir->held_sent, dir->held_len - dir->held_sent, 0);

	if (n < 0)
		return false;
	dir->held_sent += (uint32_t)n;
	if (dir->held_sent == dir->held_len)
		drop_held(dir);
	return true;
}

static bool drain_pipe(struct relay_dir *dir, struct relay_side *to)
{
	uint32_t len = dir->pipe->len;
	ssize_t n = pipe_drain(dir->pipe, to->fd);

	if (n == -EAGAIN)
		to->writable = false;
	else if (n > 0)
		stats_add(STAT_SNI_BYTES_SPLICED, (uint64_t)n);
	if (n < (ssize_t)len)
		dir->fill = RELAY_SCRATCH_LEN;
	else if (len == dir->fill && dir->fill < dir->pipe->size)
		dir->fill *= 2;
	return n > 0 || n == -EAGAIN;
}

static bool has_waiting(const struct relay_dir *dir)
{
	return dir->held || (dir->pipe && dir->pipe->len > 0);
}

static bool send_waiting(struct way *way)
{
	return way->dir->held ? send_held(way->dir, way->to) : drain_pipe(way->dir, way->to);
}

/* Send what was just read; keep what the receiver does not take. */
static bool pass_on(struct way *way, const uint8_t *bytes, size_t len, int flags)
{
	struct relay_dir *dir = way->dir;
	ssize_t n = send_some(way->to, bytes, len, flags);
	size_t rest;

	if (n < 0)
		return false;
	rest = len - (size_t)n;
	if (rest == 0)
		return true;
	dir->held = malloc(rest);
	if (!dir->held)
		return false;
	memcpy(dir->held, bytes + n, rest);
	dir->held_len = (uint32_t)rest;
	dir->held_sent = 0;
	return true;
}

/* ---- in -------------------------------------------------------------------- */

/* Return: bytes read, 0 when there are none now or no more (see from->readable and
 * dir->ended), or -1 when the sender is gone. */
static ssize_t read_some(struct way *way, int flags)
{
	ssize_t n = recv(way->from->fd, way->tools->scratch, RELAY_SCRATCH_LEN, flags);

	if (n < 0 && errno != EAGAIN)
		return -1;
	if (n == 0)
		way->dir->ended = true;
	/* A short read has emptied the socket: an edge will tell of more, unless all that is
	 * left is the end, of which was told, or it has stopped at an urgent byte. */
	if (n < RELAY_SCRATCH_LEN && (n < 0 || !(way->from->hung_up || way->from->urgent)))
		way->from->readable = false;
	return n < 0 ? 0 : n;
}

/* Return: bytes moved, or as read_some(), also when the receiver is gone. */
static ssize_t copy_some(struct way *way)
{
	ssize_t n = read_some(way, 0);
	/* The end stands behind these bytes: it goes in one segment with the last of them. If
	 * it is a reset after all, tcp_close_reset() sends them. */
	int flags = n < RELAY_SCRATCH_LEN && way->from->hung_up ? MSG_MORE : 0;

	way->dir->bulk = n >= BULK_LEN;
	return n > 0 && !pass_on(way, way->tools->scratch, (size_t)n, flags) ? -1 : n;
}

/* Nothing may be kept: take from the sender's socket what the receiver's socket took. */
static ssize_t copy_keeping_none(struct way *way)
{
	ssize_t n = read_some(way, MSG_PEEK);
	ssize_t sent = n > 0 ? send_some(way->to, way->tools->scratch, (size_t)n, 0) : n;

	if (sent > 0 && recv(way->from->fd, way->tools->scratch, (size_t)sent, 0) != sent)
		return -1;
	if (n > 0 && sent < n)
		way->from->readable = true;
	return sent;
}

/* No memory for what would be moved, or a socket that splice() does not know. An error of
 * the connection must not come here: the kernel tells of it once. */
static bool must_copy(ssize_t err)
{
	return err == -EINVAL || err == -ENOMEM;
}

static ssize_t splice_some(struct way *way)
{
	ssize_t n = pipe_fill(way->dir->pipe, way->from->fd, way->dir->fill);

	if (must_copy(n))
		return copy_some(way);
	if (n == -EAGAIN) {
		way->from->readable = false;
		return 0;
	}
	way->dir->bulk = n >= BULK_LEN;
	way->dir->ended = n == 0;
	return n < 0 ? -1 : n;
}

static bool take_pipe(struct way *way)
{
	struct relay_dir *dir = way->dir;

	if (dir->fill == 0)
		dir->fill = RELAY_SCRATCH_LEN;
	if (!dir->pipe) {
		dir->pipe = pipe_take(&way->tools->pipes);
		if (!dir->pipe)
			stats_inc(STAT_SNI_PIPE_NONE);
	}
	return dir->pipe;
}

static ssize_t move_some(struct way *way)
{
	if (buffered_full(way->tools->buffered))
		return copy_keeping_none(way);
	return way->dir->bulk && take_pipe(way) ? splice_some(way) : copy_some(way);
}

/* ---- both ------------------------------------------------------------------ */

/* The sender has ended its stream and the receiver has all of it. Where the receiver has
 * ended its own before, both are closed now, which says the same. */
static bool pass_end(struct relay *relay, enum relay_end end)
{
	struct relay_dir *dir = &relay->dir[end];

	if (dir->shut)
		return true;
	dir->shut = true;
	return relay->dir[!end].shut || shutdown(relay->side[!end].fd, SHUT_WR) == 0;
}

/* Run one direction until something blocks it. */
static enum relay_verdict run_dir(struct relay *relay, enum relay_end end, struct way *way)
{
	size_t moved = 0;

	for (;;) {
		ssize_t n;

		if (way->dir->ended && !has_waiting(way->dir))
			return pass_end(relay, end) ? RELAY_CLOSED : RELAY_RESET;
		if (!way->to->writable)
			return RELAY_OPEN;
		if (has_waiting(way->dir)) {
			if (!send_waiting(way))
				return RELAY_RESET;
			continue;
		}
		if (!way->from->readable)
			return RELAY_OPEN;
		if (moved >= BUDGET)
			return RELAY_MORE;
		n = move_some(way);
		if (n < 0)
			return RELAY_RESET;
		moved += (size_t)n;
		if (n > 0)
			note_bytes(relay, end, (size_t)n);
	}
}

/* What waits in the pipe waits in memory instead, where that can be had. */
static void unload(struct relay_dir *dir)
{
	uint8_t *bytes = malloc(dir->pipe->len);
	uint32_t len = dir->pipe->len;

	if (!bytes)
		return;
	if (pipe_unload(dir->pipe, bytes) < 0) {
		free(bytes);
		return;
	}
	dir->held = bytes;
	dir->held_len = len;
	dir->held_sent = 0;
}

/* Count what waits, and give back what is not needed for it. */
static void settle(struct relay_dir *dir, struct relay_tools *tools)
{
	uint32_t waiting;

	if (dir->pipe && dir->pipe->len > 0 && pipes_are_scarce(&tools->pipes))
		unload(dir);
	waiting = dir->held_len;
	if (dir->pipe && dir->pipe->len > 0) {
		waiting += dir->pipe->len;
	} else if (dir->pipe) {
		pipe_give(&tools->pipes, dir->pipe);
		dir->pipe = NULL;
	}
	buffered_change(tools->buffered, dir->counted, waiting);
	dir->counted = waiting;
}

static enum relay_verdict run_and_settle(struct relay *relay, enum relay_end end,
					 struct relay_tools *tools)
{
	struct way way = {
		.dir = &relay->dir[end],
		.from = &relay->side[end],
		.to = &relay->side[!end],
		.tools = tools,
	};
	enum relay_verdict verdict = run_dir(relay, end, &way);

	settle(way.dir, tools);
	return verdict;
}

/* The direction from the other end has met a reset, or nobody who takes its bytes any more.
 * What this end said before is passed on as far as it goes: an answer that came before the
 * question was over, a last alert. Of none of it an edge may have told. */
static enum relay_verdict run_last(struct relay *relay, enum relay_end end,
				   struct relay_tools *tools)
{
	relay->side[end].readable = true;
	relay->dir[end].shut = true;	/* no end, but a reset, is what follows */
	run_and_settle(relay, end, tools);
	return RELAY_RESET;
}

enum relay_verdict relay_run(struct relay *relay, struct relay_tools *tools)
{
	enum relay_verdict in = run_and_settle(relay, RELAY_CLIENT, tools);
	enum relay_verdict out;

	if (in == RELAY_RESET)
		return run_last(relay, RELAY_BACKEND, tools);
	out = run_and_settle(relay, RELAY_BACKEND, tools);
	if (out == RELAY_RESET)
		return run_last(relay, RELAY_CLIENT, tools);
	if (in == RELAY_MORE || out == RELAY_MORE)
		return RELAY_MORE;
	if (in == RELAY_CLOSED && out == RELAY_CLOSED)
		return RELAY_CLOSED;
	return in == RELAY_CLOSED || out == RELAY_CLOSED ? RELAY_HALF_CLOSED : RELAY_OPEN;
}

bool relay_reads(const struct relay *relay, enum relay_end end)
{
	return !relay->dir[end].ended && !has_waiting(&relay->dir[end]) &&
	       relay->side[!end].writable;
}

void relay_free(struct relay *relay, struct relay_tools *tools)
{
	for (int i = 0; i < 2; i++) {
		struct relay_dir *dir = &relay->dir[i];

		drop_held(dir);
		if (dir->pipe)
			pipe_give(&tools->pipes, dir->pipe);
		dir->pipe = NULL;
		settle(dir, tools);
	}
}
