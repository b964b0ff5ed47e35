/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two answers from upstream into synthesis in several prefixes. The first two bytes say how
 * the query and the settings are and where the second answer begins (in units of 4 bytes).
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../dns64/codes.h"
#include "../../dns64/rebind.h"
#include "../../dns64/synth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t wire[MESSAGE_MAX];
static struct config config;
static struct addrmap map;
static struct prefix_list exclude_aaaa;

static void set_up(void)
{
	static const char *const prefixes[] = {
		"64:ff9b::/96", "2001:db8:64::/48", "2001:db8:65::/64", "2001:db8:66::/96",
	};
	struct prefix prefix;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (prefix_parse(prefixes[i], &prefix) || prefix_list_add(&map.pref64, &prefix))
			abort();
	if (prefix_parse("64:ff9b::/96", &map.well_known) ||
	    prefix_parse("10.0.0.0/8", &prefix) || prefix_list_add(&map.deny4, &prefix) ||
	    prefix_parse("::ffff:0:0/96", &prefix) || prefix_list_add(&exclude_aaaa, &prefix))
		abort();
}

/* Each answer in memory of its own, that reading past its end shows. */
static void fill_side(struct synth_side *side, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	side->answer.wire = copy;
	side->answer.wire_len = size;
}

static size_t n_addresses(const struct message *message)
{
	size_t n = 0;

	for (size_t i = 0; i < message->n; i++)
		n += message->rr[i].section == SECTION_ANSWER &&
		     message->rr[i].type == LDNS_RR_TYPE_AAAA;
	return n;
}

/*
 * Whatever came in, what goes out is a message that can be read. Of synthesised addresses one
 * of each round is there, or none and TC.
 */
static void check(struct answer *answer, const struct query *query)
{
	size_t per_round = answer->rounds.per_round, len;
	struct message message;

	if (!message_read(&message, answer->wire, answer->len))
		abort();
	len = reply_seal(answer, query, 0, query->udp_size);
	if (len > query->udp_size || !message_read(&message, answer->wire, len))
		abort();
	if (!(message.flags & MESSAGE_TC) && n_addresses(&message) < per_round)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer answer = { .wire = wire };
	struct synth_side aaaa = { .known = true }, a = { .known = true };
	struct synth synth = { .map = &map, .exclude_aaaa = &exclude_aaaa, .aaaa = &aaaa, .a = &a };
	struct query query = { .class = LDNS_RR_CLASS_IN, .type = LDNS_RR_TYPE_AAAA,
			       .udp_size = MESSAGE_UDP_MAX };
	size_t split;

	if (!map.pref64.n)
		set_up();
	if (size < 3 || size > MESSAGE_MAX)
		return 0;
	split = 2 + data[1] * 4u < size ? 2 + data[1] * 4u : size;
	query.edns = data[0] & 1;
	query.dnssec_ok = query.edns && data[0] & 2;
	synth.overdue = data[0] & 4;
	aaaa.known = !(data[0] & 8);
	synth.forced = data[0] & 16;
	map.n_draining = data[0] & 32 ? 2 : 0;
	config.dns64.rebind = data[0] & 64 ? CONFIG_REBIND_ON : CONFIG_REBIND_OFF;
	query.udp_size = data[0] & 128 ? MESSAGE_UDP_MIN : MESSAGE_UDP_MAX;
	query.id = data[0];
	fill_side(&aaaa, data + 2, split - 2);
	fill_side(&a, data + split, size - split);
	if (!name_from_wire(&query.qname, (const uint8_t *)"\001w\007example"))
		abort();
	synth.query = &query;
	if (synth_settle(&synth, &answer)) {
		rebind_guard(&answer, &query, &config, &map);
		check(&answer, &query);
	}
	synth_pass(&answer, &query, &a);
	rebind_guard(&answer, &query, &config, &map);
	check(&answer, &query);
	synth_reverse(&answer, &query, &query.qname, &a);
	check(&answer, &query);
	free((void *)(uintptr_t)aaaa.answer.wire);
	free((void *)(uintptr_t)a.answer.wire);
	return 0;
}
