/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS as people read it: types, rcodes and records in presentation form (RFC 1035 5.1,
 * RFC 3597 5). Not for hot paths: most of it is ldns, which takes its time.
 */
#ifndef DNS64_PRESENT_H
#define DNS64_PRESENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum {
	PRESENT_WORD_MAX = 24,		/* a type or an rcode, NUL included */
	PRESENT_RDATA_MAX = 4096,	/* bytes; of longer rdata only the length is told */
};

/** present_type() - "AAAA", "TYPE65280". @text: PRESENT_WORD_MAX bytes. Return: @text. */
const char *present_type(uint16_t type, char *text);

/** present_type_read() - the reverse, in any letter case. Return: false: no such type. */
bool present_type_read(const char *text, uint16_t *type);

/** present_rcode() - "NXDOMAIN", "RCODE12". @text: PRESENT_WORD_MAX bytes. Return: @text. */
const char *present_rcode(unsigned int rcode, char *text);

/** Takes a record as text, borrowed for the call. */
typedef void present_fn(void *arg, enum message_section section, const char *text);

/**
 * present_message() - every record of a message, OPT left out, in order.
 * @wire, @len:	composed by reply.h, which has written anew the names that it knows of.
 * Return: false when it is malformed.
 */
bool present_message(const uint8_t *wire, size_t len, present_fn *fn, void *arg);

/* One extended DNS error (RFC 8914) */
struct present_ede {
	uint16_t code;
	const char *purpose;		/* of the code, static; "" where it is not known here */
	char text[128];			/* what else was said, what is not ASCII as "?" */
};

/** present_ede() - the extended errors of a message, @max at most. Return: how many. */
size_t present_ede(const uint8_t *wire, size_t len, struct present_ede *out, size_t max);

#endif
