/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the journal gets: systemd.io/JOURNAL_NATIVE_PROTOCOL, systemd.journal-fields(7), read
 * by a reader that shares nothing with the writer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../core/log.h"
#include "../../core/log_journal.h"
#include "../../core/stats.h"

enum { ENTRY_MAX = 1 << 20, FIELDS = 40, THREADS = 4, EACH = 500 };

static int journal = -1;
static char folder[] = "/tmp/gate64-journal-XXXXXX", path[64];

/* One entry, as it came */
static char bytes[ENTRY_MAX];
static struct {
	char name[65];
	const char *value;
	size_t len;
} fields[FIELDS];
static size_t n_fields;

/* ---- a journal --------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	memcpy(addr.sun_path, path, strlen(path));
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (journal < 0 || bind(journal, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	log_journal_path = path;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(journal);
	unlink(path);
	return rmdir(folder);
}

/* Read a sealed file that came with an empty datagram. */
static ssize_t read_file(struct msghdr *msg)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	ssize_t len;
	int file;

	assert_non_null(cmsg);
	assert_int_equal(cmsg->cmsg_type, SCM_RIGHTS);
	memcpy(&file, CMSG_DATA(cmsg), sizeof(file));
	assert_int_equal((int)syscall(SYS_fcntl, file, F_GET_SEALS) & wanted, wanted);
	len = pread(file, bytes, sizeof(bytes), 0);
	close(file);
	return len;
}

static ssize_t receive(int flags)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(journal, &msg, flags);

	return len == 0 ? read_file(&msg) : len;
}

/* Take the next entry apart. Return: false where there is none. */
static bool next_entry(void)
{
	ssize_t len = receive(MSG_DONTWAIT);
	char *at = bytes, *end = bytes + len;

	n_fields = 0;
	if (len < 0)
		return false;
	while (at < end) {
		size_t name_len = strcspn(at, "=\n");
		uint64_t value_len;

		assert_in_range(name_len, 1, 64);
		assert_true(n_fields < FIELDS);
		memcpy(fields[n_fields].name, at, name_len);
		fields[n_fields].name[name_len] = '\0';
		assert_int_equal(strspn(fields[n_fields].name,
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), name_len);
		at += name_len + 1;
		if (at[-1] == '=') {
			value_len = (size_t)((char *)memchr(at, '\n', (size_t)(end - at)) - at);
		} else {
			value_len = 0;
			for (int i = 7; i >= 0; i--)
				value_len = value_len << 8 | (unsigned char)at[i];
			at += 8;
		}
		assert_true(at + value_len < end);
		assert_int_equal(at[value_len], '\n');
		fields[n_fields].value = at;
		fields[n_fields++].len = value_len;
		at += value_len + 1;
	}
	return true;
}

static bool has(const char *name)
{
	for (size_t i = 0; i < n_fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return true;
	return false;
}

static void check(const char *name, const char *value)
{
	for (size_t i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		assert_int_equal(fields[i].len, strlen(value));
		assert_memory_equal(fields[i].value, value, fields[i].len);
		return;
	}
	fail_msg("there is no field %s", name);
}

/* ---- tests -------------------------------------------------------------------------- */

/* syslog(3) has the numbers of PRIORITY. */
static void test_lines(void **state)
{
	static const char *const priorities[] = { "3", "4", "6" };

	(void)state;
	log_error("one %d", 1);
	log_warn("two");
	log_info("three");
	log_debug("not at this level");
	for (size_t i = 0; i < 3; i++) {
		assert_true(next_entry());
		check("PRIORITY", priorities[i]);
		check("SYSLOG_IDENTIFIER", "gate64");
		check("CODE_FILE", __FILE__);
		assert_true(has("CODE_LINE"));
		assert_false(has("MESSAGE_ID"));
		if (i == 0)
			check("MESSAGE", "one 1");
	}
	assert_false(next_entry());
}

/* A message is one line, whatever it quotes; and no field of its own. */
static void test_a_message_is_no_field(void **state)
{
	(void)state;
	log_info("name %s", "a\nPRIORITY=0\nMESSAGE=forged");
	assert_true(next_entry());
	check("MESSAGE", "name a PRIORITY=0 MESSAGE=forged");
	check("PRIORITY", "6");
}

/* An event has its MESSAGE_ID, and fields; values may have line feeds, and any length. */
static void test_events(void **state)
{
	static char text[300000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[1000] = '\n';
	log_event(LOG_LEVEL_WARN, LOG_EVENT_RELOAD_REFUSED,
		  LOG_FIELDS({ "text", "a\nb=c" }, { "two_words", "" }), "refused");
	log_event(LOG_LEVEL_WARN, LOG_EVENT_RELOAD_REFUSED, LOG_FIELDS({ "text", text }), "refused");
	assert_true(next_entry());
	check("MESSAGE", "refused");
	check("GATE64_EVENT", "reload-refused");
	check("GATE64_TEXT", "a\nb=c");
	check("GATE64_TWO_WORDS", "");
	assert_true(has("MESSAGE_ID"));
	assert_true(next_entry());
	check("GATE64_TEXT", text);
}

/* MESSAGE_ID: 128 bits as 32 hexadecimal digits (sd_id128(3)); each event has its own. */
static void test_message_ids(void **state)
{
	static const struct {
		const char *word, *id;
	} rows[] = {
#define LOG_EVENT(name, word, message_id, help) { word, message_id },
#include "../../core/log_events.h"
#undef LOG_EVENT
	};
	const size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(strlen(rows[i].id), 32);
		assert_int_equal(strspn(rows[i].id, "0123456789abcdef"), 32);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(rows[i].id, rows[j].id);
			assert_string_not_equal(rows[i].word, rows[j].word);
		}
	}
}

