/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever a client says: names that come out are in their one form, no more is taken than has
 * come, it ends, and it ends so however it is cut. The first byte chooses the listener and the
 * length of the pieces, the rest is the wire.
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

/* Return: whether it has ended, in @verdict. */
static bool read_some(struct preface *preface, const struct service *service,
		      const uint8_t *wire, size_t len, size_t *taken,
		      enum preface_verdict *verdict)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		uint8_t *copy = malloc(len - *taken + 1);

		check(copy != NULL);
		memcpy(copy, wire + *taken, len - *taken);
		*verdict = preface_read(preface, service, copy, len - *taken, gather);
		free(copy);
		check(preface->taken <= len - *taken);
		*taken += preface->taken;
		if (*verdict == PREFACE_NEED_MORE)
			return false;
		if (*verdict == PREFACE_NAME)
			check_name(preface, service);
		if (*verdict == PREFACE_REFUSED)
			check(preface->refusal < REFUSAL_COUNT);
		if (*verdict == PREFACE_NAME || *verdict == PREFACE_REFUSED)
			return true;
		check(*verdict == PREFACE_CLIENT || preface->say == 'S' || preface->say == 'N');
	}
	abort();
}

static enum preface_verdict read_in_pieces(struct preface *preface,
					   const struct service *service, const uint8_t *wire,
					   size_t size, size_t piece)
{
	enum preface_verdict verdict = PREFACE_NEED_MORE;
	size_t taken = 0;

	for (size_t len = 0; len < size;) {
		len = size - len > piece ? len + piece : size;
		if (read_some(preface, service, wire, len, &taken, &verdict))
			break;
	}
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct service service = { .at.port = 443 };
	struct preface whole = { .step = PREFACE_AT_PROTOCOL }, parts;
	enum preface_verdict verdict;

	if (size < 1)
		return 0;
	service.protocol = (enum config_sni_protocol)(data[0] & 3);
	service.at.port = data[0] & 4 ? 80 : 443;
	service.default_name = data[0] & 8 ? "default.example" : NULL;
	if (data[0] & 16)
		whole.step = PREFACE_AT_PROXY;
	parts = whole;
	verdict = read_in_pieces(&whole, &service, data + 1, size - 1, size);
	/* What has come too early is refused, and nobody knows it of what comes in pieces. */
	if (verdict == PREFACE_REFUSED && whole.refusal == REFUSAL_BAD_PG)
		return 0;
	check(read_in_pieces(&parts, &service, data + 1, size - 1, 1 + (data[0] >> 5)) == verdict);
	check(parts.step == whole.step && parts.asks_postgres == whole.asks_postgres);
	if (verdict == PREFACE_NAME)
		check(!strcmp(parts.name, whole.name) && !strcmp(parts.alpn, whole.alpn));
	if (verdict == PREFACE_REFUSED)
		check(parts.refusal == whole.refusal && parts.language == whole.language);
	return 0;
}
