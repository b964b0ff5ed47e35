/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the administrator wishes to what will be changed on the host. */
#ifndef OPS_SETUP_PLAN_H
#define OPS_SETUP_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct setup_changes;

#define SETUP_UNIT "gate64.service"
#define SETUP_SYSCTL_FILE "/etc/sysctl.d/60-gate64.conf"
#define SETUP_PORT_RANGE "net/ipv4/ip_local_port_range"
#define SETUP_RESOLV_CONF "/etc/resolv.conf"

/* As given on the command line or in answers; all borrowed, NULL: not given. Lists are
 * separated by commas or blanks. */
struct setup_wishes {
	const char *inside;		/* "auto", or prefixes */
	const char *listen;		/* "none", or ports and addresses with ports */
	const char *upstream;		/* "recursive", or addresses */
	const char *uplink;		/* "auto", or an interface */
	const char *local_ports;	/* "FIRST-LAST" */
	const char *config_path;	/* where the configuration goes; never NULL */
	bool resolv_conf;		/* the host itself shall ask dns64 */
	bool service;			/* the unit shall be enabled and started */
};

/**
 * setup_config_text() - the configuration for these wishes: what is the default is not in it.
 * Words are quoted, not judged: config_parse() does that.
 * Return: the text, caller frees; NULL: out of memory.
 */
char *setup_config_text(const struct setup_wishes *wishes);

/* The configuration that `make install' leaves where there is none */
extern const char setup_sample[];

/**
 * setup_config_written() - the configuration that somebody has written: neither what was
 * installed, nor what an earlier run has left.
 * @earlier:	what the record holds of earlier runs.
 * @text:	caller frees; NULL: there is none of that kind.
 * Return: 0, or -errno: it cannot be read.
 */
int setup_config_written(const char *path, const struct setup_changes *earlier, char **text);

/** setup_ports_parse() - "61000-65535". Return: false unless it is a range of at least
 * SETUP_PORTS_MIN ports from 1024 on. */
bool setup_ports_parse(const char *text, uint16_t *first, uint16_t *last);

enum { SETUP_PORTS_MIN = 1024 };

/**
 * setup_plan_make() - look at what is there, and list what is to be changed; what is already
 * as it should be is not listed.
 * @config:	the text to be written; NULL: what is there stays.
 * @changes:	overwritten; empty after an error.
 * Return: 0, or -errno with the reason written to @errors.
 */
int setup_plan_make(const struct setup_wishes *wishes, const char *config,
		    struct setup_changes *changes, FILE *errors);

#endif
