/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a port of this host is free, and which program has it if not, by /proc. */
#ifndef OPS_PORT_HOLDER_H
#define OPS_PORT_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "../core/addr.h"

enum { PORT_HOLDER_NAME = 32 };

struct port_holder {
	char name[PORT_HOLDER_NAME];	/* of the program; "?": not to be found out */
	pid_t pid;			/* 0: likewise */
};

/* One line of /proc/net/{tcp,tcp6,udp,udp6} */
struct port_socket {
	struct endpoint local;
	unsigned int state;		/* include/net/tcp_states.h */
	unsigned long inode;
};

/** port_socket_parse() - read a line of one of these files. Return: false where it is none. */
bool port_socket_parse(const char *line, struct port_socket *socket);

/** port_socket_covers() - does a socket bound to @have keep others from @want? An IPv6 wildcard
 * may hold IPv4 as well, which cannot be told from these files: it is taken to. */
bool port_socket_covers(const struct endpoint *have, const struct endpoint *want);

/**
 * port_is_free() - can a listener be bound there, as our rooms bind theirs?
 * @type:	SOCK_STREAM or SOCK_DGRAM.
 * Return: false when somebody has the port. What else may be wrong with the address is not
 * asked here.
 */
bool port_is_free(const struct endpoint *at, int type);

/** port_holder_find() - who has it. @holder: filled in, "?" where nobody was found. */
void port_holder_find(const struct endpoint *at, int type, struct port_holder *holder);

#endif
