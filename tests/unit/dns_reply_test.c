/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How names are written into replies, and what that may cost. */
#include "dns_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../dns64/reply.h"

enum { RDLENGTH_END = 10 };	/* type, class, TTL and the length itself, after the owner */

static uint8_t wire[MESSAGE_MAX];

/* A reply to "example" PTR that has the names make(0), make(1) and so on; checked as it is read */
static struct reply compose(struct answer *answer, void (*make)(struct name *name, unsigned int i),
			    unsigned int n)
{
	struct query query = dns_text_query("example", LDNS_RR_TYPE_PTR);
	struct message *message = malloc(sizeof(*message));
	struct reply reply;
	struct name name, read;

	*answer = (struct answer){ .wire = wire };
	reply_begin(&reply, answer, &query);
	for (unsigned int i = 0; i < n; i++) {
		make(&name, i);
		reply_add_name(&reply, SECTION_ANSWER, &query.qname, LDNS_RR_TYPE_PTR, 60, &name);
	}
	reply_end(&reply, LDNS_RCODE_NOERROR);
	assert_false(reply.failed);

	assert_non_null(message);
	assert_true(message_read(message, answer->wire, answer->len));
	assert_int_equal(message->n, n);
	for (unsigned int i = 0; i < n; i++) {
		make(&name, i);
		assert_true(message_rdata_name(message, &message->rr[i], 0, &read));
		assert_true(name_equal(&read, &name));
	}
	free(message);
	return reply;
}

/* "host-0123.example": of one length all of them */
static void make_host(struct name *name, unsigned int i)
{
	char text[32];

	snprintf(text, sizeof(text), "host-%04u.Example", i);
	assert_true(name_from_text(name, text));
}

/* "a.a. ... .a." and a letter of its own: 127 labels of which only the last differs */
static void make_long(struct name *name, unsigned int i)
{
	for (unsigned int at = 0; at < 252; at += 2) {
		name->wire[at] = 1;
		name->wire[at + 1] = 'a';
	}
	name->wire[252] = 1;
	name->wire[253] = (uint8_t)i;
	name->wire[254] = 0;
	name->len = 255;
}

/* RFC 1035 4.1.4: a thousand names are compressed to their first labels and a pointer. */
static void test_many_names_are_compressed(void **state)
{
	enum { N = 1000, QUESTION = 9 + 4, OWNER = 2, TARGET = 1 + 9 + 2 };
	struct answer answer;

	(void)state;
	compose(&answer, make_host, N);
	assert_int_equal(answer.len, MESSAGE_HEADER_LEN + QUESTION +
				     N * (OWNER + RDLENGTH_END + TARGET));
}

/* RFC 1035 4.1.4 does not demand it: names that nearly match are looked at only so often, by a
 * count of bytes, and then written in full. */
static void test_names_that_nearly_match_cost_little(void **state)
{
	enum { N = 240, OF_EACH = NAME_WIRE_MAX + NAME_LABELS_MAX };	/* the question's name */
	struct answer answer;
	struct reply reply;

	(void)state;
	reply = compose(&answer, make_long, N);
	assert_in_range(reply.effort, REPLY_EFFORT_MAX, REPLY_EFFORT_MAX + (N + 1) * OF_EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_names_are_compressed),
		cmocka_unit_test(test_names_that_nearly_match_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
