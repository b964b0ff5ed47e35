/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the DNS answers, is validated, and is nobody else's weapon. */
#include "doctor.h"

#include <errno.h>
#include <json-c/json.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../dns64/name.h"
#include "doctor_ask.h"
#include "doctor_dnssec.h"
#include "doctor_read.h"
#include "document.h"

enum {
	SERVERS_MAX = 32,
	TAG_2017 = 20326, TAG_2024 = 38696,	/* keys of the root: the older's time is over */
};

static const struct name root = { .len = 1, .wire = { 0 } };

/* ---- servers ----------------------------------------------------------------------- */

/* @zone: NULL: they are asked for all names. Who knows one zone alone refuses others. */
static void judge_servers(struct doctor *doctor, const struct endpoint_list *list, const char *zone)
{
	size_t n = list->n < SERVERS_MAX ? list->n : SERVERS_MAX, silent = 0;
	bool answered[SERVERS_MAX] = { false };
	char text[ENDPOINT_STRLEN];
	struct name name = root;

	if (zone && !name_from_text(&name, zone))
		return;
	ask_servers(list->v, n, &name, zone ? ASK_SOA : ASK_NS, answered);
	for (size_t i = 0; i < n; i++)
		silent += !answered[i];
	for (size_t i = 0; i < n; i++) {
		if (answered[i])
			continue;
		doctor_find(doctor, "%s, which is asked for %s, does not answer, or refuses%s",
			    endpoint_format(&list->v[i], text), zone ? zone : "all names",
			    silent == n ? ", and there is no other" : "");
		doctor_mend(doctor, "dig @%s -p %u %s %s shows it; take it out of dns64.%s, or let "
				    "packets to it through",
			    addr_format(&list->v[i].addr, text), list->v[i].port,
			    zone ? zone : ".", zone ? "SOA" : "NS", zone ? "zones" : "upstream");
	}
}

/* Without forwarders it is the servers of the root; one that answers will do. */
static void judge_roots(struct doctor *doctor)
{
	const char *path = doctor->config->dns64.root_hints;
	struct endpoint servers[SERVERS_MAX];
	bool answered[SERVERS_MAX] = { false };
	size_t n = ask_read_hints(path, servers, SERVERS_MAX);

	if (!n) {
		doctor_find(doctor, "%s (dns64.root_hints) has no address of a server", path);
		doctor_mend(doctor, "apt install dns-root-data");
		return;
	}
	ask_servers(servers, n, &root, ASK_NS, answered);
	for (size_t i = 0; i < n; i++)
		if (answered[i])
			return;
	doctor_find(doctor, "none of the %zu servers of the root (%s) answers", n, path);
	doctor_mend(doctor, "let UDP and TCP to port 53 out; where the provider does not: "
			    "dns64: {upstream: [ADDRESS of its resolver]}");
}

void doctor_dns_upstream(struct doctor *doctor)
{
	const struct config *config = doctor->config;

	if (!config->dns64.enabled) {
		doctor_skip(doctor, "dns64 is off");
		return;
	}
	if (config->dns64.upstream_recursive)
		judge_roots(doctor);
	else
		judge_servers(doctor, &config->dns64.upstream, NULL);
	for (size_t i = 0; i < config->dns64.n_zones; i++)
		judge_servers(doctor, &config->dns64.zones[i].upstream,
			      config->dns64.zones[i].name);
}

void doctor_resolv_conf(struct doctor *doctor)
{
	char *text = read_file("/etc/resolv.conf"), address[ENDPOINT_STRLEN];
	struct endpoint servers[3];	/* the resolver takes no more */
	bool answered[3] = { false };
	size_t n = text ? read_resolv_conf(text, servers, 3) : 0, silent = 0;

	free(text);
	if (!n) {
		doctor_find(doctor, "/etc/resolv.conf names no server");
		doctor_mend(doctor, "nameserver ::1 in /etc/resolv.conf, where dns64 listens "
				    "there, or the "
				    "provider's resolver");
		return;
	}
	ask_servers(servers, n, &root, ASK_NS, answered);
	for (size_t i = 0; i < n; i++)
		silent += !answered[i];
	/* One that does not answer costs seconds for each name where it comes first. */
	if (answered[0])
		return;
	doctor_find(doctor, "%s, first in /etc/resolv.conf, does not answer%s",
		    endpoint_format(&servers[0], address),
		    silent == n ? ", and none of the others does" : "; the next one has to");
	doctor_mend(doctor, "nameserver ::1 in /etc/resolv.conf, where dns64 listens there, or a "
			    "resolver that answers");
}

void doctor_open_resolver(struct doctor *doctor)
{
	const struct prefix_choice *clients = &doctor->config->dns64.clients;
	char text[PREFIX_STRLEN];

	for (size_t i = 0; doctor->config->dns64.enabled && i < clients->list.n; i++) {
		const struct prefix *prefix = &clients->list.v[i];
		unsigned int len = prefix->len - (prefix_is_v4(prefix) ? 96u : 0u);

		if (clients->keyword || len > (prefix_is_v4(prefix) ? 7 : 15))
			continue;
		doctor_find(doctor, "dns64.clients has %s: whole continents may ask",
			    prefix_format(prefix, text));
		doctor_mend(doctor, "dns64: {clients: inside}");
	}
}

/* ---- DNSSEC ------------------------------------------------------------------------ */

