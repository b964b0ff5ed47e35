/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/dial: unix sockets by name, source ports, and what is never dialled. Labs have the rest. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../snid/dial.h"

static char directory[] = "/tmp/sni_dial_XXXXXX";

static void path_of(char *path, const char *name)
{
	assert_in_range(snprintf(path, 512, "%s/%s", directory, name), 1, 511);
}

/* A server that listens as @name in the directory */
static int serve(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char path[512];

	path_of(path, name);
	assert_in_range(strlen(path), 1, sizeof(at.sun_path) - 1);
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Is it this server that is dialled? */
static void assert_reaches(int server, const char *name)
{
	struct pollfd pending = { .fd = server, .events = POLLIN };
	int fd = dial_unix(directory, name);

	assert_true(fd >= 0);
	assert_int_equal(poll(&pending, 1, 5000), 1);
	close(accept(server, NULL, NULL));
	close(fd);
}

static size_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[512];

	(void)state;
	while ((entry = readdir(dir)) != NULL) {
		path_of(path, entry->d_name);
		if (unlink(path) < 0)
			(void)rmdir(path);	/* fails for "." and ".." */
	}
	closedir(dir);
	return rmdir(directory);
}

/* The name itself, else its domain's wildcard, else `_' */
static void test_unix_names(void **state)
{
	int exact = serve("a.example"), domain = serve("_.example"), any;
	size_t before = count_descriptors();
	char name[254], path[512], long_path[512];

	(void)state;
	assert_reaches(exact, "a.example");
	assert_reaches(domain, "b.example");
	assert_int_equal(dial_unix(directory, "a.b.example"), -ENOENT);
	assert_int_equal(dial_unix(directory, "example"), -ENOENT);
	assert_int_equal(count_descriptors(), before);
	any = serve("_");
	assert_reaches(any, "example");
	assert_reaches(any, "a.b.example");

	/* names are longer than the path of a socket may be */
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[253] = '\0';
	path_of(path, "a.example");
	path_of(long_path, name);
	assert_int_equal(rename(path, long_path), 0);
	assert_reaches(exact, name);
	close(exact);
	close(domain);
	close(any);
}

/* What is no socket is not used: a file, a directory, a link to a socket, or out of there */
static void test_unix_others(void **state)
{
	int outside = serve("outside");
	size_t before;
	char path[512], to[512];
	FILE *file;

	(void)state;
	path_of(path, "file.x");
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	path_of(path, "folder.x");
	assert_int_equal(mkdir(path, 0755), 0);
	path_of(path, "link.x");
	path_of(to, "outside");
	assert_int_equal(symlink(to, path), 0);
	path_of(path, "_");
	assert_int_equal(unlink(path), 0);
	before = count_descriptors();
	assert_int_equal(dial_unix(directory, "file.x"), -ENOENT);
	assert_int_equal(dial_unix(directory, "folder.x"), -ENOENT);
	assert_int_equal(dial_unix(directory, "link.x"), -ENOENT);
	assert_int_equal(dial_unix("/nowhere/at/all", "outside"), -ENOTDIR);
	close(outside);
	assert_int_equal(dial_unix(directory, "outside"), -ECONNREFUSED);
	assert_int_equal(count_descriptors(), before - 1);
}

/* Trap 4, RFC 4291 2.5.5.2: from a client's address nothing leaves over IPv4 */
static void test_mapped(void **state)
{
	struct dial_ports ports;
	struct endpoint from, to;
	size_t before = count_descriptors();

	(void)state;
	dial_ports_read(&ports);
	assert_true(endpoint_parse("[64:ff9b:1::c000:201]:40000", 0, &from));
	assert_true(endpoint_parse("127.0.0.1:9", 0, &to));
	assert_int_equal(dial_tcp(&from, &to, &ports), -ENETUNREACH);
	assert_int_equal(count_descriptors(), before);
}

static void test_ports(void **state)
{
	struct dial_ports ports;

	(void)state;
	dial_ports_read(&ports);
	assert_true(ports.first > 0 && ports.first <= ports.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unix_names),
		cmocka_unit_test(test_unix_others),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
