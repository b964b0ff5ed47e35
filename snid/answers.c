/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table of answers and, of each part, their order of use; see answers.h. */
#include "answers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "../core/siphash24.h"

enum { BUCKETS = 4096 };	/* a power of two */

enum part { PART_SERVERS, PART_OTHERS, PARTS };

/* One allocation: the entry, what its answer points to, the name */
struct entry {
	LIST_ENTRY(entry) in_bucket;
	TAILQ_ENTRY(entry) in_order;
	struct answer answer;
	enum resolver_type type;
	enum part part;
	int64_t until_ms, stale_until_ms;
	unsigned int failures;		/* in a row */
	size_t bytes;
	const char *name;
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(order, entry);

struct answers {
	struct siphash_key secret;
	struct {
		struct order order;	/* the one used last first */
		size_t n, bytes;
	} parts[PARTS];
	struct bucket buckets[BUCKETS];
};

struct answers *answers_new(void)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return NULL;
	for (int i = 0; i < PARTS; i++)
		TAILQ_INIT(&answers->parts[i].order);
	if (getrandom(&answers->secret, sizeof(answers->secret), 0) < 0)
		answers->secret.k0 = (uintptr_t)answers;
	return answers;
}

static size_t bucket_of(const struct answers *answers, const char *name)
{
	return siphash24(&answers->secret, name, strlen(name)) % BUCKETS;
}

static struct entry *find(const struct answers *answers, const char *name,
			  enum resolver_type type)
{
	struct entry *entry;

	LIST_FOREACH(entry, &answers->buckets[bucket_of(answers, name)], in_bucket)
		if (entry->type == type && strcmp(entry->name, name) == 0)
			return entry;
	return NULL;
}

static void leave_part(struct answers *answers, struct entry *entry)
{
	TAILQ_REMOVE(&answers->parts[entry->part].order, entry, in_order);
	answers->parts[entry->part].n--;
	answers->parts[entry->part].bytes -= entry->bytes;
}

static void drop(struct answers *answers, struct entry *entry)
{
	LIST_REMOVE(entry, in_bucket);
	leave_part(answers, entry);
	free(entry);
}

static void make_room(struct answers *answers, enum part part, size_t bytes)
{
	while (answers->parts[part].n >= ANSWERS_MAX ||
	       answers->parts[part].bytes + bytes > ANSWERS_BYTES_MAX)
		drop(answers, TAILQ_LAST(&answers->parts[part].order, order));
}

static void enter_part(struct answers *answers, struct entry *entry, enum part part)
{
	make_room(answers, part, entry->bytes);
	entry->part = part;
	TAILQ_INSERT_HEAD(&answers->parts[part].order, entry, in_order);
	answers->parts[part].n++;
	answers->parts[part].bytes += entry->bytes;
}

void answers_confirm(struct answers *answers, const char *name)
{
	struct entry *entry;

	LIST_FOREACH(entry, &answers->buckets[bucket_of(answers, name)], in_bucket) {
		if (entry->part == PART_SERVERS || entry->answer.kind != ANSWER_RECORDS ||
		    strcmp(entry->name, name) != 0)
			continue;
		leave_part(answers, entry);
		enter_part(answers, entry, PART_SERVERS);	/* drops none but others */
	}
}

const struct answer *answers_find(struct answers *answers, const char *name,
				  enum resolver_type type, int64_t now_ms)
{
	struct entry *entry = find(answers, name, type);

	if (!entry || now_ms >= entry->until_ms)
		return NULL;
	TAILQ_REMOVE(&answers->parts[entry->part].order, entry, in_order);
	TAILQ_INSERT_HEAD(&answers->parts[entry->part].order, entry, in_order);
	return &entry->answer;
}

bool answers_knew(const struct answers *answers, const char *name, enum resolver_type type)
{
	const struct entry *entry = find(answers, name, type);

	return entry && entry->part == PART_SERVERS;
}

/* @answer with all that belongs to it, in memory of its own */
static struct entry *copy(const struct answer *answer, const char *name)
{
	size_t addrs = answer->n_addrs * sizeof(*answer->addrs);
	size_t services = answer->n_services * sizeof(*answer->services);
	size_t name_len = strlen(name) + 1;
	size_t bytes = sizeof(struct entry) + addrs + services + name_len;
	struct entry *entry = malloc(bytes);
	char *at;

