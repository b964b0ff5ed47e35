/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines as they are written to stderr: levels, formats, JSON (RFC 8259 7), limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/log.h"
#include "../../core/log_journal.h"

static int saved = -1, file = -1;
static char said[65536];

/* From here to heard(), standard error goes to memory. */
static void listen_in(void)
{
	fflush(stderr);
	saved = dup(STDERR_FILENO);
	file = memfd_create("log", MFD_CLOEXEC);
	assert_true(saved >= 0 && file >= 0);
	assert_true(dup2(file, STDERR_FILENO) >= 0);
}

static const char *heard(void)
{
	ssize_t len = pread(file, said, sizeof(said) - 1, 0);

	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
	assert_true(len >= 0);
	said[len] = '\0';
	return said;
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* What can be read now, and soon after: a terminal hands it over in pieces, and says CR LF. */
static size_t read_out(int fd, char *to, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	char piece[4096];
	ssize_t n;

	while (poll(&ready, 1, 100) == 1 && (n = read(fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n && len < size - 1; i++)
			if (piece[i] != '\r')
				to[len++] = piece[i];
	to[len] = '\0';
	return len;
}

/* Nobody reads at @reader what is written to @writer: no writer waits (else the alarm ends it),
 * and what was lost is said when somebody does. */
static void check_nobody_reads(int writer, int reader)
{
	enum { MANY = 4000, BYTES = 60 };
	static char text[MANY * 2 * BYTES];
	int err = dup(STDERR_FILENO);
	bool told = false;
	size_t len;

	fcntl(reader, F_SETFL, O_NONBLOCK);
	assert_true(err >= 0 && dup2(writer, STDERR_FILENO) >= 0);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	alarm(120);
	for (int i = 0; i < MANY; i++)
		log_lines(LOG_LEVEL_INFO, "many", "a line which is so long that these fill it");
	len = read_out(reader, text, sizeof(text));
	assert_in_range(len, 4096 - BYTES, MANY * BYTES - 1);
	for (int i = 0; i < 100 && !told; i++) {
		log_info("after");
		len += read_out(reader, text + len, sizeof(text) - len);
		told = strstr(text, " lines lost: nobody read them\ngate64: after\n") != NULL;
	}
	alarm(0);
	dup2(err, STDERR_FILENO);
	close(err);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	assert_true(told);
	/* What was cut has an end all the same. */
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_int_equal(strncmp(line, "gate64: ", 8), 0);
}

/* A pipe */
static void test_nobody_reads(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[1], F_SETPIPE_SZ, 4 * 4096);
	check_nobody_reads(ends[1], ends[0]);
	close(ends[0]);
	close(ends[1]);
}

/* Likewise a terminal, whose window is held (XOFF) or gone to sleep: poll(2) sees room for a
 * part of a line there, and a write waits for the rest. */
static void test_nobody_reads_the_terminal(void **state)
{
	int window = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), tty;

	(void)state;
	assert_true(window >= 0 && grantpt(window) == 0 && unlockpt(window) == 0);
	tty = open(ptsname(window), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(tty >= 0);
	check_nobody_reads(tty, window);
	close(tty);
	close(window);
}

static void test_text(void **state)
{
	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
	log_error("no %s", "way");
	log_warn("careful");
	log_info("hello %d", 7);
	log_debug("inside");
	assert_string_equal(heard(), "gate64: error: no way\ngate64: warning: careful\n"
				     "gate64: hello 7\ngate64: debug: inside\n");
}

/* sd-daemon(3): "<N>" with the numbers of syslog(3), where the journal has no socket */
static void test_journal(void **state)
{
	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JOURNAL);
	log_error("a");
	log_warn("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(heard(), "<3>a\n<4>b\n<6>c\n<7>d\n");
}

/* systemd.exec(5), JOURNAL_STREAM: "device:inode" of what stderr was; if it still is, auto
 * is the journal. */
static void test_auto(void **state)
{
	struct stat status;
	char stream[64];

	(void)state;
	listen_in();
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
	log_info("x");
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
	log_info("y");
	unsetenv("JOURNAL_STREAM");
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
	log_info("z");
	assert_string_equal(heard(), "<6>x\ngate64: y\ngate64: z\n");
}

static void test_levels(void **state)
{
	static const char *const wanted[] = {
		[LOG_LEVEL_ERROR] = "gate64: error: e\n",
		[LOG_LEVEL_WARN] = "gate64: error: e\ngate64: warning: w\n",
		[LOG_LEVEL_INFO] = "gate64: error: e\ngate64: warning: w\ngate64: i\n",
	};

	(void)state;
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_INFO; level++) {
		listen_in();
		log_setup((enum log_level)level, LOG_FORMAT_TEXT);
		assert_true(log_enabled((enum log_level)level));
		assert_false(log_enabled((enum log_level)(level + 1)));
		log_error("e");
		log_warn("w");
		log_info("i");
		log_debug("d");
		assert_string_equal(heard(), wanted[level]);
	}
}

static const char *member(json_object *object, const char *name)
{
	json_object *value;

	assert_true(json_object_object_get_ex(object, name, &value));
	return json_object_get_string(value);
}

/* Whatever the message is, the line is one JSON object, and it says the message. */
static void test_json(void **state)
{
	static const char message[] = "q\" b\\ n\n t\t r\r e\x1b \x01 \xc3\xa9 /";
	json_object *object;
	const char *when;
	int year, at = 0;

	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_warn("%s", message);
	heard();
	assert_int_equal(lines(said), 1);
	/* json-c takes control characters as they are; RFC 8259 7 does not. */
	for (const char *p = said; *p != '\n'; p++)
		assert_true((unsigned char)*p >= 0x20);
	object = json_tokener_parse(said);
	assert_non_null(object);
	assert_int_equal(json_object_object_length(object), 3);
	assert_string_equal(member(object, "message"), message);
	assert_string_equal(member(object, "level"), "warning");
	when = member(object, "time");
	assert_int_equal(sscanf(when, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ%n", &year, &at), 1);
	assert_int_equal(at, strlen(when));
	json_object_put(object);
}

/* Lines of any length: cut, but whole in form */
static void test_long_lines(void **state)
{
	static const enum log_format formats[] = { LOG_FORMAT_TEXT, LOG_FORMAT_JOURNAL,
						   LOG_FORMAT_JSON };
	static char message[10000];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (int c = 0; c < 3; c++) {
			memset(message, "x\"\x01"[c], sizeof(message) - 1);
			listen_in();
			log_setup(LOG_LEVEL_INFO, formats[i]);
			log_info("%s", message);
			heard();
			assert_int_equal(lines(said), 1);
			assert_int_equal(said[strlen(said) - 1], '\n');
			assert_true(strlen(said) > 500 && strlen(said) < 4096);
			if (formats[i] != LOG_FORMAT_JSON)
				continue;
			json_object *object = json_tokener_parse(said);

			assert_non_null(object);
			json_object_put(object);
		}
	}
}

/* Text and journal: what a message carries cannot pass for a line of its own. */
static void test_one_line_is_one_line(void **state)
{
	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_info("name %s", "a\ngate64: error: forged");
	assert_int_equal(lines(heard()), 1);
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	log_info("name %s", "a\n<0>forged");
	assert_int_equal(lines(heard()), 1);
}

/* What has a name says it, with its fields, as members. */
static void test_json_events(void **state)
{
	json_object *object;

	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_event(LOG_LEVEL_ERROR, LOG_EVENT_NOT_STARTED, LOG_FIELDS({ "step", "a \"b\"\n" }),
		  "not started: %d", 7);
	heard();
	assert_int_equal(lines(said), 1);
	object = json_tokener_parse(said);
	assert_non_null(object);
	assert_int_equal(json_object_object_length(object), 5);
	assert_string_equal(member(object, "event"), "start-failed");
	assert_string_equal(member(object, "message"), "not started: 7");
	assert_string_equal(member(object, "step"), "a \"b\"\n");
	assert_string_equal(member(object, "level"), "error");
	json_object_put(object);
}

static void provoke(int i)
{
	log_limited(LOG_LEVEL_INFO, "seen %d", i);
}

/* Ten at once, two a second; the next one says how many were left out. */
static void test_rate_limit(void **state)
{
	char wanted[64];
	size_t n;

	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	for (int i = 0; i < 100; i++)
		provoke(i);
	n = lines(heard());
	assert_in_range(n, 10, 11);
	assert_non_null(strstr(said, "gate64: seen 9\n"));
	assert_null(strstr(said, "seen 99"));
	usleep(600000);
	listen_in();
	provoke(100);
	provoke(101);
	heard();
	snprintf(wanted, sizeof(wanted), "gate64: seen 100 (%zu alike left out)\n", 100 - n);
	assert_non_null(strstr(said, wanted));
	assert_int_equal(lines(said), 1);
}

/* Two places each have a limit of their own, other lines a wider one. */
static void test_each_place_its_limit(void **state)
{
	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	for (int i = 0; i < 100; i++) {
		log_limited(LOG_LEVEL_WARN, "narrow %d", i);
		log_info("wide %d", i);
	}
	heard();
	assert_non_null(strstr(said, "narrow 9\n"));
	assert_null(strstr(said, "narrow 99\n"));
	assert_non_null(strstr(said, "wide 99\n"));
}

/* When it has become quiet what was left out is told, once, without another line coming. */
static void test_left_out_is_told_at_the_end(void **state)
{
	char wanted[128];
	size_t n;

	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	for (int i = 0; i < 100; i++)
		log_limited(LOG_LEVEL_WARN, "100%% of %-5s: %d%d %" PRIu64, "x", i, i, UINT64_C(1));
	n = lines(heard());
	snprintf(wanted, sizeof(wanted),
		 "gate64: warning: 100%% of ...: ... ... (%zu alike left out)\n", 100 - n);
	listen_in();
	log_tell_left_out();
	assert_null(strstr(heard(), wanted));
	for (int i = 0; i < 600 && !strstr(said, wanted); i++) {
		usleep(50000);
		listen_in();
		log_tell_left_out();
		heard();
	}
	assert_non_null(strstr(said, wanted));
	listen_in();
	log_tell_left_out();
	assert_null(strstr(heard(), wanted));
}

/* What is not to be written uses up nothing. */
static void test_limit_of_a_silent_level(void **state)
{
	struct log_limit limit = { LOG_LIMIT_NARROW };
	uint32_t left_out = 7;

	(void)state;
	listen_in();
	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	for (int i = 0; i < 20; i++)
		log_limited(LOG_LEVEL_DEBUG, "quiet");
	assert_string_equal(heard(), "");
	for (int i = 0; i < 10; i++) {
		assert_true(log_limit_pass(&limit, &left_out));
		assert_int_equal(left_out, 0);
	}
	assert_false(log_limit_pass(&limit, &left_out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_nobody_reads_the_terminal),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_events),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_one_line_is_one_line),
		cmocka_unit_test(test_rate_limit),
		cmocka_unit_test(test_each_place_its_limit),
		cmocka_unit_test(test_left_out_is_told_at_the_end),
		cmocka_unit_test(test_limit_of_a_silent_level),
	};

	log_journal_path = "/nonexistent/socket";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
