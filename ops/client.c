/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What travels through here: one request of a sub-command, and its reply. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/loop.h"
#include "client.h"

enum { REPLY_MAX = 4 << 20 };	/* bytes */

/* A gateway that is stuck has as many in its queue as that takes: one more waits here. */
static int connect_to(const char *path, uint32_t timeout_ms)
{
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000L };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = errno == EAGAIN ? -ETIMEDOUT : -errno;
	close(fd);
	return err;
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/* The gateway hangs up at once on those who may not ask. */
		if (n < 0)
			return errno == EPIPE ? -EACCES : -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int send_request(int fd, struct json_object *request)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	int err = text ? send_all(fd, text, strlen(text)) : -ENOMEM;

	return err ? err : send_all(fd, "\n", 1);
}

/* Read until the newline. Return: the length before it, or -errno. */
static ssize_t read_line(int fd, uint32_t timeout_ms, char **line)
{
	int64_t deadline_ms = loop_now_ms() + timeout_ms;
	size_t len = 0, size = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - loop_now_ms();
		char *end;
		ssize_t n;

		if (len == size) {
			size = size ? 2 * size : 16384;
			end = size <= REPLY_MAX ? realloc(*line, size) : NULL;
			if (!end)
				return size <= REPLY_MAX ? -ENOMEM : -EPROTO;
			*line = end;
		}
		if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) == 0)
			return -ETIMEDOUT;
		n = recv(fd, *line + len, size - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ECONNRESET && len == 0 ? -EACCES : -errno;
		if (n == 0)
			return len == 0 ? -EACCES : -EPROTO;
		end = memchr(*line + len, '\n', (size_t)n);
		if (end)
			return end - *line;
		len += (size_t)n;
	}
}

static int read_reply(int fd, uint32_t timeout_ms, struct json_object **reply)
{
	struct json_tokener *tokener = json_tokener_new();
	char *line = NULL;
	ssize_t len = tokener ? read_line(fd, timeout_ms, &line) : -ENOMEM;
	int err = len < 0 ? (int)len : 0;

	if (!err) {
		*reply = json_tokener_parse_ex(tokener, line, (int)len);
		if (!json_object_is_type(*reply, json_type_object)) {
			json_object_put(*reply);
			err = -EPROTO;
		}
	}
	free(line);
	if (tokener)
		json_tokener_free(tokener);
	return err;
}

int client_ask(const char *path, struct json_object *request, uint32_t timeout_ms,
	       struct json_object **reply)
{
	int fd = connect_to(path, timeout_ms);
	int err;

	if (fd < 0)
		return fd;
	err = send_request(fd, request);
	/* Who hangs up at once may have said why. */
	if (!err || err == -EACCES)
		err = read_reply(fd, timeout_ms, reply);
	close(fd);
	return err;
}
