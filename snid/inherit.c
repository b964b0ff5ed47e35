/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inherit.h; the public half is in snid.h. */
#include "inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "snid.h"

static struct inherited {
	struct endpoint at;
	int fd;			/* -1: taken */
} *inherited;
static size_t n_inherited;

/* Is it a TCP socket that listens? Then make it what accept_open() would have made. */
static int examine(int fd, struct endpoint *at)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss), int_len = sizeof(int);
	int listens = 0, protocol = 0, flags = fcntl(fd, F_GETFL);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &int_len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	if (!listens || protocol != IPPROTO_TCP ||
	    !endpoint_from_sockaddr((const struct sockaddr *)&ss, at))
		return -EINVAL;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* One descriptor of each socket is enough, and what is not needed will be shut. */
static bool is_known(int fd)
{
	struct stat st, known;

	for (size_t i = 0; i < n_inherited && fstat(fd, &st) == 0; i++)
		if (fstat(inherited[i].fd, &known) == 0 && known.st_ino == st.st_ino)
			return true;
	return false;
}

void snid_inherit(int fd)
{
	struct inherited *more;
	struct endpoint at;

	if (examine(fd, &at) < 0) {
		log_warn("snid: what was to be a listener from before the restart is none");
		close(fd);
		return;
	}
	if (is_known(fd)) {
		close(fd);
		return;
	}
	more = realloc(inherited, (n_inherited + 1) * sizeof(*more));
	if (!more) {
		close(fd);
		return;
	}
	inherited = more;
	inherited[n_inherited++] = (struct inherited){ .at = at, .fd = fd };
}

int inherit_take(const struct endpoint *at)
{
	for (size_t i = 0; i < n_inherited; i++) {
		int fd = inherited[i].fd;

		if (fd < 0 || !endpoint_equal(&inherited[i].at, at))
			continue;
		inherited[i].fd = -1;
		return fd;
	}
	return -1;
}

void snid_inherit_no_more(void)
{
	for (size_t i = 0; i < n_inherited; i++) {
		if (inherited[i].fd < 0)
			continue;
		/* The service manager has it still. */
		shutdown(inherited[i].fd, SHUT_RDWR);
		close(inherited[i].fd);
	}
	free(inherited);
	inherited = NULL;
	n_inherited = 0;
}
