/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See guard.h. */
#include "guard.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "ruleset_backend.h"
#include "standing.h"

#define FAMILY "ip6"
#define TABLE "gate64-nat46"

static struct standing standing;
static bool installed;		/* as far as we know: then its counters are worth a look */

void guard_print(FILE *out, const struct prefix *nat46)
{
	char prefix[PREFIX_STRLEN];

	prefix_format(nat46, prefix);
	/* Adding what is there does nothing, so that the counters go on. */
	fprintf(out,
		"add table " FAMILY " " TABLE "\n"
		"add counter " FAMILY " " TABLE " source\n"
		"add counter " FAMILY " " TABLE " destination\n"
		"add chain " FAMILY " " TABLE " prerouting "
		"{ type filter hook prerouting priority raw - 10; policy accept; }\n"
		"flush chain " FAMILY " " TABLE " prerouting\n"
		"table " FAMILY " " TABLE " {\n"
		"\tchain prerouting {\n"
		"\t\tiif lo accept\n"
		"\t\tip6 saddr %s counter name source drop\n"
		"\t\tip6 daddr != %s accept\n"
		"\t\ttcp flags & (syn | ack) != syn accept\n"
		"\t\ticmpv6 type { destination-unreachable, packet-too-big, time-exceeded, "
		"parameter-problem } accept\n"
		"\t\tcounter name destination drop\n"
		"\t}\n"
		"}\n", prefix, prefix);
}

static int show(FILE *out, char *said)
{
	return ruleset_nft_show(FAMILY, TABLE, NULL, out, said);
}

int guard_mend(const struct prefix *nat46)
{
	char said[RULESET_SAID_SIZE];
	int result = standing_holds(&standing, show, said);

	if (result < 0)
		log_error("cannot look at the guard of the NAT46 prefix: %s", said);
	if (result)
		return result < 0 ? result : 0;
	result = guard_install(nat46);
	return result ? result : 1;
}

int guard_install(const struct prefix *nat46)
{
	char said[RULESET_SAID_SIZE] = "out of memory";
	char *commands = NULL;
	size_t size;
	FILE *out = open_memstream(&commands, &size);
	int err = -ENOMEM;

	if (out) {
		guard_print(out, nat46);
		if (fclose(out) == 0)
			err = ruleset_nft_run(commands, said);
	}
	free(commands);
	if (err)
		log_error("cannot guard the NAT46 prefix with libnftables: %s", said);
	else
		standing_note(&standing, show);
	installed = installed || !err;
	return err;
}

int guard_remove(void)
{
	char said[RULESET_SAID_SIZE];
	int err = ruleset_nft_run("delete table " FAMILY " " TABLE, said);

	standing_forget(&standing);
	installed = installed && err && err != -ENOENT;
	if (err == -ENOENT)
		return 0;
	if (err)
		log_error("cannot remove the guard of the NAT46 prefix: %s", said);
	return err;
}

static void read_counter(struct json_object *counter, struct guard_counts *counts)
{
	struct json_object *name = NULL, *packets = NULL;

	json_object_object_get_ex(counter, "name", &name);
	json_object_object_get_ex(counter, "packets", &packets);
	if (!name || !packets)
		return;
	if (strcmp(json_object_get_string(name), "source") == 0)
		counts->source = json_object_get_uint64(packets);
	else if (strcmp(json_object_get_string(name), "destination") == 0)
		counts->destination = json_object_get_uint64(packets);
}

void guard_read(struct guard_counts *counts)
{
	char said[RULESET_SAID_SIZE];
	struct json_object *list = NULL, *counter;
	int err;

	*counts = (struct guard_counts){ 0 };
	if (!installed)
		return;
	err = ruleset_nft_list(FAMILY, TABLE, &list, said);
	if (err)
		log_limited(LOG_LEVEL_WARN, "cannot read the guard's counters: %s", said);
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(list, i), "counter",
					      &counter))
			read_counter(counter, counts);
	json_object_put(list);
}
