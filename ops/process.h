/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says of this process. */
#ifndef OPS_PROCESS_H
#define OPS_PROCESS_H

#include <stdint.h>

/* 0: not to be had */
struct process {
	uint64_t cpu_us;		/* user and system */
	uint64_t resident_bytes, virtual_bytes;
	uint64_t descriptors, descriptors_max;
	uint64_t threads;
	uint64_t started_at;		/* wall clock, seconds */
};

/** process_read() - so far as /proc is there. */
void process_read(struct process *out);

#endif
