/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of RFC 7915 4.2 and 5.2: types, codes, pointers (figures 3 and 6), MTUs. */
#include "reference_view.h"

enum { DROP = -1 };

static void put(uint8_t *head, unsigned int type, unsigned int code)
{
	head[0] = (uint8_t)type;
	head[1] = (uint8_t)code;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* RFC 1191 7.1, table 7-1: the greatest plateau less than the returned Total Length */
static size_t plateau(size_t total)
{
	static const size_t table[] = { 68, 296, 508, 1006, 1492, 2002, 4352, 8166, 17914, 32000,
					65535 };
	size_t found = 68;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i] < total)
			found = table[i];
	return found;
}

static void packet_too_big(const uint8_t *message, size_t quoted_total, const struct way *way,
			   uint8_t *head)
{
	size_t mtu = message[6] * 256u + message[7];

	if (mtu == 0)
		mtu = plateau(quoted_total);
	mtu = least(mtu + 20, way->mtu6, way->mtu4 + 20);
	if (mtu < 1280)
		mtu = 1280;
	put(head, 2, 0);
	head[5] = (uint8_t)(mtu / 65536);
	head[6] = (uint8_t)(mtu / 256 % 256);
	head[7] = (uint8_t)(mtu % 256);
}

/* 4.2 */
static bool head_to6(const uint8_t *message, size_t quoted_total, const struct way *way,
		     uint8_t *head)
{
	static const int unreachable[16] = { 0, 0, DROP, 4, DROP, 0, 0, 0, 0, 1, 1, 0, 0, 1, DROP, 1 };
	static const int pointer[20] = { 0, 1, 4, 4, DROP, DROP, DROP, DROP, 7, 6, DROP, DROP,
					 8, 8, 8, 8, 24, 24, 24, 24 };
	unsigned int type = message[0], code = message[1];

	if (type == 3 && code == 2) {		/* protocol unreachable */
		put(head, 4, 1);
		head[7] = 6;
		return true;
	}
	if (type == 3 && code == 4) {
		packet_too_big(message, quoted_total, way, head);
		return true;
	}
	if (type == 3) {
		if (code > 15 || unreachable[code] == DROP)
			return false;
		put(head, 1, (unsigned int)unreachable[code]);
		return true;
	}
	if (type == 11) {
		put(head, 3, code);
		return true;
	}
	if (type != 12 || (code != 0 && code != 2) || message[4] > 19 || pointer[message[4]] == DROP)
		return false;
	put(head, 4, 0);
	head[7] = (uint8_t)pointer[message[4]];
	return true;
}

/* 5.2 */
static bool head_to4(const uint8_t *message, const struct way *way, uint8_t *head)
{
	static const int unreachable[5] = { 1, 10, 1, 1, 3 };
	static const int pointer[40] = {
		0, 1, DROP, DROP, 2, 2, 9, 8,
		12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
		16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
	};
	unsigned int type = message[0], code = message[1];
	size_t word = ((size_t)message[4] << 24) + ((size_t)message[5] << 16) +
		      ((size_t)message[6] << 8) + message[7];

	if (type == 1 && code < 5) {
		put(head, 3, (unsigned int)unreachable[code]);
		return true;
	}
	if (type == 2) {
		/* RFC 8201 4: less than 1280 is not believed; 16 bits over there */
		word = word < 1280 ? 1280 : word > 65535 ? 65535 : word;
		word = least(word - 20, way->mtu4, way->mtu6 - 20);
		put(head, 3, 4);
		head[6] = (uint8_t)(word / 256);
		head[7] = (uint8_t)(word % 256);
		return true;
	}
	if (type == 3) {
		put(head, 11, code);
		return true;
	}
	if (type == 4 && code == 1) {		/* unrecognised next header */
		put(head, 3, 2);
		return true;
	}
	if (type != 4 || code != 0 || word > 39 || pointer[word] == DROP)
		return false;
	put(head, 12, 0);
	head[4] = (uint8_t)pointer[word];
	return true;
}

bool reference_head(bool v6, const uint8_t *message, size_t quoted_total, const struct way *way,
		    uint8_t *head)
{
	return v6 ? head_to4(message, way, head) : head_to6(message, quoted_total, way, head);
}
