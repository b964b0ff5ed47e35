/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the program is on an interface still: libbpf, netlink and the interface are the
 * test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include "../../core/loop.h"
#include "../../nat64/fast_attach.h"

enum { PROGRAM_FD = 5, PROGRAM_ID = 7, INDEX = 1 };	/* of the loopback, called Ethernet */

static unsigned int attached;
static bool netlink_works;

int64_t loop_now_ms(void)
{
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct ifreq *ifreq;
	va_list args;

	(void)fd;
	assert_int_equal(request, SIOCGIFHWADDR);
	va_start(args, request);
	ifreq = va_arg(args, struct ifreq *);
	va_end(args);
	ifreq->ifr_hwaddr.sa_family = ARPHRD_ETHER;
	return 0;
}

/* Where it works, there is no filter at all: an answer that ends at once. */
struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	static char one;

	(void)bus;
	(void)flags;
	errno = EMFILE;
	return netlink_works ? (struct mnl_socket *)&one : NULL;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	(void)socket;
	(void)groups;
	(void)pid;
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *buf, size_t len)
{
	(void)socket;
	(void)buf;
	return (ssize_t)len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buf, size_t size)
{
	struct nlmsghdr *done = buf;

	(void)socket;
	assert_true(size >= sizeof(*done) + sizeof(int));
	memset(buf, 0, sizeof(*done) + sizeof(int));
	done->nlmsg_len = sizeof(*done) + sizeof(int);
	done->nlmsg_type = NLMSG_DONE;
	return (ssize_t)done->nlmsg_len;
}

int mnl_socket_close(struct mnl_socket *socket)
{
	(void)socket;
	return 0;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	(void)size;
	assert_int_equal(fd, PROGRAM_FD);
	((struct bpf_prog_info *)info)->id = PROGRAM_ID;
	return 0;
}

int bpf_tc_hook_create(struct bpf_tc_hook *hook)
{
	(void)hook;
	return 0;
}

int bpf_tc_attach(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	assert_int_equal(hook->ifindex, INDEX);
	assert_int_equal(opts->prog_fd, PROGRAM_FD);
	attached++;
	return 0;
}

int bpf_tc_query(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	(void)hook;
	opts->prog_id = PROGRAM_ID;
	return 0;
}

/* Who cannot look has not seen it gone: nothing is mended, told or counted. */
static void a_look_that_fails_mends_nothing(void **state)
{
	const unsigned int index = INDEX;
	struct fast_attach *attach = fast_attach_new(PROGRAM_FD, -1);
	char names[64];

	(void)state;
	assert_non_null(attach);
	netlink_works = false;
	fast_attach_to(attach, &index, 1);
	assert_int_equal(attached, 1);
	assert_int_equal(fast_attach_count(attach), 1);
	assert_int_equal(fast_attach_mend(attach, names, sizeof(names)), 0);
	assert_int_equal(attached, 1);
	netlink_works = true;
	assert_int_equal(fast_attach_mend(attach, names, sizeof(names)), 1);
	assert_int_equal(attached, 2);
	fast_attach_free(attach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_that_fails_mends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
