/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 setup`: the configuration it writes, its questions, and the record of its changes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../core/config.h"
#include "../../ops/setup_ask.h"
#include "../../ops/setup_changes.h"
#include "../../ops/setup_file.h"
#include "../../ops/setup_plan.h"

#define HEAD "# Made by `gate64 setup'. `gate64 config' prints every setting.\n"

static char folder[] = "/tmp/setup_test.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* ---- the configuration ------------------------------------------------------------ */

static struct config *config_of(const char *text)
{
	return config_parse("setup", text, strlen(text), stderr);
}

/* Only what is not the default is written, and it is read as it was meant. */
static void writes_a_minimal_configuration(void **state)
{
	static const struct {
		struct setup_wishes wishes;
		const char *text;
	} rows[] = {
		{ { 0 }, "" },
		{ { .inside = "auto", .listen = "none", .upstream = "recursive",
		    .uplink = "auto" }, "" },
		{ { .listen = "443" }, "snid:\n  listen: [443]\n" },
		{ { .listen = "443,80, 192.0.2.1:8006" },
		  "snid:\n  listen: [443, 80, \"192.0.2.1:8006\"]\n" },
		{ { .inside = "2001:db8:1::/64,2001:db8:2::/64", .uplink = "eth0",
		    .upstream = "9.9.9.9 2620:fe::fe", .listen = "443" },
		  "inside: [\"2001:db8:1::/64\", \"2001:db8:2::/64\"]\nuplink: \"eth0\"\n"
		  "dns64:\n  upstream: [\"9.9.9.9\", \"2620:fe::fe\"]\n"
		  "snid:\n  listen: [443]\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = setup_config_text(&rows[i].wishes);
		struct config *config;

		assert_non_null(text);
		assert_memory_equal(text, HEAD, strlen(HEAD));
		assert_string_equal(text + strlen(HEAD), rows[i].text);
		config = config_of(text);
		assert_non_null(config);
		config_free(config);
		free(text);
	}
}

/* A wish is one word to YAML, whatever is in it: it cannot add settings. */
static void quotes_what_it_is_given(void **state)
{
	const struct setup_wishes wishes = { .uplink = "a\"b\\c: [x]", .inside = "\"]#\nnat64:" };
	char *text = setup_config_text(&wishes);
	char *errors = NULL;
	size_t len;
	FILE *out = open_memstream(&errors, &len);

	(void)state;
	assert_non_null(strstr(text, "uplink: \"a\\\"b\\\\c: [x]\"\n"));
	assert_null(config_parse("setup", text, strlen(text), out));
	fclose(out);
	assert_non_null(strstr(errors, "uplink"));
	assert_non_null(strstr(errors, "is not an interface name"));
	free(errors);
	free(text);
}

static void reads_ranges_of_ports(void **state)
{
	static const char *const bad[] = { "", "1", "1-", "61000", "1000-9000", "61000-65536",
					   "65535-61000", "61000-61500", "61000-65535x" };
	uint16_t first, last;

	(void)state;
	assert_true(setup_ports_parse("61000-65535", &first, &last));
	assert_int_equal(first, 61000);
	assert_int_equal(last, 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(setup_ports_parse(bad[i], &first, &last));
}

/* ---- questions -------------------------------------------------------------------- */

/* Answer with @typed. *@said: caller frees. */
static int answer(const char *typed, struct setup_wishes *wishes, struct setup_answers *answers,
		  bool uplink_known, char **said)
{
	size_t len;
	FILE *in = fmemopen((char *)typed, strlen(typed), "r");
	FILE *out = open_memstream(said, &len);
	int err;

	assert_non_null(in);
	err = setup_ask(wishes, answers, "443", uplink_known, in, out);
	fclose(in);
	fclose(out);
	return err;
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void an_empty_answer_is_the_default(void **state)
{
	struct setup_wishes wishes = { 0 };
	struct setup_answers answers;
	char *said;

	(void)state;
	assert_int_equal(answer("\n \n\n", &wishes, &answers, true, &said), 0);
	assert_string_equal(wishes.inside, "auto");
	assert_string_equal(wishes.listen, "443");
	assert_string_equal(wishes.upstream, "recursive");
	assert_null(wishes.uplink);
	free(said);
}

static void asks_only_for_what_is_not_given(void **state)
{
	struct setup_wishes wishes = { .listen = "none", .upstream = "recursive" };
	struct setup_answers answers;
	char *said;

	(void)state;
	assert_int_equal(answer("eth1\n 2001:db8:1::/64 \n", &wishes, &answers, false, &said), 0);
	assert_string_equal(wishes.uplink, "eth1");
	assert_string_equal(wishes.inside, "2001:db8:1::/64");
	assert_string_equal(wishes.listen, "none");
	assert_int_equal(count(said, "]: "), 2);
	free(said);
}

static void a_bad_answer_is_explained_and_asked_for_again(void **state)
{
	struct setup_wishes wishes = { .inside = "auto", .upstream = "recursive" };
	struct setup_answers answers;
	char *said, typed[SETUP_ANSWER_MAX * 2 + 64] = "70000\n";

	(void)state;
	/* too long for any answer */
	memset(typed + strlen(typed), '4', SETUP_ANSWER_MAX * 2);
	strcpy(typed + strlen("70000\n") + SETUP_ANSWER_MAX * 2, "\n443,80\n");
	assert_int_equal(answer(typed, &wishes, &answers, true, &said), 0);
	assert_string_equal(wishes.listen, "443,80");
	assert_int_equal(count(said, "error:"), 1);
	assert_int_equal(count(said, "]: "), 3);
	free(said);
}

static void the_end_of_input_is_no_answer(void **state)
{
	struct setup_wishes wishes = { 0 };
	struct setup_answers answers;
	FILE *in = fmemopen((char[]){ "y\nYES\n\nn\nwhat\n" }, 14, "r");
	FILE *out = fopen("/dev/null", "w");
	char *said;

	(void)state;
	assert_int_equal(answer("auto\n", &wishes, &answers, true, &said), -ECANCELED);
	assert_true(setup_confirm("?", in, out));
	assert_true(setup_confirm("?", in, out));
	assert_true(setup_confirm("?", in, out));
	assert_false(setup_confirm("?", in, out));
	assert_false(setup_confirm("?", in, out));
	assert_false(setup_confirm("?", in, out));
	fclose(in);
	fclose(out);
	free(said);
}

/* ---- the record ------------------------------------------------------------------- */

static void add(struct setup_changes *changes, enum setup_kind kind, const char *what,
		const char *before, const char *after)
{
	assert_non_null(setup_changes_add(changes, kind, what, before, after));
}

static void assert_same(const struct setup_change *a, const struct setup_change *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->what, b->what);
	assert_string_equal(a->before ? a->before : "(none)", b->before ? b->before : "(none)");
	assert_string_equal(a->after, b->after);
	assert_int_equal(a->link, b->link);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
}

static void the_record_is_read_as_it_was_written(void **state)
{
	struct setup_changes made = { .n = 0 }, read;

	(void)state;
	add(&made, SETUP_FOLDER, "/etc/gate64", NULL, "");
	add(&made, SETUP_FILE, "/etc/gate64/gate64.yaml", "inside: auto # \"\\ \n\xc3\xbc", "x\n");
	made.v[1].mode = 0640;
	made.v[1].uid = 12;
	made.v[1].gid = 4000000000u;
	add(&made, SETUP_FILE, "/etc/resolv.conf", "../run/resolv.conf", "nameserver ::1\n");
	made.v[2].link = true;
	made.v[2].mode = 0777;
	add(&made, SETUP_SYSCTL, SETUP_PORT_RANGE, "32768\t60999", "61000\t65535");
	add(&made, SETUP_ENABLED, SETUP_UNIT, "disabled", "enabled");
	add(&made, SETUP_ACTIVE, SETUP_UNIT, "inactive", "active");
	assert_int_equal(setup_changes_save(path, &made), 0);
	assert_int_equal(setup_changes_load(path, &read), 0);
	assert_int_equal(read.n, made.n);
	for (size_t i = 0; i < made.n; i++)
		assert_same(&read.v[i], &made.v[i]);
	setup_changes_free(&read);
	setup_changes_free(&made);
}

static void a_record_that_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{", "{\"schema\": 2, \"changes\": []}", "{\"schema\": 1}",
		"{\"schema\": 1, \"changes\": [{\"kind\": \"files\", \"what\": \"/a\", "
		"\"after\": \"\"}]}",
		"{\"schema\": 1, \"changes\": [{\"kind\": \"file\", \"after\": \"\"}]}",
		"{\"schema\": 1, \"changes\": [{\"kind\": \"file\", \"what\": 1, "
		"\"after\": \"\"}]}",
		"{\"schema\": 1, \"changes\": [1]}",
		"{\"schema\": 1, \"changes\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
	};
	struct setup_changes changes;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(setup_file_write(path, bad[i], 0600), 0);
		assert_int_equal(setup_changes_load(path, &changes), -EPROTO);
		assert_int_equal(changes.n, 0);
	}
	unlink(path);
	assert_int_equal(setup_changes_load(path, &changes), -ENOENT);
}

/* What was there before the first run is what --undo goes back to. */
static void a_second_run_keeps_what_was_there_first(void **state)
{
	struct setup_changes first = { .n = 0 }, second = { .n = 0 }, both;

	(void)state;
	add(&first, SETUP_FILE, "/etc/a", "shipped", "one");
	first.v[0].mode = 0600;
	add(&first, SETUP_ACTIVE, SETUP_UNIT, "inactive", "active");
	add(&second, SETUP_FILE, "/etc/a", "one", "two");
	second.v[0].mode = 0644;
	add(&second, SETUP_SYSCTL, SETUP_PORT_RANGE, "1", "2");
	add(&second, SETUP_ACTIVE, SETUP_UNIT, "active", "active");
	assert_int_equal(setup_changes_merge(&first, &second, &both), 0);
	assert_int_equal(both.n, 3);
	assert_int_equal(both.v[0].kind, SETUP_FILE);
	assert_string_equal(both.v[0].before, "shipped");
	assert_string_equal(both.v[0].after, "two");
	assert_int_equal(both.v[0].mode, 0600);
	assert_int_equal(both.v[1].kind, SETUP_SYSCTL);
	assert_int_equal(both.v[2].kind, SETUP_ACTIVE);
	assert_string_equal(both.v[2].before, "inactive");
	setup_changes_free(&both);
	setup_changes_free(&first);
	setup_changes_free(&second);
}

static void a_list_has_an_end(void **state)
{
	struct setup_changes changes = { .n = 0 };

	(void)state;
	for (size_t i = 0; i < SETUP_CHANGES_MAX; i++)
		add(&changes, SETUP_FOLDER, "/a", NULL, "");
	assert_null(setup_changes_add(&changes, SETUP_FOLDER, "/a", NULL, ""));
	setup_changes_free(&changes);
}

/* ---- files ------------------------------------------------------------------------ */

static void files_are_replaced_whole(void **state)
{
	struct stat st;
	char *text;

	(void)state;
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_int_equal(setup_file_write(path, "one\n", 0640), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(setup_file_read(path, &text), 0);
	assert_string_equal(text, "one\n");
	free(text);
	assert_int_equal(setup_file_write("/nowhere/file", "x", 0600), -ENOENT);
	assert_int_equal(setup_file_read("/nowhere/file", &text), -ENOENT);
	assert_null(text);
	assert_int_equal(setup_file_read("/proc/self/cmdline", &text), -EILSEQ);
	assert_null(text);
}

static void what_is_kept_takes_nobodys_place(void **state)
{
	char kept[4096], *text;

	(void)state;
	assert_int_equal(setup_file_keep(path, kept), -ENOENT);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(setup_file_write(path, i == 1 ? "one" : "two", 0600), 0);
		assert_int_equal(setup_file_keep(path, kept), 0);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(setup_file_read(kept, &text), 0);
		assert_string_equal(text, i == 1 ? "one" : "two");
		free(text);
	}
	assert_string_equal(strrchr(kept, '/'), "/file.kept.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_minimal_configuration),
		cmocka_unit_test(quotes_what_it_is_given),
		cmocka_unit_test(reads_ranges_of_ports),
		cmocka_unit_test(an_empty_answer_is_the_default),
		cmocka_unit_test(asks_only_for_what_is_not_given),
		cmocka_unit_test(a_bad_answer_is_explained_and_asked_for_again),
		cmocka_unit_test(the_end_of_input_is_no_answer),
		cmocka_unit_test_setup_teardown(the_record_is_read_as_it_was_written, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_record_that_makes_no_sense_is_refused, make_folder,
						remove_folder),
		cmocka_unit_test(a_second_run_keeps_what_was_there_first),
		cmocka_unit_test(a_list_has_an_end),
		cmocka_unit_test_setup_teardown(files_are_replaced_whole, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_is_kept_takes_nobodys_place, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
