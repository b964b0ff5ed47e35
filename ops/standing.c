/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See standing.h. */
#include "standing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset_backend.h"

/* Return: the text, owned by the caller; NULL, *@err and @said saying why. */
static char *text_of(standing_show *show, int *err, char *said)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	*err = out ? show(out, said) : -ENOMEM;
	if (out && fclose(out))
		*err = -ENOMEM;
	if (*err == -ENOMEM)
		snprintf(said, RULESET_SAID_SIZE, "%s", strerror(ENOMEM));
	if (!*err)
		return text;
	free(text);
	return NULL;
}

void standing_note(struct standing *standing, standing_show *show)
{
	char said[RULESET_SAID_SIZE];
	int err;

	standing_forget(standing);
	standing->text = text_of(show, &err, said);
	/* Unlike anything that stands: it is put up once more, and noted then. */
	if (!standing->text)
		standing->text = strdup("");
}

int standing_holds(const struct standing *standing, standing_show *show, char *said)
{
	bool holds;
	char *now;
	int err;

	if (!standing->text)
		return 1;
	now = text_of(show, &err, said);
	if (!now)
		return err;
	/* Should it have been taken away between our putting it up and our noting it */
	holds = *now && strcmp(now, standing->text) == 0;
	free(now);
	return holds;
}

void standing_forget(struct standing *standing)
{
	free(standing->text);
	standing->text = NULL;
}
