/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the gateway is, for those who ask by the control socket or by HTTP; main thread. */
#ifndef OPS_REPORT_H
#define OPS_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct shared_text;
struct gateway;
struct json_object;

/** report_status() - the status document (status.h), owned by the caller, or NULL. */
struct json_object *report_status(struct gateway *gateway);

/**
 * report_metrics() - all metrics as text (metrics.h), in the format of Prometheus or that of
 * OpenMetrics.
 * Return: the text, one reference being the caller's; NULL: out of memory.
 */
struct shared_text *report_metrics(struct gateway *gateway, bool openmetrics);

/**
 * report_metrics_reply() - likewise, to a request {"openmetrics": BOOL}: {"schema", "text"}; to
 * {"json": true}: {"schema", "families" (exposition_json.h)}.
 */
struct json_object *report_metrics_reply(struct gateway *gateway, struct json_object *request);

/**
 * report_unready() - should nobody be sent here now? Also asks all threads for a sign of life,
 * for the next time.
 * @why:	the reason, cut to @size bytes; "" when it serves.
 */
bool report_unready(const struct gateway *gateway, char *why, size_t size);

#endif
