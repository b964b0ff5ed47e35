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

static void send_message(const char *message)
{
	struct sockaddr_un addr;
	socklen_t addr_len = manager_address(&addr);
	int fd;

	if (!addr_len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, message, strlen(message), MSG_NOSIGNAL,
			     (const struct sockaddr *)&addr, addr_len) < 0)
		log_limited(LOG_LEVEL_WARN, "cannot tell the service manager: %s",
			    strerror(errno));
	if (fd >= 0)
		close(fd);
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

void notify_stopping(void)
{
	send_message("STOPPING=1");
}
