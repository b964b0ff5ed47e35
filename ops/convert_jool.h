/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NAT64 instance of Jool, as its file is read (convert_jool.c, convert_jool_pools.c). */
#ifndef OPS_CONVERT_JOOL_H
#define OPS_CONVERT_JOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../core/addr.h"

struct config_report;
struct yaml_node;

enum { JOOL_POOL_MAX = 64, JOOL_BIB_MAX = 4096, JOOL_PORTS = 65536 };

enum { JOOL_TCP, JOOL_UDP, JOOL_ICMP };

/* An address of pool4; a bit for each protocol that has a port */
struct jool_pool {
	struct in6_addr addr;
	uint8_t protos;			/* that the file names it for */
	uint8_t *ports;			/* JOOL_PORTS of them, owned */
};

struct jool_bib {
	int proto;
	struct endpoint inside, outside;
};

struct jool {
	struct config_report *report;
	bool has_pool6, disabled, address_dependent, log_bindings, log_sessions, has_opens;
	struct prefix pool6;
	uint64_t mtu, opens;		/* mtu 0: not given */
	uint64_t udp_ms, established_ms, transitory_ms, icmp_ms;	/* 0: not given */
	struct jool_pool pools[JOOL_POOL_MAX];
	size_t n_pools;
	struct jool_bib *bib;		/* owned */
	size_t n_bib;
};

/** jool_text() - the scalar that @node is; NULL after reporting that it is none. */
const char *jool_text(struct jool *jool, const struct yaml_node *node, const char *expected);

/** jool_map() - is it an object, no key in it twice? False after reporting. */
bool jool_map(struct jool *jool, const struct yaml_node *node);

/** jool_key_is_comment() - a member that says nothing? */
bool jool_key_is_comment(const struct yaml_node *node);

/** jool_read_pool4(), jool_read_bib() - take over these members of the instance. */
void jool_read_pool4(struct jool *jool, const struct yaml_node *list);
void jool_read_bib(struct jool *jool, const struct yaml_node *list);

/** jool_print_pool4(), jool_print_bib() - as members of nat64, indented. */
void jool_print_pool4(struct jool *jool, FILE *yaml);
void jool_print_bib(const struct jool *jool, FILE *yaml);

/** jool_pools_free() - what the pools and bindings own. */
void jool_pools_free(struct jool *jool);

#endif
