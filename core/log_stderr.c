/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A write to a terminal waits though poll(2) has seen some room there, and so may one to a pipe
 * that others fill, too. Who logs may be a worker with packets to see to, and others wait for
 * its lock.
 */
#include "log_stderr.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	pthread_mutex_t mutex;	/* of all of it: a line is whole, or nobody's is within it */
	int fd;			/* our own; -1: standard error as we got it */
	dev_t dev;		/* what standard error was then */
	ino_t ino;
	bool cut;		/* the last line has no end */
} out = { .mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* Once it is open it stays, as long as standard error is the same: privilege may have gone. */
static void open_own(const struct stat *is, bool may_wait)
{
	if (out.fd >= 0 && may_wait && is->st_dev == out.dev && is->st_ino == out.ino)
		return;
	if (out.fd >= 0)
		close(out.fd);
	out.fd = -1;
	out.cut = false;
	if (!may_wait)
		return;
	out.fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	out.dev = is->st_dev;
	out.ino = is->st_ino;
}

void log_stderr_open(void)
{
	struct stat is;
	bool may_wait = fstat(STDERR_FILENO, &is) == 0 &&
			(S_ISFIFO(is.st_mode) || isatty(STDERR_FILENO));

	pthread_mutex_lock(&out.mutex);
	open_own(&is, may_wait);
	pthread_mutex_unlock(&out.mutex);
}

/* Return: how many bytes have been taken at once. What poll(2) calls ready takes a line whole,
 * but for a terminal; the lock keeps another thread's from filling it meanwhile. */
static size_t write_some(const char *line, size_t len)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n = -1;

	if (out.fd >= 0)
		n = write(out.fd, line, len);
	else if (poll(&ready, 1, 0) == 1)
		n = write(STDERR_FILENO, line, len);
	return n < 0 ? 0 : (size_t)n;
}

bool log_stderr_write(const char *line, size_t len)
{
	size_t taken = 0;

	pthread_mutex_lock(&out.mutex);
	if (out.cut && write_some("\n", 1) == 1)
		out.cut = false;
	if (!out.cut) {
		taken = write_some(line, len);
		out.cut = taken && taken < len;
	}
	pthread_mutex_unlock(&out.mutex);
	return taken == len;
}
