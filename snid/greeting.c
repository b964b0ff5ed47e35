/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See greeting.h. */
#include "greeting.h"

#include <string.h>
#include <sys/socket.h>

#include "service.h"

/* Where the client has connected to, as far as its proxy or the kernel tells */
static struct endpoint server_seen(const struct proxy_header *proxy, int client_fd)
{
	struct endpoint server = { .port = 0 };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (proxy->has_client)
		return proxy->server;
	if (getsockname(client_fd, (struct sockaddr *)&ss, &len) == 0)
		endpoint_from_sockaddr((const struct sockaddr *)&ss, &server);
	return server;
}

size_t greeting_write(uint8_t *out, const struct service *service, const struct preface *preface,
		      const struct endpoint *client, int client_fd)
{
	size_t len = 0;

	if (service->proxy_to) {
		struct endpoint server = server_seen(&preface->proxy, client_fd);

		len = proxy_write(out, client, &server, preface->name, preface->alpn);
	}
	if (preface->asks_postgres) {
		memcpy(out + len, postgres_ssl_request, sizeof(postgres_ssl_request));
		len += sizeof(postgres_ssl_request);
	}
	return len;
}
