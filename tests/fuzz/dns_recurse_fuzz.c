/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libunbound's packets into recurse.c, from within the call that asks and later, to askers of
 * both kinds, some of whom no longer wait. The first byte says which.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/config.h"
#include "../../dns64/engine.h"
#include "../../dns64/message.h"
#include "../../dns64/resolver.h"
#include "../../dns64/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	ub_event_callback_type fn;
	void *arg;
	uint8_t how;
	uint8_t *packet;
	size_t len;
	unsigned int told;
} world;

static void call_back(void)
{
	static char why[] = "validation failure <w.example. A IN>: signature expired";

	world.fn(world.arg, world.how & 4 ? 2 : 0, world.packet, (int)world.len, world.how & 3,
		 world.how & 8 ? why : NULL, 0);
}

/* ---- in libunbound's place ------------------------------------------------------- */

bool engine_init(struct engine *engine, struct event_base *base,
		 const struct context_setup *setup, enum context_scope scope)
{
	engine->base = base;
	engine->setup = setup;
	engine->scope = scope;
	return true;
}

bool engine_ask(struct engine *engine, const struct name *qname, uint16_t type,
		uint16_t class, ub_event_callback_type fn, void *arg, int *id)
{
	(void)qname;
	(void)type;
	(void)class;
	world.fn = fn;
	world.arg = arg;
	*id = 1;
	engine->asking = true;
	if (world.how & 16)
		call_back();
	engine->asking = false;
	return true;
}

struct asked engine_asked(const struct engine *engine)
{
	(void)engine;
	return (struct asked){ .us = tally_now_us() };
}

void engine_answered(struct engine *engine, const struct asked *asked)
{
	(void)asked;
	engine->failed_in_row = 0;
}

void engine_health(const struct engine *engine, struct resolver_health *out)
{
	*out = engine->health;
}

bool engine_may_answer(const struct engine *engine, const struct asked *asked)
{
	(void)engine;
	return asked->us & 1;
}

void engine_end(struct engine *engine) { (void)engine; }
void engine_cancel(struct engine *engine, int id) { (void)engine; (void)id; }
bool engine_is_full(const struct engine *engine) { return engine->n_questions > 1; }
bool engine_failed(struct engine *engine, const struct asked *asked)
{
	engine->failed_in_row++;
	return asked->us & 1;
}

void engine_timed_out(struct engine *engine, const struct asked *asked)
{
	engine_failed(engine, asked);
}

bool engine_is_deaf(const struct engine *engine) { (void)engine; return false; }
bool engine_is_to_renew(const struct engine *engine) { (void)engine; return false; }
struct context *engine_renew(struct engine *engine) { (void)engine; return NULL; }
void engine_retry(struct engine *engine) { (void)engine; }

/* ---- askers ------------------------------------------------------------------------- */

static void told(void *arg, const struct resolver_answer *answer)
{
	static volatile uint8_t sink;	/* so that every byte is read */
	struct message message;

	(void)arg;
	world.told++;
	if (answer->status == RESOLVER_OK && !answer->wire)
		abort();
	for (size_t i = 0; answer->wire && i < answer->wire_len; i++)
		sink = answer->wire[i];
	(void)sink;
	if (answer->wire && message_read(&message, answer->wire, answer->wire_len) &&
	    message_rcode(&message) != answer->rcode)
		abort();
}

static void told_records(void *arg, const struct resolver_records *answer)
{
	(void)arg;
	world.told++;
	if (answer->n_addrs > RESOLVER_ADDRESSES_MAX || answer->n_services > RESOLVER_SERVICES_MAX)
		abort();
	if ((answer->status != RESOLVER_OK || answer->rcode) &&
	    (answer->n_addrs || answer->n_services))
		abort();
	for (size_t i = 0; i < answer->n_services; i++)
		if (strnlen(answer->services[i].target, RESOLVER_NAME_STRLEN) >= RESOLVER_NAME_STRLEN)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	static struct event_base *base;
	struct resolver_query *question;
	struct resolver *resolver;

	if (!config) {
		config = config_load(NULL, stderr);
		base = event_base_new();
	}
	if (!size)
		return 0;
	world.how = data[0];
	world.told = 0;
	world.len = size - 1;
	world.packet = malloc(world.len ? world.len : 1);
	resolver = resolver_new(base, config);
	if (!resolver || !world.packet)
		abort();
	memcpy(world.packet, data + 1, world.len);
	if (world.how & 32)
		question = resolver_ask_records(resolver, "w.example", world.len % 3,
						told_records, NULL);
	else
		question = resolver_ask(resolver, (const uint8_t *)"\001w\007example", 1, 1, told,
					NULL);
	if (!question || world.told)
		abort();
	if (world.how & 64)
		resolver_cancel(question);
	if (!(world.how & 16))
		call_back();
	event_base_loop(base, EVLOOP_NONBLOCK);
	if (world.told != !(world.how & 64))
		abort();
	resolver_free(resolver);
	free(world.packet);
	return 0;
}
