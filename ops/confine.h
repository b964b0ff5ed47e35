/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which system calls each thread may make (seccomp(2)); any other ends the process at once,
 * by SIGSYS, which the kernel logs. No thread may start a program: what has to be run is run
 * by helper.h's process, which was made before.
 *
 *	confine_process()	main thread, when host and sockets are set up and no other
 *				thread is there: what main may do, and so all that follow
 *	confine_thread()	each other thread, when it has dropped its capabilities
 *
 * The lists are in confine.c. Calls newer than they are fail as an older kernel would have
 * them fail (ENOSYS), for a newer C library tries those first.
 */
#ifndef OPS_CONFINE_H
#define OPS_CONFINE_H

#include "../core/config.h"

/* Who a list is for */
enum confine_as {
	CONFINE_MAIN = 1,
	CONFINE_NAT64 = 2,	/* its workers, which write BPF maps */
	CONFINE_OTHER = 4,
};

/**
 * confine_process() - confine the calling thread, and all that it starts from now on.
 * @how:	as configured; under a sanitizer, or for processors without a list, it is off.
 * Return: 0, also where the kernel has no seccomp, which is logged; or -errno, logged.
 */
int confine_process(enum config_seccomp how);

/** confine_thread() - confine it further, if the process is. Return: 0 or -errno. */
int confine_thread(enum confine_as as);

#endif
