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

/* "dns lookup": a word that stands for a group, then one of that. */
static const struct command {
	const char *name;
	enum cli_command command;
	int least, most;	/* operands */
	const char *options;	/* the letters of those it takes */
	const char *synopsis;
	const char *help;
} commands[] = {
	{ "run", CLI_RUN, 0, 0, "ch", "[-c FILE]",
	  "Run the gateway in the foreground until SIGTERM or SIGINT; SIGHUP reloads." },
	{ "check", CLI_CHECK, 0, 0, "ch", "[-c FILE]",
	  "Check a configuration file; every error is printed with line and column." },
	{ "config", CLI_CONFIG, 0, 0, "ch", "[-c FILE]",
	  "Print the configuration in canonical form, defaults included." },
	{ "status", CLI_STATUS, 0, 0, "csjh", "[--json] [-s SOCKET] [-c FILE]",
	  "Ask the running gateway how it is: addresses, rooms, counters, last reload." },
	{ "flows", CLI_FLOWS, 0, 1, "csjhptS",
	  "[ADDR[/LEN]] [--proto P] [--port N] [--state S] [--json]",
	  "List NAT64 sessions: those with this address or prefix, inside, outside or remote." },
	{ "bindings", CLI_BINDINGS, 0, 1, "csjhpt",
	  "[ADDR[/LEN]] [--proto P] [--port N] [--json]",
	  "List NAT64 bindings: which outside address and port stands for which inside one." },
	{ "connections", CLI_CONNECTIONS, 0, 0, "csjhCMBG",
	  "[--client A] [--name N] [--backend A] [--stage S] [--json]",
	  "List the connections of the SNI proxy, in whichever stage they are." },
	{ "trace", CLI_TRACE, 1, 1, "csjhptf",
	  "ADDR[:PORT]|NAME [--proto P] [--port N] [--from ADDR[:PORT]] [--json]",
	  "Say what NAT64 would do with a packet to this address, decision by decision; to a\n"
	  "name, first which address dns64 gives for it." },
	{ "dns lookup", CLI_DNS_LOOKUP, 1, 2, "csjhND",
	  "NAME|ADDR [TYPE] [--no-cache] [--dnssec] [--json]",
	  "Have dns64 answer a query, and say step by step how it came by the answer. Of a name,\n"
	  "AAAA is asked for where no type is given; of an address, PTR of its reverse name." },
	{ "dns flush", CLI_DNS_FLUSH, 0, 1, "cshb", "[NAME] [--below]",
	  "Forget the answers that dns64 and snid keep: all, or those for one name." },
	{ "dns top", CLI_DNS_TOP, 0, 0, "csjhn", "[-n N] [--json]",
	  "Show the names asked for most in the last minute, and who asks most." },
	{ "reload", CLI_RELOAD, 0, 0, "csh", "[-s SOCKET] [-c FILE]",
	  "Make the running gateway read its file again; says why when it refuses." },
	{ "version", CLI_VERSION, 0, 0, "h", "", "Print the version." },
	{ "help", CLI_HELP, 0, 2, "h", "[COMMAND]", "Print this text, or one command's." },
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "proto", required_argument, NULL, 't' },
	{ "port", required_argument, NULL, 'p' },
	{ "from", required_argument, NULL, 'f' },
	{ "state", required_argument, NULL, 'S' },
	{ "client", required_argument, NULL, 'C' },
	{ "name", required_argument, NULL, 'M' },
	{ "backend", required_argument, NULL, 'B' },
	{ "stage", required_argument, NULL, 'G' },
	{ "no-cache", no_argument, NULL, 'N' },
	{ "dnssec", no_argument, NULL, 'D' },
	{ "below", no_argument, NULL, 'b' },
	{ "number", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* In the order of help; a letter that is not in short_options has its long form alone. */
static const char short_options[] = ":c:s:n:h";

static const struct {
	char letter;
	const char *text;
} option_texts[] = {
	{ 't', "      --proto P        tcp, udp or icmp\n" },
	{ 'p', "      --port N         a port, or the identifier of ICMP\n" },
	{ 'f', "      --from ADDR      who sends it; a client is invented where none is given\n" },
	{ 'S', "      --state S        of TCP: v4-init, v6-init, established, v4-fin, v6-fin,\n"
	       "                       v4-fin-v6-fin or trans (RFC 6146)\n" },
	{ 'C', "      --client A       those of this address or prefix\n" },
	{ 'M', "      --name N         to the server of this name; \"*.example.org\": of those below\n" },
	{ 'B', "      --backend A      to a server with this address or prefix\n" },
	{ 'G', "      --stage S        hello, lookup, dial, greet, relay, silent, half-closed or refused\n" },
	{ 'N', "      --no-cache       ask the resolver, whatever the cache of answers holds\n" },
	{ 'D', "      --dnssec         as a client that validates itself asks: DO is set\n" },
	{ 'b', "      --below          also what is below the name\n" },
	{ 'n', "  -n, --number N       so many of each (default 20)\n" },
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

/* The command that the first of @words, or the first two, name. *@n: how many they were. */
static const struct command *find(char **words, int n_words, int *n)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		size_t len = strlen(words[0]);
		const char *name = commands[i].name;

		*n = name[strcspn(name, " ")] ? 2 : 1;
		if (*n > n_words || strncmp(name, words[0], len) != 0)
			continue;
		if (*n == 1 ? !name[len] : name[len] == ' ' && !strcmp(name + len + 1, words[1]))
			return &commands[i];
	}
	return NULL;
}

