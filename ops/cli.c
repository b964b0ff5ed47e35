/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: argv, once, at start. One table says which
 * sub-commands exist, which options each takes and what its help reads.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "../core/config.h"
#include "cli.h"

static const struct command {
	const char *name;
	enum cli_command command;
	enum { NO_OPERAND, MAY_HAVE, MUST_HAVE } operand;
	const char *options;	/* the letters of those it takes */
	const char *synopsis;
	const char *help;
} commands[] = {
	{ "run", CLI_RUN, NO_OPERAND, "ch", "[-c FILE]",
	  "Run the gateway in the foreground until SIGTERM or SIGINT; SIGHUP reloads." },
	{ "check", CLI_CHECK, NO_OPERAND, "ch", "[-c FILE]",
	  "Check a configuration file; every error is printed with line and column." },
	{ "config", CLI_CONFIG, NO_OPERAND, "ch", "[-c FILE]",
	  "Print the configuration in canonical form, defaults included." },
	{ "status", CLI_STATUS, NO_OPERAND, "csjh", "[--json] [-s SOCKET] [-c FILE]",
	  "Ask the running gateway how it is: addresses, rooms, counters, last reload." },
	{ "flows", CLI_FLOWS, MAY_HAVE, "csjhptS",
	  "[ADDR[/LEN]] [--proto P] [--port N] [--state S] [--json]",
	  "List NAT64 sessions: those with this address or prefix, inside, outside or remote." },
	{ "bindings", CLI_BINDINGS, MAY_HAVE, "csjhpt",
	  "[ADDR[/LEN]] [--proto P] [--port N] [--json]",
	  "List NAT64 bindings: which outside address and port stands for which inside one." },
	{ "trace", CLI_TRACE, MUST_HAVE, "csjhptf",
	  "ADDR[:PORT] [--proto P] [--port N] [--from ADDR[:PORT]] [--json]",
	  "Say what NAT64 would do with a packet to this address, decision by decision." },
	{ "reload", CLI_RELOAD, NO_OPERAND, "csh", "[-s SOCKET] [-c FILE]",
	  "Make the running gateway read its file again; says why when it refuses." },
	{ "version", CLI_VERSION, NO_OPERAND, "h", "", "Print the version." },
	{ "help", CLI_HELP, MAY_HAVE, "h", "[COMMAND]", "Print this text, or one command's." },
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "proto", required_argument, NULL, 't' },
	{ "port", required_argument, NULL, 'p' },
	{ "from", required_argument, NULL, 'f' },
	{ "state", required_argument, NULL, 'S' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* In the order of help; a letter that is not in short_options has its long form alone. */
static const char short_options[] = ":c:s:h";

static const struct {
	char letter;
	const char *text;
} option_texts[] = {
	{ 't', "      --proto P        tcp, udp or icmp\n" },
	{ 'p', "      --port N         a port, or the identifier of ICMP\n" },
	{ 'f', "      --from ADDR      who sends it; a client is invented where none is given\n" },
	{ 'S', "      --state S        of TCP: v4-init, v6-init, established, v4-fin, v6-fin,\n"
	       "                       v4-fin-v6-fin or trans (RFC 6146)\n" },
	{ 'c', "  -c, --config FILE    configuration (default " CONFIG_DEFAULT_PATH
	       " where it exists)\n" },
	{ 's', "  -s, --socket SOCKET  control socket of the running gateway (default: ops.control\n"
	       "                       of the configuration)\n" },
	{ 'j', "      --json           print JSON, with a schema number\n" },
	{ 'h', "  -h, --help           print help\n" },
};

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
	fputs("Options:\n", out);
	for (size_t i = 0; i < sizeof(option_texts) / sizeof(option_texts[0]); i++)
		if (!one || strchr(one->options, option_texts[i].letter))
			fputs(option_texts[i].text, out);
	fputs("\nExit status: 0 done, 1 failed, 2 wrong usage.\n", out);
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

void cli_wrong(const struct cli *cli, const char *what, FILE *errors)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].command == cli->command)
			wrong(errors, &commands[i], what, NULL);
}

/* The same, of one of our options */
static int wrong_option(FILE *errors, const struct command *command, const char *what, int letter)
{
	char name[16] = { '-', (char)letter, '\0' };

	for (const struct option *option = long_options; option->name; option++)
		if (option->val == letter && !strchr(short_options, letter))
			snprintf(name, sizeof(name), "--%s", option->name);
	return wrong(errors, command, what, name);
}

/* Where the value of an option goes; NULL: it has none, or is not an option's letter. */
static const char **place_of(struct cli *cli, int letter)
{
	switch (letter) {
	case 'c':
		return &cli->config_path;
	case 's':
		return &cli->socket_path;
	case 't':
		return &cli->proto;
	case 'p':
		return &cli->port;
	case 'f':
		return &cli->from;
	case 'S':
		return &cli->state;
	default:
		return NULL;
	}
}

static int read_options(const struct command *command, int argc, char **argv,
			struct cli *cli, FILE *errors)
{
	int letter;

	optind = 0;	/* GNU: start afresh, whatever was read before */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (letter == ':')
			return wrong_option(errors, command, "option needs a value", optopt);
		/* Of several short ones in a word, getopt says which; of a long one it need not. */
		if (letter == '?')
			return wrong(errors, command, "unknown option",
				     strncmp(argv[optind - 1], "--", 2) == 0 ? argv[optind - 1] :
				     (char[]){ '-', (char)optopt, '\0' });
		if (!strchr(command->options, letter))
			return wrong_option(errors, command, "not an option of this command",
					    letter);
		if (letter == 'h') {
			*cli = (struct cli){ .command = CLI_HELP, .topic = command->name };
			return 0;
		}
		if (letter == 'j')
			cli->json = true;
		else
			*place_of(cli, letter) = optarg;
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
	if (command->operand != NO_OPERAND && optind < argc)
		cli->operand = argv[optind++];
	else if (command->operand == MUST_HAVE)
		return wrong(errors, command, "an address is missing", NULL);
	if (optind < argc)
		return wrong(errors, command, "unexpected argument", argv[optind]);
	if (cli->command == CLI_HELP && cli->operand) {
		cli->topic = cli->operand;
		if (!find(cli->topic))
			return wrong(errors, NULL, "unknown command", cli->topic);
	}
	return 0;
}

int cli_number(const char *text)
{
	int number = 0;

	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9' || number > INT_MAX / 10 - 1)
			return -1;
		number = number * 10 + (*at - '0');
	}
	return *text ? number : -1;
}
