/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See doctor_read.h. */
#include "doctor_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TCP_LISTEN_STATE = 0x0a,	/* include/net/tcp_states.h */
	UDP_UNCONNECTED = 0x07,		/* TCP_CLOSE, which stands for it */
	FILE_MAX = 64 << 20,		/* bytes; sockets take 150 to 180 each */
};

/* ---- /proc/net --------------------------------------------------------------------- */

/* Words of 32 bits, each as it lies in memory */
static bool read_hex_address(const char *hex, bool v6, struct in6_addr *out)
{
	uint32_t words[4];
	size_t n = v6 ? 4 : 1;

	if (strlen(hex) != n * 8)
		return false;
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + i * 8, "%8" SCNx32, &words[i]) != 1)
			return false;
	if (v6)
		memcpy(out, words, sizeof(*out));
	else
		*out = addr_from_v4(words[0]);
	return true;
}

bool read_socket(const char *line, bool v6, struct read_socket *out)
{
	unsigned int port, state;
	char hex[33];
	int used = 0;

	*out = (struct read_socket){ 0 };
	/* "0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 .." */
	if (sscanf(line,
		   "%*d: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X %*8X:%*8X %*2X:%*8X %*8X %*u %*u "
		   "%20" SCNu64 "%n",
		   hex, &port, &state, &out->inode, &used) != 4 ||
	    !read_hex_address(hex, v6, &out->local.addr))
		return false;
	out->local.port = (uint16_t)port;
	out->listening = state == TCP_LISTEN_STATE || state == UDP_UNCONNECTED;
	if (sscanf(line + used, " %*d %*x %20" SCNu64, &out->drops) != 1)
		out->drops = 0;
	return true;
}

bool read_queue(const char *line, struct read_queue *out)
{
	return sscanf(line, "%5u %*u %*u %*u %*u %20" SCNu64 " %20" SCNu64, &out->number,
		      &out->dropped, &out->unsent) == 3;
}

bool read_module(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0)
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return true;
	return false;
}

uint64_t read_open_files(const char *text)
{
	static const char title[] = "Max open files";
	const char *line = strstr(text, title);
	uint64_t limit;

	return line && sscanf(line + sizeof(title) - 1, "%20" SCNu64, &limit) == 1 ? limit : 0;
}

/* ---- resolv.conf ------------------------------------------------------------------- */

size_t read_resolv_conf(const char *text, struct endpoint *out, size_t max)
{
	size_t n = 0;

	for (const char *line = text; line && n < max;
	     line = strchr(line, '\n'), line += line ? 1 : 0) {
		char word[64];

		/* With a zone ("fe80::1%eth0") it is not an address for us to ask. */
		if (sscanf(line, "nameserver%*[ \t]%63[^ \t\r\n]", word) == 1 &&
		    endpoint_parse(word, 53, &out[n]))
			n++;
	}
	return n;
}

/* ---- WireGuard --------------------------------------------------------------------- */

struct read_peer *read_peers_add(struct read_peers *peers)
{
	struct read_peer *v = reallocarray(peers->v, peers->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	peers->v = v;
	memset(&v[peers->n], 0, sizeof(*v));
	return &v[peers->n++];
}

void read_peers_free(struct read_peers *peers)
{
	for (size_t i = 0; i < peers->n; i++)
		prefix_list_free(&peers->v[i].allowed);
	free(peers->v);
	*peers = (struct read_peers){ 0 };
}

static bool read_key(const char *hex, uint8_t *key)
{
	if (strlen(hex) != (size_t)2 * READ_KEY_LEN)
		return false;
	for (size_t i = 0; i < READ_KEY_LEN; i++)
		if (sscanf(hex + 2 * i, "%2" SCNx8, &key[i]) != 1)
			return false;
	return true;
}

/* Host bits may be set in what a program was given. */
static bool read_allowed(const char *text, struct prefix_list *list)
{
	char addr[ADDR_STRLEN];
	struct prefix prefix;
	unsigned int len;

	if (sscanf(text, "%45[^/]/%3u", addr, &len) != 2 || !addr_parse(addr, &prefix.addr))
		return false;
	len += addr_is_v4(&prefix.addr) ? 96 : 0;
	if (len > 128)
		return false;
	prefix.len = (uint8_t)len;
	for (unsigned int bit = len; bit < 128; bit++)
		prefix.addr.s6_addr[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return prefix_list_add(list, &prefix) == 0;
}

/* One "key=value" of a peer; what matters to nobody here is passed over. */
static bool read_peer_line(struct read_peer *peer, const char *key, const char *value)
{
	if (strcmp(key, "endpoint") == 0)
		return endpoint_parse(value, 0, &peer->endpoint);
	if (strcmp(key, "allowed_ip") == 0)
		return read_allowed(value, &peer->allowed);
	return strcmp(key, "last_handshake_time_sec") != 0 ||
	       sscanf(value, "%18" SCNd64, &peer->handshake_s) == 1;
}

static bool read_line(struct read_peers *peers, const char *key, const char *value, bool *ended)
{
	if (strcmp(key, "errno") == 0) {
		*ended = strcmp(value, "0") == 0;
		return *ended;
	}
	if (strcmp(key, "public_key") == 0) {
		struct read_peer *peer = read_peers_add(peers);

		return peer && read_key(value, peer->key);
	}
	return !peers->n || read_peer_line(&peers->v[peers->n - 1], key, value);
}

bool read_wireguard(const char *text, struct read_peers *peers)
{
	bool ended = false;

	*peers = (struct read_peers){ 0 };
	while (*text && *text != '\n') {
		char key[32], value[80];

		if (sscanf(text, "%31[a-z_]=%79[^\n]", key, value) == 2 &&
		    !read_line(peers, key, value, &ended))
			break;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (ended)
		return true;
	read_peers_free(peers);
	return false;
}

/* ---- files ------------------------------------------------------------------------- */

char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t len = 0, size = 0, n;
	char *text = NULL, *grown;

	if (!file)
		return NULL;
	do {
		if (len + 1 >= size) {
			size = size ? 2 * size : 4096;
			grown = size <= FILE_MAX ? realloc(text, size) : NULL;
			if (!grown)
				goto failed;
			text = grown;
		}
		n = fread(text + len, 1, size - 1 - len, file);
		len += n;
	} while (n > 0);
	if (ferror(file))
		goto failed;
	text[len] = '\0';
	fclose(file);
	return text;
failed:
	free(text);
	fclose(file);
	errno = errno ? errno : EIO;
	return NULL;
}
