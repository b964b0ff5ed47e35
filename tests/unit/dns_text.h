/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages from text and back, by ldns, which shares no code with what is
 * tested; and an address map made by hand.
 */
#ifndef TESTS_UNIT_DNS_TEXT_H
#define TESTS_UNIT_DNS_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../dns64/codes.h"
#include "../../dns64/message.h"

enum { DNS_TEXT_MAX = 8192 };

static inline void dns_text_push(ldns_pkt *packet, ldns_pkt_section section, const char *lines)
{
	char copy[DNS_TEXT_MAX], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", lines ? lines : "");
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		ldns_rr *rr;

		assert_int_equal(ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL), LDNS_STATUS_OK);
		assert_true(ldns_pkt_push_rr(packet, section, rr));
	}
}

/** dns_text_message() - an answer of a server; sections one record a line. Return: length. */
static inline size_t dns_text_message(uint8_t *wire, const char *qname, ldns_rr_type type,
				      ldns_pkt_rcode rcode, const char *answer,
				      const char *authority)
{
	ldns_pkt *packet = ldns_pkt_query_new(ldns_dname_new_frm_str(qname), type,
					      LDNS_RR_CLASS_IN, LDNS_RD);
	uint8_t *made;
	size_t len;

	assert_non_null(packet);
	ldns_pkt_set_qr(packet, true);
	ldns_pkt_set_rcode(packet, (uint8_t)rcode);
	dns_text_push(packet, LDNS_SECTION_ANSWER, answer);
	dns_text_push(packet, LDNS_SECTION_AUTHORITY, authority);
	assert_int_equal(ldns_pkt2wire(&made, packet, &len), LDNS_STATUS_OK);
	memcpy(wire, made, len);
	free(made);
	ldns_pkt_free(packet);
	return len;
}

/** dns_text_parse() - a packet out of our reply, for ldns_pkt_free(). */
static inline ldns_pkt *dns_text_parse(const uint8_t *wire, size_t len)
{
	ldns_pkt *packet;

	assert_int_equal(ldns_wire2pkt(&packet, wire, len), LDNS_STATUS_OK);
	return packet;
}

/** dns_text_section() - its records, one a line: "owner ttl type rdata". */
static inline void dns_text_section(const ldns_pkt *packet, ldns_pkt_section section, char *text)
{
	ldns_rr_list *list = ldns_pkt_get_section_clone(packet, section);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i)), *save = NULL;
		const char *owner = strtok_r(line, "\t ", &save);
		const char *ttl = strtok_r(NULL, "\t ", &save);

		strtok_r(NULL, "\t ", &save);	/* IN */
		for (char *c = save; *c; c++)
			if (*c == '\t')
				*c = ' ';
		at += (size_t)snprintf(text + at, DNS_TEXT_MAX - at, "%s %s %s", owner, ttl, save);
		free(line);
	}
	ldns_rr_list_deep_free(list);
}

/** dns_text_query() - a query as message_read_query() gives it. */
static inline struct query dns_text_query(const char *qname, uint16_t type)
{
	ldns_rdf *dname = ldns_dname_new_frm_str(qname);
	struct query query = {
		.id = 0x1234,
		.flags = MESSAGE_RD,
		.type = type,
		.class = LDNS_RR_CLASS_IN,
		.udp_size = MESSAGE_UDP_MIN,
	};

	assert_non_null(dname);
	assert_true(name_from_wire(&query.qname, ldns_rdf_data(dname)));
	ldns_rdf_deep_free(dname);
	return query;
}

static inline void dns_text_prefix(struct prefix_list *list, const char *text)
{
	struct prefix prefix;

	assert_null(prefix_parse(text, &prefix));
	assert_int_equal(prefix_list_add(list, &prefix), 0);
}

#endif
