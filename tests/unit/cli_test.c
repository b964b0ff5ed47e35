/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what is understood, what is wrong usage and how that reads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ops/cli.h"

enum { WORDS_MAX = 8 };

/* Parse "gate64" and the words of @line. @errors: caller frees. */
static int parse(const char *line, struct cli *cli, char **errors)
{
	static char words[256];
	char *argv[WORDS_MAX + 2] = { (char[]){ "gate64" } };
	int argc = 1;
	size_t len;
	FILE *file = open_memstream(errors, &len);
	int err;

	assert_non_null(file);
	assert_true(strlen(line) < sizeof(words));
	strcpy(words, line);
	for (char *word = strtok(words, " "); word && argc <= WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	err = cli_parse(argc, argv, cli, file);
	fclose(file);
	return err;
}

static void understands_every_command(void **state)
{
	static const struct {
		const char *line;
		struct cli cli;
	} rows[] = {
		{ "run", { .command = CLI_RUN } },
		{ "run -c a.yaml", { .command = CLI_RUN, .config_path = "a.yaml" } },
		{ "run --config=a.yaml", { .command = CLI_RUN, .config_path = "a.yaml" } },
		{ "check -ca.yaml", { .command = CLI_CHECK, .config_path = "a.yaml" } },
		{ "config", { .command = CLI_CONFIG } },
		{ "status --json -s /x", { .command = CLI_STATUS, .socket_path = "/x",
					   .json = true } },
		{ "reload --socket /x -c b", { .command = CLI_RELOAD, .socket_path = "/x",
					       .config_path = "b" } },
		{ "version", { .command = CLI_VERSION } },
		{ "--version", { .command = CLI_VERSION } },
		{ "help", { .command = CLI_HELP } },
		{ "--help", { .command = CLI_HELP } },
		{ "-h", { .command = CLI_HELP } },
		{ "help status", { .command = CLI_HELP, .topic = "status" } },
		{ "status --json --help", { .command = CLI_HELP, .topic = "status" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cli *want = &rows[i].cli;
		struct cli cli;
		char *errors;

		assert_int_equal(parse(rows[i].line, &cli, &errors), 0);
		assert_string_equal(errors, "");
		assert_int_equal(cli.command, want->command);
		assert_int_equal(cli.json, want->json);
		assert_string_equal(cli.topic ? cli.topic : "", want->topic ? want->topic : "");
		assert_string_equal(cli.config_path ? cli.config_path : "",
				    want->config_path ? want->config_path : "");
		assert_string_equal(cli.socket_path ? cli.socket_path : "",
				    want->socket_path ? want->socket_path : "");
		free(errors);
	}
}

static void explains_wrong_usage(void **state)
{
	static const struct {
		const char *line, *says, *hint;
	} rows[] = {
		{ "", "no command given", "'gate64 --help'" },
		{ "start", "unknown command: start", "'gate64 --help'" },
		{ "run -c", "option needs a value: -c", "'gate64 run --help'" },
		{ "run --config", "option needs a value: -c", "'gate64 run --help'" },
		{ "run -x", "unknown option: -x", "'gate64 run --help'" },
		{ "run --fast", "unknown option: --fast", "'gate64 run --help'" },
		{ "run --json", "not an option of this command: -j", "'gate64 run --help'" },
		{ "check -s /x", "not an option of this command: -s", "'gate64 check --help'" },
		{ "run now", "unexpected argument: now", "'gate64 run --help'" },
		{ "help start", "unknown command: start", "'gate64 --help'" },
		{ "help run now", "unexpected argument: now", "'gate64 help --help'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cli cli;
		char *errors;

		assert_int_equal(parse(rows[i].line, &cli, &errors), -EINVAL);
		if (!strstr(errors, rows[i].says) || !strstr(errors, rows[i].hint))
			fail_msg("'%s' gave: %s", rows[i].line, errors);
		free(errors);
	}
}

static void help_names_what_it_is_of(void **state)
{
	static const char *const commands[] = { "run", "check", "config", "status", "reload",
						"version", "help" };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	cli_help(NULL, out);
	fclose(out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		assert_non_null(strstr(text, commands[i]));
	free(text);

	out = open_memstream(&text, &len);
	cli_help("status", out);
	fclose(out);
	assert_non_null(strstr(text, "Usage: gate64 status [--json]"));
	assert_null(strstr(text, "canonical"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands_every_command),
		cmocka_unit_test(explains_wrong_usage),
		cmocka_unit_test(help_names_what_it_is_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
