/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does every thread still answer? A thread of its own asks every loop that runs, the main one
 * too (loop_ping_all()), again and again. As long as all have answered it feeds the service
 * manager's watchdog ($WATCHDOG_USEC, sd_watchdog_enabled(3)), twice in its time; who has not
 * is named in the log, while the watchdog goes hungry: before the manager acts. Main thread.
 */
#ifndef OPS_HEARTBEAT_H
#define OPS_HEARTBEAT_H

/**
 * heartbeat_begin() - from now on.
 * @enter:	run first in the thread, see loop_start().
 * Return: 0 or -errno, the reason having been logged.
 */
int heartbeat_begin(int (*enter)(void));

/** heartbeat_end() - no more. */
void heartbeat_end(void);

#endif
