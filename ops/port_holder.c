/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a port is free the kernel says best: by binding it. Who has it is in /proc: the
 * socket's inode in the tables of sockets, the same inode among some process's descriptors.
 */
#include "port_holder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TCP_LISTEN_STATE = 0x0a,	/* include/net/tcp_states.h */
	LINE_MAX_LEN = 512,
	WORD_HEX = 8,			/* digits of a word of an address */
	V4_WORDS = 1,
	V6_WORDS = 4,
};

/* Each word is printed as a number of the machine's own order; in memory it is as on the wire. */
static struct in6_addr parse_address(const char *hex, size_t n_words)
{
	uint32_t words[V6_WORDS];
	struct in6_addr addr;

	for (size_t i = 0; i < n_words; i++) {
		char digits[WORD_HEX + 1] = { 0 };

		memcpy(digits, hex + i * WORD_HEX, WORD_HEX);
		words[i] = (uint32_t)strtoul(digits, NULL, 16);
	}
	if (n_words == V4_WORDS)
		return addr_from_v4(words[0]);
	memcpy(&addr, words, sizeof(addr));
	return addr;
}

bool port_socket_parse(const char *line, struct port_socket *socket)
{
	char hex[V6_WORDS * WORD_HEX + 1];
	unsigned int port;
	size_t len;

	/* "  0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000  101  0 INODE" */
	if (sscanf(line, "%*d: %32[0-9A-F]:%4X %*32[0-9A-F]:%*4X %2X %*[0-9A-F:] %*[0-9A-F:] %*x "
		   "%*u %*u %lu", hex, &port, &socket->state, &socket->inode) != 4)
		return false;
	len = strlen(hex);
	if (len != V4_WORDS * WORD_HEX && len != V6_WORDS * WORD_HEX)
		return false;
	socket->local.port = (uint16_t)port;
	socket->local.addr = parse_address(hex, len / WORD_HEX);
	return true;
}

bool port_socket_covers(const struct endpoint *have, const struct endpoint *want)
{
	const struct in6_addr any4 = addr_from_v4(0);
	bool have_any = IN6_IS_ADDR_UNSPECIFIED(&have->addr);

	if (have->port != want->port)
		return false;
	if (have_any || addr_equal(&have->addr, &want->addr))
		return true;
	if (addr_is_v4(&have->addr) != addr_is_v4(&want->addr))
		return false;
	return addr_equal(&have->addr, &any4) || addr_equal(&want->addr, &any4) ||
	       IN6_IS_ADDR_UNSPECIFIED(&want->addr);
}

bool port_is_free(const struct endpoint *at, int type)
{
	struct sockaddr_storage addr;
	socklen_t len = endpoint_to_sockaddr(at, &addr);
	int fd = socket(addr.ss_family, type | SOCK_CLOEXEC, 0), on = 1;
	bool taken;

	if (fd < 0)
		return true;
	if (addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (type == SOCK_STREAM)	/* over what is left of earlier connections */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	taken = (bind(fd, (struct sockaddr *)&addr, len) < 0 ||
		 (type == SOCK_STREAM && listen(fd, 1) < 0)) && errno == EADDRINUSE;
	close(fd);
	return !taken;
}

/* Return: the inode of a socket in @path that has @at, or 0. */
static unsigned long find_inode(const char *path, const struct endpoint *at, bool tcp)
{
	FILE *file = fopen(path, "re");
	unsigned long inode = 0;
	char line[LINE_MAX_LEN];
	struct port_socket socket;

	if (!file)
		return 0;
	while (!inode && fgets(line, sizeof(line), file))
		if (port_socket_parse(line, &socket) &&
		    (!tcp || socket.state == TCP_LISTEN_STATE) &&
		    port_socket_covers(&socket.local, at))
			inode = socket.inode;
	fclose(file);
	return inode;
}

/* Does one of the descriptors in /proc/PID/fd lead to @target ("socket:[INODE]")? */
static bool has_descriptor(const char *folder, const char *target)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char link[64];
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		link[len < 0 ? 0 : len] = '\0';
		found = strcmp(link, target) == 0;
	}
	closedir(dir);
	return found;
}

static void read_name(const char *pid, struct port_holder *holder)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(holder->name, sizeof(holder->name), file))
		holder->name[strcspn(holder->name, "\n")] = '\0';
	if (file)
		fclose(file);
	holder->pid = (pid_t)strtol(pid, NULL, 10);
}

static void find_process(unsigned long inode, struct port_holder *holder)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char target[64], folder[64];

	if (!proc)
		return;
	snprintf(target, sizeof(target), "socket:[%lu]", inode);
	while (!holder->pid && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(folder, sizeof(folder), "/proc/%.20s/fd", entry->d_name);
		if (has_descriptor(folder, target))
			read_name(entry->d_name, holder);
	}
	closedir(proc);
}

void port_holder_find(const struct endpoint *at, int type, struct port_holder *holder)
{
	bool tcp = type == SOCK_STREAM;
	unsigned long inode = 0;

	*holder = (struct port_holder){ .name = "?" };
	if (addr_is_v4(&at->addr))
		inode = find_inode(tcp ? "/proc/net/tcp" : "/proc/net/udp", at, tcp);
	if (!inode)
		inode = find_inode(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", at, tcp);
	if (inode)
		find_process(inode, holder);
}
