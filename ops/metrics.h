/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All metrics: every counter (stats_list.h), what is in use now, the process. Label sets are
 * closed: nobody outside can make new ones.
 */
#ifndef OPS_METRICS_H
#define OPS_METRICS_H

#include "exposition.h"

struct gauges;
struct process;

/** metrics_write() - all of them, to the last line. */
void metrics_write(const struct exposition *to, const struct gauges *gauges,
		   const struct process *process);

#endif
