/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemctl.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

bool systemctl_is_there(void)
{
	struct stat st;

	return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

/* Standard output would stand among what is asked and told; errors are the user's to see. */
static int spawn(pid_t *pid, const char *verb, const char *unit, bool heard)
{
	char *const argv[] = { (char[]){ "systemctl" }, (char *)verb, (char *)unit, NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	err = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err && !heard)
		err = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	if (!err)
		err = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int run(const char *verb, const char *unit, bool heard)
{
	int status, err;
	pid_t pid;

	err = spawn(&pid, verb, unit, heard);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

int systemctl_run(const char *verb, const char *unit)
{
	return run(verb, unit, true);
}

bool systemctl_says(const char *verb, const char *unit)
{
	return run(verb, unit, false) == 0;
}
