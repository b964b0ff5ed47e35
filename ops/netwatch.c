/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two multicast sockets. What is heard goes no further than "this may have changed": of a
 * message only its kind is read, and of the packet filter's the name of the table.
 */
#include "netwatch.h"

#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../core/log.h"

enum { MESSAGES = 16384 };	/* bytes of one read; the kernel sends no more at once */

/* One of the two families of netlink */
struct ear {
	struct mnl_socket *socket;
	struct event *readable;
	struct netwatch *watch;
	unsigned int (*judge)(const struct nlmsghdr *message);
	unsigned int all;		/* what it can tell of */
};

struct netwatch {
	struct ear network, rules;
	void (*heard)(void *arg, unsigned int what);
	void *arg;
};

/* ---- what a message means ---------------------------------------------------- */

static unsigned int judge_network(const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return NETWATCH_NETWORK;
	case RTM_DELQDISC:
	case RTM_DELTFILTER:
	case RTM_DELCHAIN:
		return NETWATCH_QDISCS;
	default:
		return 0;
	}
}

/* All kinds of message here have the table's name in the attribute of the same number. */
_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_CHAIN_TABLE &&
	       (int)NFTA_TABLE_NAME == (int)NFTA_RULE_TABLE, "one number");

static int find_table(const struct nlattr *attribute, void *arg)
{
	const char **name = arg;

	if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
		*name = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

/* Others change their sets all day long; tables "raw" are where xtables rules are. */
static unsigned int judge_rules(const struct nlmsghdr *message)
{
	static const char *const ours[] = {"gate64", "gate64-nat46", "raw"};
	const char *name = "";

	if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return 0;
	switch (NFNL_MSG_TYPE(message->nlmsg_type)) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		break;
	default:
		return 0;
	}
	mnl_attr_parse(message, sizeof(struct nfgenmsg), find_table, &name);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(name, ours[i]) == 0)
			return NETWATCH_RULES;
	return 0;
}

/* ---- hearing ----------------------------------------------------------------- */

static unsigned int judge_all(const struct ear *ear, const char *messages, ssize_t size)
{
	const struct nlmsghdr *message = (const void *)messages;
	unsigned int what = 0;
	int left = (int)size;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		what |= ear->judge(message);
	return what;
}

static void on_readable(evutil_socket_t fd, short event, void *arg)
{
	char messages[MESSAGES] __attribute__((aligned(8)));
	const struct ear *ear = arg;
	unsigned int what = 0;

	(void)event;
	for (;;) {
		ssize_t size = recv(fd, messages, sizeof(messages), MSG_DONTWAIT);

		if (size >= 0)
			what |= judge_all(ear, messages, size);
		else if (errno == ENOBUFS)
			what |= ear->all;
		else if (errno != EINTR)
			break;
	}
	if (what)
		ear->watch->heard(ear->watch->arg, what);
}

/* ---- making and ending ------------------------------------------------------- */

static int listen_to(struct ear *ear, int family, const int *groups, size_t n)
{
	ear->socket = mnl_socket_open2(family, SOCK_CLOEXEC);
	if (!ear->socket || mnl_socket_bind(ear->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(ear->socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

static int ear_open(struct ear *ear, struct event_base *base, int family, const int *groups,
		    size_t n)
{
	int err = listen_to(ear, family, groups, n);

	if (err)
		return err;
	ear->readable = event_new(base, mnl_socket_get_fd(ear->socket), EV_READ | EV_PERSIST,
				  on_readable, ear);
	return ear->readable && event_add(ear->readable, NULL) == 0 ? 0 : -ENOMEM;
}

static void ear_close(struct ear *ear)
{
	if (ear->readable)
		event_free(ear->readable);
	if (ear->socket)
		mnl_socket_close(ear->socket);
	ear->readable = NULL;
	ear->socket = NULL;
}

struct netwatch *netwatch_new(struct event_base *base, void (*heard)(void *arg, unsigned int what),
			      void *arg)
{
	static const int network[] = {
		RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_TC,
	};
	static const int rules[] = {NFNLGRP_NFTABLES};
	struct netwatch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch) {
		log_error("cannot watch the host's network: out of memory");
		return NULL;
	}
	*watch = (struct netwatch){
		.network = {
			.watch = watch, .judge = judge_network,
			.all = NETWATCH_NETWORK | NETWATCH_QDISCS,
		},
		.rules = {.watch = watch, .judge = judge_rules, .all = NETWATCH_RULES},
		.heard = heard,
		.arg = arg,
	};
	err = ear_open(&watch->network, base, NETLINK_ROUTE, network,
		       sizeof(network) / sizeof(network[0]));
	if (err) {
		log_error("cannot watch the host's network: %s", strerror(-err));
		netwatch_free(watch);
		return NULL;
	}
	err = ear_open(&watch->rules, base, NETLINK_NETFILTER, rules, 1);
	if (err) {
		log_warn("cannot hear of changes of the packet filter: %s; they are looked for now "
			 "and then", strerror(-err));
		ear_close(&watch->rules);
	}
	return watch;
}

void netwatch_free(struct netwatch *watch)
{
	if (!watch)
		return;
	ear_close(&watch->network);
	ear_close(&watch->rules);
	free(watch);
}
