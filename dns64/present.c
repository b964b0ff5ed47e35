/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ldns gets single records, never a message: what its message parser leaks on two TSIG
 * records (its issue 317) and what long chains of pointers cost it cannot happen so. And it
 * gets types whose rdata was looked at before; others are told by RFC 3597 5.
 */
#include "present.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/cursor.h"
#include "codes.h"

/* Those that stand for no records (RFC 6895 3.1); ldns has no names of them to give. */
static const struct {
	uint16_t type;
	const char *name;
} meta_types[] = {
	{ LDNS_RR_TYPE_IXFR, "IXFR" }, { LDNS_RR_TYPE_AXFR, "AXFR" },
	{ LDNS_RR_TYPE_MAILB, "MAILB" }, { LDNS_RR_TYPE_MAILA, "MAILA" },
	{ LDNS_RR_TYPE_ANY, "ANY" },
};

const char *present_type(uint16_t type, char *text)
{
	const ldns_rr_descriptor *known = ldns_rr_descript(type);
	const char *name = known ? known->_name : NULL;

	for (size_t i = 0; i < sizeof(meta_types) / sizeof(meta_types[0]); i++)
		if (meta_types[i].type == type)
			name = meta_types[i].name;
	if (name)
		snprintf(text, PRESENT_WORD_MAX, "%s", name);
	else
		snprintf(text, PRESENT_WORD_MAX, "TYPE%u", type);
	return text;
}

bool present_type_read(const char *text, uint16_t *type)
{
	unsigned long number;
	char *end;

	/* ldns takes the digits after TYPE without looking. */
	if (strncasecmp(text, "TYPE", 4) == 0 && text[4] >= '0' && text[4] <= '9') {
		number = strtoul(text + 4, &end, 10);
		*type = (uint16_t)number;
		return !*end && number > 0 && number <= UINT16_MAX;
	}
	*type = (uint16_t)ldns_get_rr_type_by_name(text);
	return *type != 0;
}

const char *present_rcode(unsigned int rcode, char *text)
{
	static const struct {
		unsigned int rcode;
		const char *name;
	} names[] = {	/* RFC 6895 2.3, and those of EDNS that are sent */
		{ LDNS_RCODE_NOERROR, "NOERROR" }, { LDNS_RCODE_FORMERR, "FORMERR" },
		{ LDNS_RCODE_SERVFAIL, "SERVFAIL" }, { LDNS_RCODE_NXDOMAIN, "NXDOMAIN" },
		{ LDNS_RCODE_NOTIMPL, "NOTIMP" }, { LDNS_RCODE_REFUSED, "REFUSED" },
		{ 16, "BADVERS" }, { 23, "BADCOOKIE" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].rcode != rcode)
			continue;
		snprintf(text, PRESENT_WORD_MAX, "%s", names[i].name);
		return text;
	}
	snprintf(text, PRESENT_WORD_MAX, "RCODE%u", rcode);
	return text;
}

/* ---- records ----------------------------------------------------------------------- */

/* The types that ldns is asked for: where a name stands in the rdata, or that there is none.
 * Of most, reply.c has written the name anew; of the others it must be sound by itself. */
static const struct {
	uint16_t type;
	int8_t name_at;
} safe[] = {
	{ LDNS_RR_TYPE_A, -1 },		{ LDNS_RR_TYPE_AAAA, -1 },
	{ LDNS_RR_TYPE_CNAME, 0 },	{ LDNS_RR_TYPE_DNAME, 0 },
	{ LDNS_RR_TYPE_NS, 0 },		{ LDNS_RR_TYPE_PTR, 0 },
	{ LDNS_RR_TYPE_SOA, 0 },	{ LDNS_RR_TYPE_MX, 2 },
	{ LDNS_RR_TYPE_SRV, 6 },	{ LDNS_RR_TYPE_TXT, -1 },
	{ LDNS_RR_TYPE_SPF, -1 },	{ LDNS_RR_TYPE_HINFO, -1 },
	{ LDNS_RR_TYPE_CAA, -1 },	{ LDNS_RR_TYPE_TLSA, -1 },
	{ LDNS_RR_TYPE_SSHFP, -1 },	{ LDNS_RR_TYPE_SVCB, 2 },
	{ LDNS_RR_TYPE_HTTPS, 2 },	{ LDNS_RR_TYPE_DS, -1 },
	{ LDNS_RR_TYPE_DNSKEY, -1 },	{ LDNS_RR_TYPE_RRSIG, 18 },
	{ LDNS_RR_TYPE_NSEC, 0 },	{ LDNS_RR_TYPE_NSEC3, -1 },
};

static bool is_safe(const struct message *message, const struct message_rr *rr)
{
	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
		struct name name;

		if (safe[i].type != rr->type)
			continue;
		return safe[i].name_at < 0 ||
		       message_rdata_name(message, rr, (size_t)safe[i].name_at, &name);
	}
	return false;
}

