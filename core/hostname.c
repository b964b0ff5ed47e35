/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server name's one form; see name.h. */
#include "hostname.h"

#include <stdbool.h>

/* Only ASCII: <ctype.h> would ask the locale. */
static char lower(uint8_t byte)
{
	return (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* @label: @len bytes of is_name_byte() */
static const char *check_label(const char *label, size_t len)
{
	if (len == 0)
		return "empty label";
	if (len > HOSTNAME_LABEL_MAX)
		return "label too long";
	if (label[0] == '-' || label[len - 1] == '-')
		return "hyphen at the end of a label";
	return NULL;
}

static const char *check_name(char *name, const uint8_t *raw, size_t len)
{
	size_t label = 0;	/* where the current label starts */
	bool digits_only = true;

	for (size_t i = 0; i < len; i++) {
		const char *wrong;

		name[i] = lower(raw[i]);
		if (name[i] != '.') {
			if (!is_name_byte(name[i]))
				return "byte not allowed in a name";
			digits_only = digits_only && is_digit(name[i]);
			continue;
		}
		wrong = check_label(name + label, i - label);
		if (wrong)
			return wrong;
		label = i + 1;
		digits_only = true;
	}
	name[len] = '\0';
	if (len > label && digits_only)
		return "address, not a name";
	return check_label(name + label, len - label);
}

const char *hostname_normalise(const uint8_t *raw, size_t len, char *name)
{
	const char *wrong;

	name[0] = '\0';
	if (len > 1 && raw[len - 1] == '.')
		len--;
	if (len > HOSTNAME_MAX)
		return "name too long";
	wrong = check_name(name, raw, len);
	if (wrong)
		name[0] = '\0';
	return wrong;
}
