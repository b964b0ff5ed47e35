/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Problems come in from the YAML reader, the types and the rules; they leave
 * sorted by place, each with its line and a caret. What is echoed was written
 * by someone else: control characters never reach the terminal, and a line of
 * a megabyte is shown only around the caret.
 */
#include "config_report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { EXCERPT_BEFORE = 80, EXCERPT_LEN = 160 };	/* bytes of a long line */

size_t config_utf8_length(const char *p, size_t left)
{
	unsigned char lead = (unsigned char)p[0];
	size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 :
		     lead < 0xf5 ? 4 : 0;
	unsigned char second;

	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 0;
	if (len < 3)
		return len;
	/* Overlong forms, surrogates, and what lies beyond U+10FFFF */
	second = (unsigned char)p[1];
	if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
	    (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
		return 0;
	return len;
}

/* Does the character at @p draw something? No: controls (C0, DEL, C1). */
static bool printable(const char *p, size_t len)
{
	if (len == 1)
		return p[0] >= ' ' && p[0] != 0x7f;
	return len > 2 || (len == 2 && !(p[0] == '\xc2' && (unsigned char)p[1] < 0xa0));
}

static void write_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t step = config_utf8_length(text + i, len - i);

		if (text[i] == '\t' || (step && printable(text + i, step)))
			fwrite(text + i, 1, step, out);
		else
			fputc('?', out);
		i += step ? step : 1;
	}
}

/* As wide as write_text() of the same bytes, but blank; tabs stay tabs. */
static void write_blank(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t step = config_utf8_length(text + i, len - i);

		fputc(text[i] == '\t' ? '\t' : ' ', out);
		i += step ? step : 1;
	}
}

static void note(struct config_report *report, size_t pos, bool warning, const char *fmt,
		 va_list args)
{
	struct config_problem *problem;

	report->n_errors += !warning;
	if (report->n_problems == CONFIG_PROBLEMS_MAX) {
		report->n_left_out++;
		return;
	}
	problem = &report->problems[report->n_problems++];
	problem->pos = pos;
	problem->warning = warning;
	vsnprintf(problem->message, sizeof(problem->message), fmt, args);
}

void config_report_error(struct config_report *report, size_t pos, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(report, pos, false, fmt, args);
	va_end(args);
}

void config_report_warning(struct config_report *report, size_t pos, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(report, pos, true, fmt, args);
	va_end(args);
}

/* Start of the line that holds @pos. An end of file after the last newline
 * counts as the end of the last line, which can be shown. */
static size_t line_start(const struct config_report *report, size_t *pos)
{
	size_t start;

	if (*pos > report->len)
		*pos = report->len;
	if (*pos == report->len && *pos > 0 && report->text[*pos - 1] == '\n')
		--*pos;
	for (start = *pos; start > 0 && report->text[start - 1] != '\n'; start--)
		;
	return start;
}

unsigned int config_report_line(const struct config_report *report, size_t pos)
{
	size_t start = line_start(report, &pos);
	unsigned int line = 1;

	for (size_t i = 0; i < start; i++)
		line += report->text[i] == '\n';
	return line;
}

static unsigned int column_of(const char *line, size_t caret)
{
	unsigned int column = 1;

	for (size_t i = 0; i < caret; column++) {
		size_t step = config_utf8_length(line + i, caret - i);

		i += step ? step : 1;
	}
	return column;
}

/* Move @at back to where a character starts. */
static size_t character_start(const char *line, size_t at)
{
	while (at > 0 && ((unsigned char)line[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static void write_excerpt(FILE *out, const char *line, size_t len, size_t caret)
{
	size_t begin = 0, end = len;

	if (len > EXCERPT_LEN) {
		if (caret > EXCERPT_BEFORE)
			begin = character_start(line, caret - EXCERPT_BEFORE);
		if (len - begin > EXCERPT_LEN)
			end = character_start(line, begin + EXCERPT_LEN);
	}
	fputs(begin ? "..." : "", out);
	write_text(out, line + begin, end - begin);
	fputs(end < len ? "...\n" : "\n", out);
	fputs(begin ? "   " : "", out);
	write_blank(out, line + begin, caret - begin);
	fputs("^\n", out);
}

static void write_problem(const struct config_report *report, FILE *out,
			  const struct config_problem *problem)
{
	const char *severity = problem->warning ? "warning" : "error";
	size_t pos = problem->pos, start, len;
	const char *line, *newline;

	if (pos == CONFIG_NOWHERE) {
		fprintf(out, "%s: %s: ", report->name, severity);
		write_text(out, problem->message, strlen(problem->message));
		fputc('\n', out);
		return;
	}
	start = line_start(report, &pos);
	line = report->text + start;
	newline = memchr(line, '\n', report->len - start);
	len = newline ? (size_t)(newline - line) : report->len - start;
	if (len > 0 && line[len - 1] == '\r' && pos - start < len)
		len--;
	fprintf(out, "%s:%u:%u: %s: ", report->name, config_report_line(report, pos),
		column_of(line, pos - start), severity);
	write_text(out, problem->message, strlen(problem->message));
	fputc('\n', out);
	write_excerpt(out, line, len, pos - start);
}

/* Stable: problems of one place keep the order in which they were found. */
static void sort_problems(struct config_report *report)
{
	for (size_t i = 1; i < report->n_problems; i++) {
		struct config_problem moving = report->problems[i];
		size_t to = i;

		for (; to > 0 && report->problems[to - 1].pos > moving.pos; to--)
			report->problems[to] = report->problems[to - 1];
		report->problems[to] = moving;
	}
}

void config_report_write(struct config_report *report, FILE *out)
{
	sort_problems(report);
	for (size_t i = 0; i < report->n_problems; i++)
		write_problem(report, out, &report->problems[i]);
	if (report->n_left_out)
		fprintf(out, "%s: error: %zu more problems are not shown\n", report->name,
			report->n_left_out);
}

/* What write_text() would not write, in place */
static void clean_text(char *text)
{
	for (size_t i = 0, left = strlen(text); left > 0;) {
		size_t step = config_utf8_length(text + i, left);
		bool good = text[i] == '\t' || (step && printable(text + i, step));

		step = step ? step : 1;
		if (!good)
			memset(text + i, '?', step);
		i += step;
		left -= step;
	}
}

static void tell_problem(const struct config_report *report, struct config_problem *problem,
			 config_tell *tell, void *arg)
{
	unsigned int line = 0, column = 0;
	size_t pos = problem->pos, start;

	if (pos != CONFIG_NOWHERE) {
		start = line_start(report, &pos);
		line = config_report_line(report, pos);
		column = column_of(report->text + start, pos - start);
	}
	clean_text(problem->message);
	tell(arg, problem->warning, line, column, problem->message);
}

void config_report_tell(struct config_report *report, config_tell *tell, void *arg)
{
	char more[64];

	sort_problems(report);
	for (size_t i = 0; i < report->n_problems; i++)
		tell_problem(report, &report->problems[i], tell, arg);
	snprintf(more, sizeof(more), "%zu more problems are not shown", report->n_left_out);
	if (report->n_left_out)
		tell(arg, false, 0, 0, more);
}
