/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our filters are known by handle, priority and name, so that a later run finds those of
 * one that was killed, on whatever interface. The qdisc "clsact" that they hang on may be
 * shared: it goes with the last filter of all.
 */
#include "fast_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/log.h"

enum {
	HANDLE = 0x6464,
	PRIORITY = 64,			/* before those that leave it to the kernel (49152) */
	ANSWER = 16384,			/* bytes of one part of a netlink answer */
};

/* One of the two programs */
struct program {
	int fd;
	uint32_t id;			/* the kernel's; 0: unknown */
};

struct fast_attach {
	struct program ether, bare;
	unsigned int *on;		/* interfaces that have it, by index */
	unsigned int n;
};

static const char *name_of(unsigned int ifindex, char name[IFNAMSIZ])
{
	return if_indextoname(ifindex, name) ? name : "an interface";
}

/* Return: ARPHRD_*, or -1 where it is gone. */
static int kind_of(unsigned int ifindex)
{
	struct ifreq request = { 0 };
	int fd, kind = -1;

	if (!if_indextoname(ifindex, request.ifr_name))
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0)
		kind = request.ifr_hwaddr.sa_family;
	close(fd);
	return kind;
}

static struct bpf_tc_hook hook_at(unsigned int ifindex, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook), .ifindex = (int)ifindex, .attach_point = point,
	};
}

/* ---- looking ------------------------------------------------------------------------- */

struct filters {
	unsigned int parent;
	bool ours, others;
	bool failed;			/* to look: there may be both */
};

static int see_filter(const struct nlmsghdr *header, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(header);
	struct filters *seen = arg;

	if (header->nlmsg_type != RTM_NEWTFILTER || !tc->tcm_handle)
		return MNL_CB_OK;
	if (tc->tcm_handle == HANDLE && tc->tcm_info >> 16 == PRIORITY &&
	    seen->parent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS))
		seen->ours = true;
	else
		seen->others = true;
	return MNL_CB_OK;
}

static int dump_filters(struct mnl_socket *socket, unsigned int ifindex, struct filters *seen)
{
	char buf[ANSWER] __attribute__((aligned(8)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc;
	ssize_t len;
	int more;

	header->nlmsg_type = RTM_GETTFILTER;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tc = mnl_nlmsg_put_extra_header(header, sizeof(*tc));
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = seen->parent;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		more = mnl_cb_run(buf, (size_t)len, 0, 0, see_filter, seen);
	} while (more > 0);
	return more < 0 ? -errno : 0;
}

/* Which filters are there? On an error there may be others. */
static struct filters look(unsigned int ifindex)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct filters ingress = { .parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) };
	struct filters egress = { .parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS) };

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    dump_filters(socket, ifindex, &ingress) < 0 ||
	    dump_filters(socket, ifindex, &egress) < 0)
		ingress.others = ingress.failed = true;
	if (socket)
		mnl_socket_close(socket);
	ingress.others |= egress.others;
	return ingress;
}

/* ---- coming and going ------------------------------------------------------------------ */

static const struct program *program_for(const struct fast_attach *attach, int kind)
{
	switch (kind) {
	case ARPHRD_ETHER:
		return &attach->ether;
	case ARPHRD_NONE:
		return &attach->bare;
	default:
		return NULL;
	}
}

static bool attach_one(const struct fast_attach *attach, unsigned int ifindex)
{
	struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = {
		.sz = sizeof(opts), .handle = HANDLE, .priority = PRIORITY,
		.flags = BPF_TC_F_REPLACE,
	};
	int kind = kind_of(ifindex), err;
	const struct program *program = program_for(attach, kind);
	char name[IFNAMSIZ];

	if (!program) {
		if (kind >= 0)
			log_info("nat64: packets of %s go slowly: a link layer of kind %d",
				 name_of(ifindex, name), kind);
		return false;
	}
	opts.prog_fd = program->fd;
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err < 0 && err != -ENODEV)
		log_warn("nat64: packets of %s go slowly: the program cannot be attached: %s",
			 name_of(ifindex, name), strerror(-err));
	return err == 0;
}

static void detach_one(unsigned int ifindex)
{
	struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	const struct bpf_tc_opts opts = {
		.sz = sizeof(opts), .handle = HANDLE, .priority = PRIORITY,
	};
	char name[IFNAMSIZ];
	int err;

	err = bpf_tc_detach(&hook, &opts);
	if (err < 0 && err != -ENODEV && err != -ENOENT && err != -EINVAL)
		log_warn("nat64: the program cannot be taken from %s: %s",
			 name_of(ifindex, name), strerror(-err));
	if (look(ifindex).others)
		return;
	hook = hook_at(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	bpf_tc_hook_destroy(&hook);
}

static bool has(const unsigned int *list, size_t n, unsigned int ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == ifindex)
			return true;
	return false;
}

/* From every interface that has it, by us or by an earlier run, and should not. */
static void leave_others(const unsigned int *wanted, size_t n)
{
	struct if_nameindex *all = if_nameindex();

	for (size_t i = 0; all && all[i].if_index; i++)
		if (!has(wanted, n, all[i].if_index) && look(all[i].if_index).ours)
			detach_one(all[i].if_index);
	if (all)
		if_freenameindex(all);
}

void fast_attach_to(struct fast_attach *attach, const unsigned int *ifindexes, size_t n)
{
	unsigned int *on = reallocarray(attach->on, n + 1, sizeof(*on));

	leave_others(ifindexes, n);
	attach->n = 0;
	if (on)
		attach->on = on;
	for (size_t i = 0; i < n; i++)
		if (attach_one(attach, ifindexes[i]) && on)
			on[attach->n++] = ifindexes[i];
}

/* Is it our program that hangs there still? Who has not seen it gone says so. */
static bool stands(const struct fast_attach *attach, unsigned int ifindex)
{
	const struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = {
		.sz = sizeof(opts), .handle = HANDLE, .priority = PRIORITY,
	};
	const struct program *program = program_for(attach, kind_of(ifindex));
	struct filters seen;

	/* An interface that is gone has lost nothing: a change of the network will tell. */
	if (!program)
		return true;
	seen = look(ifindex);
	if (seen.failed)
		return true;
	return seen.ours && bpf_tc_query(&hook, &opts) == 0 && opts.prog_id == program->id;
}

unsigned int fast_attach_mend(struct fast_attach *attach, char *names, size_t size)
{
	unsigned int mended = 0;
	char name[IFNAMSIZ];
	size_t len = 0;

	names[0] = '\0';
	for (unsigned int i = 0; i < attach->n; i++) {
		if (stands(attach, attach->on[i]) || !attach_one(attach, attach->on[i]))
			continue;
		if (len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s", mended ? ", " : "",
						name_of(attach->on[i], name));
		mended++;
	}
	return mended;
}

unsigned int fast_attach_count(const struct fast_attach *attach)
{
	return attach->n;
}

static struct program program_of(int fd)
{
	struct program program = { .fd = fd };
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		program.id = info.id;
	return program;
}

struct fast_attach *fast_attach_new(int ether, int bare)
{
	struct fast_attach *attach = calloc(1, sizeof(*attach));

	if (attach)
		*attach = (struct fast_attach){
			.ether = program_of(ether), .bare = program_of(bare),
		};
	return attach;
}

void fast_attach_free(struct fast_attach *attach)
{
	if (attach)
		free(attach->on);
	free(attach);
}
