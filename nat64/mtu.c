/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel tells the MTU of a route to whoever connects a UDP socket there; no
 * packet is sent for it. That is three system calls, so the answer is kept.
 */
#include "mtu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addr.h"
#include "packet.h"

enum {
	ENTRIES = 1024,
	KEEP_MS = 1000,
	DISCARD_PORT = 9,
	MTU_UNKNOWN = 1500,
	MTU_MIN4 = 68,		/* RFC 791; for IPv6 it is IPV6_MTU_MIN */
};

struct entry {
	struct in6_addr dst;
	int64_t until_ms;
	size_t mtu;
};

struct mtu_cache {
	int fd4, fd6;
	struct entry entries[ENTRIES];
};

struct mtu_cache *mtu_cache_new(void)
{
	struct mtu_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->fd4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cache->fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (cache->fd4 < 0 || cache->fd6 < 0) {
		mtu_cache_free(cache);
		return NULL;
	}
	return cache;
}

void mtu_cache_free(struct mtu_cache *cache)
{
	if (!cache)
		return;
	if (cache->fd4 >= 0)
		close(cache->fd4);
	if (cache->fd6 >= 0)
		close(cache->fd6);
	free(cache);
}

/* A slot a destination; a clash only costs the system calls again. */
static struct entry *entry_of(struct mtu_cache *cache, const struct in6_addr *dst)
{
	uint32_t words[4];

	memcpy(words, dst, sizeof(words));
	return &cache->entries[((words[0] ^ words[1] ^ words[2] ^ words[3]) * 0x9e3779b1u >> 16) %
			       ENTRIES];
}

static size_t ask_kernel(struct mtu_cache *cache, const struct in6_addr *dst)
{
	struct endpoint ep = { .addr = *dst, .port = DISCARD_PORT };
	bool v4 = addr_is_v4(dst);
	int fd = v4 ? cache->fd4 : cache->fd6;
	int least = v4 ? MTU_MIN4 : IPV6_MTU_MIN;
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage ss;
	socklen_t ss_len = endpoint_to_sockaddr(&ep, &ss);
	int mtu;
	socklen_t len = sizeof(mtu);

	/* A connected socket would keep its source address, also when the host has lost it. */
	if (connect(fd, &nowhere, sizeof(nowhere)) < 0 ||
	    connect(fd, (struct sockaddr *)&ss, ss_len) < 0 ||
	    getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &len) < 0 ||
	    mtu <= 0)
		return MTU_UNKNOWN;
	return (size_t)(mtu < least ? least : mtu);
}

size_t mtu_to(struct mtu_cache *cache, const struct in6_addr *dst, int64_t now_ms)
{
	struct entry *entry = entry_of(cache, dst);

	if (now_ms >= entry->until_ms || !addr_equal(&entry->dst, dst)) {
		entry->dst = *dst;
		entry->until_ms = now_ms + KEEP_MS;
		entry->mtu = ask_kernel(cache, dst);
	}
	return entry->mtu;
}

void mtu_forget(struct mtu_cache *cache, const struct in6_addr *dst)
{
	entry_of(cache, dst)->until_ms = 0;
}

void mtu_cache_flush(struct mtu_cache *cache)
{
	memset(cache->entries, 0, sizeof(cache->entries));
}
