/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of one name out of an answer; see records.h. */
#include "records.h"

#include <string.h>

#include "../core/addr.h"
#include "../core/cursor.h"
#include "codes.h"
#include "message.h"

static const uint16_t rr_types[] = {
	[RESOLVER_A] = LDNS_RR_TYPE_A,
	[RESOLVER_AAAA] = LDNS_RR_TYPE_AAAA,
	[RESOLVER_SRV] = LDNS_RR_TYPE_SRV,
};

static void add_address(struct resolver_records *out, const struct message *message,
			const struct message_rr *rr)
{
	struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);
	struct in6_addr addr;
	uint32_t v4_be32;

	if (out->n_addrs == RESOLVER_ADDRESSES_MAX)
		return;
	if (rr->type == LDNS_RR_TYPE_A) {
		cursor_bytes(&c, &v4_be32, sizeof(v4_be32));
		addr = addr_from_v4(v4_be32);
	} else {
		cursor_bytes(&c, &addr, sizeof(addr));
	}
	if (!c.failed && cursor_left(&c) == 0)
		out->addrs[out->n_addrs++] = addr;
}

/* RFC 2782: the target's name, "" for the root, which says that the service is not there.
 * Return: false where no host can have that name. */
static bool format_target(char *target, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	size_t len = strlen(name_format(name, text));

	if (len > RESOLVER_NAME_STRLEN || memchr(text, '\\', len))
		return false;
	memcpy(target, text, len - 1);		/* not the final dot */
	target[len - 1] = '\0';
	return true;
}

/* Where there is no room, the one that others come before gives way. */
static struct resolver_service *place_for(struct resolver_records *out, uint16_t priority)
{
	struct resolver_service *worst = &out->services[0];

	if (out->n_services < RESOLVER_SERVICES_MAX)
		return &out->services[out->n_services++];
	for (size_t i = 1; i < out->n_services; i++)
		if (out->services[i].priority > worst->priority)
			worst = &out->services[i];
	return worst->priority > priority ? worst : NULL;
}

/* RFC 2782: priority, weight, port, and a target that is not compressed (nor has to be
 * refused where it is). */
static void add_service(struct resolver_records *out, const struct message *message,
			const struct message_rr *rr)
{
	struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);
	struct resolver_service service, *place;
	struct name target;

	service.priority = cursor_u16(&c);
	service.weight = cursor_u16(&c);
	service.port = cursor_u16(&c);
	if (c.failed || !message_rdata_name(message, rr, 6, &target) ||
	    !format_target(service.target, &target))
		return;
	place = place_for(out, service.priority);
	if (place)
		*place = service;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool is_of(const struct message *message, const struct message_rr *rr, uint16_t type,
		  const struct name *of)
{
	struct name owner;

	if (rr->section != SECTION_ANSWER || rr->type != type || rr->class != LDNS_RR_CLASS_IN)
		return false;
	message_owner(message, rr, &owner);
	return name_equal(&owner, of);
}

/* Return: how long they hold, by their own TTLs; UINT32_MAX where there are none. */
static uint32_t add_records(struct resolver_records *out, const struct message *message,
			    uint16_t type, const struct name *of)
{
	uint32_t ttl_s = UINT32_MAX;

	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];

		if (!is_of(message, rr, type, of))
			continue;
		if (type == LDNS_RR_TYPE_SRV)
			add_service(out, message, rr);
		else
			add_address(out, message, rr);
		ttl_s = lesser(ttl_s, rr->ttl_s);
	}
	return ttl_s;
}

/* RFC 2308 5: a negative answer holds as long as its SOA says; without one it is not kept. */
static uint32_t absence_ttl_s(const struct message *message)
{
	const struct message_rr *soa = message_soa(message);

	return soa ? message_negative_ttl_s(message, soa) : 0;
}

void records_read(struct resolver_records *out, enum resolver_type type,
		  const struct name *qname, const uint8_t *wire, size_t len)
{
	struct message_chain chain;
	struct message message;
	uint32_t ttl_s = UINT32_MAX;

	if (out->status != RESOLVER_OK ||
	    (out->rcode != LDNS_RCODE_NOERROR && out->rcode != LDNS_RCODE_NXDOMAIN))
		return;
	if (!message_read(&message, wire, len) || !message_chase(&message, qname, &chain)) {
		out->status = RESOLVER_FAILED;
		return;
	}
	if (out->rcode == LDNS_RCODE_NOERROR)
		ttl_s = add_records(out, &message, rr_types[type], &chain.end);
	if (ttl_s == UINT32_MAX)
		ttl_s = absence_ttl_s(&message);
	for (size_t i = 0; i < chain.n; i++)
		ttl_s = lesser(ttl_s, message.rr[chain.cname[i]].ttl_s);
	out->ttl_s = ttl_s;
}
