/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: which sub-command, with which options, as cli_table.h has them. Pure
 * reading of argv; what a sub-command does is in main.c (run) and command*.c (the others).
 */
#ifndef OPS_CLI_H
#define OPS_CLI_H

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses of every sub-command */
enum cli_exit { CLI_EXIT_DONE = 0, CLI_EXIT_FAILED = 1, CLI_EXIT_USAGE = 2 };

enum cli_command {
	CLI_RUN,
	CLI_CHECK,
	CLI_CONFIG,
	CLI_STATUS,
	CLI_METRICS,
	CLI_TOP,
	CLI_RELOAD,
	CLI_SETUP,
	CLI_FLOWS,
	CLI_BINDINGS,
	CLI_CONNECTIONS,
	CLI_TRACE,
	CLI_DNS_LOOKUP,
	CLI_DNS_FLUSH,
	CLI_DNS_TOP,
	CLI_DOCTOR,
	CLI_COMPLETION,
	CLI_VERSION,
	CLI_HELP,
};

struct cli {
	enum cli_command command;
	const char *topic;		/* CLI_HELP: of which sub-command or group; NULL = all */
	const char *config_path;	/* -c; NULL = not given */
	const char *socket_path;	/* -s; NULL = not given */
	bool json, help;		/* --json, --help */
	const char *operand;		/* the address, prefix or name; NULL = not given */
	const char *second;		/* the operand after it, likewise */
	const char *proto, *port, *from, *state, *number;	/* --proto etc. as given, or NULL */
	const char *client, *name, *backend, *stage, *delay;
	bool openmetrics, no_cache, dnssec, below, effective;
	const char *from_snid, *from_jool, *from_tayga;
	bool quick, verbose;			/* doctor's, and these: */
	const char *only, *except, *internet, *bogus;
	/* of setup, as given, or NULL */
	const char *inside, *listen, *upstream, *uplink, *local_ports;
	bool yes, dry_run, no_start, undo, resolv_conf;
};

/**
 * cli_parse() - read the command line.
 * @argc, @argv:	as main() got them; getopt may reorder @argv, whose strings
 *			@cli borrows.
 * @cli:		filled in.
 * @errors:		where wrong usage is explained.
 * Return: 0, or -EINVAL for wrong usage (then exit CLI_EXIT_USAGE).
 */
int cli_parse(int argc, char **argv, struct cli *cli, FILE *errors);

/** cli_wrong() - explain on @errors what is wrong with a word that @cli has taken over. */
void cli_wrong(const struct cli *cli, const char *what, FILE *errors);

/** cli_number() - the number that @text is, digits alone; -1: it is none, or too large. */
int cli_number(const char *text);

/** cli_help() - the usage text of one sub-command or group (@topic), or of all where NULL. */
void cli_help(const char *topic, FILE *out);

/** cli_version() - this build's version, static. */
const char *cli_version(void);

#endif
