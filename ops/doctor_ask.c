/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_ask.h"

#include <ldns/ldns.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../core/cursor.h"
#include "../core/loop.h"
#include "../dns64/name.h"

enum {
	SERVERS_MAX = 64,
	AGAIN_MS = 400,
	CLASS_IN = 1, TYPE_OPT = 41,
	UDP_SIZE = 1232,
	FLAG_QR = 0x8000, FLAG_RD = 0x0100, RCODE = 0x000f,
	RCODE_SERVFAIL = 2, RCODE_REFUSED = 5,
	PORT = 53,
};

static uint8_t *put16(uint8_t *at, unsigned int value)
{
	*at++ = (uint8_t)(value >> 8);
	*at++ = (uint8_t)value;
	return at;
}

size_t ask_build(uint8_t *out, uint16_t id, const struct name *name, uint16_t type)
{
	static const uint16_t counts[] = { 1, 0, 0, 1 };
	uint8_t *at = put16(put16(out, id), FLAG_RD);

	for (size_t i = 0; i < 4; i++)
		at = put16(at, counts[i]);
	memcpy(at, name->wire, name->len);
	at = put16(put16(at + name->len, type), CLASS_IN);
	*at++ = 0;
	at = put16(put16(at, TYPE_OPT), UDP_SIZE);
	memset(at, 0, 6);	/* extended code, version, flags; no options */
	return (size_t)(at + 6 - out);
}

bool ask_is_reply(const uint8_t *wire, size_t len, uint16_t id)
{
	struct cursor cursor = cursor_init(wire, len);
	uint16_t got = cursor_u16(&cursor), flags = cursor_u16(&cursor);

	cursor_skip(&cursor, 8);
	return !cursor.failed && got == id && flags & FLAG_QR &&
	       (flags & RCODE) != RCODE_REFUSED && (flags & RCODE) != RCODE_SERVFAIL;
}

/* ---- several at once --------------------------------------------------------------- */

struct asking {
	struct pollfd fds[SERVERS_MAX];
	uint16_t ids[SERVERS_MAX];
	size_t n, left;
	const struct name *name;
	uint16_t type;
};

static int open_to(const struct endpoint *server)
{
	struct sockaddr_storage to;
	socklen_t len = endpoint_to_sockaddr(server, &to);
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void send_all(const struct asking *asking)
{
	uint8_t query[300];

	for (size_t i = 0; i < asking->n; i++)
		if (asking->fds[i].fd >= 0)
			send(asking->fds[i].fd, query,
			     ask_build(query, asking->ids[i], asking->name, asking->type),
			     MSG_NOSIGNAL);
}

static void finish(struct asking *asking, size_t i)
{
	close(asking->fds[i].fd);
	asking->fds[i].fd = -1;
	asking->left--;
}

/* What has come, until @deadline_ms */
static void hear(struct asking *asking, bool *answered, int64_t deadline_ms)
{
	uint8_t reply[ASK_REPLY_MAX];
	int64_t left_ms;

	while (asking->left && (left_ms = deadline_ms - loop_now_ms()) > 0 &&
	       poll(asking->fds, asking->n, (int)left_ms) > 0) {
		for (size_t i = 0; i < asking->n; i++) {
			ssize_t len;

			if (asking->fds[i].fd < 0 || !asking->fds[i].revents)
				continue;
			len = recv(asking->fds[i].fd, reply, sizeof(reply), 0);
			answered[i] = len > 0 && ask_is_reply(reply, (size_t)len, asking->ids[i]);
			/* An error (port unreachable) is an end too. */
			finish(asking, i);
		}
	}
}

void ask_servers(const struct endpoint *servers, size_t n, const struct name *name, uint16_t type,
		 bool *answered)
{
	struct asking asking = { .n = n < SERVERS_MAX ? n : SERVERS_MAX,
				 .name = name,
				 .type = type };
	int64_t now_ms = loop_now_ms();

	if (getrandom(asking.ids, sizeof(asking.ids), 0) < 0)
		return;
	for (size_t i = 0; i < asking.n; i++) {
		asking.fds[i] = (struct pollfd){ .fd = open_to(&servers[i]), .events = POLLIN };
		asking.left += asking.fds[i].fd >= 0;
	}
	send_all(&asking);
	hear(&asking, answered, now_ms + AGAIN_MS);
	send_all(&asking);
	hear(&asking, answered, now_ms + ASK_MS);
	for (size_t i = 0; i < asking.n; i++)
		if (asking.fds[i].fd >= 0)
			finish(&asking, i);
}

/* ---- root hints -------------------------------------------------------------------- */

static bool read_address(ldns_rr *rr, struct endpoint *out)
{
	ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
	uint32_t v4_be32;

	out->port = PORT;
	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_AAAA && ldns_rdf_size(rdf) == sizeof(out->addr)) {
		memcpy(&out->addr, ldns_rdf_data(rdf), sizeof(out->addr));
		return true;
	}
	if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_A || ldns_rdf_size(rdf) != sizeof(v4_be32))
		return false;
	memcpy(&v4_be32, ldns_rdf_data(rdf), sizeof(v4_be32));
	out->addr = addr_from_v4(v4_be32);
	return true;
}

size_t ask_read_hints(const char *path, struct endpoint *out, size_t max)
{
	ldns_rdf *origin = NULL, *previous = NULL;
	FILE *file = fopen(path, "re");
	uint32_t ttl = 0;
	size_t n = 0;
	ldns_rr *rr;

	while (file && !feof(file) && !ferror(file) && n < max) {
		if (ldns_rr_new_frm_fp(&rr, file, &ttl, &origin, &previous) != LDNS_STATUS_OK)
			continue;
		n += read_address(rr, &out[n]);
		ldns_rr_free(rr);
	}
	if (file)
		fclose(file);
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	return n;
}
