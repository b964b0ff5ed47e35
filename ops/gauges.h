/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rooms have in use now and have counted so far, for the status document. */
#ifndef OPS_GAUGES_H
#define OPS_GAUGES_H

#include "rooms.h"

struct json_object;
struct status_facts;

/**
 * gauges_document() - ask the rooms, make the document (status.h).
 * @facts:	what is known without them is there already.
 * @room:	each room, NULL while it is off.
 * Return: the document, owned by the caller; NULL: out of memory.
 */
struct json_object *gauges_document(struct status_facts *facts, void *const room[ROOM_COUNT]);

#endif
