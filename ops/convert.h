/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From another program's configuration to one of ours: `gate64 config --from-...`.
 *
 * What comes out is short, as all that equals a default is left out, and passes `gate64 check`.
 * Reading is strict: what is not understood is an error of its line and column, and nothing
 * comes out. What is understood and has no equal here is a warning of its place.
 */
#ifndef OPS_CONVERT_H
#define OPS_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct config_report;
struct prefix;

/**
 * convert_...() - read the text of @report (with CONFIG_YAML_SLACK zero bytes behind it), write
 * a configuration to @yaml, which counts for nothing where errors are reported.
 */
typedef void converter(struct config_report *report, FILE *yaml);
converter convert_snid;	/* a command line: "-listen tcp:443 -mode nat46 .." */
converter convert_jool;	/* a NAT64 instance as Jool's atomic configuration has it, JSON */
converter convert_tayga;	/* tayga.conf */

/**
 * convert_text() - convert, and check what has come out.
 * @name:	of the text, in messages.
 * @out:	gets the configuration, or nothing.
 * @errors:	gets errors and warnings.
 * Return: 0, or -EINVAL after errors.
 */
int convert_text(converter *convert, const char *name, const char *text, size_t len, FILE *out,
		 FILE *errors);

/** convert_file() - the same of a file. Return: 0 or -errno, said on @errors. */
int convert_file(converter *convert, const char *path, FILE *out, FILE *errors);

/** convert_cidr() - "addr/len", whatever bits are set beyond the length. */
bool convert_cidr(const char *text, struct prefix *prefix);

/** convert_time() - "[[HH:]MM:]SS[.mmm]". Return: milliseconds; 0: it is none, or 0. */
uint64_t convert_time(const char *text);

#endif
