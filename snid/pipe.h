/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pipes for splice(): what moves through one is never copied to user space. A worker has a
 * few and lends them while bulk moves; a pipe that is given back empty serves the next.
 * One thread.
 */
#ifndef SNID_PIPE_H
#define SNID_PIPE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PIPE_LEN = 1024 * 1024,		/* bytes a pipe is asked to hold: pipe-max-size ... */
	PIPE_LEN_MANY = 256 * 1024,	/* ... and where there are PIPES_LARGE already */
	PIPE_LEN_MIN = 64 * 1024,	/* one that holds less is slower than copying */
	PIPES_LARGE = 16,
	PIPES_MAX = 80,			/* of a worker, lent ones included; two descriptors each */
	PIPES_KEPT = 8,			/* that nobody uses */
};

struct pipe {
	int in, out;			/* descriptors: bytes go in at one and come out at the other */
	uint32_t len;			/* bytes in it */
	uint32_t size;			/* bytes that the kernel lets it hold */
	struct pipe *next;		/* in the pool */
};

/* Zero before its first use */
struct pipe_pool {
	struct pipe *idle;		/* empty, the one used last first */
	unsigned int n, n_idle;		/* how many there are; how many are idle */
	unsigned int n_large;		/* of all, those of more than PIPE_LEN_MANY */
	int64_t retry_ms;		/* loop_now_ms() before which none is made anew */
};

/**
 * pipe_take() - borrow an empty pipe.
 * Return: it, to be handed to pipe_give(); or NULL where PIPES_MAX are lent, or the kernel
 * gives none that is large enough (descriptors, pipe-user-pages-soft): copy then.
 */
struct pipe *pipe_take(struct pipe_pool *pool);

/** pipe_give() - hand it back; what is still in it is lost. */
void pipe_give(struct pipe_pool *pool, struct pipe *pipe);

/**
 * pipe_fill() - move bytes from a socket into an empty pipe, @max of them at most.
 * Empty, because then EAGAIN has one meaning: the socket has none.
 * Return: bytes, 0 at the end of the stream, or -errno.
 */
ssize_t pipe_fill(struct pipe *pipe, int from, uint32_t max);

/**
 * pipe_drain() - move bytes from the pipe, which has some, into a socket.
 * SIGPIPE must be ignored in the process, there is no flag against it here.
 * Return: bytes, or -errno; -EAGAIN says that the socket takes none.
 */
ssize_t pipe_drain(struct pipe *pipe, int to);

/** pipes_are_scarce() - are half of those that there may be lent? */
bool pipes_are_scarce(const struct pipe_pool *pool);

/**
 * pipe_unload() - take all bytes out.
 * @bytes:	room for pipe->len of them.
 * Return: 0, or -errno, and then none are lost.
 */
int pipe_unload(struct pipe *pipe, uint8_t *bytes);

/** pipe_pool_free() - close the idle ones; lent ones were given back before. */
void pipe_pool_free(struct pipe_pool *pool);

#endif