/* The lines that operators ask for by a setting: whole as the message, and taken apart. */
static void test_objects(void **state)
{
	static const char json[] =
		"{\"time\":\"2026-01-02T03:04:05.678Z\",\"event\":\"connection-end\","
		"\"client\":\"192.0.2.1\",\"client_port\":40000,\"name\":null,\"duration_s\":1.500,"
		"\"odd\":\"a\\\"b\\\\c,}\",\"end\":\"closed\"}";

	(void)state;
	assert_true(log_object(json));
	assert_true(next_entry());
	check("MESSAGE", json);
	check("PRIORITY", "6");
	check("GATE64_EVENT", "connection-end");
	check("GATE64_TIME", "2026-01-02T03:04:05.678Z");
	check("GATE64_CLIENT", "192.0.2.1");
	check("GATE64_CLIENT_PORT", "40000");
	check("GATE64_DURATION_S", "1.500");
	check("GATE64_ODD", "a\"b\\c,}");
	check("GATE64_END", "closed");
	assert_false(has("GATE64_NAME"));
	assert_true(has("MESSAGE_ID"));
}

/* Of an object that is not as it should be, nothing is read that is not there. */
static void test_odd_objects(void **state)
{
	static const char *const odd[] = { "", "{", "{}", "x", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"",
					   "{\"a\":\"\\", "{\"a\":1", "{\"a\":1,", "[1]", "{\"a\"1}" };
	struct log_field members[4];
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_in_range(log_journal_members(odd[i], text, sizeof(text), members, 4), 0, 1);
	/* what does not fit is cut */
	assert_int_equal(log_journal_members("{\"abc\":\"defghijk\"}", text, sizeof(text), members, 4), 1);
	assert_string_equal(members[0].name, "abc");
	assert_string_equal(members[0].value, "def");
}

static uint64_t counted_lost(void)
{
	static uint64_t sums[STAT_COUNT];

	stats_sum(sums);
	return sums[STAT_OPS_LOG_LOST];
}

/* A journal that does not read keeps nobody waiting; what it lost is said when it does. */
static void test_nobody_reads(void **state)
{
	uint64_t before = counted_lost();
	char wanted[24];
	int kept = 0;

	(void)state;
	for (int i = 0; i < 5000; i++)
		log_lines(LOG_LEVEL_INFO, "many", "line");
	while (next_entry())
		kept++;
	assert_in_range(kept, 1, 4999);
	assert_int_equal(counted_lost() - before, 5000 - kept);
	log_info("after");
	assert_true(next_entry());
	check("GATE64_EVENT", "lines-lost");
	snprintf(wanted, sizeof(wanted), "%d", 5000 - kept);
	check("GATE64_LINES", wanted);
	assert_true(next_entry());
	check("MESSAGE", "after");
	/* objects are the caller's to keep */
	while (log_object("{\"event\":\"session-create\"}"))
		;
	while (next_entry())
		check("GATE64_EVENT", "session-create");
	log_info("then");
	assert_true(next_entry());
	check("MESSAGE", "then");
}

static void *write_many(void *arg)
{
	for (int i = 0; i < EACH; i++)
		log_lines(LOG_LEVEL_INFO, arg, "a line\n");
	return NULL;
}

/* All threads at once: each entry arrives whole, or not at all. */
static void test_threads(void **state)
{
	static char names[THREADS][16];
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof(names[i]), "t%d", i);
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (next_entry()) {
		assert_true(has("MESSAGE"));
		assert_true(has("PRIORITY"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_a_message_is_no_field),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_message_ids),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_odd_objects),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
