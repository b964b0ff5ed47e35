/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: argv, once, at start. Which sub-commands exist and which options
 * each takes is in cli_table.c.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "cli.h"
#include "cli_table.h"

enum {
	LONG_FIRST = 256,	/* getopt's name of the first option of the table; below: letters */
	OPTIONS_MAX = 64,
};

const char *cli_version(void)
{
	return GATE64_VERSION;
}

/* The command that the first of @words, or the first two, name. *@n: how many they were. */
static const struct cli_row *find(char **words, int n_words, int *n)
{
	for (size_t i = 0; i < cli_n_rows; i++) {
		size_t len = strlen(words[0]);
		const char *name = cli_rows[i].name;

		*n = name[strcspn(name, " ")] ? 2 : 1;
		if (*n > n_words || strncmp(name, words[0], len) != 0)
			continue;
		if (*n == 1 ? !name[len] : name[len] == ' ' && !strcmp(name + len + 1, words[1]))
			return &cli_rows[i];
	}
	return NULL;
}

static bool is_topic(const char *topic)
{
	for (size_t i = 0; i < cli_n_rows; i++)
		if (cli_row_of(&cli_rows[i], topic))
			return true;
	return false;
}

/* Wrong usage in one line; the whole help would push it off the screen. */
static int wrong(FILE *errors, const struct cli_row *command, const char *what,
		 const char *which)
{
	fprintf(errors, "gate64: %s%s%s\nTry 'gate64 %s%s--help'.\n", what,
		which ? ": " : "", which ? which : "", command ? command->name : "",
		command ? " " : "");
	return -EINVAL;
}

void cli_wrong(const struct cli *cli, const char *what, FILE *errors)
{
	for (size_t i = 0; i < cli_n_rows; i++)
		if (cli_rows[i].command == cli->command)
			wrong(errors, &cli_rows[i], what, NULL);
}

/* The same, of one of our options */
static int wrong_option(FILE *errors, const struct cli_row *command, const char *what,
			const struct cli_option *option)
{
	char name[CLI_NAME_MAX];

	return wrong(errors, command, what, cli_option_name(option, name));
}

/* The table as getopt wants it: long options, and the letters of those that have one */
struct getopt_table {
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2];
};

static void make_getopt_table(struct getopt_table *table)
{
	char *letters = table->shorts;

	*letters++ = ':';	/* a missing value is told apart */
	for (size_t i = 0; i < cli_n_options && i < OPTIONS_MAX; i++) {
		const struct cli_option *option = &cli_options[i];

		table->longs[i] = (struct option){
			.name = option->name,
			.has_arg = option->value ? required_argument : no_argument,
			.val = LONG_FIRST + (int)i,
		};
		if (option->letter)
			*letters++ = option->letter;
		if (option->letter && option->value)
			*letters++ = ':';
	}
}

/* The option that getopt has found, by its letter or its place in the table; NULL: none */
static const struct cli_option *option_of(int found)
{
	if (found >= LONG_FIRST)
		return &cli_options[found - LONG_FIRST];
	for (size_t i = 0; i < cli_n_options; i++)
		if (cli_options[i].letter == found)
			return &cli_options[i];
	return NULL;
}

static int read_options(const struct cli_row *command, int argc, char **argv,
			struct cli *cli, FILE *errors)
{
	struct getopt_table table = { 0 };
	const struct cli_option *option;
	int found;

	make_getopt_table(&table);
	optind = 0;	/* GNU: start afresh, whatever was read before */
	opterr = 0;
	while ((found = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
		if (found == ':')
			return wrong_option(errors, command, "option needs a value",
					    option_of(optopt));
		/* Of several short ones in a word, getopt says which; of a long one it need not. */
		if (found == '?')
			return wrong(errors, command, "unknown option",
				     strncmp(argv[optind - 1], "--", 2) == 0 ? argv[optind - 1] :
				     (char[]){ '-', (char)optopt, '\0' });
		option = option_of(found);
		if (!cli_row_takes(command, option))
			return wrong_option(errors, command, "not an option of this command",
					    option);
		if (option->value)
			*(const char **)((char *)cli + option->place) = optarg;
		else
			*(bool *)((char *)cli + option->place) = true;
		if (cli->help) {
			*cli = (struct cli){ .command = CLI_HELP, .topic = command->name };
			return 0;
		}
	}
	return 0;
}

/* No command has these words: is it a group, or its help that is asked for? */
static int read_group(char **words, int n_words, struct cli *cli, FILE *errors)
{
	if (!is_topic(words[0]))
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
	const struct cli_row *command = find(words, n_words, &n);

	if (!command)
		n = is_topic(words[0]) ? 1 : 0;
	if (n < n_words)
		return wrong(errors, NULL, "unknown command", words[n]);
	cli->topic = command ? command->name : words[0];
	return 0;
}

static int read_operands(const struct cli_row *command, int argc, char **argv,
			 struct cli *cli, FILE *errors)
{
	int n = argc - optind;
	char first[32];

	if (n < command->least) {
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(command->operands, " "),
			 command->operands);
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
	const struct cli_row *command;
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
