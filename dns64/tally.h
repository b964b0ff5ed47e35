/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is counted of replies that are sent: their response codes, and how long they took.
 * The clock is read when queries come in and when their replies have left, not for each.
 */
#ifndef DNS64_TALLY_H
#define DNS64_TALLY_H

#include <stdint.h>

struct answer;

/* Queries that were read together */
struct tally {
	int64_t since_us;	/* when they were read; see tally_now_us() */
	unsigned int replies;	/* of these, sent at once */
};

/** tally_now_us() - CLOCK_MONOTONIC in microseconds. */
int64_t tally_now_us(void);

/** tally_begin() - queries were read. */
void tally_begin(struct tally *tally);

/** tally_end() - the replies to them that were known at once have left. */
void tally_end(struct tally *tally);

/** tally_late() - a reply leaves that had to be asked for, @took_us after its query was read. */
void tally_late(int64_t took_us);

/**
 * tally_reply() - count a reply by its response code.
 * @rcode_high:	the upper part of an extended rcode, as for reply_seal().
 */
void tally_reply(const struct answer *answer, uint8_t rcode_high);

#endif
