/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stages of a connection in words, for those who look at it. */
#include "snid.h"
#include "worker.h"

static const char *const stage_names[] = {
	[STAGE_HELLO] = "hello",
	[STAGE_LOOKUP] = "lookup",
	[STAGE_DIAL] = "dial",
	[STAGE_GREET] = "greet",
	[STAGE_RELAY] = "relay",
	[STAGE_SILENT] = "silent",
	[STAGE_HALF_CLOSED] = "half-closed",
	[STAGE_REFUSED] = "refused",
};

_Static_assert(sizeof(stage_names) / sizeof(stage_names[0]) == STAGE_COUNT &&
	       (int)SNID_STAGES == (int)STAGE_COUNT, "every stage has a name");

const char *snid_stage_name(unsigned int stage)
{
	return stage < SNID_STAGES ? stage_names[stage] : NULL;
}
