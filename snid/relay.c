/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Relaying; see relay.h.
 *
 * A direction reads into scratch memory that all connections of a worker share and
 * sends from there at once. Only what the receiver does not take is kept, in a buffer
 * of just that size: an idle connection holds no memory for data.
 */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../core/stats.h"

enum {
	BUDGET = 4 * RELAY_SCRATCH_LEN,	/* bytes a direction may read in one run */
};

void relay_init(struct relay *relay)
{
	memset(relay, 0, sizeof(*relay));
	relay->side[RELAY_CLIENT].fd = -1;
	relay->side[RELAY_BACKEND].fd = -1;
}

void relay_hold(struct relay *relay, enum relay_end from, uint8_t *bytes, size_t len)
{
	struct relay_dir *dir = &relay->dir[from];

	dir->held = bytes;
	dir->held_len = len;
	dir->held_sent = 0;
}

static void drop_held(struct relay_dir *dir)
{
	free(dir->held);
	dir->held = NULL;
}

/* Return: bytes taken by the receiver, 0 when it takes none now, or -1 when it is gone. */
static ssize_t send_some(struct relay_side *to, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(to->fd, bytes, len, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN) {
		to->writable = false;
		return 0;
	}
	return n;
}

static bool send_held(struct relay_dir *dir, struct relay_side *to)
{
	ssize_t n = send_some(to, dir->held + dir->held_sent, dir->held_len - dir->held_sent);

	if (n < 0)
		return false;
	dir->held_sent += (size_t)n;
	if (dir->held_sent == dir->held_len)
		drop_held(dir);
	return true;
}

/* Send what was just read; keep what the receiver does not take. */
static bool pass_on(struct relay_dir *dir, struct relay_side *to, const uint8_t *bytes,
		    size_t len)
{
	ssize_t n = send_some(to, bytes, len);
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
	dir->held_len = rest;
	dir->held_sent = 0;
	return true;
}

/* Return: bytes read and passed on, 0 when there are none now or no more (see
 * from->readable and dir->ended), or -1 when one of the two is gone. */
static ssize_t copy_some(struct relay_dir *dir, struct relay_side *from,
			 struct relay_side *to, uint8_t *scratch)
{
	ssize_t n = recv(from->fd, scratch, RELAY_SCRATCH_LEN, 0);

	if (n < 0 && errno == EAGAIN) {
		from->readable = false;
		return 0;
	}
	if (n == 0)
		dir->ended = true;
	if (n > 0 && !pass_on(dir, to, scratch, (size_t)n))
		return -1;
	return n;
}

static bool pass_end(struct relay_dir *dir, struct relay_side *to)
{
	if (dir->shut)
		return true;
	dir->shut = true;
	return shutdown(to->fd, SHUT_WR) == 0;
}

/* Run one direction until something blocks it. */
static enum relay_verdict run_dir(struct relay *relay, enum relay_end end, uint8_t *scratch)
{
	struct relay_dir *dir = &relay->dir[end];
	struct relay_side *from = &relay->side[end];
	struct relay_side *to = &relay->side[!end];
	size_t moved = 0;
	bool good = true;

	while (good) {
		ssize_t n;

		if (dir->ended && !dir->held) {
			good = pass_end(dir, to);
			if (good)
				return RELAY_CLOSED;
			break;
		}
		if (!to->writable)
			return RELAY_OPEN;
		if (dir->held) {
			good = send_held(dir, to);
			continue;
		}
		if (!from->readable)
			return RELAY_OPEN;
		if (moved >= BUDGET)
			return RELAY_MORE;
		n = copy_some(dir, from, to, scratch);
		good = n >= 0;
		if (n > 0) {
			moved += (size_t)n;
			stats_add(end == RELAY_CLIENT ? STAT_SNI_BYTES_IN : STAT_SNI_BYTES_OUT,
				  (uint64_t)n);
		}
	}
	return RELAY_RESET;
}

enum relay_verdict relay_run(struct relay *relay, uint8_t *scratch)
{
	enum relay_verdict in = run_dir(relay, RELAY_CLIENT, scratch);
	enum relay_verdict out;

	if (in == RELAY_RESET)
		return RELAY_RESET;
	out = run_dir(relay, RELAY_BACKEND, scratch);
	if (out == RELAY_RESET)
		return RELAY_RESET;
	if (in == RELAY_MORE || out == RELAY_MORE)
		return RELAY_MORE;
	if (in == RELAY_CLOSED && out == RELAY_CLOSED)
		return RELAY_CLOSED;
	return in == RELAY_CLOSED || out == RELAY_CLOSED ? RELAY_HALF_CLOSED : RELAY_OPEN;
}

bool relay_reads(const struct relay *relay, enum relay_end end)
{
	return !relay->dir[end].ended && !relay->dir[end].held;
}

void relay_free(struct relay *relay)
{
	drop_held(&relay->dir[RELAY_CLIENT]);
	drop_held(&relay->dir[RELAY_BACKEND]);
}