/* As ldns writes it. Return: the line, caller frees; NULL: it cannot. */
static char *by_ldns(const struct message *message, const struct message_rr *rr)
{
	size_t at = rr->owner_at;
	ldns_rr *record = NULL;
	char *text = NULL;

	if (ldns_wire2rr(&record, message->wire, message->len, &at, LDNS_SECTION_ANSWER) ==
	    LDNS_STATUS_OK)
		text = ldns_rr2str(record);
	ldns_rr_free(record);
	return text;
}

/* RFC 3597 5: "\# length hex" */
static char *by_number(const struct message *message, const struct message_rr *rr)
{
	char owner[NAME_TEXT_MAX], type[PRESENT_WORD_MAX], *text = NULL;
	struct name name;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	message_owner(message, rr, &name);
	fprintf(out, "%s\t%u\tIN\t%s\t\\# %u", name_format(&name, owner), rr->ttl_s,
		present_type(rr->type, type), rr->rdata_len);
	for (size_t i = 0; i < rr->rdata_len && rr->rdata_len <= PRESENT_RDATA_MAX; i++)
		fprintf(out, "%s%02x", i ? "" : " ", message->wire[rr->rdata_at + i]);
	fclose(out);
	return text;
}

bool present_message(const uint8_t *wire, size_t len, present_fn *fn, void *arg)
{
	struct message message;

	if (!message_read(&message, wire, len))
		return false;
	for (size_t i = 0; i < message.n; i++) {
		const struct message_rr *rr = &message.rr[i];
		char *text = NULL;

		if (rr->rdata_len <= PRESENT_RDATA_MAX && is_safe(&message, rr))
			text = by_ldns(&message, rr);
		if (!text)
			text = by_number(&message, rr);
		if (text)
			text[strcspn(text, "\n")] = '\0';
		fn(arg, rr->section, text ? text : "?");
		free(text);
	}
	return true;
}

/* ---- extended errors ----------------------------------------------------------------- */

/* RFC 8914 5.2 and its registry; those that a resolver such as this one sends */
static const char *ede_purpose(uint16_t code)
{
	static const struct {
		uint16_t code;
		const char *purpose;
	} purposes[] = {
		{ 0, "Other" },			{ 3, "Stale Answer" },
		{ 6, "DNSSEC Bogus" },		{ 13, "Cached Error" },
		{ 14, "Not Ready" },		{ 15, "Blocked" },
		{ 17, "Filtered" },		{ 18, "Prohibited" },
		{ 19, "Stale NXDOMAIN Answer" },{ 20, "Not Authoritative" },
		{ 21, "Not Supported" },	{ 22, "No Reachable Authority" },
		{ 23, "Network Error" },	{ 24, "Invalid Data" },
		{ 29, "Synthesized" },
	};

	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
		if (purposes[i].code == code)
			return purposes[i].purpose;
	return "";
}

static void read_ede(struct cursor option, struct present_ede *ede)
{
	size_t n = 0;

	ede->code = cursor_u16(&option);
	ede->purpose = ede_purpose(ede->code);
	while (cursor_left(&option) && n + 1 < sizeof(ede->text)) {
		uint8_t c = cursor_u8(&option);

		ede->text[n++] = c >= ' ' && c <= '~' ? (char)c : '?';
	}
	ede->text[n] = '\0';
}

static size_t read_options(struct cursor options, struct present_ede *out, size_t max)
{
	size_t n = 0;

	while (cursor_left(&options) && n < max) {
		uint16_t code = cursor_u16(&options);
		struct cursor option = cursor_sub(&options, cursor_u16(&options));

		if (code == LDNS_EDNS_EDE && !option.failed)
			read_ede(option, &out[n++]);
	}
	return n;
}

/* Past a name. Return: false when it is malformed. */
static bool skip_name(struct cursor *c, const uint8_t *wire, size_t len)
{
	size_t from = (size_t)(c->at - wire), at = from;
	struct name name;

	return name_read(wire, len, &at, &name) && cursor_skip(c, at - from);
}

size_t present_ede(const uint8_t *wire, size_t len, struct present_ede *out, size_t max)
{
	struct cursor c = cursor_init(wire, len);
	uint16_t questions;

	cursor_skip(&c, 4);
	questions = cursor_u16(&c);
	cursor_skip(&c, 6);
	while (questions-- > 0 && !c.failed)
		if (!skip_name(&c, wire, len) || !cursor_skip(&c, 4))
			return 0;
	while (cursor_left(&c) && skip_name(&c, wire, len)) {
		uint16_t type = cursor_u16(&c);
		struct cursor rdata;

		cursor_skip(&c, 6);
		rdata = cursor_sub(&c, cursor_u16(&c));
		if (type == LDNS_RR_TYPE_OPT && !rdata.failed)
			return read_options(rdata, out, max);
	}
	return 0;
}
