/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup_ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../core/config.h"
#include "setup_plan.h"

/* Without blanks around it. Return: 0, -ECANCELED at the end, -E2BIG: too long. */
static int read_line(char *line, FILE *in)
{
	size_t len, skip;

	if (!fgets(line, SETUP_ANSWER_MAX, in))
		return -ECANCELED;
	len = strlen(line);
	if (len == SETUP_ANSWER_MAX - 1 && line[len - 1] != '\n') {
		for (int c; (c = getc(in)) != EOF && c != '\n';)
			;
		return -E2BIG;
	}
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	skip = strspn(line, " \t");
	memmove(line, line + skip, len - skip + 1);
	return 0;
}

/* Does the configuration take it? If not, @out says why. */
static bool is_good(const struct setup_wishes *wishes, FILE *out)
{
	char *text = setup_config_text(wishes);
	struct config *config = text ? config_parse("answer", text, strlen(text), out) : NULL;
	bool good = config != NULL;

	config_free(config);
	free(text);
	return good;
}

/* @wish: the one of @wishes that is asked for; it gets @answer. */
static int ask(const char *question, const char *standard, struct setup_wishes *wishes,
	       const char **wish, char *answer, FILE *in, FILE *out)
{
	int err;

	if (*wish)
		return 0;
	do {
		fprintf(out, "%s [%s]: ", question, standard);
		fflush(out);
		err = read_line(answer, in);
		if (err == -ECANCELED)
			return err;
		if (!err && !answer[0])
			strcpy(answer, standard);
		*wish = err ? NULL : answer;
	} while (!*wish || !is_good(wishes, out));
	return 0;
}

int setup_ask(struct setup_wishes *wishes, struct setup_answers *answers, const char *listen,
	      bool uplink_known, FILE *in, FILE *out)
{
	int err = 0;

	if (!uplink_known)
		err = ask("Which interface leads to the IPv4 Internet?", "auto", wishes,
			  &wishes->uplink, answers->uplink, in, out);
	if (!err)
		err = ask("IPv6 networks to serve (auto: all that are routed to the inside)", "auto",
			  wishes, &wishes->inside, answers->inside, in, out);
	if (!err)
		err = ask("Ports where IPv4 clients reach servers inside by name (443: TLS, 80: "
			  "HTTP), or none", listen, wishes, &wishes->listen, answers->listen, in, out);
	if (!err)
		err = ask("DNS servers to ask, or recursive (from the root down)", "recursive",
			  wishes, &wishes->upstream, answers->upstream, in, out);
	return err;
}

bool setup_confirm(const char *question, FILE *in, FILE *out)
{
	char answer[SETUP_ANSWER_MAX];

	fprintf(out, "%s [Y/n] ", question);
	fflush(out);
	if (read_line(answer, in))
		return false;
	return !answer[0] || strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
