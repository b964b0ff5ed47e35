/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A manual page (mdoc) from its prose: a line that is @commands@, @options@, @schemas@,
 * @settings@ or @events@ alone becomes what the tables of commands, of settings and of the log
 * say. Runs when the
 * project is built; the same tables give the same bytes.
 *
 *	manual gate64.8.in >gate64.8
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../../core/config_schema.h"
#include "../../core/config_type.h"
#include "../../core/config_value.h"
#include "../cli_table.h"

enum { WIDTH = 78, LINE_MAX_LEN = 1024 };

/* ---- text ------------------------------------------------------------------------ */

/* A word: no request, no escape, no end of a quoted argument, hyphens that can be copied.
 * Return: its width here. */
static size_t put_word(const char *word, size_t len, bool first)
{
	size_t width = len;

	if (first && (word[0] == '.' || word[0] == '\''))
		fputs("\\&", stdout);
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\\')
			fputs("\\e", stdout);
		else if (word[i] == '-')
			fputs("\\-", stdout);
		else if (word[i] == '"')
			fputs("\\(dq", stdout);
		else
			putchar(word[i]);
		width += strchr("-\\", word[i]) ? 1 : word[i] == '"' ? 3 : 0;
	}
	return width;
}

static bool ends_sentence(const char *word, size_t len)
{
	while (len && strchr(")\"'", word[len - 1]))
		len--;
	return len && strchr(".!?", word[len - 1]);
}

/* Running text, a line a sentence, none too long; a newline ends it. */
static void put_text(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > WIDTH) {
			putchar('\n');
			column = 0;
		} else if (column) {
			putchar(' ');
			column++;
		}
		column += put_word(text, len, column == 0);
		if (ends_sentence(text, len)) {
			putchar('\n');
			column = 0;
		}
		text += len;
		text += strspn(text, " ");
	}
	if (column)
		putchar('\n');
}

/* The words of a macro line that takes each as an argument; quoted, so that none is a macro. */
static void put_argument(const char *text, size_t len)
{
	fputs(" \"", stdout);
	put_word(text, len, true);
	putchar('"');
}

/* ---- commands -------------------------------------------------------------------- */

static void put_command(const struct cli_row *row)
{
	const struct cli_option *option;
	const char *operand = row->operands;

	fputs(".It Cm", stdout);
	put_argument(row->name, strlen(row->name));
	for (; *operand; operand += strcspn(operand, " "), operand += *operand == ' ') {
		fputs(" Ar", stdout);
		put_argument(operand, strcspn(operand, " "));
	}
	putchar('\n');
	put_text(row->help);
	fputs(".Pp\nOptions:\n", stdout);
	for (size_t i = 0; (option = cli_row_option(row, i)); i++)
		printf(".Fl -%s%s\n", option->name, cli_row_option(row, i + 1) ? " ," : " .");
	if (row->failed) {
		char text[LINE_MAX_LEN];

		snprintf(text, sizeof(text), "Exit status is 1 where %s", row->failed);
		put_text(text);
	}
	if (row->schema)
		printf("JSON is as in the schema\n.Pa %s.json .\n", row->schema);
	fputs(".Pp\n.Dl", stdout);
	for (const char *word = row->example; *word; word += strspn(word, " ")) {
		put_argument(word, strcspn(word, " "));
		word += strcspn(word, " ");
	}
	putchar('\n');
}

static void put_commands(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < cli_n_rows; i++)
		put_command(&cli_rows[i]);
	puts(".El");
}

static void put_options(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *option = &cli_options[i];
		char text[LINE_MAX_LEN];

		fputs(".It", stdout);
		if (option->letter)
			printf(" Fl %c ,", option->letter);
		printf(" Fl -%s%s%s\n", option->name, option->value ? " Ar " : "",
		       option->value ? option->value : "");
		snprintf(text, sizeof(text), "%c%s.", toupper((unsigned char)option->help[0]),
			 option->help + 1);
		put_text(text);
	}
	puts(".El");
}

