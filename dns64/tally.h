/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is counted of replies that are sent. */
#ifndef DNS64_TALLY_H
#define DNS64_TALLY_H

#include <stdint.h>

struct answer;

/**
 * tally_reply() - count a reply by its response code.
 * @rcode_high:	the upper part of an extended rcode, as for reply_seal().
 */
void tally_reply(const struct answer *answer, uint8_t rcode_high);

#endif
