/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why an answer did not validate, as an extended error. */
#ifndef DNS64_BOGUS_H
#define DNS64_BOGUS_H

#include "reply.h"

/**
 * bogus_ede() - the extended error (RFC 8914 4.7 to 4.12) that says most of it.
 * @why:	libunbound's explanation; NULL = none.
 * Return: the code of what it names first, REPLY_EDE_BOGUS where that has none.
 */
enum reply_ede bogus_ede(const char *why);

#endif
