/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sysctls.h. Of their texts only a hash is kept: a list of reserved ports may be long. */
#include "sysctls.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const paths[] = {
	"/proc/sys/net/ipv4/ip_forward",
	"/proc/sys/net/ipv4/ip_local_port_range",
	"/proc/sys/net/ipv4/ip_local_reserved_ports",
};

enum { N_PATHS = sizeof(paths) / sizeof(paths[0]) };

struct sysctls {
	uint64_t hash[N_PATHS];
};

/* FNV-1a; what cannot be read is as if it were empty. */
static uint64_t hash_of(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325;
	char text[4096];
	ssize_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return hash;
	while ((size = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < size; i++)
			hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
	close(fd);
	return hash;
}

bool sysctls_changed(struct sysctls *sysctls)
{
	bool changed = false;

	for (size_t i = 0; i < N_PATHS; i++) {
		uint64_t hash = hash_of(paths[i]);

		changed |= hash != sysctls->hash[i];
		sysctls->hash[i] = hash;
	}
	return changed;
}

struct sysctls *sysctls_new(void)
{
	struct sysctls *sysctls = calloc(1, sizeof(*sysctls));

	if (sysctls)
		sysctls_changed(sysctls);
	return sysctls;
}

void sysctls_free(struct sysctls *sysctls)
{
	free(sysctls);
}
