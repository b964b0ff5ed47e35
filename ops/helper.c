/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request is one packet: the program's number, with a descriptor to read its input from.
 * A reply is one packet: how it ended, and what it said. One at a time.
 */
#include "helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/log.h"
#include "privilege.h"
#include "tool.h"

enum {
	PROGRAM_MS = 10000,		/* it takes some 10 ms */
	REPLY_MS = PROGRAM_MS + 5000,	/* more than any reply takes */
	SAID_SIZE = 1024,
};

struct request {
	uint32_t program;
};

struct reply {
	int32_t err;
	char said[SAID_SIZE];
};

static const char *const programs[HELPER_PROGRAMS][3] = {
	[HELPER_IPTABLES_RESTORE] = { "iptables-nft-restore", "--noflush", NULL },
	[HELPER_IP6TABLES_RESTORE] = { "ip6tables-nft-restore", "--noflush", NULL },
};

static struct {
	pid_t pid;
	int fd;				/* -1: there is none */
} helper = { .fd = -1 };

/* ---- the helper's side ---------------------------------------------------------------- */

/* Return: the input's descriptor, or -1: there is no more to do. */
static int take_request(int fd, struct request *request)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { request, sizeof(*request) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int in;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	cmsg = n == sizeof(*request) ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS || request->program >= HELPER_PROGRAMS)
		return -1;
	memcpy(&in, CMSG_DATA(cmsg), sizeof(in));
	return in;
}

static void serve(int fd)
{
	struct request request;
	int in;

	while ((in = take_request(fd, &request)) >= 0) {
		struct reply reply = { 0 };

		reply.err = tool_run_with(programs[request.program], in, PROGRAM_MS, reply.said,
				     sizeof(reply.said));
		close(in);
		if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			return;
	}
}

/* A stop is told to every process of the service: this one ends when the other has. */
static _Noreturn void live(int fd, pid_t parent)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "gate64-helper", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent || dup2(fd, STDERR_FILENO + 1) < 0 || privilege_enter_helper())
		_exit(1);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	serve(STDERR_FILENO + 1);
	_exit(0);
}

/* ---- ours ------------------------------------------------------------------------------ */

int helper_start(void)
{
	pid_t parent = getpid();
	int fds[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		err = -errno;
		goto failed;
	}
	helper.pid = fork();
	if (helper.pid == 0)
		live(fds[1], parent);
	if (helper.pid < 0)
		err = -errno;
	close(fds[1]);
	if (!err) {
		helper.fd = fds[0];
		return 0;
	}
	close(fds[0]);
failed:
	log_error("cannot start the helper: %s", strerror(-err));
	return err;
}

static int ask(enum helper_program program, int in)
{
	struct request request = { .program = (uint32_t)program };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .align = {
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)),
	} };
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.align), &in, sizeof(in));
	return sendmsg(helper.fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int take_reply(struct reply *reply)
{
	struct pollfd ready = { .fd = helper.fd, .events = POLLIN };
	int n;

	do
		n = poll(&ready, 1, REPLY_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ETIMEDOUT;
	if (recv(helper.fd, reply, sizeof(*reply), 0) != sizeof(*reply))
		return -EPIPE;
	reply->said[sizeof(reply->said) - 1] = '\0';
	return 0;
}

static int run_there(enum helper_program program, int in, char *said, size_t said_size)
{
	struct reply reply;
	int err = ask(program, in);

	if (!err)
		err = take_reply(&reply);
	if (err) {
		/* A late reply must not pass for another's. */
		helper_stop();
		snprintf(said, said_size, "the helper does not answer (%s); restart gate64",
			 strerror(-err));
		return -EPIPE;
	}
	snprintf(said, said_size, "%s", reply.said);
	return reply.err;
}

int helper_run(enum helper_program program, const char *input, char *said, size_t said_size)
{
	int in = tool_input(input), err;

	if (in < 0) {
		snprintf(said, said_size, "%s", strerror(-in));
		return in;
	}
	if (helper.pid)
		err = run_there(program, in, said, said_size);
	else
		err = tool_run_with(programs[program], in, PROGRAM_MS, said, said_size);
	close(in);
	return err;
}

void helper_stop(void)
{
	if (helper.fd < 0)
		return;
	close(helper.fd);
	helper.fd = -1;
	while (waitpid(helper.pid, NULL, 0) < 0 && errno == EINTR)
		;
}
