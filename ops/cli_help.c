/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --help, from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cli_table.h"

enum { WIDTH = 80, COMMAND_INDENT = 15, OPTION_INDENT = 23 };

/* The words of @text, @len bytes, in lines that begin at @indent; of the first, @column is
 * taken already. "[--port N]" is one word. */
static void print_wrapped(FILE *out, const char *text, size_t len, size_t column, size_t indent)
{
	const char *end = text + len;
	bool first = true;

	while (text < end) {
		size_t word = *text == '[' ? strcspn(text, "]") : 0;

		word += strcspn(text + word, " ");
		if (word > (size_t)(end - text))
			word = (size_t)(end - text);
		if (!first && column + 1 + word > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, word, out);
		column += word;
		text += word;
		text += strspn(text, " ");
		first = false;
	}
	fputc('\n', out);
}

static void print_usage(const struct cli_row *row, FILE *out)
{
	char usage[CLI_USAGE_MAX];
	int indent = fprintf(out, "Usage: gate64 %s ", row->name);

	cli_row_usage(row, usage);
	print_wrapped(out, usage, strlen(usage), (size_t)indent, (size_t)indent);
}

/* "  -c, --config FILE    " and its help beside it */
static void print_option(const struct cli_option *option, FILE *out)
{
	int column = option->letter ? fprintf(out, "  -%c, ", option->letter) :
				      fprintf(out, "      ");

	column += fprintf(out, "--%s%s%s", option->name, option->value ? " " : "",
			  option->value ? option->value : "");
	if (column >= OPTION_INDENT) {
		fputc('\n', out);
		column = 0;
	}
	fprintf(out, "%*s", OPTION_INDENT - column, "");
	print_wrapped(out, option->help, strlen(option->help), OPTION_INDENT, OPTION_INDENT);
}

static void help_command(const struct cli_row *row, FILE *out)
{
	const struct cli_option *option;

	print_usage(row, out);
	print_wrapped(out, row->help, strlen(row->help), 0, 0);
	fputs("\nOptions:\n", out);
	for (size_t i = 0; (option = cli_row_option(row, i)); i++)
		print_option(option, out);
	fputs("\nExit status: 0 done, 1 failed, 2 wrong usage.\n", out);
	if (row->failed) {
		int column = fprintf(out, "It is 1 where ");

		print_wrapped(out, row->failed, strlen(row->failed), (size_t)column, 0);
	}
	if (row->schema)
		fprintf(out, "JSON is as in the schema %s.json.\n", row->schema);
	fprintf(out, "\nExample:\n  %s\n", row->example);
}

/* The commands of a group, of all where NULL, in one sentence each */
static void list_commands(const char *topic, FILE *out)
{
	for (size_t i = 0; i < cli_n_rows; i++) {
		const struct cli_row *row = &cli_rows[i];
		const char *stop = strstr(row->help, ". ");

		if (topic && !cli_row_of(row, topic))
			continue;
		fprintf(out, "  %-*s ", COMMAND_INDENT - 3, row->name);
		print_wrapped(out, row->help, stop ? (size_t)(stop + 1 - row->help) :
			      strlen(row->help), COMMAND_INDENT, COMMAND_INDENT);
	}
}

static void help_group(const char *topic, FILE *out)
{
	fprintf(out, "Usage: gate64 %s%sCOMMAND [OPTIONS]\n", topic ? topic : "", topic ? " " : "");
	if (!topic)
		fputs("A gateway between IPv6-only networks and the IPv4 Internet: "
		      "NAT64, DNS64, SNI proxy.\n", out);
	fputs("\nCommands:\n", out);
	list_commands(topic, out);
	fprintf(out, "\n'gate64 help %s%sCOMMAND' tells of one command.\n"
		     "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
		topic ? topic : "", topic ? " " : "");
}

void cli_help(const char *topic, FILE *out)
{
	for (size_t i = 0; topic && i < cli_n_rows; i++) {
		if (strcmp(cli_rows[i].name, topic) == 0) {
			help_command(&cli_rows[i], out);
			return;
		}
	}
	help_group(topic, out);
}
