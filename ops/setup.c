/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read top to bottom: wishes come from flags and answers; with what is found on the host they
 * become a configuration and a list of changes; both are shown, agreed to, and made. The list
 * is recorded first, and --undo goes by that record.
 */
#include "setup.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../nat64/nat64.h"
#include "cli.h"
#include "client.h"
#include "netsetup.h"
#include "setup_ask.h"
#include "setup_changes.h"
#include "setup_check.h"
#include "setup_do.h"
#include "setup_document.h"
#include "setup_plan.h"
#include "systemctl.h"

#define SNID_LISTEN "443"	/* unless another port, or none, is asked for */

enum { ANSWER_WAIT_MS = 20000, ANSWER_STEP_US = 100000 };

struct setup {
	struct setup_wishes wishes;
	char config_path[PATH_MAX];	/* absolute: --undo may be given elsewhere */
	struct setup_answers answers;
	char *text;			/* the configuration */
	bool written;			/* by somebody: it stays as it is */
	struct config *config;		/* read from it */
	struct netinfo net;
	struct setup_changes changes, earlier;
	unsigned int problems;
};

/* ---- wishes ----------------------------------------------------------------------- */

static int take_path(struct setup *setup, const struct cli *cli)
{
	const char *path = cli->config_path ? cli->config_path : CONFIG_DEFAULT_PATH;
	char folder[PATH_MAX];
	int len;

	if (path[0] == '/')
		len = snprintf(setup->config_path, PATH_MAX, "%s", path);
	else if (getcwd(folder, sizeof(folder)))
		len = snprintf(setup->config_path, PATH_MAX, "%s/%s", folder, path);
	else
		return -errno;
	setup->wishes.config_path = setup->config_path;
	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The unit reads no other file. */
static bool is_of_unit(const struct setup *setup)
{
	return systemctl_is_there() && strcmp(setup->config_path, CONFIG_DEFAULT_PATH) == 0;
}

static int take_wishes(struct setup *setup, const struct cli *cli)
{
	struct setup_wishes *wishes = &setup->wishes;
	int err = take_path(setup, cli);

	if (err) {
		fprintf(stderr, "gate64: %s: %s\n", cli->config_path, strerror(-err));
		return err;
	}
	wishes->inside = cli->inside;
	wishes->listen = cli->listen;
	wishes->upstream = cli->upstream;
	wishes->uplink = cli->uplink;
	wishes->local_ports = cli->local_ports;
	wishes->resolv_conf = cli->resolv_conf;
	wishes->service = !cli->no_start && is_of_unit(setup);
	return 0;
}

/* Return: 0, or a cli_exit. */
static int wrong_usage(const struct cli *cli, bool asks)
{
	uint16_t first, last;

	if (cli->local_ports && !setup_ports_parse(cli->local_ports, &first, &last)) {
		cli_wrong(cli, "--local-ports is not a range such as 61000-65535", stderr);
		return CLI_EXIT_USAGE;
	}
	if (cli->json && !cli->dry_run) {
		cli_wrong(cli, "--json goes with --dry-run", stderr);
		return CLI_EXIT_USAGE;
	}
	if (!asks && !cli->yes && !cli->dry_run) {
		cli_wrong(cli, "not on a terminal: say --yes, or --dry-run to see what it would do",
			  stderr);
		return CLI_EXIT_USAGE;
	}
	if (geteuid() != 0 && !cli->dry_run) {
		fputs("gate64: setup needs root; --dry-run does not\n", stderr);
		return CLI_EXIT_FAILED;
	}
	return 0;
}

static int ask_wishes(struct setup *setup)
{
	struct config *defaults = config_load(NULL, stderr);
	struct netinfo net;
	bool known;

	if (!defaults || netsetup_detect(defaults, &net)) {
		config_free(defaults);
		return -EIO;
	}
	known = net.uplink[0] != '\0';
	puts("Found on this host:");
	setup_check_found(defaults, &net, stdout);
	puts("An empty answer is the one between brackets.");
	netinfo_free(&net);
	config_free(defaults);
	return setup_ask(&setup->wishes, &setup->answers, SNID_LISTEN, known, stdin, stdout);
}

/* ---- what is there ---------------------------------------------------------------- */

static int load_record(struct setup *setup)
{
	int err = setup_changes_load(SETUP_RECORD, &setup->earlier);

	if (!err || err == -ENOENT || err == -EACCES)
		return 0;
	fprintf(stderr, "gate64: " SETUP_RECORD ": %s\n", strerror(-err));
	return err;
}

/* Flags are for a configuration of ours. */
static int find_written(struct setup *setup)
{
	const struct setup_wishes *wishes = &setup->wishes;
	int err = setup_config_written(wishes->config_path, &setup->earlier, &setup->text);

	if (err) {
		fprintf(stderr, "gate64: %s: %s\n", wishes->config_path, strerror(-err));
		return err;
	}
	setup->written = setup->text;
	if (!setup->written ||
	    !(wishes->inside || wishes->listen || wishes->upstream || wishes->uplink))
		return 0;
	fprintf(stderr, "gate64: nothing was changed: somebody has written %s, which is used as it "
		"is without\n--inside, --listen, --upstream and --uplink; change it there, or move "
		"it away\n", wishes->config_path);
	return -EEXIST;
}

/* ---- what comes of them ----------------------------------------------------------- */

static int make_config(struct setup *setup)
{
	if (!setup->wishes.listen)
		setup->wishes.listen = SNID_LISTEN;
	if (!setup->written)
		setup->text = setup_config_text(&setup->wishes);
	if (!setup->text)
		return -ENOMEM;
	setup->config = config_parse(setup->written ? setup->wishes.config_path : "(to be written)",
				     setup->text, strlen(setup->text), stderr);
	return setup->config ? netsetup_detect(setup->config, &setup->net) : -EINVAL;
}

static void show(struct setup *setup)
{
	puts("\nThis host:");
	setup_check_found(setup->config, &setup->net, stdout);
	setup->problems = setup_check(setup->config, &setup->net, setup->wishes.service, stdout);
	printf("\n%s%s:\n", setup->wishes.config_path,
	       setup->written ? ", which somebody has written, and which stays as it is" : "");
	for (const char *at = setup->text; *at;) {
		int len = (int)strcspn(at, "\n");

		printf("  | %.*s\n", len, at);
		at += len + (at[len] == '\n');
	}
	puts(setup->changes.n ? "\nTo be done:" : "\nThe host is set up so already.");
	for (size_t i = 0; i < setup->changes.n; i++)
		setup_tell(&setup->changes.v[i], false, stdout);
	if (!setup->wishes.resolv_conf)
		puts("Nothing else is touched: not " SETUP_RESOLV_CONF ", not the packet filter. "
		     "Routes and rules\nof its own gate64 has while it runs.");
}

/* Return: 0 or -ENOMEM. */
static int show_json(struct setup *setup)
{
	struct setup_document document = {
		.file = setup->wishes.config_path, .configuration = setup->text,
		.net = &setup->net, .changes = &setup->changes,
	};
	char *said = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&said, &len);
	int err = -ENOMEM;

	if (!out)
		return err;
	setup->problems = setup_check(setup->config, &setup->net, setup->wishes.service, out);
	if (fclose(out) == 0) {
		document.good = !setup->problems;
		document.said = said;
		setup_document_print(&document);
		err = 0;
	}
	free(said);
	return err;
}

