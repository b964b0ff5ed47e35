/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table of clients with a count each, split into shards with a lock
 * of their own, so that workers hardly ever meet. Entries live only while the count
 * is above zero, so the table is bounded by the limit on connections.
 */
#include "clients.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "leaders.h"

enum {
	SHARD_BITS = 6,
	BUCKET_BITS = 8,	/* in each shard */
	SHARDS = 1 << SHARD_BITS,
	BUCKETS = 1 << BUCKET_BITS,
};

struct client {
	struct client *next;
	uint64_t id;
	uint32_t connections;	/* > 0 */
	uint32_t opening;	/* of these */
};

struct shard {
	pthread_mutex_t lock;
	struct client *buckets[BUCKETS];
};

struct clients {
	uint64_t hash_key;	/* odd and random: nobody outside can aim at one bucket */
	_Atomic uint32_t total, total_max, per_client_max;
	_Atomic uint32_t opening, opening_max, opening_per_client_max;
	struct shard shards[SHARDS];
};

struct clients *clients_new(void)
{
	struct clients *clients = calloc(1, sizeof(*clients));

	if (!clients)
		return NULL;
	if (getrandom(&clients->hash_key, sizeof(clients->hash_key), 0) < 0)
		clients->hash_key = (uintptr_t)clients;
	clients->hash_key |= 1;
	clients_limit_opening(clients, UINT32_MAX, UINT32_MAX);
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&clients->shards[i].lock, NULL);
	return clients;
}

void clients_set_limits(struct clients *clients, uint32_t total, uint32_t per_client)
{
	atomic_store(&clients->total_max, total);
	atomic_store(&clients->per_client_max, per_client);
}

void clients_limit_opening(struct clients *clients, uint32_t total, uint32_t per_client)
{
	atomic_store(&clients->opening_max, total);
	atomic_store(&clients->opening_per_client_max, per_client);
}

/* Multiplicative hashing: the top bits choose the shard, the next ones the bucket.
 * Return: the shard, locked. */
static struct shard *lock_shard(struct clients *clients, uint64_t id,
				struct client ***bucket)
{
	uint64_t hash = id * clients->hash_key;
	struct shard *shard = &clients->shards[hash >> (64 - SHARD_BITS)];

	pthread_mutex_lock(&shard->lock);
	*bucket = &shard->buckets[(hash >> (64 - SHARD_BITS - BUCKET_BITS)) & (BUCKETS - 1)];
	return shard;
}

/* Return: the link that points to the client's entry, or to NULL. */
static struct client **find(struct client **link, uint64_t id)
{
	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

/* What a client's connection is to be counted as */
enum count { COUNT_OPEN, COUNT_OPENING, COUNT_OPENING_OF_ANYBODY };

static enum clients_verdict judge(const struct clients *clients, const struct client *client,
				  enum count count)
{
	if (count == COUNT_OPENING_OF_ANYBODY)
		return CLIENTS_OK;
	if ((client ? client->connections : 0) >= atomic_load(&clients->per_client_max))
		return CLIENTS_TOO_MANY_OF_ONE;
	if (count == COUNT_OPENING &&
	    (client ? client->opening : 0) >= atomic_load(&clients->opening_per_client_max))
		return CLIENTS_TOO_MANY_OPENING_OF_ONE;
	return CLIENTS_OK;
}

static enum clients_verdict count_client(struct clients *clients, uint64_t id, enum count count)
{
	enum clients_verdict verdict;
	struct client **link, *client;
	struct shard *shard = lock_shard(clients, id, &link);

