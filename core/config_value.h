/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single values as text: numbers with their units, port ranges, and words that
 * someone may have mistyped. Pure; knows neither YAML nor the schema.
 */
#ifndef CORE_CONFIG_VALUE_H
#define CORE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum { CONFIG_VALUE_STRLEN = 48 };	/* holds any number that is formatted here */

/* A kind of number: how it is written, read and printed */
struct config_number {
	/* Return: false (value untouched) where the text is no such number. */
	bool (*scan)(const char *text, uint64_t *value);
	/* The canonical text, which scan() reads back; CONFIG_VALUE_STRLEN bytes. */
	const char *(*format)(uint64_t value, char *text);
};

extern const struct config_number config_number_count;		/* 262144 */
extern const struct config_number config_number_duration;	/* 2h4m, in milliseconds */
extern const struct config_number config_number_rate;		/* 1000/s */
extern const struct config_number config_number_size;		/* 64MiB, in bytes */

/**
 * config_value_ports() - read "61000-65535" or "61000".
 * @range:	host byte order; untouched on failure.
 * Return: false where it is no range of ports 1 to 65535, first to last.
 */
bool config_value_ports(const char *text, struct port_range *range);

/* A domain name as text, without the final dot (RFC 1035 2.3.4), and its NUL */
enum { CONFIG_DOMAIN_STRLEN = 253 + 1 };

/**
 * config_value_domain() - read "lan.example" or "LAN.example.".
 * @name:	CONFIG_DOMAIN_STRLEN bytes: lower case, without the final dot.
 * Return: false where it is no name of letters, digits, hyphens and underscores,
 * too long, or the root.
 */
bool config_value_domain(const char *text, char *name);

/**
 * config_value_nearest() - the word that was probably meant.
 * @words:	@n candidates.
 * Return: the candidate with the fewest edits (insert, delete, replace, swap
 * neighbours; case does not count), or NULL where none is near.
 */
const char *config_value_nearest(const char *word, const char *const *words, size_t n);

#endif
