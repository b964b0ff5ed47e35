/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head of an HTTP request (RFC 9112 2 to 5), as a server that takes GET and HEAD alone
 * and no content reads it. Pure.
 */
#ifndef OPS_WEB_HEAD_H
#define OPS_WEB_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WEB_PATH_MAX = 128,	/* bytes, NUL included, of each of these */
	WEB_HOST_MAX = 256,
	WEB_TAGS_MAX = 256,
};

struct web_request {
	bool is_head;			/* HEAD: as GET, without the content */
	bool openmetrics;		/* Accept prefers that to plain text */
	char path[WEB_PATH_MAX];	/* without the query */
	char host[WEB_HOST_MAX];	/* that it is for, without the port; "": not said */
	char none_match[WEB_TAGS_MAX];	/* If-None-Match; "": none, or a long one */
};

/**
 * web_head_read() - read a head.
 * @head, @len:	all of it, the empty line at its end included.
 * @why:	what is wrong, in words.
 * Return: 0; or the status (RFC 9110 15) with which it is to be refused, @out being zeroed but
 * for @is_head.
 */
unsigned int web_head_read(const char *head, size_t len, struct web_request *out,
			   const char **why);

/**
 * web_head_knows() - does the client have this version already (RFC 9110 13.1.2)?
 * @none_match:	its If-None-Match.
 * @tag:	of what we have, quotes included.
 */
bool web_head_knows(const char *none_match, const char *tag);

#endif
