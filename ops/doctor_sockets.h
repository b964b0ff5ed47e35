/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets that listen on this host, and whose they are. */
#ifndef OPS_DOCTOR_SOCKETS_H
#define OPS_DOCTOR_SOCKETS_H

#include <sys/types.h>

#include "doctor_read.h"

struct sockets {
	struct sockets_one {
		struct read_socket socket;
		bool tcp;		/* else UDP */
		bool v6;
	} *v;
	size_t n;
};

struct sockets_owner {
	pid_t pid;		/* 0: not found out */
	char name[32];		/* of the program; "a program that /proc does not show" */
};

/** sockets_read() - all that listen. Return: 0 or -errno; released with sockets_free(). */
int sockets_read(struct sockets *sockets);
void sockets_free(struct sockets *sockets);

/** sockets_conflict() - is it in the way of who binds to @at? */
bool sockets_conflict(const struct sockets_one *one, bool tcp, const struct endpoint *at);

/** sockets_owner() - who has it open: the one that is shown first. */
void sockets_owner(const struct sockets_one *one, struct sockets_owner *owner);

/** sockets_has() - has @pid this socket open? */
bool sockets_has(const struct sockets_one *one, pid_t pid);

/** sockets_program() - a process of this name in our network namespace; 0: none. */
pid_t sockets_program(const char *name);

#endif
