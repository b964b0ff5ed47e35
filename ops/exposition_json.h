/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same metrics as a document:
 *
 *   [{name, type (counter, gauge, histogram or info), help,
 *     samples: [{name, labels: {KEY: text}, value}]}]
 *
 * Names are as exposition.h has them.
 */
#ifndef OPS_EXPOSITION_JSON_H
#define OPS_EXPOSITION_JSON_H

#include <stdint.h>

struct json_object;

/** exposition_json_family() - append a family to @families. @type: its word. */
void exposition_json_family(struct json_object *families, const char *name, const char *type,
			    const char *help);

/** exposition_json_sample() - append to the last family. @labels: as exposition_sample() has. */
void exposition_json_sample(struct json_object *families, const char *name, const char *labels,
			    uint64_t value);

/** exposition_json_seconds() - the same of a time that is counted in microseconds. */
void exposition_json_seconds(struct json_object *families, const char *name, const char *labels,
			     uint64_t value_us);

#endif
