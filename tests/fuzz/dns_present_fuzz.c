/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer from upstream on its way to `gate64 dns lookup`: composed anew as it would be
 * passed on, then told record by record (the part that ldns has in it); and extended errors
 * out of whatever comes.
 */
#include <stdlib.h>
#include <string.h>

#include "../../dns64/codes.h"
#include "../../dns64/present.h"
#include "../../dns64/synth.h"

enum { EDES_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t wire[MESSAGE_MAX];

/* A line, and one only */
static void take(void *arg, enum message_section section, const char *text)
{
	(void)arg;
	if (section > SECTION_ADDITIONAL || !*text || strchr(text, '\n'))
		abort();
}

static void check_edes(const uint8_t *message, size_t len)
{
	struct present_ede edes[EDES_MAX];
	size_t n = present_ede(message, len, edes, EDES_MAX);

	if (n > EDES_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!memchr(edes[i].text, '\0', sizeof(edes[i].text)) || !edes[i].purpose)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query query = { .class = LDNS_RR_CLASS_IN, .dnssec_ok = true };
	struct synth_side from = { .known = true };
	struct answer answer = { .wire = wire };
	char type[PRESENT_WORD_MAX];
	uint8_t *copy;

	if (size < 2 || size > MESSAGE_MAX)
		return 0;
	query.type = (uint16_t)(data[0] << 8 | data[1]);
	present_type(query.type, type);
	if (!name_from_wire(&query.qname, (const uint8_t *)"\001w\007example"))
		abort();
	/* In memory of its own, that reading past its end shows. */
	copy = malloc(size - 2 ? size - 2 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 2, size - 2);
	from.answer.wire = copy;
	from.answer.wire_len = size - 2;
	synth_pass(&answer, &query, &from);
	if (!present_message(answer.wire, answer.len, take, NULL))
		abort();
	check_edes(copy, size - 2);
	free(copy);
	return 0;
}
