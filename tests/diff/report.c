/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kinds[KIND_COUNT] = {
	[KIND_TCP] = "tcp", [KIND_UDP] = "udp", [KIND_UDP_NO_CHECKSUM] = "udp without checksum",
	[KIND_ECHO] = "echo", [KIND_OTHER] = "other protocol", [KIND_ERROR] = "icmp error",
	[KIND_ERROR_EXTENDED] = "icmp error extended", [KIND_ICMP_OTHER] = "other icmp",
};

static const char *const verdicts[VERDICT_COUNT] = {
	[SENT] = "sent", [SENT_OTHER] = "by address", [TOO_BIG] = "too big",
	[NO_CHECKSUM] = "no csum", [MALFORMED] = "malformed", [FRAGMENT] = "fragment",
	[NO_COUNTERPART] = "no count.", [ROUTING] = "routing", [NEXT_HEADER] = "next hdr",
	[EXTENSION] = "extension", [SOURCE_ROUTE] = "src route", [ICMP_TYPE] = "icmp type",
	[ERROR_CHECKSUM] = "err csum", [ERROR_INNER] = "err inner", [ERROR_HEAD] = "err head",
};

/* Things of which there must be some, whatever kind they belong to */
enum feature {
	FRAGMENTED, EXTENSION_CARRIED, EXTENSION_CUT, ERROR_FULL, PARAMETER, ROUND_TRIP,
	OVER_HEADERS, FEATURE_COUNT,
};

static const char *const features[FEATURE_COUNT] = {
	[FRAGMENTED] = "left in fragments", [EXTENSION_CARRIED] = "icmp extension carried over",
	[EXTENSION_CUT] = "icmp extension cut off", [ERROR_FULL] = "icmp error as long as may be",
	[PARAMETER] = "parameter problem", [ROUND_TRIP] = "came back as it was",
	[OVER_HEADERS] = "options or extension headers left out",
};

static uint64_t counts[2][KIND_COUNT][VERDICT_COUNT], had[2][FEATURE_COUNT];
static uint64_t heads[2][256][256];	/* translated errors, by type and code that came in */

const char *report_kind(enum kind kind)
{
	return kinds[kind];
}

const char *report_verdict(enum verdict verdict)
{
	return verdicts[verdict];
}

static void count_error(bool v6, const uint8_t *packet, const struct result *r)
{
	const uint8_t *in = packet + 40, *out = r->bytes + (v6 ? 20 : 40);
	size_t quoted;

	if (packet[v6 ? 6 : 9] != (v6 ? 58 : 1))
		return;
	if (!v6)
		in = packet + (packet[0] & 15) * 4;
	heads[v6][in[0]][in[1]]++;
	had[v6][ERROR_FULL] += r->len[0] >= (v6 ? 576 : 1280);
	had[v6][PARAMETER] += out[0] == (v6 ? 12 : 4);
	quoted = v6 ? out[5] * 4u : out[0] == 1 || out[0] == 3 ? out[4] * 8u : 0;
	had[v6][EXTENSION_CARRIED] += quoted > 0;
	had[v6][EXTENSION_CUT] += quoted == 128 && r->len[0] == (v6 ? 576 : 1280);
}

void report_count(const struct made *made, const uint8_t *packet, const struct result *result)
{
	bool v6 = made->len > 0 && packet[0] >> 4 == 6;
	bool error = made->kind == KIND_ERROR || made->kind == KIND_ERROR_EXTENDED;

	counts[v6][made->kind][result->verdict]++;
	if (result->verdict != SENT)
		return;
	had[v6][FRAGMENTED] += result->n > 1;
	had[v6][OVER_HEADERS] += made->extra;
	if (error && result->n == 1)
		count_error(v6, packet, result);
}

void report_round_trip(const struct made *made)
{
	had[made->v6][ROUND_TRIP]++;
}

/* At least @per_million of a million, where that is said */
static bool enough(const char *what, bool v6, uint64_t is, uint64_t per_million, uint64_t count)
{
	uint64_t least = count / 1000 * per_million / 1000;

	if (is >= least)
		return true;
	printf("too few of IPv%d %s: %" PRIu64 ", wanted %" PRIu64 "\n", v6 ? 6 : 4, what, is, least);
	return false;
}