static void put_schemas(void)
{
	puts(".Bl -column dns-lookup.json gate64_dns_lookup");
	for (size_t i = 0; i < cli_n_rows; i++)
		if (cli_rows[i].schema)
			printf(".It Pa %s.json Ta Cm \"%s\"\n", cli_rows[i].schema,
			       cli_rows[i].name);
	puts(".El");
}

/* ---- settings -------------------------------------------------------------------- */

/* How a row's bounds are written; NULL: they count the entries of a list, or there are none. */
static const struct config_number *number_of(const struct config_row *row)
{
	if (row->type == &config_type_duration)
		return &config_number_duration;
	if (row->type == &config_type_rate)
		return &config_number_rate;
	if (row->type == &config_type_size)
		return &config_number_size;
	if (row->type == &config_type_count || row->type == &config_type_mtu ||
	    row->type == &config_type_mss)
		return &config_number_count;
	return NULL;
}

static void put_bounds(const struct config_row *row)
{
	const struct config_number *number = number_of(row);
	char least[CONFIG_VALUE_STRLEN], most[CONFIG_VALUE_STRLEN], text[LINE_MAX_LEN];

	if (number && row->clause && !row->advised)
		snprintf(text, sizeof(text), "From %s (%s) to %s.",
			 number->format(row->min, least), row->clause,
			 number->format(row->max, most));
	else if (number)
		snprintf(text, sizeof(text), "From %s to %s.", number->format(row->min, least),
			 number->format(row->max, most));
	else if (row->max)
		snprintf(text, sizeof(text), "At most %s entries.",
			 config_number_count.format(row->max, most));
	else
		return;
	put_text(text);
	if (!number || !row->advised)
		return;
	snprintf(text, sizeof(text), "Less than %s draws a warning: %s.",
		 number->format(row->advised, least), row->clause);
	put_text(text);
}

static void put_setting(const struct config_row *row)
{
	char text[LINE_MAX_LEN];

	printf(".It Ic %s\n", row->path);
	snprintf(text, sizeof(text), "%s.", row->help);
	put_text(text);
	fputs(".br\nTakes:\n", stdout);
	snprintf(text, sizeof(text), "%s.", config_type_expected(row));
	put_text(text);
	fputs("Default:\n.Li", stdout);
	put_argument(row->initial, strlen(row->initial));
	fputs(" .\n", stdout);
	put_bounds(row);
}

static void put_settings(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < config_n_rows; i++)
		put_setting(&config_rows[i]);
	puts(".El");
}

/* ---- the log --------------------------------------------------------------------- */

static const struct {
	const char *word, *message_id, *help;
} events[] = {
#define LOG_EVENT(id, word, message_id, help) { word, message_id, help },
#include "../../core/log_events.h"
#undef LOG_EVENT
};

static void put_events(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		fputs(".It Li", stdout);
		put_argument(events[i].word, strlen(events[i].word));
		printf(" Pq %s\n", events[i].message_id);
		put_text(events[i].help);
	}
	puts(".El");
}

/* ---- a page ---------------------------------------------------------------------- */

static const struct {
	const char *line;
	void (*put)(void);
} parts[] = {
	{ "@commands@\n", put_commands },
	{ "@options@\n", put_options },
	{ "@schemas@\n", put_schemas },
	{ "@settings@\n", put_settings },
	{ "@events@\n", put_events },
};

static void put_line(const char *line)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].line, line) == 0) {
			parts[i].put();
			return;
		}
	}
	fputs(line, stdout);
}

int main(int argc, char **argv)
{
	FILE *prose = argc == 2 ? fopen(argv[1], "re") : NULL;
	char line[LINE_MAX_LEN];

	if (!prose) {
		fputs("usage: manual FILE\n", stderr);
		return 2;
	}
	while (fgets(line, sizeof(line), prose))
		put_line(line);
	fclose(prose);
	return ferror(stdout) ? 1 : 0;
}
