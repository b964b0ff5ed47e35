/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tell the service manager how we are: the protocol of sd_notify(3), datagrams
 * of "KEY=value" lines to the socket in $NOTIFY_SOCKET. By hand, since it is a
 * page of code and libsystemd is a large guest in a process that parses packets.
 * Without $NOTIFY_SOCKET all of these do nothing. Main thread only: systemd's
 * NotifyAccess=main looks at the process, but order matters.
 */
#ifndef OPS_NOTIFY_H
#define OPS_NOTIFY_H

#include <stdint.h>

/** notify_ready() - serving; also ends what notify_reloading() began. */
void notify_ready(void);

/** notify_status() - one line for people, as shown by systemctl status. */
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** notify_reloading() - a reload begins; notify_ready() must follow, whatever came of it. */
void notify_reloading(void);

/** notify_stopping() - the clean stop begins. */
void notify_stopping(void);

#endif
