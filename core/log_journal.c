/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_journal.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define OURS "GATE64_"

enum { USUAL_SIZE = 8192 };	/* longer entries take memory of the heap */

const char *log_journal_path = "/run/systemd/journal/socket";

int log_journal_open(void)
{
	int fd;

	if (access(log_journal_path, W_OK) < 0)
		return -errno;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

bool log_journal_has_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 &&
	       status.st_dev == (dev_t)device && status.st_ino == (ino_t)inode;
}

/* ---- an entry as bytes --------------------------------------------------------------- */

/* The most that a field can take */
static size_t field_size(const struct log_field *field)
{
	return strlen(OURS) + strlen(field->name) + sizeof("\n\n") + sizeof(uint64_t) +
	       strlen(field->value);
}

static char *put(char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static char *put_name(char *at, const char *name)
{
	if (!isupper((unsigned char)*name))
		at = put(at, OURS, strlen(OURS));
	for (; *name; name++)
		*at++ = (char)toupper((unsigned char)*name);
	return at;
}

/* "NAME=value\n"; where the value has a line feed "NAME\n", its length in 64 bits little
 * endian, the value, "\n". */
static char *put_field(char *at, const struct log_field *field)
{
	size_t len = strlen(field->value);

	at = put_name(at, field->name);
	if (memchr(field->value, '\n', len)) {
		uint64_t len_le = htole64(len);

		*at++ = '\n';
		at = put(at, &len_le, sizeof(len_le));
	} else {
		*at++ = '=';
	}
	at = put(at, field->value, len);
	*at++ = '\n';
	return at;
}

/* ---- sending -------------------------------------------------------------------------- */

static int send_message(int fd, struct msghdr *msg)
{
	return sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Sealed, so that the journal may read it without being tricked. */
static int memory_file(const char *bytes, size_t len)
{
	int fd = memfd_create("gate64-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t written = 0;

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len && written >= 0; done += (size_t)written)
		written = write(fd, bytes + done, len - done);
	if (written < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
						  F_SEAL_SEAL) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int send_file(int fd, struct sockaddr_un *addr, const char *bytes, size_t len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .align = {
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)),
	} };
	struct msghdr msg = {
		.msg_name = addr,
		.msg_namelen = sizeof(*addr),
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int file = memory_file(bytes, len), err;

	if (file < 0)
		return file;
	memcpy(CMSG_DATA(&control.align), &file, sizeof(file));
	err = send_message(fd, &msg);
	close(file);
	return err;
}

static int send_bytes(int fd, char *bytes, size_t len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct iovec iov = { .iov_base = bytes, .iov_len = len };
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	int err;

	strncpy(addr.sun_path, log_journal_path, sizeof(addr.sun_path) - 1);
	err = send_message(fd, &msg);
	return err == -EMSGSIZE || err == -ENOBUFS ? send_file(fd, &addr, bytes, len) : err;
}

int log_journal_send(int fd, const struct log_field *fields, size_t n)
{
	char usual[USUAL_SIZE], *bytes = usual, *at;
	size_t size = 0;
	int err;

	for (size_t i = 0; i < n; i++)
		size += field_size(&fields[i]);
	if (size > sizeof(usual))
		bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	at = bytes;
	for (size_t i = 0; i < n; i++)
		at = put_field(at, &fields[i]);
	err = send_bytes(fd, bytes, (size_t)(at - bytes));
	if (bytes != usual)
		free(bytes);
	return err;
}

/* ---- JSON to fields ------------------------------------------------------------------- */

/* What is being taken apart, and where its parts go */
struct taking {
	const char *from;
	char *to, *end;
};

static void keep(struct taking *taking, char c)
{
	if (taking->to < taking->end)
		*taking->to++ = c;
}

/* A string's contents, or a bare word up to its end. Return: where it is kept. */
static const char *take(struct taking *taking)
{
	char *kept = taking->to;

	if (*taking->from == '"') {
		for (taking->from++; *taking->from && *taking->from != '"'; taking->from++) {
			if (*taking->from == '\\' && taking->from[1])
				taking->from++;
			keep(taking, *taking->from);
		}
		taking->from += *taking->from == '"';
	} else {
		for (; *taking->from && !strchr(",}", *taking->from); taking->from++)
			keep(taking, *taking->from);
	}
	keep(taking, '\0');
	return kept;
}

size_t log_journal_members(const char *json, char *text, size_t size, struct log_field *fields,
			   size_t max)
{
	/* The last byte ends whatever does not fit. */
	struct taking taking = { json, text, text + size - 1 };
	size_t n = 0;

	text[size - 1] = '\0';
	while (n < max && *taking.from && *taking.from != '}') {
		const char *name, *value;
		bool null;

		taking.from++;			/* '{' or ',' */
		name = take(&taking);
		if (*taking.from != ':')
			break;
		taking.from++;
		null = *taking.from == 'n';
		value = take(&taking);
		if (!null)
			fields[n++] = (struct log_field){ name, value };
	}
	return n;
}
