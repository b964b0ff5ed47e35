/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: argv, once, at start. One table says which
 * sub-commands exist, which options each takes and what its help reads.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli.h"

static const struct command {
	const char *name;
	enum cli_command command;
	const char *options;	/* the short forms of those it takes */
	const char *synopsis;
	const char *help;
} commands[] = {
	{ "run", CLI_RUN, "ch", "[-c FILE]",
	  "Run the gateway in the foreground until SIGTERM or SIGINT; SIGHUP reloads." },
	{ "check", CLI_CHECK, "ch", "[-c FILE]",
	  "Check a configuration file; every error is printed with line and column." },
	{ "config", CLI_CONFIG, "ch", "[-c FILE]",
	  "Print the configuration in canonical form, defaults included." },
	{ "status", CLI_STATUS, "csjh", "[--json] [-s SOCKET] [-c FILE]",
	  "Ask the running gateway how it is: addresses, rooms, counters, last reload." },
	{ "reload", CLI_RELOAD, "csh", "[-s SOCKET] [-c FILE]",
	  "Make the running gateway read its file again; says why when it refuses." },
	{ "version", CLI_VERSION, "h", "", "Print the version." },
	{ "help", CLI_HELP, "h", "[COMMAND]", "Print this text, or one command's." },
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char option_help[] =
	"Options:\n"
	"  -c, --config FILE    configuration (default /etc/gate64/gate64.yaml where it exists)\n"
	"  -s, --socket SOCKET  control socket of the running gateway (default: ops.control\n"
	"                       of the configuration)\n"
	"      --json           print JSON, with a schema number\n"
	"  -h, --help           print help\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage.\n";

const char *cli_version(void)
{
	return GATE64_VERSION;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

void cli_help(const char *topic, FILE *out)
{
	const struct command *one = topic ? find(topic) : NULL;

	if (one) {
		fprintf(out, "Usage: gate64 %s %s\n%s\n\n", one->name, one->synopsis, one->help);
	} else {
		fprintf(out, "Usage: gate64 COMMAND [OPTIONS]\n"
			     "A gateway between IPv6-only networks and the IPv4 Internet: "
			     "NAT64, DNS64, SNI proxy.\n\nCommands:\n");
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			fprintf(out, "  %-8s %s\n           %s\n", commands[i].name,
				commands[i].synopsis, commands[i].help);
		fputc('\n', out);
	}
	fputs(option_help, out);
}

/* Wrong usage in one line; the whole help would push it off the screen. */
static int wrong(FILE *errors, const struct command *command, const char *what,
		 const char *which)
{
	fprintf(errors, "gate64: %s%s%s\nTry 'gate64 %s%s--help'.\n", what,
		which ? ": " : "", which ? which : "", command ? command->name : "",
		command ? " " : "");
	return -EINVAL;
}

/* The same, of the option that getopt has just read */
static int wrong_option(FILE *errors, const struct command *command, const char *what,
			int letter, const char *word)
{
	char name[] = { '-', (char)letter, '\0' };

	/* getopt gives no letter for a long option that it does not know. */
	return wrong(errors, command, what, letter ? name : word);
}

static int read_options(const struct command *command, int argc, char **argv,
			struct cli *cli, FILE *errors)
{
	int letter;

	optind = 0;	/* GNU: start afresh, whatever was read before */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":c:s:h", long_options, NULL)) != -1) {
		if (letter == ':')
			return wrong_option(errors, command, "option needs a value", optopt, NULL);
		if (letter == '?')
			return wrong_option(errors, command, "unknown option", optopt,
					    argv[optind - 1]);
		if (!strchr(command->options, letter))
			return wrong_option(errors, command, "not an option of this command",
					    letter, NULL);
		switch (letter) {
		case 'c':
			cli->config_path = optarg;
			break;
		case 's':
			cli->socket_path = optarg;
			break;
		case 'j':
			cli->json = true;
			break;
		default:
			*cli = (struct cli){ .command = CLI_HELP, .topic = command->name };
			return 0;
		}
	}
	return 0;
}

int cli_parse(int argc, char **argv, struct cli *cli, FILE *errors)
{
	const struct command *command;
	const char *name;

	*cli = (struct cli){ .command = CLI_HELP };
	if (argc < 2)
		return wrong(errors, NULL, "no command given", NULL);
	name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return 0;
	if (strcmp(name, "--version") == 0)
		name = "version";
	command = find(name);
	if (!command)
		return wrong(errors, NULL, "unknown command", name);

	/* The command's name stands where getopt expects the program's. */
	argc--;
	argv++;
	cli->command = command->command;
	if (read_options(command, argc, argv, cli, errors) < 0)
		return -EINVAL;
	if (cli->topic)
		return 0;
	if (cli->command == CLI_HELP && optind < argc) {
		cli->topic = argv[optind++];
		if (!find(cli->topic))
			return wrong(errors, NULL, "unknown command", cli->topic);
	}
	if (optind < argc)
		return wrong(errors, command, "unexpected argument", argv[optind]);
	return 0;
}
