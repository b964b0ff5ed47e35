/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel and other programs tell in text, read line by line. Pure: what a line does
 * not have, or has wrongly, makes it no line of the kind, never a guess.
 */
#ifndef OPS_DOCTOR_READ_H
#define OPS_DOCTOR_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"

/* A line of /proc/net/tcp, tcp6, udp or udp6 */
struct read_socket {
	struct endpoint local;		/* IPv4 in mapped form */
	bool listening;			/* TCP: in state LISTEN; UDP: not connected */
	uint64_t inode;
	uint64_t drops;			/* of UDP; of TCP it means nothing */
};

/** read_socket() - Return: false: it is no such line (the heading). */
bool read_socket(const char *line, bool v6, struct read_socket *out);

/**
 * read_resolv_conf() - the name servers of a resolv.conf(5); without any, the resolver asks
 * 127.0.0.1.
 * Return: how many of them there are, up to @max.
 */
size_t read_resolv_conf(const char *text, struct endpoint *out, size_t max);

/** read_open_files() - the soft limit in a /proc/PID/limits; 0: it says none. */
uint64_t read_open_files(const char *text);

/* A line of /proc/net/netfilter/nfnetlink_queue */
struct read_queue {
	unsigned int number;
	uint64_t dropped;	/* by the kernel: the queue was full */
	uint64_t unsent;	/* by the kernel: the reader's buffer was full */
};

bool read_queue(const char *line, struct read_queue *out);

enum { READ_KEY_LEN = 32, READ_KEYS_MAX = 16 };

/* One peer of WireGuard */
struct read_peer {
	uint8_t key[READ_KEY_LEN];	/* public */
	struct endpoint endpoint;	/* port 0: none is known */
	int64_t handshake_s;		/* Unix time of the last one; 0: never */
	struct prefix_list allowed;
};

struct read_peers {
	struct read_peer *v;
	size_t n;
};

/**
 * read_wireguard() - the reply to "get=1" of WireGuard's protocol for user space
 * (wireguard.com/xplatform).
 * @peers:	overwritten; released with read_peers_free().
 * Return: false: it is none, or memory is out.
 */
bool read_wireguard(const char *text, struct read_peers *peers);

/** read_peers_add() - room for one more, zeroed; NULL: memory is out. */
struct read_peer *read_peers_add(struct read_peers *peers);
void read_peers_free(struct read_peers *peers);

/** read_module() - is there a kernel module of this name in a /proc/modules? */
bool read_module(const char *text, const char *name);

/**
 * read_file() - a whole file, of /proc too.
 * Return: owned by the caller, NUL-terminated; NULL: errno says why.
 */
char *read_file(const char *path);

#endif
