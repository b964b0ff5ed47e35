/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PROXY headers; see proxy.h. Sections are those of proxy-protocol.txt. */
#include "proxy.h"

#include <errno.h>
#include <string.h>

#include "../core/cursor.h"
#include "../core/special4.h"

enum {
	SIGNATURE_LEN = 12,
	HEADER_LEN = 16,
	VERSION = 2,
	/* 2.2: what is in the low half of byte 13, in the halves of byte 14 */
	COMMAND_LOCAL = 0,
	COMMAND_PROXY = 1,
	FAMILY_UNSPEC = 0,
	FAMILY_INET = 1,
	FAMILY_INET6 = 2,
	FAMILY_UNIX = 3,
	TRANSPORT_STREAM = 1,
	INET_LEN = 12,
	INET6_LEN = 36,
	UNIX_LEN = 216,
	/* 2.2: types of TLVs */
	TLV_ALPN = 0x01,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
};

static const uint8_t signature[SIGNATURE_LEN] = "\r\n\r\n\0\r\nQUIT\n";
static const char v1_begin[] = "PROXY ";

static bool begins_with(const uint8_t *wire, size_t len, const void *begin, size_t begin_len)
{
	return memcmp(wire, begin, len < begin_len ? len : begin_len) == 0;
}

bool proxy_begins(const uint8_t *wire, size_t len)
{
	return begins_with(wire, len, v1_begin, sizeof(v1_begin) - 1) ||
	       begins_with(wire, len, signature, sizeof(signature));
}

bool proxy_has_begun(const uint8_t *wire, size_t len)
{
	return len >= (wire[0] == signature[0] ? sizeof(signature) : sizeof(v1_begin) - 1) &&
	       proxy_begins(wire, len);
}

static int broken(const char **why, const char *text)
{
	*why = text;
	return -EPROTO;
}

/* ---- version 1 ------------------------------------------------------------------- */

/* 2.1: the next field, which one space ends, or the line's end. @text: ADDR_STRLEN bytes.
 * Return: the field's end, or NULL where it is empty or too long. */
static const char *take_field(const char *at, const char *end, char *text)
{
	const char *space = memchr(at, ' ', (size_t)(end - at));
	size_t len = (size_t)((space ? space : end) - at);

	if (len == 0 || len >= ADDR_STRLEN || memchr(at, '\0', len))
		return NULL;
	memcpy(text, at, len);
	text[len] = '\0';
	return at + len;
}

/* 2.1: decimal, no zeros in front. */
static bool parse_port(const char *text, uint16_t *port)
{
	uint32_t value = 0;

	if (text[0] == '0' && text[1])
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = 10 * value + (uint32_t)(*text - '0');
		if (value > UINT16_MAX)
			return false;
	}
	*port = (uint16_t)value;
	return true;
}

static bool parse_address(const char *text, bool is_v6, struct in6_addr *addr)
{
	return !strchr(text, ':') == !is_v6 && addr_parse(text, addr);
}

/* "SRC DST SPORT DPORT", from @at to @end */
static bool parse_v1_addresses(const char *at, const char *end, bool is_v6,
			       struct proxy_header *header)
{
	char field[4][ADDR_STRLEN];

	for (int i = 0; i < 4; i++) {
		at = take_field(at, end, field[i]);
		if (!at)
			return false;
		/* Behind each but the last one is a space, and one byte at least. */
		if (i < 3 && (end - at < 2 || *at++ != ' '))
			return false;
	}
	return at == end && parse_address(field[0], is_v6, &header->client.addr) &&
	       parse_address(field[1], is_v6, &header->server.addr) &&
	       parse_port(field[2], &header->client.port) &&
	       parse_port(field[3], &header->server.port);
}

static int read_v1(const uint8_t *wire, size_t len, struct proxy_header *header,
		   const char **why)
{
	static const char tcp4[] = "TCP4 ", tcp6[] = "TCP6 ", unknown[] = "UNKNOWN";
	const char *line = (const char *)wire, *at = line + sizeof(v1_begin) - 1;
	const char *cr = memchr(wire, '\r', len < PROXY_V1_MAX ? len : PROXY_V1_MAX);
	size_t left;

	if (!cr)
		return len < PROXY_V1_MAX ? 0 : broken(why, "version 1 without an end");
	if ((size_t)(cr - line) + 1 == len)
		return len < PROXY_V1_MAX ? 0 : broken(why, "version 1 without an end");
	if (cr[1] != '\n' || cr - line + 2 > PROXY_V1_MAX || cr < at)
		return broken(why, "broken version 1");
	left = (size_t)(cr - at);
	if (left >= sizeof(unknown) - 1 && memcmp(at, unknown, sizeof(unknown) - 1) == 0 &&
	    (left == sizeof(unknown) - 1 || at[sizeof(unknown) - 1] == ' ')) {
		header->has_client = false;
	} else if (left > sizeof(tcp4) - 1 &&
		   (memcmp(at, tcp4, sizeof(tcp4) - 1) == 0 ||
		    memcmp(at, tcp6, sizeof(tcp6) - 1) == 0)) {
		header->has_client = true;
		if (!parse_v1_addresses(at + sizeof(tcp4) - 1, cr, at[3] == '6', header))
			return broken(why, "broken address in version 1");
	} else {
		return broken(why, "unknown protocol in version 1");
	}
	return (int)(cr - line) + 2;
}

/* ---- version 2 ------------------------------------------------------------------- */

/* 2.2.3: CRC32c (RFC 4960 Appendix B), the checksum's own bytes taken as zero */
static uint32_t crc32c(const uint8_t *bytes, size_t len, size_t zero_at)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= i - zero_at < sizeof(crc) ? 0 : bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

