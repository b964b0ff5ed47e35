/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See store.h. */
#include "store.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "../snid/snid.h"
#include "notify.h"

#define PREFIX "snid-"

enum {
	FIRST_FD = 3,		/* SD_LISTEN_FDS_START */
	NAME_SIZE = sizeof(PREFIX) + ENDPOINT_STRLEN,
	WORKERS_MAX = 1024,	/* more are not stored */
};

/* One address: what the manager holds by that name */
struct kept {
	char name[NAME_SIZE];
	bool listens;		/* it does now */
	bool told;		/* and the manager has its sockets */
	bool old;		/* or those from before the restart, perhaps more than we use */
};

static struct kept *kept;
static size_t n_kept;

static struct kept *find(const char *name)
{
	struct kept *more;

	for (size_t i = 0; i < n_kept; i++)
		if (strcmp(kept[i].name, name) == 0)
			return &kept[i];
	more = realloc(kept, (n_kept + 1) * sizeof(*more));
	if (!more)
		return NULL;
	kept = more;
	kept[n_kept] = (struct kept){ 0 };
	snprintf(kept[n_kept].name, sizeof(kept[n_kept].name), "%s", name);
	return &kept[n_kept++];
}

/* ---- taking ------------------------------------------------------------------- */

static int listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	if (!pid || !fds || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return (int)strtol(fds, NULL, 10);
}

static void take(int fd, const char *name)
{
	bool ours = strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strlen(name) < NAME_SIZE;
	struct kept *entry = ours ? find(name) : NULL;

	if (entry) {
		entry->old = true;
		snid_inherit(fd);
		return;
	}
	log_warn("descriptor %d of the service manager (%s) is none of ours: closed", fd,
		 *name ? name : "no name");
	close(fd);
	if (*name)
		notify_unstore(name);
}

void store_take(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int n = listen_fds();

	if (!names)
		names = "";
	for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++) {
		size_t len = strcspn(names, ":");
		char name[NAME_MAX + 1] = "";

		if (len < sizeof(name))
			memcpy(name, names, len);
		names += len + (names[len] == ':');
		take(fd, name);
	}
	/* Not for what we run ourselves. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* ---- keeping ------------------------------------------------------------------ */

/* Those of one address */
struct listeners {
	struct endpoint at;
	int fds[WORKERS_MAX];
	size_t n;
};

static void collect(void *arg, const struct endpoint *at, int fd)
{
	struct listeners *listeners = arg;

	if (endpoint_equal(at, &listeners->at) && listeners->n < WORKERS_MAX)
		listeners->fds[listeners->n++] = fd;
}

/* A name has no ':' (sd_pid_notify_with_fds(3)). */
static void name_of(const struct endpoint *at, char name[NAME_SIZE])
{
	char text[ENDPOINT_STRLEN];

	snprintf(name, NAME_SIZE, PREFIX "%s", endpoint_format(at, text));
	for (char *c = name; *c; c++)
		if (*c == ':')
			*c = '_';
}

static void keep(void *arg, const struct endpoint *at, int fd)
{
	static struct listeners listeners;
	char name[NAME_SIZE];
	struct kept *entry;

	(void)fd;
	name_of(at, name);
	entry = find(name);
	if (!entry || entry->listens)
		return;
	entry->listens = true;
	/* As long as it listens its sockets are the same. */
	if (entry->told)
		return;
	if (entry->old)
		notify_unstore(name);
	entry->old = false;
	listeners.at = *at;
	listeners.n = 0;
	snid_listening(arg, collect, &listeners);
	entry->told = notify_store(name, listeners.fds, listeners.n) == 0;
}

void store_keep(struct snid *snid)
{
	size_t n = 0;

	if (!getenv("NOTIFY_SOCKET"))
		return;
	for (size_t i = 0; i < n_kept; i++)
		kept[i].listens = false;
	if (snid)
		snid_listening(snid, keep, snid);
	for (size_t i = 0; i < n_kept; i++) {
		if (kept[i].listens)
			kept[n++] = kept[i];
		else
			notify_unstore(kept[i].name);
	}
	n_kept = n;
}
