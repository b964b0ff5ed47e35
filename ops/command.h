/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sub-commands other than run: each does its work and returns the status to
 * exit with (enum cli_exit).
 */
#ifndef OPS_COMMAND_H
#define OPS_COMMAND_H

struct cli;

/** command_check() - check a configuration file, errors to stderr. */
int command_check(const struct cli *cli);

/** command_config() - print the configuration (command_config.c). */
int command_config(const struct cli *cli);

/** command_status() - ask the running gateway how it is. */
int command_status(const struct cli *cli);

/** command_metrics() - all that it measures, as text. */
int command_metrics(const struct cli *cli);

/** command_top() - watch it: what happens a second, again and again. */
int command_top(const struct cli *cli);

/** command_reload() - make the running gateway read its configuration again. */
int command_reload(const struct cli *cli);

/** command_completion() - print what makes a shell complete command lines. */
int command_completion(const struct cli *cli);

/** command_version() - print the version. */
int command_version(const struct cli *cli);

/** command_flows(), command_bindings(), command_connections() - list them, filtered, as they come. */
int command_flows(const struct cli *cli);
int command_bindings(const struct cli *cli);
int command_connections(const struct cli *cli);

/** command_trace() - what would happen to a packet. */
int command_trace(const struct cli *cli);

/** command_dns_lookup() - have a query answered and explained. */
int command_dns_lookup(const struct cli *cli);

/** command_dns_flush() - make dns64 forget answers. */
int command_dns_flush(const struct cli *cli);

/** command_dns_top() - what is asked for most, and who asks most. */
int command_dns_top(const struct cli *cli);

/** command_doctor() - find what is wrong, and say how it is mended. */
int command_doctor(const struct cli *cli);

#endif
