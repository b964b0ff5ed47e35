/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shared_text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../core/loop.h"

struct shared_text *shared_text_new(unsigned int status, const char *from, size_t len)
{
	struct shared_text *text = malloc(sizeof(*text) + len + 1);

	if (!text)
		return NULL;
	atomic_init(&text->users, 1);
	text->made_ms = loop_now_ms();
	text->status = status;
	text->len = len;
	memcpy(text->data, from, len);
	text->data[len] = '\0';
	return text;
}

struct shared_text *shared_text_hold(struct shared_text *text)
{
	atomic_fetch_add_explicit(&text->users, 1, memory_order_relaxed);
	return text;
}

void shared_text_put(struct shared_text *text)
{
	if (text &&
	    atomic_fetch_sub_explicit(&text->users, 1, memory_order_acq_rel) == 1)
		free(text);
}
