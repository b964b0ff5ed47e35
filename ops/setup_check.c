/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup_check.h"

#include <json-c/json.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "client.h"
#include "doctor_sockets.h"
#include "port_holder.h"
#include "setup_file.h"
#include "setup_plan.h"
#include "systemctl.h"

enum { ASK_MS = 2000 };

static void print_prefixes(const struct prefix_list *list, FILE *out)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s%s", i ? ", " : "", prefix_format(&list->v[i], text));
}

void setup_check_found(const struct config *config, const struct netinfo *net, FILE *out)
{
	const struct in6_addr v4 = addr_from_v4(net->uplink_v4_be32);
	char text[ADDR_STRLEN];

	fprintf(out, "  uplink   %s", net->uplink[0] ? net->uplink : "none found");
	if (net->uplink_v4_be32)
		fprintf(out, ", %s", addr_format(&v4, text));
	fputs("\n  inside   ", out);
	if (!config->inside.keyword)
		print_prefixes(&config->inside.list, out);
	else if (net->inside.n)
		print_prefixes(&net->inside, out);
	else
		fputs("nothing routed here yet", out);
	fputs(config->inside.keyword ? " (followed, as routes come and go)\n" : "\n", out);
}

/* ---- problems --------------------------------------------------------------------- */

static unsigned int check_uplink(const struct config *config, const struct netinfo *net, FILE *out)
{
	if (!net->uplink[0]) {
		fputs("problem: there is no IPv4 default route; which interface leads to the IPv4 "
		      "Internet?\n  --uplink INTERFACE\n", out);
		return 1;
	}
	if (!net->uplink_v4_be32 && config->nat64.enabled) {
		fprintf(out, "problem: %s is not there, or has no IPv4 address\n", net->uplink);
		return 1;
	}
	return 0;
}

/* The process that answers at the control socket; 0: none does. */
static pid_t gateway_pid(const struct config *config)
{
	struct json_object *request = json_object_new_object(), *reply = NULL;
	pid_t pid = 0;

	json_object_object_add(request, "command", json_object_new_string("status"));
	if (client_ask(config->ops.control, request, ASK_MS, &reply) == 0)
		pid = json_object_get_int(json_object_object_get(reply, "pid"));
	json_object_put(request);
	json_object_put(reply);
	return pid;
}

/* A gateway that runs already is no stranger; who is but called so is one. */
static unsigned int check_port(const struct config *config, const struct endpoint *at, int type,
			       const char *mend, FILE *out)
{
	char text[ENDPOINT_STRLEN];
	struct sockets_owner holder;

	if (port_is_free(at, type))
		return 0;
	port_holder_find(at, type, &holder);
	if (holder.pid && holder.pid == gateway_pid(config))
		return 0;
	fprintf(out, "problem: %s port %s is taken", type == SOCK_STREAM ? "TCP" : "UDP",
		endpoint_format(at, text));
	if (holder.pid)
		fprintf(out, " by %s (process %d)", holder.name, (int)holder.pid);
	fprintf(out, "\n  %s\n", mend);
	return 1;
}

static unsigned int check_ports(const struct config *config, FILE *out)
{
	unsigned int problems = 0;

	for (size_t i = 0; config->dns64.enabled && i < config->dns64.listen.n; i++) {
		const struct endpoint *at = &config->dns64.listen.v[i];
		const char *mend = "stop it, or have it listen on other addresses";
		unsigned int tcp = check_port(config, at, SOCK_STREAM, mend, out);

		/* Mostly the same program has both: once is enough. */
		problems += tcp ? tcp : check_port(config, at, SOCK_DGRAM, mend, out);
	}
	for (size_t i = 0; i < config->snid.n_listen; i++)
		problems += check_port(config, &config->snid.listen[i].at, SOCK_STREAM,
				       "stop it, move it to another port, or choose others with "
				       "--listen", out);
	return problems;
}

static unsigned int check_installed(const struct config *config, bool service, FILE *out)
{
	unsigned int problems = 0;

	if (!getpwnam(config->ops.user)) {
		fprintf(out, "problem: there is no user %s\n  make install\n", config->ops.user);
		problems++;
	}
	if (service && systemctl_is_there() && !systemctl_says("cat", SETUP_UNIT)) {
		fputs("problem: " SETUP_UNIT " is not installed\n  make install\n", out);
		problems++;
	}
	if (config->dns64.enabled && config->dns64.upstream_recursive &&
	    access(config->dns64.root_hints, R_OK) < 0) {
		fprintf(out, "problem: %s is missing\n  apt-get install dns-root-data\n",
			config->dns64.root_hints);
		problems++;
	}
	return problems;
}

/* ---- good to know ----------------------------------------------------------------- */

static void note_forwarding(FILE *out)
{
	char *text;

	if (setup_file_read("/proc/sys/net/ipv6/conf/all/forwarding", &text))
		return;
	if (strtol(text, NULL, 10) == 0)
		fputs("note: IPv6 is not forwarded here (net.ipv6.conf.all.forwarding = 0): the "
		      "networks inside\n  reach IPv4 hosts, but no IPv6 hosts beyond this one\n",
		      out);
	free(text);
}

unsigned int setup_check(const struct config *config, const struct netinfo *net, bool service,
			 FILE *out)
{
	unsigned int problems = check_uplink(config, net, out);

	problems += check_ports(config, out);
	problems += check_installed(config, service, out);
	if (config->inside.keyword && !net->inside.n)
		fputs("note: no IPv6 network is routed to the inside yet; each will be served as "
		      "its route comes,\n  such as with a tunnel\n", out);
	note_forwarding(out);
	return problems;
}
