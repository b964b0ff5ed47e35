/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks look at: configuration, network, the gateway; see doctor.h. */
#include "doctor.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "cli.h"
#include "client.h"
#include "doctor_nft.h"
#include "netsetup.h"
#include "plan.h"

#define BOGUS_NAME "dnssec-failed.org"

enum { ASK_MS = 5000 };

/* ---- what checks ask for ----------------------------------------------------------- */

struct json_object *doctor_request(const char *command)
{
	struct json_object *request = json_object_new_object();

	json_object_object_add(request, "command", json_object_new_string(command));
	return request;
}

struct json_object *doctor_ask(const struct doctor *doctor, struct json_object *request)
{
	struct json_object *reply = NULL, *error;

	if (doctor->status && client_ask(doctor->control, request, ASK_MS, &reply) == 0 &&
	    json_object_object_get_ex(reply, "error", &error)) {
		json_object_put(reply);
		reply = NULL;
	}
	json_object_put(request);
	return reply;
}

struct json_object *doctor_status(const struct doctor *doctor, const char *path)
{
	struct json_object *at = doctor->status;

	while (at && *path) {
		size_t len = strcspn(path, ".");
		char key[32];

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		if (!json_object_object_get_ex(at, key, &at))
			return NULL;
		path += len + (path[len] == '.');
	}
	return at;
}

const char *doctor_link(const struct doctor *doctor, int index)
{
	for (size_t i = 0; i < doctor->host.n_links; i++)
		if (doctor->host.links[i].index == index)
			return doctor->host.links[i].name;
	return "?";
}

bool doctor_is_outside(const struct doctor *doctor, int index)
{
	for (size_t i = 0; i < doctor->host.n_links; i++)
		if (doctor->host.links[i].index == index)
			return doctor->host.links[i].outside;
	return false;
}

bool doctor_dials(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->snid.n_listen; i++) {
		const struct sni_listen *listen = &doctor->config->snid.listen[i];

		if ((listen->own & SNI_OWN_MODE ? listen->mode : doctor->config->snid.mode) ==
		    CONFIG_SNI_NAT46)
			return true;
	}
	return false;
}

long doctor_sysctl(const char *name)
{
	char path[128];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%18ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

struct in6_addr doctor_host_in(const struct prefix *prefix)
{
	struct in6_addr addr = prefix->addr;

	for (unsigned int bit = prefix->len; bit < 128; bit++)
		addr.s6_addr[bit / 8] = (uint8_t)(addr.s6_addr[bit / 8] | 0x80u >> bit % 8);
	/* The last of an IPv4 network is its broadcast address. */
	if (prefix->len < 127)
		addr.s6_addr[15] ^= 1;
	return addr;
}

/* ---- before the first check -------------------------------------------------------- */

static int read_config(struct doctor *doctor)
{
	size_t len;
	FILE *errors = open_memstream(&doctor->config_errors, &len);

	if (!errors)
		return -ENOMEM;
	doctor->config = config_load(doctor->config_path, errors);
	fclose(errors);
	if (doctor->config) {	/* perhaps with warnings */
		free(doctor->config_errors);
		doctor->config_errors = NULL;
	} else {
		doctor->config = config_load(NULL, stderr);
	}
	return doctor->config ? 0 : -ENOMEM;
}

static int look_at_network(struct doctor *doctor)
{
	struct netinfo net;
	int err = netsetup_read(&doctor->host);

	if (err)
		return err;
	err = netdetect_derive(&doctor->host, doctor->config, &net);
	if (err)
		return err;
	doctor->map = addrmap_new(doctor->config, &net);
	netinfo_free(&net);
	return doctor->map ? 0 : -ENOMEM;
}

static void ask_gateway(struct doctor *doctor)
{
	struct json_object *request = doctor_request("status");
	int err = client_ask(doctor->control, request, ASK_MS, &doctor->status);

	json_object_put(request);
	if (err == -EACCES)
		doctor->unanswered = "you may not ask it: be root, or in the group that it runs as";
	else if (err == -ENOENT || err == -ECONNREFUSED)
		doctor->unanswered = "nobody listens there";
	else if (err)
		doctor->unanswered = "what is there does not answer";
	doctor->pid = json_object_get_int(doctor_status(doctor, "pid"));
}

int doctor_open(struct doctor *doctor, const struct cli *cli)
{
	int err;

	doctor->config_path = plan_config_path(cli->config_path);
	doctor->quick = cli->quick;
	doctor->bogus_name = cli->bogus ? cli->bogus : BOGUS_NAME;
	doctor->checks = json_object_new_array();
	doctor->findings = json_object_new_array();
	if (!doctor->checks || !doctor->findings)
		return -ENOMEM;
	err = read_config(doctor);
	if (!err)
		err = look_at_network(doctor);
	if (err)
		return err;
	doctor->control = strdup(cli->socket_path ? cli->socket_path : doctor->config->ops.control);
	if (!doctor->control)
		return -ENOMEM;
	ask_gateway(doctor);
	return 0;
}

void doctor_close(struct doctor *doctor)
{
	nft_rules_free(doctor->rules);
	free(doctor->hosts);
	json_object_put(doctor->status);
	json_object_put(doctor->findings);
	json_object_put(doctor->checks);
	addrmap_free(doctor->map);
	netdetect_host_free(&doctor->host);
	config_free(doctor->config);
	free(doctor->config_errors);
	free(doctor->control);
}
