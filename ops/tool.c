/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One child at a time: its input lies in a memory file, so that nothing needs
 * feeding while it runs; what it writes to standard error is read as it comes,
 * until the child ends or its time is up.
 *
 * fork() and not posix_spawn(), for the child has to arrange its capabilities
 * before it executes. Other threads may hold any lock at that moment: between
 * fork() and execve() only async-signal-safe calls are made.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/loop.h"
#include "privilege.h"

static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};

/* What the child has said so far */
struct said {
	char *text;
	size_t len, size;
};

static bool find_program(const char *name, char *path, size_t size)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int len = snprintf(path, size, "%s/%s", folders[i], name);

		if (len > 0 && (size_t)len < size && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Return: 0 or -errno. */
static int fill(int fd, const char *text, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, TOOL_INPUT_SEALS) < 0)
		return -errno;
	return 0;
}

int tool_input(const char *text)
{
	int fd = memfd_create("gate64-tool-input", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return -errno;
	err = fill(fd, text, strlen(text));
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* The child's part, up to its new life. */
static _Noreturn void become(const char *path, const char *const argv[], int in, int out, int err)
{
	static const char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL,
	};
	sigset_t none;

	/* Handlers end with execve(), but what is ignored or blocked stays so. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	/* Where there is nothing to pass on, the tool itself says what it misses. */
	privilege_pass_on();
	execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
	_exit(127);
}

/* Return: false once there is no more to come. */
static bool read_said(int fd, struct said *said)
{
	char chunk[1024];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		size_t room = said->size - 1 - said->len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if ((size_t)n < room)
			room = (size_t)n;
		memcpy(said->text + said->len, chunk, room);
		said->len += room;
		said->text[said->len] = '\0';
	}
}

/* Wait until the child ended or @deadline_ms came. Return: 0, -ETIMEDOUT or -errno. */
static int await_end(int pidfd, int err_fd, int64_t deadline_ms, struct said *said)
{
	struct pollfd fds[] = {
		{.fd = pidfd, .events = POLLIN},
		{.fd = err_fd, .events = POLLIN},
	};

	while (!fds[0].revents) {
		int64_t left_ms = deadline_ms - loop_now_ms();
		int n = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;

		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && !read_said(err_fd, said))
			fds[1].fd = -1; /* it closed its standard error: poll no more */
	}
	return 0;
}

/* Wait for the child and judge how it ended. */
static int reap(pid_t pid, int err_fd, int timeout_ms, struct said *said)
{
	int pidfd = pidfd_open(pid, 0), status = 0;
	int err = -errno;

	if (pidfd >= 0) {
		err = await_end(pidfd, err_fd, loop_now_ms() + timeout_ms, said);
		close(pidfd);
	}
	if (err)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (err)
		return err;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

static int start_and_reap(const char *path, const char *const argv[], int in, int timeout_ms,
			  struct said *said)
{
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int pipe_fds[2], err;
	pid_t pid;

	if (out < 0)
		return -errno;
	if (pipe2(pipe_fds, O_CLOEXEC)) {
		err = -errno;
		goto close_out;
	}
	/* Our end alone: the child's writes shall wait, not fail. */
	if (fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK)) {
		err = -errno;
		goto close_pipe;
	}
	pid = fork();
	if (pid < 0) {
		err = -errno;
		goto close_pipe;
	}
	if (pid == 0)
		become(path, argv, in, out, pipe_fds[1]);
	err = reap(pid, pipe_fds[0], timeout_ms, said);
close_pipe:
	close(pipe_fds[0]);
	close(pipe_fds[1]);
close_out:
	close(out);
	return err;
}

static int run_with(const char *const argv[], int in, int timeout_ms, char *said,
		    size_t said_size)
{
	struct said what = {.text = said, .size = said_size};
	char path[64];
	int err;

	said[0] = '\0';
	if (!find_program(argv[0], path, sizeof(path))) {
		snprintf(said, said_size, "%s is not installed", argv[0]);
		return -ENOENT;
	}
	err = start_and_reap(path, argv, in, timeout_ms, &what);
	while (what.len && said[what.len - 1] == '\n')
		said[--what.len] = '\0';
	if (err && !what.len) {
		snprintf(said, said_size, "%s", err == -EPROTO ? "failed without a word" :
			 err == -ETIMEDOUT ? "did not end in time" : strerror(-err));
	}
	return err;
}

int tool_run(const char *const argv[], const char *input, int timeout_ms, char *said,
	     size_t said_size)
{
	int in = tool_input(input), err;

	if (in < 0) {
		snprintf(said, said_size, "%s", strerror(-in));
		return in;
	}
	err = run_with(argv, in, timeout_ms, said, said_size);
	close(in);
	return err;
}
