/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text to value and back, for what stands alone: numbers, ports, words. */
#include "config_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 63 };	/* RFC 1035 2.3.4 */

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: durations are written and read in this order. */
static const struct unit time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct unit size_units[] = {
	{ "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1ull << 20 }, { "KiB", 1ull << 10 },
};

/* Digits at *text, which moves behind them; no sign, no blank. */
static bool scan_digits(const char **text, uint64_t *value)
{
	const char *p = *text;
	uint64_t out = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(out, 10, &out) ||
		    __builtin_add_overflow(out, (uint64_t)(*p - '0'), &out))
			return false;
	if (p == *text)
		return false;
	*text = p;
	*value = out;
	return true;
}

static bool scan_count(const char *text, uint64_t *value)
{
	uint64_t out;

	if (!scan_digits(&text, &out) || *text)
		return false;
	*value = out;
	return true;
}

static const char *format_count(uint64_t value, char *text)
{
	snprintf(text, CONFIG_VALUE_STRLEN, "%" PRIu64, value);
	return text;
}

static bool scan_rate(const char *text, uint64_t *value)
{
	uint64_t out;

	/* A bare number is per second too. */
	if (!scan_digits(&text, &out) || (*text && strcmp(text, "/s") != 0))
		return false;
	*value = out;
	return true;
}

static const char *format_rate(uint64_t value, char *text)
{
	snprintf(text, CONFIG_VALUE_STRLEN, "%" PRIu64 "/s", value);
	return text;
}

/* The letters at @text as one of the units from @from on; NULL if none. */
static const struct unit *scan_unit(const char **text, const struct unit *from,
				    const struct unit *end)
{
	size_t len = 0;

	while (isalpha((unsigned char)(*text)[len]))
		len++;
	for (; from < end; from++) {
		if (strlen(from->name) == len && strncmp(from->name, *text, len) == 0) {
			*text += len;
			return from;
		}
	}
	return NULL;
}

static bool scan_duration(const char *text, uint64_t *value)
{
	const struct unit *unit = time_units;
	const struct unit *end = time_units + sizeof(time_units) / sizeof(*time_units);
	uint64_t out = 0, part;

	if (scan_count(text, &part)) {	/* a bare number is seconds */
		if (__builtin_mul_overflow(part, 1000, &out))
			return false;
		*value = out;
		return true;
	}
	do {
		if (!scan_digits(&text, &part))
			return false;
		unit = scan_unit(&text, unit, end);
		if (!unit || __builtin_mul_overflow(part, unit->factor, &part) ||
		    __builtin_add_overflow(out, part, &out))
			return false;
		unit++;		/* each unit once, and in order: not "4m2h" */
	} while (*text);
	*value = out;
	return true;
}

static const char *format_duration(uint64_t value, char *text)
{
	size_t n = sizeof(time_units) / sizeof(*time_units);
	int len = 0;

	for (const struct unit *unit = time_units; unit < time_units + n; unit++) {
		uint64_t part = value / unit->factor;

		value %= unit->factor;
		if (part)
			len += snprintf(text + len, CONFIG_VALUE_STRLEN - (size_t)len,
					"%" PRIu64 "%s", part, unit->name);
	}
	if (!len)
		snprintf(text, CONFIG_VALUE_STRLEN, "0s");
	return text;
}

static bool scan_size(const char *text, uint64_t *value)
{
	const struct unit *end = size_units + sizeof(size_units) / sizeof(*size_units);
	const struct unit *unit;
	uint64_t out;

	if (!scan_digits(&text, &out))
		return false;
	if (*text) {
		unit = scan_unit(&text, size_units, end);
		if (!unit || *text || __builtin_mul_overflow(out, unit->factor, &out))
			return false;
	}
	*value = out;
	return true;
}

static const char *format_size(uint64_t value, char *text)
{
	size_t n = sizeof(size_units) / sizeof(*size_units);

	for (const struct unit *unit = size_units; value && unit < size_units + n; unit++) {
		if (value % unit->factor == 0) {
			snprintf(text, CONFIG_VALUE_STRLEN, "%" PRIu64 "%s", value / unit->factor,
				 unit->name);
			return text;
		}
	}
	return format_count(value, text);
}

const struct config_number config_number_count = { scan_count, format_count };
const struct config_number config_number_rate = { scan_rate, format_rate };
const struct config_number config_number_duration = { scan_duration, format_duration };
const struct config_number config_number_size = { scan_size, format_size };

bool config_value_ports(const char *text, struct port_range *range)
{
	uint64_t first, last;

	if (!scan_digits(&text, &first))
		return false;
	last = first;
	if (*text == '-') {
		text++;
		if (!scan_digits(&text, &last))
			return false;
	}
	if (*text || first == 0 || first > last || last > UINT16_MAX)
		return false;
	*range = (struct port_range){ (uint16_t)first, (uint16_t)last };
	return true;
}

enum { WORD_MAX = 32 };

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance of two words of at most WORD_MAX bytes. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);

			row[j] = min2(min2(above[j], row[j - 1]) + 1, above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]))
				row[j] = min2(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[len];
}

bool config_value_domain(const char *text, char *name)
{
	size_t len = strlen(text), label = 0;

	if (len && text[len - 1] == '.')
		len--;
	if (!len || len >= CONFIG_DOMAIN_STRLEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dot = text[i] == '.';

		if (dot ? label == 0 : !isalnum((unsigned char)text[i]) && !strchr("-_", text[i]))
			return false;
		label = dot ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
		name[i] = (char)tolower((unsigned char)text[i]);
	}
	name[len] = '\0';
	return label > 0;
}

const char *config_value_nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t len = strlen(word), least = SIZE_MAX;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t longer = len > strlen(words[i]) ? len : strlen(words[i]);
		size_t distance;

		if (longer > WORD_MAX)
			continue;
		distance = edit_distance(word, words[i]);
		/* One edit in three letters may be a slip; more is another word. */
		if (distance < least && distance <= (longer + 2) / 3 && distance < longer) {
			least = distance;
			best = words[i];
		}
	}
	return best;
}
