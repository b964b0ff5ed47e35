/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dialling a server; see dial.h.
 *
 * A source port can be asked for in two ways, which do not go together. After bind() to a
 * port Linux gives that port to no connect() that leaves the choice to it, from whatever
 * address, until the last such socket is out of TIME_WAIT: clients could take all ports of
 * the host's own connections away from it by calling from enough ports themselves. So bind()
 * to a port is for those only that the kernel never chooses, beyond ip_local_port_range. For
 * those it does, connect() gets a range of one port (IP_LOCAL_PORT_RANGE), by which ports are
 * shared as between all of its own choices. Kernels without that keep no such port.
 *
 * Options cost a call each, on every connection: so there is no IPV6_V6ONLY, which would
 * make a v4-mapped destination fail; that is seen here.
 */
#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/hostname.h"
#include "tcp.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51	/* linux/in.h, since 6.3 */
#endif

enum { UNPRIVILEGED_PORT = 1024 };	/* below it bind() would only fail */

/* How a source port is chosen */
enum style {
	STYLE_ANY,	/* by connect(), when the destination is known: ports are then scarce
			 * per destination, not all in all */
	STYLE_ONE,	/* likewise, among one */
	STYLE_BOUND,	/* by bind() */
};

void dial_ports_read(struct dial_ports *ports)
{
	static const uint32_t one = 1u << 16 | 1;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned int first, last;
	int fd;

	*ports = (struct dial_ports){ .first = 32768, .last = 60999 };
	if (file && fscanf(file, "%u %u", &first, &last) == 2 && first <= last &&
	    last <= UINT16_MAX) {
		ports->first = (uint16_t)first;
		ports->last = (uint16_t)last;
	}
	if (file)
		fclose(file);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ports->one_of_them = fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &one,
						   sizeof(one)) == 0;
	if (fd >= 0)
		close(fd);
}

static enum style style_for(const struct dial_ports *ports, uint16_t port)
{
	if (port >= ports->first && port <= ports->last)
		return ports->one_of_them ? STYLE_ONE : STYLE_ANY;
	return port >= UNPRIVILEGED_PORT ? STYLE_BOUND : STYLE_ANY;
}

static int set_option(int fd, int level, int option, uint32_t value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int bind_to(int fd, const struct endpoint *from, enum style style)
{
	struct endpoint at = { .addr = from->addr,
			       .port = style == STYLE_BOUND ? from->port : 0 };
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&at, &ss);

	return bind(fd, (const struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

/* The source is routed to us but is not an address of ours, hence IPV6_FREEBIND. */
static int set_source(int fd, const struct endpoint *from, enum style style)
{
	int err = set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);

	/* Other clients' connections may have the port, and their TIME_WAIT. */
	if (!err && style == STYLE_BOUND)
		err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && style != STYLE_BOUND)
		err = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (!err && style == STYLE_ONE)
		err = set_option(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE,
				 (uint32_t)from->port << 16 | from->port);
	return err ? err : bind_to(fd, from, style);
}

static int connect_to(int fd, const struct endpoint *to)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);

	if (connect(fd, (const struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static int dial(const struct endpoint *from, const struct endpoint *to, enum style style)
{
	int fd = socket(addr_is_v4(&to->addr) ? AF_INET : AF_INET6,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = tcp_set_dialling(fd);
	if (!err && from)
		err = set_source(fd, from, style);
	if (!err)
		err = connect_to(fd, to);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* The port is taken: by another socket, by a connection with the same four numbers, or
 * because it is set aside. */
static bool is_taken(int err)
{
	return err == -EADDRINUSE || err == -EADDRNOTAVAIL || err == -EACCES;
}

int dial_tcp(const struct endpoint *from, const struct endpoint *to,
	     const struct dial_ports *ports)
{
	enum style style = from ? style_for(ports, from->port) : STYLE_ANY;
	int fd;

	if (from && addr_is_v4(&to->addr))
		return -ENETUNREACH;
	fd = dial(from, to, style);
	if (style != STYLE_ANY && is_taken(fd))
		fd = dial(from, to, STYLE_ANY);
	return fd;
}

/* ---- unix sockets ------------------------------------------------------------ */

/* Return: the socket in the file system, not opened but named; or -errno. */
static int find_socket(int directory, const char *name)
{
	int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENAMETOOLONG ? -ENOENT : -errno;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		return fd;
	close(fd);
	return -ENOENT;
}

static int find_server(int directory, const char *name)
{
	const char *domain = strchr(name, '.');
	char wildcard[HOSTNAME_STRLEN + 1];
	int fd = find_socket(directory, name);

	if (fd == -ENOENT && domain) {
		snprintf(wildcard, sizeof(wildcard), "_%s", domain);
		fd = find_socket(directory, wildcard);
	}
	return fd == -ENOENT ? find_socket(directory, "_") : fd;
}

/* By way of /proc, as there is no connectat(), and as the path of a socket is short. */
static int connect_found(int fd, int found)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", found);
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* That there is none is no word about the name. */
static int no_directory(int err)
{
	return err == ENOENT ? -ENOTDIR : -err;
}

int dial_unix(const char *directory, const char *name)
{
	int in = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int found = in < 0 ? no_directory(errno) : find_server(in, name);
	int fd = -1, err = found < 0 ? found : 0;

	if (!err) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		err = fd < 0 ? -errno : connect_found(fd, found);
	}
	if (in >= 0)
		close(in);
	if (found >= 0)
		close(found);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}
