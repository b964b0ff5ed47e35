/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages on their way in: clients' queries, read strictly, and the
 * resolver's answers, read into a table of their records (RFC 1035 4, RFC 6891).
 */
#ifndef DNS64_MESSAGE_H
#define DNS64_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"

enum {
	MESSAGE_HEADER_LEN = 12,
	MESSAGE_MAX = 65535,
	MESSAGE_UDP_MIN = 512,		/* RFC 1035 4.2.1, and the floor of RFC 6891 6.2.3 */
	MESSAGE_UDP_MAX = 1232,		/* fits the IPv6 minimum MTU unfragmented */
	MESSAGE_RRS_MAX = 1024,		/* records of an answer; longer ones are not used */
	MESSAGE_CHAIN_MAX = 16,		/* CNAME links followed */
	MESSAGE_COOKIE_CLIENT = 8,	/* bytes; RFC 7873 4 */
	MESSAGE_COOKIE_MIN = 16,	/* with a server's part */
	MESSAGE_COOKIE_MAX = 40,
};

/* EDNS options that are read or written */
enum message_option {
	OPTION_COOKIE = 10,		/* RFC 7873 */
	OPTION_KEEPALIVE = 11,		/* RFC 7828 */
	OPTION_PADDING = 12,		/* RFC 7830 */
	OPTION_EDE = 15,		/* RFC 8914 */
};

/* The second 16 bits of the header, host byte order */
enum message_flags {
	MESSAGE_QR = 0x8000,
	MESSAGE_OPCODE = 0x7800,
	MESSAGE_AA = 0x0400,
	MESSAGE_TC = 0x0200,
	MESSAGE_RD = 0x0100,
	MESSAGE_RA = 0x0080,
	MESSAGE_AD = 0x0020,
	MESSAGE_CD = 0x0010,
	MESSAGE_RCODE = 0x000f,
};

/* RFC 7828 3.2.1: a query asks by an empty option; over UDP it means nothing. */
enum message_keepalive { KEEPALIVE_NONE, KEEPALIVE_ASKED, KEEPALIVE_MALFORMED };

struct query {
	uint16_t id;			/* host byte order, as all here */
	uint16_t flags;			/* enum message_flags */
	struct name qname;		/* in the asker's letter case; len 0 = none was read */
	uint16_t type, class;
	bool edns;			/* it had an OPT record */
	bool dnssec_ok;			/* DO */
	uint16_t udp_size;		/* bytes the asker takes over UDP, within our bounds */

	/* Options of its OPT record. The transport strikes out what is of no use there
	 * (asker_settle()), and cookie_settle() puts the reply's cookie in its place. */
	bool padded;			/* RFC 7830: the reply is to be padded too */
	enum message_keepalive keepalive;
	uint16_t idle_ds;		/* that the reply announces, in 100 ms; where ASKED */
	uint8_t cookie_len;		/* 0 = none; 8, or 16 to 40 */
	uint8_t cookie[MESSAGE_COOKIE_MAX];
};

enum message_verdict {
	MESSAGE_OK,
	MESSAGE_SHORT,		/* not even a header: nothing can be said to it */
	MESSAGE_RESPONSE,	/* QR is set: answering could make a loop */
	MESSAGE_MALFORMED,
	MESSAGE_QUESTIONS,	/* not exactly one */
	MESSAGE_RECORDS,	/* answers, or something in the authority section */
	MESSAGE_SIGNED,		/* TSIG or SIG(0): there are no keys here */
	MESSAGE_ADDITIONAL,	/* what else is not OPT */
	MESSAGE_TWO_OPTS,
	MESSAGE_BAD_OPTION,	/* options that do not end where they should, a bad cookie */
	MESSAGE_OPCODE_OTHER,	/* than QUERY */
	MESSAGE_EDNS_VERSION,	/* above 0 */
	MESSAGE_COOKIE_ONLY,	/* no question, but a cookie: RFC 7873 5.4 */
};

/**
 * message_read_query() - read a query: one question, nothing else but one OPT (and with a
 * question for IXFR the SOA of RFC 1995 3, unread, so that it is refused as what it is).
 * Signatures and all other records are refused unread, after the owner's name and type.
 * @query:	filled in as far as it was read; id and flags always, but for SHORT.
 */
enum message_verdict message_read_query(struct query *query, const uint8_t *wire, size_t len);

enum message_section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

struct message_rr {
	enum message_section section;
	uint16_t type, class;
	uint16_t owner_at;	/* offset of the owner name */
	uint16_t rdata_at;	/* offset of the rdata; the TTL stands 6 bytes before it */
	uint16_t rdata_len;
	uint32_t ttl_s;		/* RFC 2181 8: what exceeds 31 bits is 0 */
};

struct message {
	const uint8_t *wire;	/* borrowed */
	size_t len;
	uint16_t flags;
	struct name qname;
	uint16_t qtype, qclass;
	size_t n;		/* records, OPT left out */
	struct message_rr rr[MESSAGE_RRS_MAX];
};

/**
 * message_read() - index the records of an answer. Every owner name was read
 * once afterwards and is known to be sound.
 * @wire:	borrowed as long as @message is used; at most MESSAGE_MAX bytes.
 * Return: false when it is malformed or has over MESSAGE_RRS_MAX records.
 */
bool message_read(struct message *message, const uint8_t *wire, size_t len);

/** message_rcode() - its response code, without the EDNS part. */
static inline uint8_t message_rcode(const struct message *message)
{
	return message->flags & MESSAGE_RCODE;
}

/** message_owner() - the owner name of one of its records. */
void message_owner(const struct message *message, const struct message_rr *rr,
		   struct name *owner);

/** message_rdata_name() - the name its rdata begins with at @skip bytes. Return: false: none. */
bool message_rdata_name(const struct message *message, const struct message_rr *rr,
			size_t skip, struct name *name);

/** message_soa() - the SOA of the authority section, or NULL. */
const struct message_rr *message_soa(const struct message *message);

/**
 * message_negative_ttl_s() - how long a negative answer with this SOA holds:
 * RFC 2308 5, the lesser of its TTL and its MINIMUM field.
 */
uint32_t message_negative_ttl_s(const struct message *message, const struct message_rr *soa);

enum { MESSAGE_NO_RR = MESSAGE_RRS_MAX };

/* The links from a name to the last one that the answer section leads to */
struct message_chain {
	size_t n;
	uint16_t cname[MESSAGE_CHAIN_MAX];	/* index of each link's CNAME */
	uint16_t dname[MESSAGE_CHAIN_MAX];	/* of the DNAME it comes from, or MESSAGE_NO_RR */
	struct name end;
};

/**
 * message_chase() - follow CNAMEs from @from through the answer section.
 * Return: false when there are over MESSAGE_CHAIN_MAX links (so is every loop).
 */
bool message_chase(const struct message *message, const struct name *from,
		   struct message_chain *chain);

#endif
