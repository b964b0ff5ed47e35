/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tell the service manager how we are: the protocol of sd_notify(3), datagrams
 * of "KEY=value" lines to the socket in $NOTIFY_SOCKET. By hand, since it is a
 * page of code and libsystemd is a large guest in a process that parses packets.
 * Without $NOTIFY_SOCKET all of these do nothing. Main thread only, since order matters,
 * but for notify_watchdog().
 */
#ifndef OPS_NOTIFY_H
#define OPS_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

/** notify_ready() - serving; also ends what notify_reloading() began. */
void notify_ready(void);

/** notify_status() - one line for people, as shown by systemctl status. */
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** notify_reloading() - a reload begins; notify_ready() must follow, whatever came of it. */
void notify_reloading(void);

/**
 * notify_store() - leave descriptors with the manager, which gives them to the next run
 * (sd_pid_notify_with_fds(3), FDSTORE=1); those that it has already it keeps once.
 * @name:	without ':'.
 * Return: 0, also where there is no manager; or -errno: it did not take them in time.
 */
int notify_store(const char *name, const int *fds, size_t n);

/** notify_unstore() - it shall close what it has of that name. */
void notify_unstore(const char *name);

/** notify_extend() - what is under way, a stop too, may last so much longer from now on. */
void notify_extend(uint32_t ms);

/** notify_watchdog() - we are well. Any thread. */
void notify_watchdog(void);

/** notify_stopping() - the clean stop begins. */
void notify_stopping(void);

#endif