static int make_plan(struct setup *setup)
{
	return setup_plan_make(&setup->wishes, setup->written ? NULL : setup->text,
			       &setup->changes, stderr);
}

/* ---- after it --------------------------------------------------------------------- */

static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = get(object, key);

	return value ? json_object_get_string(value) : NULL;
}

/* The first answer of the gateway that was started; NULL: there was none. */
static struct json_object *wait_answer(const char *path)
{
	struct json_object *request = json_object_new_object(), *reply = NULL;

	json_object_object_add(request, "command", json_object_new_string("status"));
	for (int ms = 0; ms < ANSWER_WAIT_MS; ms += ANSWER_STEP_US / 1000) {
		if (!client_ask(path, request, CLIENT_TIMEOUT_MS, &reply))
			break;
		reply = NULL;
		usleep(ANSWER_STEP_US);
	}
	json_object_put(request);
	return reply;
}

/* The heads of `gate64 status` */
static void print_status(struct json_object *status)
{
	struct json_object *network = get(status, "network"), *rooms = get(status, "rooms");
	const char *problem = text_of(network, "problem");

	printf("\ngate64 %s runs: uplink %s, %s", text_of(status, "version"),
	       text_of(network, "uplink"), text_of(network, "ipv4"));
	json_object_object_foreach(rooms, name, room) {
		printf("; %s %s", name,
		       json_object_get_boolean(get(room, "enabled")) ? "on" : "off");
	}
	putchar('\n');
	if (problem)
		printf("but: %s\n", problem);
	puts("More: gate64 status");
}

static void print_needs(const struct setup *setup)
{
	char nat64[PREFIX_STRLEN], nat46[PREFIX_STRLEN];

	prefix_format(&setup->config->prefixes.nat64.v[0], nat64);
	prefix_format(&setup->config->prefixes.nat46, nat46);
	printf("\nThe servers inside need: an IPv6 address of this host as resolver; a route to it "
	       "for %s%s%s\n(with WireGuard: in AllowedIPs).\n", nat64,
	       setup->config->snid.n_listen ? " and " : "",
	       setup->config->snid.n_listen ? nat46 : "");
}

static void print_start(const struct setup *setup)
{
	if (is_of_unit(setup))
		puts("\nStart it with: systemctl enable --now " SETUP_UNIT);
	else if (strcmp(setup->config_path, CONFIG_DEFAULT_PATH) == 0)
		puts("\nStart it with: gate64 run");
	else
		printf("\nStart it with: gate64 run -c %s\n", setup->config_path);
}

