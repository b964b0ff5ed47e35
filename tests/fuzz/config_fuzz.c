/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text is read without harm, and what is accepted prints to a text that is
 * accepted again and prints the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parse and print; NULL where the text is refused. The caller frees the print. */
static char *reprint(const char *text, size_t len)
{
	char *errors, *printed = NULL;
	size_t errors_len, printed_len;
	FILE *out = open_memstream(&errors, &errors_len);
	struct config *config = config_parse("fuzz", text, len, out);

	fclose(out);
	if (!config && !errors_len)
		abort();	/* refused without a word */
	free(errors);
	if (!config)
		return NULL;
	out = open_memstream(&printed, &printed_len);
	config_print(config, out);
	fclose(out);
	config_free(config);
	return printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first = reprint((const char *)data, size), *second;

	if (!first)
		return 0;
	second = reprint(first, strlen(first));
	if (!second || strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	return 0;
}
