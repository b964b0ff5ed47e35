/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations from text and back, for the tests of core/config. */
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/config.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Parse as "t.yaml". @errors: what was written there; the caller frees it. */
static inline struct config *parse_bytes(const char *text, size_t len, char **errors)
{
	size_t size;
	FILE *out = open_memstream(errors, &size);
	struct config *config = config_parse("t.yaml", text, len, out);

	fclose(out);
	return config;
}

static inline struct config *parse(const char *text, char **errors)
{
	return parse_bytes(text, strlen(text), errors);
}

static inline struct config *parse_good(const char *text)
{
	char *errors;
	struct config *config = parse(text, &errors);

	assert_string_equal(errors, "");
	assert_non_null(config);
	free(errors);
	return config;
}

static inline char *print(const struct config *config)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_print(config, out);
	fclose(out);
	return text;
}

#endif
