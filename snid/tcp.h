/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both legs of a connection have in common as TCP sockets. */
#ifndef SNID_TCP_H
#define SNID_TCP_H

/**
 * tcp_set_options() - no delay for small writes, keepalive. Set on a listener, it is
 * inherited by what is accepted. Return: 0 or -errno.
 */
int tcp_set_options(int fd);

/** tcp_error() - the error that is pending on a socket, as -errno; 0 for none. */
int tcp_error(int fd);

/**
 * tcp_close_reset() - close with RST in place of FIN: a stream that was cut short must not
 * look like one that ended.
 */
void tcp_close_reset(int fd);

#endif
