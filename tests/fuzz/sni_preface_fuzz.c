/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever a client says, byte by byte: names that come out are in their one form, no more is
 * taken than has come, and it ends. The first byte chooses the listener, the rest is the wire.
 */
#include <stdlib.h>
#include <string.h>

#include "../../snid/preface.h"
#include "../../snid/service.h"

enum { STEPS_MAX = 8 };	/* a PROXY header, a refused GSS request, SSL, and what ends it */

static uint8_t gather[HELLO_MAX];

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct preface *preface, const struct service *service)
{
	char again[HOSTNAME_STRLEN];

	check(!hostname_normalise((const uint8_t *)preface->name, strlen(preface->name), again));
	check(strcmp(preface->name, again) == 0);
	check(strlen(preface->alpn) < PREFACE_ALPN_STRLEN);
	if (service->protocol == CONFIG_SNI_HTTP)
		check(preface->step == PREFACE_AT_HTTP);
	if (service->protocol == CONFIG_SNI_TLS)
		check(preface->step == PREFACE_AT_HELLO && !preface->asks_postgres);
}

/* Return: whether it has ended. */
static bool read_some(struct preface *preface, const struct service *service,
		      const uint8_t *wire, size_t len, size_t *taken)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		uint8_t *copy = malloc(len - *taken + 1);
		enum preface_verdict verdict;

		check(copy != NULL);
		memcpy(copy, wire + *taken, len - *taken);
		verdict = preface_read(preface, service, copy, len - *taken, gather);
		free(copy);
		check(preface->taken <= len - *taken);
		*taken += preface->taken;
		if (verdict == PREFACE_NEED_MORE)
			return false;
		if (verdict == PREFACE_NAME)
			check_name(preface, service);
		if (verdict == PREFACE_REFUSED)
			check(preface->refusal < REFUSAL_COUNT);
		if (verdict == PREFACE_NAME || verdict == PREFACE_REFUSED)
			return true;
		check(verdict == PREFACE_CLIENT || preface->say == 'S' || preface->say == 'N');
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct service service = { .at.port = 443 };
	struct preface preface = { .step = PREFACE_AT_PROTOCOL };
	size_t taken = 0, step;

	if (size < 1)
		return 0;
	service.protocol = (enum config_sni_protocol)(data[0] & 3);
	service.at.port = data[0] & 4 ? 80 : 443;
	service.default_name = data[0] & 8 ? "default.example" : NULL;
	if (data[0] & 16)
		preface.step = PREFACE_AT_PROXY;
	step = data[0] & 32 ? 1 : 1000;
	for (size_t len = 0; len < size - 1;) {
		len = len + step < size - 1 ? len + step : size - 1;
		if (read_some(&preface, &service, data + 1, len, &taken))
			break;
	}
	return 0;
}