	link = find(link, id);
	client = *link;
	verdict = judge(clients, client, count);
	if (verdict != CLIENTS_OK)
		goto unlock;
	if (!client) {
		client = calloc(1, sizeof(*client));
		if (!client) {
			verdict = CLIENTS_NO_MEMORY;
			goto unlock;
		}
		client->id = id;
		*link = client;
	}
	client->connections++;
	client->opening += count != COUNT_OPEN;
unlock:
	pthread_mutex_unlock(&shard->lock);
	return verdict;
}

static void uncount_client(struct clients *clients, uint64_t id, unsigned int connections,
			   unsigned int opening)
{
	struct client **link, *client;
	struct shard *shard = lock_shard(clients, id, &link);

	link = find(link, id);
	client = *link;
	if (client) {
		client->opening -= opening;
		client->connections -= connections;
		if (client->connections == 0) {
			*link = client->next;
			free(client);
		}
	}
	pthread_mutex_unlock(&shard->lock);
}

/* Counted first, taken back if it was too much: two workers never both get the last
 * place. */
static bool take_place(_Atomic uint32_t *counter, uint32_t max)
{
	if (atomic_fetch_add(counter, 1) < max)
		return true;
	atomic_fetch_sub(counter, 1);
	return false;
}

static enum clients_verdict add(struct clients *clients, uint64_t id, enum count count)
{
	enum clients_verdict verdict;

	if (!take_place(&clients->total, atomic_load(&clients->total_max)))
		return CLIENTS_TOO_MANY;
	verdict = count_client(clients, id, count);
	if (verdict == CLIENTS_OK && count != COUNT_OPEN &&
	    !take_place(&clients->opening, atomic_load(&clients->opening_max))) {
		uncount_client(clients, id, 1, 1);
		verdict = CLIENTS_TOO_MANY_OPENING;
	}
	if (verdict != CLIENTS_OK)
		atomic_fetch_sub(&clients->total, 1);
	return verdict;
}

enum clients_verdict clients_add(struct clients *clients, uint64_t id)
{
	return add(clients, id, COUNT_OPEN);
}

enum clients_verdict clients_add_opening(struct clients *clients, uint64_t id, bool anybody)
{
	return add(clients, id, anybody ? COUNT_OPENING_OF_ANYBODY : COUNT_OPENING);
}

enum clients_verdict clients_move_opening(struct clients *clients, uint64_t from, uint64_t to)
{
	enum clients_verdict verdict = count_client(clients, to, COUNT_OPENING);

	if (verdict == CLIENTS_OK)
		uncount_client(clients, from, 1, 1);
	return verdict;
}

void clients_opened(struct clients *clients, uint64_t id)
{
	uncount_client(clients, id, 0, 1);
	atomic_fetch_sub(&clients->opening, 1);
}

void clients_remove(struct clients *clients, uint64_t id)
{
	uncount_client(clients, id, 1, 0);
	atomic_fetch_sub(&clients->total, 1);
}

uint32_t clients_total(const struct clients *clients)
{
	return atomic_load(&clients->total);
}

uint32_t clients_total_max(const struct clients *clients)
{
	return atomic_load(&clients->total_max);
}

uint32_t clients_opening(const struct clients *clients)
{
	return atomic_load(&clients->opening);
}

static void see_shard(const struct shard *shard, struct leaders *leaders)
{
	for (int i = 0; i < BUCKETS; i++) {
		for (const struct client *client = shard->buckets[i]; client; client = client->next) {
			struct leader one = { addr_client_prefix(client->id), client->connections,
					      client->opening };

			leaders_see(leaders, &one);
		}
	}
}

void clients_top(struct clients *clients, struct leaders *leaders)
{
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&clients->shards[i].lock);
		see_shard(&clients->shards[i], leaders);
		pthread_mutex_unlock(&clients->shards[i].lock);
	}
}

void clients_free(struct clients *clients)
{
	if (!clients)
		return;
	for (int i = 0; i < SHARDS; i++) {
		for (int j = 0; j < BUCKETS; j++) {
			struct client *next;

			for (struct client *c = clients->shards[i].buckets[j]; c; c = next) {
				next = c->next;
				free(c);
			}
		}
		pthread_mutex_destroy(&clients->shards[i].lock);
	}
	free(clients);
}
