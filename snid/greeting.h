/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server gets before the client's own bytes: a PROXY header, where it wants one, and
 * PostgreSQL's request for TLS, where the client made it.
 */
#ifndef SNID_GREETING_H
#define SNID_GREETING_H

#include <stddef.h>
#include <stdint.h>

#include "postgres.h"
#include "preface.h"
#include "proxy.h"

enum { GREETING_MAX = PROXY_WRITE_MAX + POSTGRES_REQUEST_LEN };

/**
 * greeting_write() - the bytes.
 * @out:	GREETING_MAX bytes.
 * @client:	who the server is told of.
 * @client_fd:	its socket, or that of the proxy in front of us.
 * Return: how many there are; 0: none.
 */
size_t greeting_write(uint8_t *out, const struct service *service, const struct preface *preface,
		      const struct endpoint *client, int client_fd);

#endif