/* Is it the command of this name, or one of the group? */
static bool is_of(const struct command *command, const char *topic)
{
	size_t len = strlen(topic);

	return strncmp(command->name, topic, len) == 0 &&
	       (!command->name[len] || command->name[len] == ' ');
}

static const struct command *find_topic(const char *topic)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (is_of(&commands[i], topic))
			return &commands[i];
	return NULL;
}

static void list_commands(const char *topic, FILE *out)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *help = commands[i].help;

		if (topic && !is_of(&commands[i], topic))
			continue;
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].synopsis);
		for (; *help; help += strcspn(help, "\n"), help += *help == '\n')
			fprintf(out, "           %.*s\n", (int)strcspn(help, "\n"), help);
	}
	fputc('\n', out);
}

/* Does any command of the group, of all where NULL, take it? */
static bool has_option(const char *topic, char letter)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if ((!topic || is_of(&commands[i], topic)) && strchr(commands[i].options, letter))
			return true;
	return false;
}

void cli_help(const char *topic, FILE *out)
{
	const struct command *one = topic ? find_topic(topic) : NULL;

	if (one && strcmp(one->name, topic) != 0)
		one = NULL;
	if (one) {
		fprintf(out, "Usage: gate64 %s %s\n%s\n\n", one->name, one->synopsis, one->help);
	} else {
		fprintf(out, "Usage: gate64 %s%sCOMMAND [OPTIONS]\n", topic ? topic : "",
			topic ? " " : "");
		if (!topic)
			fputs("A gateway between IPv6-only networks and the IPv4 Internet: "
			      "NAT64, DNS64, SNI proxy.\n", out);
		fputs("\nCommands:\n", out);
		list_commands(topic, out);
	}
	fputs("Options:\n", out);
	for (size_t i = 0; i < sizeof(option_texts) / sizeof(option_texts[0]); i++)
		if (one ? strchr(one->options, option_texts[i].letter) != NULL :
			  has_option(topic, option_texts[i].letter))
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

/* The flag that an option sets; NULL: it takes a value. */
static bool *flag_of(struct cli *cli, int letter)
{
	switch (letter) {
	case 'j':
		return &cli->json;
	case 'N':
		return &cli->no_cache;
	case 'D':
		return &cli->dnssec;
	case 'b':
		return &cli->below;
	default:
		return NULL;
	}
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
	case 'n':
		return &cli->number;
	case 'C':
		return &cli->client;
	case 'M':
		return &cli->name;
	case 'B':
		return &cli->backend;
	case 'G':
		return &cli->stage;
	default:
		return NULL;
	}
}

static int read_options(const struct command *command, int argc, char **argv,
			struct cli *cli, FILE *errors)
{
	bool *flag;
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
		flag = flag_of(cli, letter);
		if (flag)
			*flag = true;
		else
			*place_of(cli, letter) = optarg;
	}
	return 0;
}

/* No command has these words: is it a group, or its help that is asked for? */
static int read_group(char **words, int n_words, struct cli *cli, FILE *errors)
{
	if (!find_topic(words[0]))
		return wrong(errors, NULL, "unknown command", words[0]);
	if (n_words < 2)
		return wrong(errors, NULL, "no command given of the group", words[0]);
	if (strcmp(words[1], "--help") != 0 && strcmp(words[1], "-h") != 0)
		return wrong(errors, NULL, "unknown command", words[1]);
	cli->topic = words[0];
	return 0;
}

static int read_topic(char **words, int n_words, struct cli *cli, FILE *errors)
{
	int n;
	const struct command *command = find(words, n_words, &n);

	if (!command)
		n = find_topic(words[0]) ? 1 : 0;
	if (n < n_words)
		return wrong(errors, NULL, "unknown command", words[n]);
	cli->topic = command ? command->name : words[0];
	return 0;
}

static int read_operands(const struct command *command, int argc, char **argv,
			 struct cli *cli, FILE *errors)
{
	int n = argc - optind;
	char first[32];

	if (n < command->least) {
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(command->synopsis, " "),
			 command->synopsis);
		return wrong(errors, command, "missing", first);
	}
	if (n > command->most)
		return wrong(errors, command, "unexpected argument", argv[optind + command->most]);
	cli->operand = n > 0 ? argv[optind] : NULL;
	cli->second = n > 1 ? argv[optind + 1] : NULL;
	if (cli->command == CLI_HELP && n > 0)
		return read_topic(argv + optind, n, cli, errors);
	return 0;
}

int cli_parse(int argc, char **argv, struct cli *cli, FILE *errors)
{
	static char version[] = "version";
	const struct command *command;
	int n_words;

	*cli = (struct cli){ .command = CLI_HELP };
	if (argc < 2)
		return wrong(errors, NULL, "no command given", NULL);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return 0;
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = version;
	command = find(argv + 1, argc - 1, &n_words);
	if (!command)
		return read_group(argv + 1, argc - 1, cli, errors);

	/* The command's last word stands where getopt expects the program's name. */
	argc -= n_words;
	argv += n_words;
	cli->command = command->command;
	if (read_options(command, argc, argv, cli, errors) < 0)
		return -EINVAL;
	return cli->topic ? 0 : read_operands(command, argc, argv, cli, errors);
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