/* @c: what is behind the addresses of the header of @len bytes at @wire */
static const char *check_tlvs(struct cursor c, const uint8_t *wire, size_t len)
{
	while (cursor_left(&c)) {
		uint8_t type = cursor_u8(&c);
		struct cursor value = cursor_sub(&c, cursor_u16(&c));

		if (c.failed)
			return "broken TLV";
		if (type != TLV_CRC32C)
			continue;
		if (cursor_left(&value) != sizeof(uint32_t))
			return "broken TLV";
		if (crc32c(wire, len, (size_t)(value.at - wire)) != cursor_u32(&value))
			return "wrong checksum";
	}
	return NULL;
}

static struct in6_addr read_address(struct cursor *c, bool is_v6)
{
	struct in6_addr addr = addr_from_v4(0);

	if (is_v6)
		cursor_bytes(c, addr.s6_addr, 16);
	else
		cursor_bytes(c, addr.s6_addr + 12, 4);
	return addr;
}

/* 2.2: two addresses, two ports; where none are told, the connection's own count. */
static const char *read_v2_addresses(struct cursor *c, uint8_t family,
				     struct proxy_header *header)
{
	bool is_v6 = family == FAMILY_INET6;

	switch (family) {
	case FAMILY_UNSPEC:
		break;
	case FAMILY_UNIX:
		cursor_skip(c, UNIX_LEN);
		break;
	case FAMILY_INET:
	case FAMILY_INET6:
		header->client.addr = read_address(c, is_v6);
		header->server.addr = read_address(c, is_v6);
		header->client.port = cursor_u16(c);
		header->server.port = cursor_u16(c);
		header->has_client = true;
		break;
	default:
		return "unknown address family";
	}
	return c->failed ? "too short for its addresses" : NULL;
}

static int read_v2(const uint8_t *wire, size_t len, struct proxy_header *header,
		   const char **why)
{
	struct cursor c = cursor_init(wire, len);
	uint8_t command, family;
	size_t body_len;
	const char *wrong;

	cursor_skip(&c, SIGNATURE_LEN);
	command = cursor_u8(&c);
	if (!c.failed && (command >> 4 != VERSION || (command & 0xf) > COMMAND_PROXY))
		return broken(why, "unknown version or command");
	family = cursor_u8(&c);
	body_len = cursor_u16(&c);
	if (c.failed)
		return 0;
	if (HEADER_LEN + body_len > PROXY_V2_MAX)
		return broken(why, "too long");
	c = cursor_sub(&c, body_len);
	if (c.failed)
		return 0;
	header->has_client = false;
	/* Of the proxy's own connection nothing else is looked at. */
	if ((command & 0xf) == COMMAND_PROXY) {
		/* 2.2: the other pairs are of datagrams, or must be rejected as invalid. */
		if ((family & 0xf) != (family >> 4 == FAMILY_UNSPEC ? 0 : TRANSPORT_STREAM))
			return broken(why, "not of a stream");
		wrong = read_v2_addresses(&c, family >> 4, header);
		if (!wrong && family >> 4 != FAMILY_UNSPEC)
			wrong = check_tlvs(c, wire, HEADER_LEN + body_len);
		if (wrong)
			return broken(why, wrong);
	}
	return HEADER_LEN + (int)body_len;
}

/* RFC 1122 3.2.1.3, RFC 4291 2.5.2, 2.5.3, 2.7: no host sends from another one. */
static bool is_host(const struct in6_addr *addr)
{
	if (addr_is_v4(addr))
		return special4_is_host(addr_v4_be32(addr));
	return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr) &&
	       !IN6_IS_ADDR_MULTICAST(addr);
}

int proxy_read(const uint8_t *wire, size_t len, struct proxy_header *header, const char **why)
{
	int n;

	if (len == 0)
		return 0;
	if (!proxy_begins(wire, len))
		return broken(why, "there is none");
	if (wire[0] == signature[0])
		n = read_v2(wire, len, header, why);
	else
		n = len < sizeof(v1_begin) - 1 ? 0 : read_v1(wire, len, header, why);
	if (n > 0 && header->has_client && !is_host(&header->client.addr))
		return broken(why, "an address that no client has");
	return n;
}

/* ---- writing --------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *put_u16(uint8_t *at, size_t value)
{
	return put(at, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static uint8_t *put_address(uint8_t *at, const struct endpoint *endpoint, bool is_v6)
{
	return is_v6 ? put(at, endpoint->addr.s6_addr, 16) :
		       put(at, endpoint->addr.s6_addr + 12, 4);
}

static uint8_t *put_tlv(uint8_t *at, uint8_t type, const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return at;
	*at++ = type;
	return put(put_u16(at, len), text, len);
}

size_t proxy_write(uint8_t *out, const struct endpoint *client, const struct endpoint *server,
		   const char *name, const char *alpn)
{
	bool is_v6 = !addr_is_v4(&client->addr) || !addr_is_v4(&server->addr);
	uint8_t family = (uint8_t)((is_v6 ? FAMILY_INET6 : FAMILY_INET) << 4 | 1);
	uint8_t *at = put(out, signature, sizeof(signature));

	*at++ = VERSION << 4 | COMMAND_PROXY;
	*at++ = family;
	at += sizeof(uint16_t);
	at = put_address(at, client, is_v6);
	at = put_address(at, server, is_v6);
	at = put_u16(at, client->port);
	at = put_u16(at, server->port);
	at = put_tlv(at, TLV_ALPN, alpn);
	at = put_tlv(at, TLV_AUTHORITY, name);
	put_u16(out + HEADER_LEN - sizeof(uint16_t), (size_t)(at - out) - HEADER_LEN);
	return (size_t)(at - out);
}
