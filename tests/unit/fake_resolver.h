/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A resolver that answers when and what the test says. */
#ifndef TESTS_UNIT_FAKE_RESOLVER_H
#define TESTS_UNIT_FAKE_RESOLVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../core/addr.h"
#include "../../dns64/resolver.h"

enum { FAKE_QUESTIONS_MAX = 4096 };

struct resolver_query {
	struct resolver *resolver;
	char name[RESOLVER_NAME_STRLEN];
	enum resolver_type type;
	resolver_records_fn *fn;	/* NULL: cancelled */
	void *arg;
	resolver_gone_fn *gone;
	void *payer;
	bool used;
};

static struct {
	struct resolver_query questions[FAKE_QUESTIONS_MAX];
	unsigned int asked;		/* in all */
	bool full;
} fake;

struct resolver_query *resolver_ask_records(struct resolver *resolver, const char *name,
					    enum resolver_type type, resolver_records_fn *fn,
					    void *arg)
{
	for (size_t i = 0; !fake.full && i < FAKE_QUESTIONS_MAX; i++) {
		struct resolver_query *q = &fake.questions[i];

		if (q->used)
			continue;
		*q = (struct resolver_query){ .resolver = resolver, .type = type, .fn = fn,
					      .arg = arg, .used = true };
		snprintf(q->name, sizeof(q->name), "%s", name);
		fake.asked++;
		return q;
	}
	return NULL;
}

void resolver_charge(struct resolver_query *query, resolver_gone_fn *gone, void *payer)
{
	query->gone = gone;
	query->payer = payer;
}

void resolver_cancel(struct resolver_query *query)
{
	query->fn = NULL;
}

/* Questions that are under way, those nobody waits for included */
static inline size_t fake_pending(void)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_QUESTIONS_MAX; i++)
		n += fake.questions[i].used;
	return n;
}

static inline struct resolver_query *fake_find(const char *name, enum resolver_type type)
{
	for (size_t i = 0; i < FAKE_QUESTIONS_MAX; i++) {
		struct resolver_query *q = &fake.questions[i];

		if (q->used && q->fn && q->type == type && strcmp(q->name, name) == 0)
			return q;
	}
	return NULL;
}

static inline void fake_end(struct resolver_query *q, const struct resolver_records *records)
{
	resolver_gone_fn *gone = q->gone;
	void *payer = q->payer;

	if (q->fn)
		q->fn(q->arg, records);
	q->used = false;
	if (gone)
		gone(payer);
}

/* The question must be under way. */
static inline void fake_answer(const char *name, enum resolver_type type,
			       const struct resolver_records *records)
{
	struct resolver_query *q = fake_find(name, type);

	assert_non_null(q);
	fake_end(q, records);
}

/* All that is under way ends without an answer. */
static inline void fake_end_all(enum resolver_status status)
{
	const struct resolver_records none = { .status = status };

	for (size_t i = 0; i < FAKE_QUESTIONS_MAX; i++)
		if (fake.questions[i].used)
			fake_end(&fake.questions[i], &none);
}

static inline struct in6_addr fake_addr(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

/* Addresses as one text, separated by spaces; TTL 300 */
static inline struct resolver_records fake_addresses(const char *texts)
{
	struct resolver_records records = { .status = RESOLVER_OK, .ttl_s = 300 };
	char copy[1024], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", texts);
	for (char *text = strtok_r(copy, " ", &save); text; text = strtok_r(NULL, " ", &save))
		records.addrs[records.n_addrs++] = fake_addr(text);
	return records;
}

static inline void fake_add_service(struct resolver_records *records, uint16_t priority,
				    uint16_t weight, uint16_t port, const char *target)
{
	struct resolver_service *service = &records->services[records->n_services++];

	*service = (struct resolver_service){ .priority = priority, .weight = weight,
					      .port = port };
	snprintf(service->target, sizeof(service->target), "%s", target);
}

static inline struct resolver_records fake_rcode(uint8_t rcode, uint32_t ttl_s)
{
	return (struct resolver_records){ .status = RESOLVER_OK, .rcode = rcode, .ttl_s = ttl_s };
}

#endif
