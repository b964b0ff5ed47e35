/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host's links, addresses and routes mean for gate64: pure derivation
 * from facts that netsetup.c has read from the kernel.
 */
#ifndef OPS_NETDETECT_H
#define OPS_NETDETECT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"

struct config;
struct netinfo;

struct netdetect_link {
	int index;
	char name[IFNAMSIZ];
	uint32_t mtu;		/* bytes */
	bool loopback;
	bool outside;		/* netdetect_derive() finds this out */
};

/* A primary IPv4 address of global scope */
struct netdetect_addr {
	int link;		/* index of its link */
	uint32_t v4_be32;
};

/* One route, or one next hop of a route with several */
struct netdetect_route {
	struct prefix dst;	/* IPv4 in mapped form, as everywhere */
	uint32_t table;		/* RT_TABLE_* */
	uint32_t metric;
	int link;		/* index of the link it leads to; 0 none */
	uint32_t mtu;		/* bytes; 0: the link's */
	uint8_t type;		/* RTN_* */
	uint8_t protocol;	/* RTPROT_* */
};

struct netdetect_host {
	struct netdetect_link *links;
	struct netdetect_addr *addrs;	/* in the kernel's order */
	struct netdetect_route *routes;
	size_t n_links, n_addrs, n_routes;
	bool forwards4;			/* IPv4 */
};

/**
 * netdetect_derive() - see netsetup_detect() for what each field becomes.
 * @host:	borrowed; the links' "outside" is written, the routes are sorted.
 * @net:	overwritten; empty after an error.
 * Return: 0 or -ENOMEM.
 */
int netdetect_derive(struct netdetect_host *host, const struct config *config,
		     struct netinfo *net);

/** netdetect_may_be_inside() - could a route to this make it an inside prefix? */
bool netdetect_may_be_inside(const struct prefix *dst, const struct config *config);

/** netdetect_aggregate() - sort, and drop what another prefix of the list contains. */
void netdetect_aggregate(struct prefix_list *list);

/** netdetect_host_free() - release the arrays. */
void netdetect_host_free(struct netdetect_host *host);

#endif
