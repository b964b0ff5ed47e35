/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pipes; see pipe.h.
 *
 * A page or less of a segment takes a slot of the pipe, so that a pipe of the usual 16 slots
 * is full with 16 segments of 1448 bytes: larger ones save system calls, and the largest are
 * the fastest. An unprivileged user has pipe-user-pages-soft (64 MiB) for all pipes, which is
 * what two workers use; past that the kernel refuses to enlarge one, and makes new ones of a
 * page or two.
 */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/loop.h"

enum { RETRY_MS = 1000 };

static void pipe_close(struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	free(pipe);
}

/* @len: bytes that it shall hold */
static struct pipe *pipe_new(int len)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	int ends[2], size;

	if (!pipe)
		return NULL;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	pipe->out = ends[0];
	pipe->in = ends[1];
	size = fcntl(pipe->in, F_SETPIPE_SZ, len);
	if (size < 0)
		size = fcntl(pipe->in, F_GETPIPE_SZ);
	if (size < PIPE_LEN_MIN) {
		pipe_close(pipe);
		return NULL;
	}
	pipe->size = (uint32_t)size;
	return pipe;
}

static struct pipe *add_pipe(struct pipe_pool *pool)
{
	struct pipe *pipe;

	if (pool->n >= PIPES_MAX || loop_now_ms() < pool->retry_ms)
		return NULL;
	pipe = pipe_new(pool->n_large < PIPES_LARGE ? PIPE_LEN : PIPE_LEN_MANY);
	if (!pipe) {
		pool->retry_ms = loop_now_ms() + RETRY_MS;
		return NULL;
	}
	pool->n++;
	pool->n_large += pipe->size > PIPE_LEN_MANY;
	return pipe;
}

struct pipe *pipe_take(struct pipe_pool *pool)
{
	struct pipe *pipe = pool->idle;

	if (!pipe)
		return add_pipe(pool);
	pool->idle = pipe->next;
	pool->n_idle--;
	return pipe;
}

void pipe_give(struct pipe_pool *pool, struct pipe *pipe)
{
	if (pipe->len > 0 || pool->n_idle >= PIPES_KEPT) {
		pool->n--;
		pool->n_large -= pipe->size > PIPE_LEN_MANY;
		pipe_close(pipe);
		return;
	}
	pipe->next = pool->idle;
	pool->idle = pipe;
	pool->n_idle++;
}

ssize_t pipe_fill(struct pipe *pipe, int from, uint32_t max)
{
	ssize_t n = splice(from, NULL, pipe->in, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return -errno;
	pipe->len = (uint32_t)n;
	return n;
}

ssize_t pipe_drain(struct pipe *pipe, int to)
{
	ssize_t n = splice(pipe->out, NULL, to, NULL, pipe->len,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return -errno;
	pipe->len -= (uint32_t)n;
	return n;
}

bool pipes_are_scarce(const struct pipe_pool *pool)
{
	return pool->n - pool->n_idle > PIPES_MAX / 2;
}

int pipe_unload(struct pipe *pipe, uint8_t *bytes)
{
	/* It is whole or nothing: all of them are there, and nobody else reads. */
	ssize_t n = read(pipe->out, bytes, pipe->len);

	if (n < 0)
		return -errno;
	if (n != (ssize_t)pipe->len)
		return -EIO;
	pipe->len = 0;
	return 0;
}

void pipe_pool_free(struct pipe_pool *pool)
{
	while (pool->idle) {
		struct pipe *pipe = pool->idle;

		pool->idle = pipe->next;
		pipe_close(pipe);
	}
	*pool = (struct pipe_pool){ 0 };
}
