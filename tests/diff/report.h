/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of the packets, so that a comparison of nothing is seen for what it is. */
#ifndef TESTS_DIFF_REPORT_H
#define TESTS_DIFF_REPORT_H

#include "generate.h"
#include "reference.h"

/** report_count() - @packet, as it came in, got @result. */
void report_count(const struct made *made, const uint8_t *packet, const struct result *result);

/** report_round_trip() - a packet came back as it had been. */
void report_round_trip(const struct made *made);

/** report_print() - the table. Return: is there enough of everything, for @count packets? */
bool report_print(uint64_t count);

const char *report_kind(enum kind kind);
const char *report_verdict(enum verdict verdict);

#endif
