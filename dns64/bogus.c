/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libunbound's callback has no code for why an answer is bogus, but a text for
 * people, "validation failure <name type class>: reason ...", of which every
 * version has had the same phrases. A name in it cannot feign one: there are no
 * blanks in the names that libunbound prints.
 */
#include "bogus.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *phrase;
	enum reply_ede ede;
} phrases[] = {
	{ "signature expired", REPLY_EDE_SIGNATURE_EXPIRED },
	{ "signature before inception date", REPLY_EDE_SIGNATURE_NOT_YET_VALID },
	{ "no DNSKEY rrset", REPLY_EDE_DNSKEY_MISSING },
	{ "signatures from unknown keys", REPLY_EDE_DNSKEY_MISSING },
	{ "DNSKEY RRset did not match", REPLY_EDE_DNSKEY_MISSING },
	{ "no signatures", REPLY_EDE_RRSIGS_MISSING },
	{ "signature missing", REPLY_EDE_RRSIGS_MISSING },
	{ "dnskey without ZSK flag", REPLY_EDE_NO_ZONE_KEY_BIT },
};

enum reply_ede bogus_ede(const char *why)
{
	enum reply_ede ede = REPLY_EDE_BOGUS;
	const char *first = NULL;

	for (size_t i = 0; why && i < sizeof(phrases) / sizeof(*phrases); i++) {
		const char *at = strstr(why, phrases[i].phrase);

		if (at && (!first || at < first)) {
			first = at;
			ede = phrases[i].ede;
		}
	}
	return ede;
}
