/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sd_notify(3): each message is one datagram to the socket in $NOTIFY_SOCKET, a
 * path or, with a leading '@', a name in the abstract namespace. The manager
 * tells senders apart by the kernel's word for their process id.
 */
#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../core/log.h"

enum {
	FDS_AT_ONCE = 64,	/* the kernel would take 253 (SCM_MAX_FD) */
	WAIT_S = 1,		/* for a manager that does not read: we have more to do */
};

/* Return: the length of the address written, 0 where there is no manager to tell. */
static socklen_t manager_address(struct sockaddr_un *addr)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(addr->sun_path) || (name[0] != '/' && name[0] != '@'))
		return 0;
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, name, len);
	if (name[0] == '@')
		addr->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Return: 0 where it was taken, or there is nobody to tell; or -errno. */
static int send_with(const char *message, const int *fds, size_t n)
{
	static const struct timeval wait = { .tv_sec = WAIT_S };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FDS_AT_ONCE * sizeof(int))];
	} control = { 0 };
	struct sockaddr_un addr;
	struct iovec iov = { .iov_base = (char *)(uintptr_t)message, .iov_len = strlen(message) };
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = manager_address(&addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	int fd, err = 0;

	if (!msg.msg_namelen)
		return 0;
	if (n > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		err = -errno;
	if (err)
		log_limited(LOG_LEVEL_WARN, "cannot tell the service manager: %s",
			    strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static void send_message(const char *message)
{
	send_with(message, NULL, 0);
}

void notify_ready(void)
{
	send_message("READY=1");
}

void notify_status(const char *fmt, ...)
{
	char message[512] = "STATUS=";
	size_t at = strlen(message);
	va_list args;

	va_start(args, fmt);
	vsnprintf(message + at, sizeof(message) - at, fmt, args);
	va_end(args);
	/* A newline would begin another assignment. */
	message[at + strcspn(message + at, "\n")] = '\0';
	send_message(message);
}

void notify_reloading(void)
{
	char message[64];
	struct timespec now;

	/* With the time, the manager can tell this reload from one asked for later. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		 (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	send_message(message);
}

int notify_store(const char *name, const int *fds, size_t n)
{
	char message[256];
	int err = 0;

	snprintf(message, sizeof(message), "FDSTORE=1\nFDNAME=%s", name);
	for (size_t at = 0; at < n && !err; at += FDS_AT_ONCE)
		err = send_with(message, fds + at, n - at < FDS_AT_ONCE ? n - at : FDS_AT_ONCE);
	return err;
}

void notify_unstore(const char *name)
{
	char message[256];

	snprintf(message, sizeof(message), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	send_message(message);
}

void notify_extend(uint32_t ms)
{
	char message[64];

	snprintf(message, sizeof(message), "EXTEND_TIMEOUT_USEC=%" PRIu64, (uint64_t)ms * 1000);
	send_message(message);
}

void notify_watchdog(void)
{
	send_message("WATCHDOG=1");
}

void notify_stopping(void)
{
	send_message("STOPPING=1");
}
