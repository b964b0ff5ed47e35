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
		bool ours;		/* of the process that was named */
	} *v;				/* by their inodes */
	size_t n;
};

struct sockets_owner {
	pid_t pid;		/* 0: not found out */
	char name[32];		/* of the program, its letters, digits, "_.@-" alone */
	bool is_plain;		/* it has nothing else, and begins with none of "-.": not made up
				 * for who reads or pastes it */
};

/**
 * sockets_read() - all that listen.
 * @pid:	whose sockets are marked as ours; 0: nobody's.
 * Return: 0; -EACCES: whose they are is not shown to us; -errno; released with sockets_free().
 */
int sockets_read(struct sockets *sockets, pid_t pid);
void sockets_free(struct sockets *sockets);

/**
 * sockets_conflict() - is it in the way of who binds to @at?
 * @dual:	those on "::" take IPv4 as well (which /proc does not tell).
 */
bool sockets_conflict(const struct sockets_one *one, bool tcp, const struct endpoint *at,
		      bool dual);

/** sockets_owner() - who has it open: the one that is shown first, the service manager last. */
void sockets_owner(const struct sockets_one *one, struct sockets_owner *owner);

/**
 * sockets_clean_name() - what may be shown of a name that any user may choose.
 * @name:	left with letters, digits, "_.@-".
 * Return: it had nothing else, and is no option.
 */
bool sockets_clean_name(char *name);

/** sockets_program() - a process of this name in our network namespace; 0: none. */
pid_t sockets_program(const char *name);

#endif
