/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken for a text of gate64's has one table, and in each line nothing but our chains;
 * nothing can be cut from its end or put there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../ops/restore_text.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

static int begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static void check_line(const char *line)
{
	const char *jump = strstr(line, " -j ");

	check(!strchr(line, '\t') && !strchr(line, '\r') && !strchr(line, '"'));
	if (begins(line, ":GATE64-"))
		return;
	if (begins(line, "-A GATE64-"))
		check(jump && !strstr(jump + 1, " -j ") &&
		      (begins(jump, " -j NFQUEUE --queue-") ||
		       (begins(line, "-A GATE64-OUT -m mark ") &&
			(!strcmp(jump, " -j RETURN") || !strcmp(jump, " -j CT --notrack")))));
	else
		check(!strcmp(line + 3, "PREROUTING -j GATE64-PRE") ||
		      !strcmp(line + 3, "OUTPUT -j GATE64-OUT"));
}

static void check_taken(char *text, bool v4)
{
	size_t len = strlen(text);
	char last, *line = text + strlen("*raw\n"), *end;

	check(len >= 12 && begins(text, "*raw\n") && !strcmp(text + len - 8, "\nCOMMIT\n"));
	last = text[len - 1];
	text[len - 1] = '\0';
	check(restore_text_judge(text, v4) != 0);
	text[len - 1] = last;
	text[len] = '#';
	check(restore_text_judge(text, v4) != 0);
	text[len] = '\0';
	for (; line < text + len - 7; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		check_line(line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int v4 = 0; v4 < 2; v4++) {
		char *text = calloc(1, size + 2);

		check(text != NULL);
		if (size)
			memcpy(text, data, size);
		if (restore_text_judge(text, v4) == 0)
			check_taken(text, v4);
		free(text);
	}
	return 0;
}
