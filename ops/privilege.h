/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what. The process starts as root, or as any user with (ambient)
 * capabilities; opens what needs more; then in this order:
 *
 *   privilege_drop()     main thread, while it is the only one of the process
 *   confine_process()    (confine.h) likewise
 *   loop_start(..., privilege_enter_nat64 | privilege_enter_unprivileged)
 *   privilege_enter_main()     main thread, once all nat64 workers run
 *
 * Capabilities belong to a thread and a new thread has those of its creator, so
 * each step only ever takes away. What each thread has afterwards:
 *
 *   main     CAP_NET_ADMIN (netlink, rules), CAP_NET_BIND_SERVICE (listeners of a reload)
 *   nat64    CAP_NET_ADMIN (verdicts), CAP_NET_RAW
 *   others   none
 *
 * and a process that runs programs (helper.h): CAP_NET_ADMIN.
 */
#ifndef OPS_PRIVILEGE_H
#define OPS_PRIVILEGE_H

/**
 * privilege_drop() - become @user, keeping CAP_NET_ADMIN, CAP_NET_RAW,
 * CAP_NET_BIND_SERVICE, CAP_BPF and CAP_PERFMON (the fast path is loaded) so far as we
 * have them.
 * @user:	its uid, gid and groups are taken when we are root and have CAP_SETUID
 *		and CAP_SETGID; else we stay who we are, and @user is not looked at.
 *
 * Sets no_new_privs, cuts the bounding set to these, and forbids core dumps
 * and tracing (not under a sanitizer, whose leak check traces itself).
 * Return: 0, or -errno, the reason having been logged (-ENOENT: no such user).
 */
int privilege_drop(const char *user);

/** privilege_enter_main() - main thread: CAP_NET_RAW, CAP_BPF and CAP_PERFMON go too. Return: 0 or -errno. */
int privilege_enter_main(void);

/* Enter hooks of threads; where the process is confined (confine.h), they are so further. */

/** privilege_enter_nat64() - of the nat64 workers. Return: 0 or -errno. */
int privilege_enter_nat64(void);

/** privilege_enter_unprivileged() - of all others. Return: 0 or -errno. */
int privilege_enter_unprivileged(void);

/** privilege_enter_helper() - the process that runs programs keeps CAP_NET_ADMIN. Return: 0 or -errno. */
int privilege_enter_helper(void);

/**
 * privilege_pass_on() - let the program that this process executes next keep
 * CAP_NET_ADMIN, and only that. For a child between fork() and execve():
 * async-signal-safe, logs nothing.
 * Return: 0 or -errno.
 */
int privilege_pass_on(void);

#endif
