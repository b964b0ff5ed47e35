/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules between settings: what no single row can say. */
#ifndef CORE_CONFIG_CHECK_H
#define CORE_CONFIG_CHECK_H

#include <stdbool.h>

struct config;
struct config_report;
struct yaml_node;

/* A configuration and where its values came from, both by row of config_rows */
struct config_source {
	const struct config *config;
	struct config_report *report;
	const struct yaml_node *const *given;	/* the node in the file; NULL: the default */
	const bool *good;			/* was the value read without error? */
};

/**
 * config_check() - check the settings against each other; errors go to the report.
 * A rule is left out where one of its settings could not be read.
 */
void config_check(const struct config_source *source);

#endif
