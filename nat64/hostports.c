/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostports.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/log.h"

enum {
	TCP_LISTEN_STATE = 0x0a,	/* include/net/tcp_states.h */
	RESERVED_MAX = 1 << 18,		/* every second port: 32768 of at most "65535," */
};

static const char range_path[] = "/proc/sys/net/ipv4/ip_local_port_range";
static const char reserved_path[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";

static bool bit_get(const uint8_t *bitmap, uint16_t bit)
{
	return bitmap[bit / 8] >> (bit % 8) & 1;
}

static void bit_set(uint8_t *bitmap, uint16_t bit)
{
	bitmap[bit / 8] = (uint8_t)(bitmap[bit / 8] | 1u << (bit % 8));
}

bool hostports_ephemeral(const struct hostports *host, uint16_t port)
{
	return port >= host->ephemeral_first && port <= host->ephemeral_last &&
	       !bit_get(host->reserved, port);
}

bool hostports_bound(const struct hostports *host, enum l4_proto l4, uint16_t port)
{
	return bit_get(host->bound[l4], port);
}

bool hostports_reserved(const struct hostports *host, uint16_t port)
{
	return bit_get(host->reserved, port);
}

bool hostports_taken(enum l4_proto l4, uint32_t addr_be32, uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr_be32,
	};
	int type = l4 == L4_TCP ? SOCK_STREAM : SOCK_DGRAM, one = 1, fd;
	bool taken;

	if (l4 == L4_ICMP)
		return false;
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	/* An address that is routed here, but is on no interface, is as good. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	taken = bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EADDRINUSE;
	close(fd);
	return taken;
}

bool hostports_parse_reserved(const char *text, uint8_t *bitmap)
{
	int used = 0;

	while (*text && *text != '\n') {
		unsigned int first, last;

		if (sscanf(text, "%5u%n", &first, &used) != 1)
			return false;
		text += used;
		last = first;
		if (*text == '-') {
			if (sscanf(text + 1, "%5u%n", &last, &used) != 1)
				return false;
			text += 1 + used;
		}
		if (last > UINT16_MAX || first > last)
			return false;
		for (unsigned int port = first; port <= last; port++)
			bit_set(bitmap, (uint16_t)port);
		if (*text == ',')
			text++;
		else if (*text && *text != '\n')
			return false;
	}
	return true;
}

uint16_t hostports_parse_socket(const char *line, bool listening_only)
{
	unsigned int port, state;

	/* "  0: 0100007F:0035 00000000:0000 0A ..." */
	if (sscanf(line, "%*d: %*[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X", &port, &state) != 2)
		return 0;
	return listening_only && state != TCP_LISTEN_STATE ? 0 : (uint16_t)port;
}

/* In one read: a second one would find the end of a long list of ports. */
static int read_sysctl(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);
	int err = len < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (err < 0)
		log_error("cannot read %s: %s", path, strerror(-err));
	else
		text[len] = '\0';
	return err;
}

static int read_sockets(const char *path, bool listening_only, uint8_t *bitmap)
{
	FILE *file = fopen(path, "re");
	char line[512];

	/* IPv6 may be switched off in the kernel; then its file is not there. */
	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		int err = -errno;

		log_error("cannot read %s: %s", path, strerror(-err));
		return err;
	}
	while (fgets(line, sizeof(line), file)) {
		uint16_t port = hostports_parse_socket(line, listening_only);

		if (port)
			bit_set(bitmap, port);
	}
	fclose(file);
	return 0;
}

static int read_range(struct hostports *out)
{
	unsigned int first, last;
	char text[64];
	int err = read_sysctl(range_path, text, sizeof(text));

	if (err < 0)
		return err;
	if (sscanf(text, "%u %u", &first, &last) != 2 || last > UINT16_MAX) {
		log_error("%s holds no port range: %s", range_path, text);
		return -EINVAL;
	}
	out->ephemeral_first = (uint16_t)first;
	out->ephemeral_last = (uint16_t)last;
	return 0;
}

static int read_reserved(struct hostports *out)
{
	char *text = malloc(RESERVED_MAX);
	int err = text ? read_sysctl(reserved_path, text, RESERVED_MAX) : -ENOMEM;

	if (err == 0 && !hostports_parse_reserved(text, out->reserved)) {
		log_error("%s holds no port list: %.100s", reserved_path, text);
		err = -EINVAL;
	}
	free(text);
	return err;
}

int hostports_read(struct hostports *out)
{
	static const char *const protos[] = { [L4_TCP] = "tcp", [L4_UDP] = "udp" };
	char path[32];
	int err;

	memset(out, 0, sizeof(*out));
	err = read_range(out);
	if (err == 0)
		err = read_reserved(out);
	for (int l4 = L4_TCP; l4 <= L4_UDP; l4++) {
		for (int v6 = 0; v6 <= 1 && err == 0; v6++) {
			snprintf(path, sizeof(path), "/proc/net/%s%s", protos[l4], v6 ? "6" : "");
			err = read_sockets(path, l4 == L4_TCP, out->bound[l4]);
		}
	}
	return err;
}
