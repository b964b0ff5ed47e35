/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a configuration, said the way compilers say it:
 *
 *	gate64.yaml:7:12: error: must be at least 1s
 *	    udp: 10ms
 *	         ^
 *
 * Problems are collected in any order and written in the order of the file.
 */
#ifndef CORE_CONFIG_REPORT_H
#define CORE_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config.h"

#define CONFIG_NOWHERE SIZE_MAX		/* a problem of no particular place */

enum {
	CONFIG_PROBLEMS_MAX = 100,	/* more are only counted */
	CONFIG_PROBLEM_LEN = 320,	/* a message, NUL included; longer ones are cut */
};

struct config_problem {
	size_t pos;			/* byte offset, or CONFIG_NOWHERE */
	bool warning;
	char message[CONFIG_PROBLEM_LEN];
};

struct config_report {
	const char *name;		/* the file's name; borrowed */
	const char *text;		/* what was read; borrowed, @len bytes */
	size_t len;
	size_t n_problems, n_left_out, n_errors;
	struct config_problem problems[CONFIG_PROBLEMS_MAX];
};

/**
 * config_report_error() - note that the file cannot be used.
 * @pos:	byte offset of the place, or CONFIG_NOWHERE.
 */
void config_report_error(struct config_report *report, size_t pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** config_report_warning() - note something doubtful; the file can be used. */
void config_report_warning(struct config_report *report, size_t pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** config_report_write() - write all problems to @out, first line first. */
void config_report_write(struct config_report *report, FILE *out);

/** config_report_tell() - tell all problems, first line first, instead of writing them. */
void config_report_tell(struct config_report *report, config_tell *tell, void *arg);

/** config_report_line() - the line number (from 1) of a byte offset. */
unsigned int config_report_line(const struct config_report *report, size_t pos);

/**
 * config_utf8_length() - the bytes of the UTF-8 character (RFC 3629) at @p.
 * @left:	bytes readable there, at least 1.
 * Return: 1 to 4, or 0 where there is no well-formed character.
 */
size_t config_utf8_length(const char *p, size_t left);

#endif