static int finish(const struct setup *setup)
{
	struct json_object *status;

	if (!setup->wishes.service) {
		print_start(setup);
		print_needs(setup);
		return CLI_EXIT_DONE;
	}
	status = wait_answer(setup->config->ops.control);
	if (!status) {
		fputs("gate64: " SETUP_UNIT " was started, but does not answer; see: journalctl -u "
		      SETUP_UNIT "\ngate64: it is left so; `gate64 setup --undo' takes all of it "
		      "back\n", stderr);
		return CLI_EXIT_FAILED;
	}
	print_status(status);
	json_object_put(status);
	print_needs(setup);
	return CLI_EXIT_DONE;
}

/* ---- the command ------------------------------------------------------------------ */

static int carry_out(struct setup *setup, const struct cli *cli, bool asks)
{
	if (make_config(setup) || make_plan(setup))
		return CLI_EXIT_FAILED;
	if (!cli->json)
		show(setup);
	else if (show_json(setup))
		return CLI_EXIT_FAILED;
	if (setup->problems && (setup->wishes.service || cli->dry_run)) {
		fputs("gate64: nothing was changed: mend the problems first\n", stderr);
		return CLI_EXIT_FAILED;
	}
	if (cli->dry_run)
		return CLI_EXIT_DONE;
	if (setup->changes.n) {
		if (asks && !setup_confirm("\nDo it?", stdin, stdout)) {
			puts("Nothing was changed.");
			return CLI_EXIT_FAILED;
		}
		fflush(stdout);
		if (setup_do(&setup->changes, &setup->earlier, stdout, stderr))
			return CLI_EXIT_FAILED;
	}
	return finish(setup);
}

/* Return: enum cli_exit. */
static int ask_and_carry_out(struct setup *setup, const struct cli *cli, bool asks)
{
	if (load_record(setup) || find_written(setup))
		return CLI_EXIT_FAILED;
	if (asks && !setup->written && ask_wishes(setup)) {
		puts("\nNothing was changed.");
		return CLI_EXIT_FAILED;
	}
	return carry_out(setup, cli, asks);
}

static int set_up(const struct cli *cli)
{
	struct setup setup = { .problems = 0 };
	bool asks = !cli->yes && !cli->dry_run && isatty(STDIN_FILENO);
	int status = wrong_usage(cli, asks);

	if (status)
		return status;
	if (take_wishes(&setup, cli))
		return CLI_EXIT_FAILED;
	status = ask_and_carry_out(&setup, cli, asks);
	setup_changes_free(&setup.changes);
	setup_changes_free(&setup.earlier);
	netinfo_free(&setup.net);
	config_free(setup.config);
	free(setup.text);
	return status;
}

static int undo_with(const struct setup_changes *changes, const struct cli *cli, bool asks)
{
	if (cli->json) {
		setup_document_print_undo(changes);
		return CLI_EXIT_DONE;
	}
	puts("To be done:");
	for (size_t i = changes->n; i-- > 0;)
		setup_tell(&changes->v[i], true, stdout);
	if (cli->dry_run)
		return CLI_EXIT_DONE;
	if (asks && !setup_confirm("Do it?", stdin, stdout)) {
		puts("Nothing was changed.");
		return CLI_EXIT_FAILED;
	}
	fflush(stdout);
	if (setup_undo(changes, stdout, stderr))
		return CLI_EXIT_FAILED;
	puts("All that `gate64 setup' had changed is taken back.");
	return CLI_EXIT_DONE;
}

/* Still, a gateway that was started by hand may have left flows in the kernel. */
static int nothing_changed(const struct cli *cli)
{
	int err = cli->dry_run ? 0 : nat64_sweep();

	puts("`gate64 setup' has changed nothing on this host.");
	if (!err || err == -EBUSY)
		return CLI_EXIT_DONE;
	fprintf(stderr, "gate64: what it has left in the kernel stays there: %s\n",
		strerror(-err));
	return CLI_EXIT_FAILED;
}

static int take_back(const struct cli *cli)
{
	bool asks = !cli->yes && !cli->dry_run && isatty(STDIN_FILENO);
	struct setup_changes changes;
	int status = wrong_usage(cli, asks), err;

	if (status)
		return status;
	err = setup_changes_load(SETUP_RECORD, &changes);
	if (err == -ENOENT && !cli->json)
		return nothing_changed(cli);
	if (err && err != -ENOENT) {
		fprintf(stderr, "gate64: " SETUP_RECORD ": %s\n", strerror(-err));
		return CLI_EXIT_FAILED;
	}
	status = undo_with(&changes, cli, asks);
	setup_changes_free(&changes);
	return status;
}

int command_setup(const struct cli *cli)
{
	return cli->undo ? take_back(cli) : set_up(cli);
}
