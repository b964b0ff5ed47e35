/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics as text: the Prometheus text format 0.0.4, and OpenMetrics 1.0; or as a document
 * (exposition_json.h). Names are written as the first has them: a counter's ends in _total, that
 * of an info in _info; what the second calls a family follows from that, and its unit from the
 * name's last word. Pure.
 */
#ifndef OPS_EXPOSITION_H
#define OPS_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum exposition_format { EXPOSITION_PROMETHEUS, EXPOSITION_OPENMETRICS, EXPOSITION_JSON };

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

/* Content-Type of each */
#define EXPOSITION_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define EXPOSITION_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct json_object;

struct exposition {
	FILE *out;			/* of the texts */
	enum exposition_format format;
	struct json_object *families;	/* of EXPOSITION_JSON: an array */
};

/** exposition_family() - a family begins; its samples follow. @name: a histogram's without _bucket. */
void exposition_family(const struct exposition *to, const char *name, enum metric_type type,
		       const char *help);

/** exposition_sample() - @labels: as exposition_label() makes them, with ',' between; or "". */
void exposition_sample(const struct exposition *to, const char *name, const char *labels,
		       uint64_t value);

/** exposition_seconds() - the same of a time that is counted in microseconds. */
void exposition_seconds(const struct exposition *to, const char *name, const char *labels,
			uint64_t value_us);

/** exposition_label() - 'key="value"', escaped, cut where it does not fit. Return: @text. */
const char *exposition_label(char *text, size_t size, const char *key, const char *value);

/** exposition_end() - nothing follows. */
void exposition_end(const struct exposition *to);

#endif
