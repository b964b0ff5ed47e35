/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_sockets.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* It keeps those that it has handed to others (socket activation, the descriptor store). */
enum { SERVICE_MANAGER = 1 };

/* ---- sockets ----------------------------------------------------------------------- */

static int add(struct sockets *sockets, const struct read_socket *socket, bool tcp, bool v6)
{
	struct sockets_one *v = sockets->v;

	if ((sockets->n & (sockets->n - 1)) == 0) {	/* grows by doubling */
		v = reallocarray(v, sockets->n ? 2 * sockets->n : 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		sockets->v = v;
	}
	v[sockets->n++] = (struct sockets_one){ .socket = *socket, .tcp = tcp, .v6 = v6 };
	return 0;
}

static int read_table(struct sockets *sockets, const char *path, bool tcp, bool v6)
{
	FILE *file = fopen(path, "re");
	struct read_socket socket;
	char line[512];
	int err = 0;

	/* IPv6 may be switched off in the kernel; then its file is not there. */
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (!err && fgets(line, sizeof(line), file))
		if (read_socket(line, v6, &socket) && socket.listening)
			err = add(sockets, &socket, tcp, v6);
	fclose(file);
	return err;
}

static int compare_inodes(const void *a, const void *b)
{
	const struct sockets_one *x = a, *y = b;

	return x->socket.inode < y->socket.inode ? -1 : x->socket.inode > y->socket.inode;
}

/* The inode of the socket that is open at entry @name of a directory of descriptors; 0: none,
 * errno says why. */
static uint64_t inode_at(DIR *dir, const char *name)
{
	char link[64];
	uint64_t inode;
	ssize_t len;

	errno = 0;
	len = readlinkat(dirfd(dir), name, link, sizeof(link) - 1);
	link[len > 0 ? len : 0] = '\0';
	return sscanf(link, "socket:[%20" SCNu64 "]", &inode) == 1 ? inode : 0;
}

static int mark_ours(struct sockets *sockets, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)) != NULL) {
		struct sockets_one key = { .socket.inode = inode_at(dir, entry->d_name) };
		struct sockets_one *one;

		/* One may see what there is, and yet not what it is. */
		if (!key.socket.inode && errno == EACCES)
			err = -EACCES;
		one = sockets->n ? bsearch(&key, sockets->v, sockets->n, sizeof(key),
					   compare_inodes) : NULL;
		if (one)
			one->ours = true;
	}
	closedir(dir);
	return err;
}

int sockets_read(struct sockets *sockets, pid_t pid)
{
	int err;

	*sockets = (struct sockets){ 0 };
	err = read_table(sockets, "/proc/net/tcp", true, false);
	if (!err)
		err = read_table(sockets, "/proc/net/tcp6", true, true);
	if (!err)
		err = read_table(sockets, "/proc/net/udp", false, false);
	if (!err)
		err = read_table(sockets, "/proc/net/udp6", false, true);
	if (!err && sockets->n)
		qsort(sockets->v, sockets->n, sizeof(*sockets->v), compare_inodes);
	if (!err && pid)
		err = mark_ours(sockets, pid);
	if (err)
		sockets_free(sockets);
	return err;
}

void sockets_free(struct sockets *sockets)
{
	free(sockets->v);
	*sockets = (struct sockets){ 0 };
}

static bool is_any(const struct in6_addr *addr)
{
	const struct in6_addr any4 = addr_from_v4(0);

	return IN6_IS_ADDR_UNSPECIFIED(addr) || addr_equal(addr, &any4);
}

bool sockets_conflict(const struct sockets_one *one, bool tcp, const struct endpoint *at,
		      bool dual)
{
	const struct in6_addr *local = &one->socket.local.addr;

	if (one->tcp != tcp || one->socket.local.port != at->port)
		return false;
	if (one->v6 == addr_is_v4(&at->addr))
		return dual && is_any(local) && one->v6;
	return is_any(local) || is_any(&at->addr) || addr_equal(local, &at->addr);
}

/* ---- processes --------------------------------------------------------------------- */

static void program_name(pid_t pid, char *name, size_t size)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	text = read_file(path);
	snprintf(name, size, "%.*s", text ? (int)strcspn(text, "\n") : 1, text ? text : "?");
	free(text);
}

bool sockets_clean_name(char *name)
{
	bool plain = *name && *name != '-' && *name != '.';
	char *to = name;

	for (const char *from = name; *from; from++) {
		bool good = (*from >= '0' && *from <= '9') || strchr("_.@-", *from) ||
			    ((*from | 0x20) >= 'a' && (*from | 0x20) <= 'z');

		plain &= good;
		if (good)
			*to++ = *from;
	}
	*to = '\0';
	return plain;
}

/* The first process that @is_it says yes to; 0: none. */
static pid_t find_process(bool (*is_it)(pid_t pid, const void *arg), const void *arg)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && is_it(pid, arg))
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool has_descriptor(pid_t pid, const struct sockets_one *one)
{
	struct dirent *entry;
	bool has = false;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!has && (entry = readdir(dir)) != NULL)
		has = inode_at(dir, entry->d_name) == one->socket.inode;
	closedir(dir);
	return has;
}

static bool has_socket(pid_t pid, const void *arg)
{
	return pid != SERVICE_MANAGER && has_descriptor(pid, arg);
}

void sockets_owner(const struct sockets_one *one, struct sockets_owner *owner)
{
	owner->pid = find_process(has_socket, one);
	if (!owner->pid && has_descriptor(SERVICE_MANAGER, one))
		owner->pid = SERVICE_MANAGER;
	if (owner->pid)
		program_name(owner->pid, owner->name, sizeof(owner->name));
	else
		strcpy(owner->name, "a process not shown to us");
	owner->is_plain = owner->pid && sockets_clean_name(owner->name);
	if (!*owner->name)
		strcpy(owner->name, "?");
}

/* Namespaces are the same where their links read the same. */
static bool is_program(pid_t pid, const void *arg)
{
	char path[64], name[32], ours[64], theirs[64];
	ssize_t our_len, their_len;

	program_name(pid, name, sizeof(name));
	if (strcmp(name, arg) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	our_len = readlink("/proc/self/ns/net", ours, sizeof(ours));
	their_len = readlink(path, theirs, sizeof(theirs));
	return our_len > 0 && our_len == their_len && memcmp(ours, theirs, (size_t)our_len) == 0;
}

pid_t sockets_program(const char *name)
{
	return find_process(is_program, name);
}
