/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An intruder, preloaded into gate64: where $PLANT says so, it executes a program instead of
 * what it was called for: "main" as the main thread names the signal that stops it, "worker"
 * as a worker of snid takes a connection.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void intrude(const char *where)
{
	static char name[] = "true";
	static char *const argv[] = { name, NULL };
	const char *plant = getenv("PLANT");

	if (plant && strcmp(plant, where) == 0)
		execv("/bin/true", argv);
}

char *strsignal(int number)
{
	static char text[] = "a signal";

	(void)number;
	intrude("main");
	return text;
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	intrude("worker");
	return (int)syscall(SYS_accept4, fd, addr, len, flags);
}
