/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row a command, one row an option. The parser (cli.c), --help (cli_help.c), shell
 * completion (completion.c) and gate64(8) (man/manual.c) all come from these rows; nothing
 * about a command line is said anywhere else.
 *
 * A new command: a word in enum cli_command, a row in commands[], a case in main.c. A new
 * option: a field in struct cli, a row in options[], its name in the rows of its commands.
 */
#ifndef OPS_CLI_TABLE_H
#define OPS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"

/* What a value or an operand may be, for those who complete it */
struct cli_choice {
	const char *words;	/* one of these, a blank between them; NULL: free text */
	bool files;		/* the name of a file */
	bool commands;		/* a command of the table */
};

struct cli_option {
	const char *name;	/* "config": --config */
	char letter;		/* of the short form; '\0': it has none */
	const char *value;	/* "FILE", as usage has it; NULL: it takes none */
	size_t place;		/* in struct cli: a bool, or a const char * for a value */
	const char *help;	/* half a sentence, no full stop */
	struct cli_choice choice;
};

struct cli_row {
	const char *name;	/* "status"; "dns lookup": a word for a group, then one of that */
	enum cli_command command;
	const char *operands;	/* "NAME [TYPE]", as usage has it; "": none */
	int least, most;	/* how many */
	struct cli_choice choice;	/* of the first operand */
	struct cli_choice second;	/* of the second */
	const char *options;	/* their names, a blank between them, in the order of usage;
				 * --help goes without saying */
	const char *help;	/* the first sentence says it all; more may follow */
	const char *failed;	/* exit status is 1 where ..., with a full stop; NULL: nothing
				 * in particular */
	const char *example;	/* a whole command line */
	const char *schema;	/* of what --json prints: ops/schema/NAME.json; or NULL */
};

extern const struct cli_row cli_rows[];
extern const size_t cli_n_rows;
extern const struct cli_option cli_options[];
extern const size_t cli_n_options;

/** cli_row_of() - is it the command of this name, or one of the group @topic? */
bool cli_row_of(const struct cli_row *row, const char *topic);

/** cli_row_takes() - is it an option of this command? */
bool cli_row_takes(const struct cli_row *row, const struct cli_option *option);

/** cli_row_option() - the @nth option of a row, from 0, in the order of usage; NULL: no more. */
const struct cli_option *cli_row_option(const struct cli_row *row, size_t nth);

enum { CLI_NAME_MAX = 32, CLI_USAGE_MAX = 512 };

/** cli_option_name() - "-c", or "--json" where there is no short form. Return: @text. */
const char *cli_option_name(const struct cli_option *option, char text[CLI_NAME_MAX]);

/** cli_row_usage() - operands and options: "NAME [--json] [-c FILE]". Return: @text. */
const char *cli_row_usage(const struct cli_row *row, char text[CLI_USAGE_MAX]);

#endif
