/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said in clear before TLS on PostgreSQL's port ("Frontend/Backend Protocol", 55.2.10
 * to 55.2.11 and 55.7 of its manual): the client asks for TLS, is told yes, and greets. Pure.
 */
#ifndef SNID_POSTGRES_H
#define SNID_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POSTGRES_REQUEST_LEN = 8 };

/* SSLRequest, as the server gets it too */
extern const uint8_t postgres_ssl_request[POSTGRES_REQUEST_LEN];

enum postgres_result {
	POSTGRES_NEED_MORE,	/* good so far */
	POSTGRES_SAY_NO,	/* GSSENCRequest: to be answered 'N', then the next request */
	POSTGRES_SAY_YES,	/* SSLRequest: to be answered 'S', then TLS */
	POSTGRES_CANCEL,	/* CancelRequest: it names no server, and gets no answer */
	POSTGRES_PLAIN,		/* StartupMessage: the client does without TLS */
	POSTGRES_UNENCRYPTED,	/* bytes behind SSLRequest that were to be under TLS */
	POSTGRES_BAD,		/* none of these, or the same request again */
};

/**
 * postgres_read() - the request with which @wire begins. Where it is to be answered it takes
 * POSTGRES_REQUEST_LEN bytes.
 * @gss_refused:	kept by the caller between the calls of one connection; false at first.
 */
enum postgres_result postgres_read(bool *gss_refused, const uint8_t *wire, size_t len);

/**
 * postgres_judge_answer() - what the server answered to SSLRequest.
 * @answer:	all @len bytes that came; 0: the stream ended.
 * Return: NULL, the server speaks TLS; or what is wrong as a static text. The client was
 * promised TLS: whatever else it is, nothing may go on.
 */
const char *postgres_judge_answer(const uint8_t *answer, size_t len);

#endif
