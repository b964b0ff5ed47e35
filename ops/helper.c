/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request is one packet: the program's number, with a descriptor to read its input from.
 * A reply is one packet: how it ended, and what it said. One at a time.
 *
 * All threads of gate64 have the socket, so who asks may be anybody: the helper trusts
 * nothing but what it has read itself, and read as a text of ours (restore_text.h).
 */
#include "helper.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/log.h"
#include "privilege.h"
#include "restore_text.h"
#include "tool.h"

enum {
	/* It takes some 10 ms. Two in a row, and more, have to end before a watchdog (30 s)
	 * thinks that the main thread hangs. */
	PROGRAM_MS = 5000,
	REPLY_MS = PROGRAM_MS + 2000,	/* more than any reply takes */
	SAID_SIZE = 1024,
	TEXT_MAX = 16 << 20,
};

struct request {
	uint32_t program;
};

struct reply {
	int32_t err;
	char said[SAID_SIZE];
};

static const struct {
	const char *argv[3];
	bool v4;
} programs[HELPER_PROGRAMS] = {
	[HELPER_IPTABLES_RESTORE] = { { "iptables-nft-restore", "--noflush", NULL }, true },
	[HELPER_IP6TABLES_RESTORE] = { { "ip6tables-nft-restore", "--noflush", NULL }, false },
};

static struct {
	pid_t pid;			/* 0: it was never started */
	int fd;				/* -1: there is none */
	struct event *end;
	helper_lost_fn *lost;
	void *arg;
} helper = { .fd = -1 };

/* ---- what is run, by whomever ---------------------------------------------------------- */

static int run_here(uint32_t program, const char *input, char *said, size_t said_size)
{
	size_t line = restore_text_judge(input, programs[program].v4);

	if (line) {
		snprintf(said, said_size, "line %zu is none that gate64 writes", line);
		return -EPERM;
	}
	return tool_run(programs[program].argv, input, PROGRAM_MS, said, said_size);
}

/* ---- the helper's side ---------------------------------------------------------------- */

/* A copy, which the sender has no hand in. Return: NULL: it is no sealed memory file. */
static char *read_input(int in)
{
	int seals = fcntl(in, F_GET_SEALS);
	struct stat status;
	size_t size, done = 0;
	ssize_t n = 1;
	char *text;

	/* Of others a read might wait for ever. */
	if (seals < 0 || (seals & TOOL_INPUT_SEALS) != TOOL_INPUT_SEALS || fstat(in, &status) < 0 ||
	    status.st_size > TEXT_MAX)
		return NULL;
	size = (size_t)status.st_size;
	text = calloc(1, size + 1);
	for (; text && done < size && n > 0; done += n > 0 ? (size_t)n : 0)
		n = pread(in, text + done, size - done, (off_t)done);
	/* Behind a zero nobody would look. */
	if (text && strlen(text) == size)
		return text;
	free(text);
	return NULL;
}

static int obey(uint32_t program, int in, char *said, size_t said_size)
{
	char *text = in >= 0 && program < HELPER_PROGRAMS ? read_input(in) : NULL;
	int err = -EPERM;

	if (text)
		err = run_here(program, text, said, said_size);
	else
		snprintf(said, said_size, "it is no request that gate64 makes");
	if (err == -EPERM)
		log_limited(LOG_LEVEL_ERROR, "the helper refuses what it is asked for: %s", said);
	free(text);
	return err;
}

/* Return: the descriptor of a message with one, and no more; else -1, and none is kept. */
static int only_descriptor(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int in;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(in)))
		return -1;
	memcpy(&in, CMSG_DATA(cmsg), sizeof(in));
	if (!(msg->msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
		return in;
	close(in);
	return -1;
}

/**
 * take_request() - wait for one.
 * @in:		what came with it, owned by the caller; -1: not what comes with a request.
 * Return: false: there is no more to do.
 */
static bool take_request(int fd, struct request *request, int *in)
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
		/* Of one: CMSG_SPACE() rounds up, and the kernel would fill that with another. */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	*in = only_descriptor(&msg);
	if (n != sizeof(*request))
		request->program = HELPER_PROGRAMS;
	return true;
}

static void serve(int fd)
{
	struct request request;
	int in;

	while (take_request(fd, &request, &in)) {
		struct reply reply = { 0 };

		reply.err = obey(request.program, in, reply.said, sizeof(reply.said));
		if (in >= 0)
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
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);	/* the journal's socket is closed, too */
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

static void leave(void)
{
	if (helper.end)
		event_free(helper.end);
	helper.end = NULL;
	close(helper.fd);
	helper.fd = -1;
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

/* There is none any more, or it is late: then its reply must not pass for another's. */
static void lose(void)
{
	/* Not waited for: it ends when it sees that, or with us. */
	leave();
	if (helper.lost)
		helper.lost(helper.arg);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	lose();
}

int helper_watch(struct event_base *base, helper_lost_fn *lost, void *arg)
{
	/* Replies are waited for where they are asked for: else it has only its end to tell. */
	helper.end = event_new(base, helper.fd, EV_READ, on_end, NULL);
	if (!helper.end || event_add(helper.end, NULL) < 0) {
		log_error("cannot watch the helper: out of memory");
		return -ENOMEM;
	}
	helper.lost = lost;
	helper.arg = arg;
	return 0;
}

static int run_there(enum helper_program program, const char *input, char *said, size_t said_size)
{
	int in = tool_input(input), err = in;
	struct reply reply;

	if (in < 0) {
		snprintf(said, said_size, "%s", strerror(-err));
		return err;
	}
	err = ask(program, in);
	close(in);
	if (!err)
		err = take_reply(&reply);
	if (err) {
		lose();
		snprintf(said, said_size, "the helper does not answer (%s)", strerror(-err));
		return -EPIPE;
	}
	snprintf(said, said_size, "%s", reply.said);
	return reply.err;
}

int helper_run(enum helper_program program, const char *input, char *said, size_t said_size)
{
	if (!helper.pid)
		return run_here((uint32_t)program, input, said, said_size);
	if (helper.fd >= 0)
		return run_there(program, input, said, said_size);
	snprintf(said, said_size, "there is no helper any more");
	return -EPIPE;
}

void helper_stop(void)
{
	if (helper.fd < 0)
		return;
	leave();
	while (waitpid(helper.pid, NULL, 0) < 0 && errno == EINTR)
		;
}
