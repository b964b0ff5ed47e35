/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both legs of a connection have in common as TCP sockets. */
#ifndef SNID_TCP_H
#define SNID_TCP_H

#include <stdbool.h>

struct tcp_info;

enum {
	/* Without bytes for so long a connection is looked at: tcp_is_vanished() and
	 * tcp_keep_alive(). RFC 9293 3.8.3 has the user timeout default to five minutes. */
	TCP_SILENT_MS = 300 * 1000,
};

/**
 * tcp_set_listening() - no delay for small writes, keepalive: inherited by what is accepted,
 * at no cost for each. Return: 0 or -errno.
 */
int tcp_set_listening(int fd);

/** tcp_set_fast_open() - may a listener's clients send bytes with their SYN (RFC 7413)? */
void tcp_set_fast_open(int fd, bool on);

/**
 * tcp_set_deaf() - a listener takes no more SYNs, as if they were lost; handshakes that have
 * begun go on. tcp_set_hearing() is owed to what is accepted from then on.
 */
void tcp_set_deaf(int fd);
void tcp_set_hearing(int fd);

/** tcp_set_dialling() - before connect(): what a socket needs from then on. Return: 0 or -errno. */
int tcp_set_dialling(int fd);

/** tcp_take_urgent() - urgent bytes are part of the stream from now on (RFC 6093 3.4). */
void tcp_take_urgent(int fd);

/** tcp_keep_alive() - for a socket that was dialled, once it is silent; not for short ones. */
void tcp_keep_alive(int fd);

/**
 * tcp_is_vanished() - has the peer acknowledged nothing for long, while something is sent?
 * Asked of a socket into which nothing was written for TCP_SILENT_MS.
 */
bool tcp_is_vanished(int fd);

/** tcp_info_is_vanished() - the same of what the kernel tells of a socket. */
bool tcp_info_is_vanished(const struct tcp_info *info);

/** tcp_error() - the error that is pending on a socket, as -errno; 0 for none. */
int tcp_error(int fd);

/**
 * tcp_close_reset() - close with RST in place of FIN: a stream that was cut short must not
 * look like one that ended.
 */
void tcp_close_reset(int fd);

#endif