static struct json_object *look_up(struct doctor *doctor, const char *name, const char *type)
{
	struct json_object *request = doctor_request("dns-lookup");

	json_object_object_add(request, "name", json_object_new_string(name));
	json_object_object_add(request, "type", json_object_new_string(type));
	json_object_object_add(request, "dnssec", json_object_new_boolean(true));
	json_object_object_add(request, "no_cache", json_object_new_boolean(true));
	return doctor_ask(doctor, request);
}

static bool was_bogus(struct json_object *reply)
{
	struct json_object *asked = document_get(reply, "asked");

	for (size_t i = 0; json_object_is_type(asked, json_type_array) &&
			   i < json_object_array_length(asked); i++) {
		const char *status = json_object_get_string(
			document_get(json_object_array_get_idx(asked, i), "status"));

		if (status && strcmp(status, "bogus") == 0)
			return true;
	}
	return false;
}

int dnssec_validates(struct doctor *doctor)
{
	struct json_object *reply;

	if (doctor->validates)
		return doctor->validates;
	reply = look_up(doctor, ".", "SOA");
	if (!reply)
		return 0;
	if (json_object_get_boolean(document_get(reply, "answered")))
		doctor->validates = json_object_get_boolean(document_get(reply, "ad")) ? 1 : -1;
	else
		doctor->validates = was_bogus(reply) ? -1 : 0;
	json_object_put(reply);
	return doctor->validates;
}

static void judge_forged(struct doctor *doctor)
{
	struct json_object *reply = look_up(doctor, doctor->bogus_name, "A");

	if (!reply)
		return;
	if (json_object_get_boolean(document_get(reply, "answered")) &&
	    strcmp(json_object_get_string(document_get(reply, "rcode")), "NOERROR") == 0) {
		doctor_find(doctor, "%s is answered, although its signatures are forged",
			    doctor->bogus_name);
		doctor_mend(doctor, "have dns64 ask servers that pass signatures on: dns64: "
				    "{upstream: "
				    "recursive}");
	} else if (!was_bogus(reply)) {
		doctor_cannot(doctor, "%s could not be looked up; --bogus names another",
			      doctor->bogus_name);
	}
	json_object_put(reply);
}

void doctor_dnssec(struct doctor *doctor)
{
	if (!doctor->config->dns64.enabled || !doctor->config->dns64.dnssec) {
		doctor_skip(doctor, "it is off");
		return;
	}
	if (!doctor->status) {
		doctor_skip(doctor, "no gateway runs");
		return;
	}
	switch (dnssec_validates(doctor)) {
	case 1:
		judge_forged(doctor);
		return;
	case 0:
		doctor_cannot(doctor, "the root's SOA could not be looked up");
		return;
	default:
		doctor_find(doctor, "the root's SOA does not validate");
		doctor_mend(doctor,
			    "gate64 dns lookup . SOA --dnssec --no-cache says why; look at the "
			    "clock "
			    "and at %s",
			    doctor->config->dns64.trust_anchor);
	}
}

/* ---- the trust anchor -------------------------------------------------------------- */

struct anchors {
	unsigned int n;
	bool tag_2017, tag_2024;
};

static void note_anchor(struct anchors *anchors, ldns_rr *rr)
{
	unsigned int tag = 0;

	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNSKEY)
		tag = ldns_calc_keytag(rr);
	else if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_DS)
		tag = ldns_rdf2native_int16(ldns_rr_rdf(rr, 0));
	else
		return;
	anchors->n++;
	anchors->tag_2017 |= tag == TAG_2017;
	anchors->tag_2024 |= tag == TAG_2024;
}

static void read_anchors(FILE *file, struct anchors *anchors)
{
	ldns_rdf *origin = NULL, *previous = NULL;
	uint32_t ttl = 0;
	ldns_rr *rr;

	while (!feof(file) && !ferror(file)) {
		if (ldns_rr_new_frm_fp(&rr, file, &ttl, &origin, &previous) != LDNS_STATUS_OK)
			continue;	/* comments, and what is none of ours */
		note_anchor(anchors, rr);
		ldns_rr_free(rr);
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
}

void doctor_trust_anchor(struct doctor *doctor)
{
	const char *path = doctor->config->dns64.trust_anchor;
	struct anchors anchors = { 0 };
	FILE *file;

	if (!doctor->config->dns64.enabled || !doctor->config->dns64.dnssec) {
		doctor_skip(doctor, "DNSSEC is off");
		return;
	}
	file = fopen(path, "re");
	if (!file) {
		doctor_find(doctor, "%s (dns64.trust_anchor) cannot be read: %s", path,
			    strerror(errno));
		doctor_mend(doctor, "apt install dns-root-data, or the path of the file in "
				    "dns64: {trust_anchor: ..}");
		return;
	}
	read_anchors(file, &anchors);
	fclose(file);
	if (!anchors.n)
		doctor_find(doctor, "%s (dns64.trust_anchor) has no DS or DNSKEY record", path);
	else if (anchors.tag_2017 && !anchors.tag_2024)
		doctor_find(doctor,
			    "%s has only the root's key of 2017 (%d), which no longer signs since "
			    "October 2026; that of 2024 (%d) is missing",
			    path, TAG_2017, TAG_2024);
	else
		return;
	doctor_mend(doctor, "apt update && apt install dns-root-data, then: gate64 reload");
}
