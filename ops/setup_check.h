/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would keep the gateway from working on this host, before anything is changed. */
#ifndef OPS_SETUP_CHECK_H
#define OPS_SETUP_CHECK_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct netinfo;

/** setup_check_found() - say what was found: uplink, address, inside networks. */
void setup_check_found(const struct config *config, const struct netinfo *net, FILE *out);

/**
 * setup_check() - say what is in the way, each with its mend, and what is good to know.
 * @service:	the unit is to be started.
 * Return: how many problems there are.
 */
unsigned int setup_check(const struct config *config, const struct netinfo *net, bool service,
			 FILE *out);

#endif