/* Every verdict that a family can have was given often enough. */
static bool enough_verdicts(uint64_t count)
{
	static const uint64_t wanted[2][VERDICT_COUNT] = {
		{ [SENT] = 200000, [SENT_OTHER] = 10000, [TOO_BIG] = 1000, [MALFORMED] = 5000,
		  [FRAGMENT] = 5000, [NO_COUNTERPART] = 5000, [SOURCE_ROUTE] = 1000,
		  [ICMP_TYPE] = 10000, [ERROR_CHECKSUM] = 1000, [ERROR_INNER] = 2000,
		  [ERROR_HEAD] = 2000 },
		{ [SENT] = 200000, [SENT_OTHER] = 10000, [TOO_BIG] = 1000, [NO_CHECKSUM] = 10000,
		  [MALFORMED] = 5000, [FRAGMENT] = 5000, [NO_COUNTERPART] = 1000,
		  [ROUTING] = 1000, [NEXT_HEADER] = 1000, [EXTENSION] = 1000,
		  [ICMP_TYPE] = 10000, [ERROR_CHECKSUM] = 1000, [ERROR_INNER] = 2000,
		  [ERROR_HEAD] = 2000 },
	};
	bool ok = true;

	for (int v6 = 0; v6 < 2; v6++) {
		for (enum verdict v = 0; v < VERDICT_COUNT; v++) {
			uint64_t sum = 0;

			for (enum kind k = 0; k < KIND_COUNT; k++)
				sum += counts[v6][k][v];
			ok &= enough(verdicts[v], v6, sum, wanted[v6][v], count);
		}
		for (enum kind k = 0; k < KIND_COUNT; k++)
			if (k != KIND_OTHER && k != KIND_ICMP_OTHER &&
			    (k != KIND_UDP_NO_CHECKSUM || !v6))
				ok &= enough(kinds[k], v6, counts[v6][k][SENT], 10000, count);
	}
	return ok;
}

/* Every row of the tables of RFC 7915 4.2 and 5.2 was used. */
static bool enough_heads(uint64_t count)
{
	static const struct {
		bool v6;
		uint8_t type, codes;
		uint16_t but_for;	/* bits: codes that are dropped */
	} rows[] = {
		{ false, 3, 16, 1u << 14 }, { false, 11, 2, 0 }, { false, 12, 3, 1u << 1 },
		{ true, 1, 5, 0 }, { true, 2, 1, 0 }, { true, 3, 2, 0 }, { true, 4, 2, 0 },
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int code = 0; code < rows[i].codes; code++) {
			uint64_t is = heads[rows[i].v6][rows[i].type][code];
			char what[40];

			snprintf(what, sizeof(what), "error %d/%d", rows[i].type, code);
			if (!(rows[i].but_for >> code & 1))
				ok &= enough(what, rows[i].v6, is, 200, count);
			else if (is > 0)
				ok = false;
		}
	}
	return ok;
}

static bool enough_features(uint64_t count)
{
	bool ok = true;

	for (int v6 = 0; v6 < 2; v6++) {
		for (enum feature f = 0; f < FEATURE_COUNT; f++) {
			uint64_t least = f == ROUND_TRIP ? 100000 : f == EXTENSION_CUT ? 200 : 1000;

			printf("IPv%d %-40s %9" PRIu64 "\n", v6 ? 6 : 4, features[f], had[v6][f]);
			ok &= enough(features[f], v6, had[v6][f], least, count);
		}
	}
	return ok;
}

bool report_print(uint64_t count)
{
	bool ok;

	for (int v6 = 0; v6 < 2; v6++) {
		printf("IPv%d                 ", v6 ? 6 : 4);
		for (enum verdict v = 0; v < VERDICT_COUNT; v++)
			printf(" %10s", verdicts[v]);
		for (enum kind k = 0; k < KIND_COUNT; k++) {
			printf("\n%-21s", kinds[k]);
			for (enum verdict v = 0; v < VERDICT_COUNT; v++)
				printf(" %10" PRIu64, counts[v6][k][v]);
		}
		printf("\n");
	}
	ok = enough_features(count);
	ok &= enough_verdicts(count);
	ok &= enough_heads(count);
	printf("%" PRIu64 " packets: %s\n", count, ok ? "no difference" : "not enough of each");
	return ok;
}