	if (!entry)
		return NULL;
	at = (char *)(entry + 1);
	*entry = (struct entry){ .answer = *answer, .bytes = bytes };
	/* In the order of what they need to be aligned to */
	entry->answer.addrs = (const void *)at;
	if (addrs)
		memcpy(at, answer->addrs, addrs);
	entry->answer.services = (const void *)(at + addrs);
	if (services)
		memcpy(at + addrs, answer->services, services);
	entry->name = memcpy(at + addrs + services, name, name_len);
	return entry;
}

static uint32_t clamp(uint32_t ttl_s, uint32_t max_s)
{
	if (ttl_s < ANSWERS_TTL_MIN_S)
		return ANSWERS_TTL_MIN_S;
	return ttl_s > max_s ? max_s : ttl_s;
}

/* RFC 9520 3.2: 1 s, 2 s, 4 s and so on */
static uint32_t failure_s(unsigned int failures)
{
	return failures > 5 ? ANSWERS_FAILED_MAX_S : clamp(1u << (failures - 1),
							  ANSWERS_FAILED_MAX_S);
}

/* What is long ago does not count. */
static unsigned int failed_before(const struct entry *old, int64_t now_ms)
{
	return old && now_ms < old->until_ms + ANSWERS_ABSENT_MAX_S * 1000LL ? old->failures : 0;
}

static uint32_t lasts_s(const struct entry *entry, uint32_t ttl_s)
{
	switch (entry->answer.kind) {
	case ANSWER_RECORDS:
		return clamp(ttl_s, ANSWERS_TTL_MAX_S);
	case ANSWER_ABSENT:
		return clamp(ttl_s, ANSWERS_ABSENT_MAX_S);
	case ANSWER_FAILED:
	case ANSWER_BOGUS:
		break;
	}
	return failure_s(entry->failures);
}

const struct answer *answers_put(struct answers *answers, const char *name,
				 enum resolver_type type, const struct answer *answer,
				 uint32_t ttl_s, uint32_t stale_ms, int64_t now_ms)
{
	bool failed = answer->kind == ANSWER_FAILED || answer->kind == ANSWER_BOGUS;
	struct entry *old = find(answers, name, type), *entry;
	enum part part;

	if (answer->kind == ANSWER_FAILED && old && old->answer.kind == ANSWER_RECORDS &&
	    now_ms < old->stale_until_ms) {
		old->until_ms = now_ms + ANSWERS_STALE_S * 1000;
		return &old->answer;
	}
	entry = copy(answer, name);
	if (!entry)
		return answer;
	entry->type = type;
	part = answer->kind == ANSWER_RECORDS && old ? old->part : PART_OTHERS;
	entry->failures = failed ? 1 + failed_before(old, now_ms) : 0;
	entry->until_ms = now_ms + lasts_s(entry, ttl_s) * 1000LL;
	entry->stale_until_ms = entry->until_ms + stale_ms;
	if (old)
		drop(answers, old);
	LIST_INSERT_HEAD(&answers->buckets[bucket_of(answers, name)], entry, in_bucket);
	enter_part(answers, entry, part);
	return &entry->answer;
}

static bool is_meant(const char *name, const char *flushed, bool below)
{
	size_t len = strlen(name), end = strlen(flushed);

	if (strcmp(name, flushed) == 0)
		return true;
	return below && len > end && name[len - end - 1] == '.' &&
	       strcmp(name + len - end, flushed) == 0;
}

size_t answers_flush(struct answers *answers, const char *name, bool below)
{
	size_t n = 0;

	for (int i = 0; i < PARTS; i++) {
		struct entry *entry, *next;

		for (entry = TAILQ_FIRST(&answers->parts[i].order); entry; entry = next) {
			next = TAILQ_NEXT(entry, in_order);
			if (name && !is_meant(entry->name, name, below))
				continue;
			drop(answers, entry);
			n++;
		}
	}
	return n;
}

void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	answers_flush(answers, NULL, false);
	free(answers);
}
