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
#include "../../ops/cli_table.h"

enum { WORDS_MAX = 12 };

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

/* Equal, or both not given */
static void assert_same(const char *got, const char *want)
{
	assert_string_equal(got ? got : "(none)", want ? want : "(none)");
}

static void assert_same_setup(const struct cli *got, const struct cli *want)
{
	assert_same(got->inside, want->inside);
	assert_same(got->listen, want->listen);
	assert_same(got->upstream, want->upstream);
	assert_same(got->uplink, want->uplink);
	assert_same(got->local_ports, want->local_ports);
	assert_int_equal(got->yes, want->yes);
	assert_int_equal(got->dry_run, want->dry_run);
	assert_int_equal(got->no_start, want->no_start);
	assert_int_equal(got->undo, want->undo);
	assert_int_equal(got->resolv_conf, want->resolv_conf);
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
		{ "doctor", { .command = CLI_DOCTOR } },
		{ "doctor --quick --only a,b --except c --internet 192.0.2.1 --bogus b.org --verbose --json",
		  { .command = CLI_DOCTOR, .quick = true, .only = "a,b", .except = "c",
		    .internet = "192.0.2.1", .bogus = "b.org", .verbose = true,
		    .json = true } },
		{ "flows", { .command = CLI_FLOWS } },
		{ "flows 2001:db8::/32 --proto tcp --port=443 --state established --json",
		  { .command = CLI_FLOWS, .operand = "2001:db8::/32", .proto = "tcp",
		    .port = "443", .state = "established", .json = true } },
		{ "bindings --proto icmp 192.0.2.1 -s /x",
		  { .command = CLI_BINDINGS, .operand = "192.0.2.1", .proto = "icmp",
		    .socket_path = "/x" } },
		{ "trace 192.0.2.1:80 --from 2001:db8::1",
		  { .command = CLI_TRACE, .operand = "192.0.2.1:80", .from = "2001:db8::1" } },
		{ "dns lookup www.example", { .command = CLI_DNS_LOOKUP,
					      .operand = "www.example" } },
		{ "dns lookup --no-cache www.example MX --dnssec --json",
		  { .command = CLI_DNS_LOOKUP, .operand = "www.example", .second = "MX",
		    .no_cache = true, .dnssec = true, .json = true } },
		{ "dns flush", { .command = CLI_DNS_FLUSH } },
		{ "dns flush example --below -s /x",
		  { .command = CLI_DNS_FLUSH, .operand = "example", .below = true,
		    .socket_path = "/x" } },
		{ "dns top -n 5", { .command = CLI_DNS_TOP, .number = "5" } },
		{ "setup", { .command = CLI_SETUP } },
		{ "setup --yes --inside=2001:db8::/64 --listen 443,80 --upstream 9.9.9.9 --uplink eth0 "
		  "-c a",
		  { .command = CLI_SETUP, .config_path = "a", .inside = "2001:db8::/64",
		    .listen = "443,80", .upstream = "9.9.9.9", .uplink = "eth0", .yes = true } },
		{ "setup --undo --dry-run --no-start --resolv-conf --local-ports 61000-65535",
		  { .command = CLI_SETUP, .local_ports = "61000-65535", .undo = true,
		    .dry_run = true, .no_start = true, .resolv_conf = true } },
		{ "help dns", { .command = CLI_HELP, .topic = "dns" } },
		{ "dns --help", { .command = CLI_HELP, .topic = "dns" } },
		{ "help dns top", { .command = CLI_HELP, .topic = "dns top" } },
		{ "dns flush -h", { .command = CLI_HELP, .topic = "dns flush" } },
		{ "config --effective --json", { .command = CLI_CONFIG, .effective = true,
						 .json = true } },
		{ "config --from-jool jool.conf", { .command = CLI_CONFIG,
						    .from_jool = "jool.conf" } },
		{ "completion bash", { .command = CLI_COMPLETION, .operand = "bash" } },
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
		assert_same(cli.topic, want->topic);
		assert_same(cli.config_path, want->config_path);
		assert_same(cli.socket_path, want->socket_path);
		if (want->command != CLI_HELP) {
			assert_same(cli.operand, want->operand);
			assert_same(cli.second, want->second);
		}
		assert_same(cli.number, want->number);
		assert_int_equal(cli.no_cache, want->no_cache);
		assert_same(cli.only, want->only);
		assert_same(cli.except, want->except);
		assert_same(cli.internet, want->internet);
		assert_same(cli.bogus, want->bogus);
		assert_int_equal(cli.quick, want->quick);
		assert_int_equal(cli.verbose, want->verbose);
		assert_int_equal(cli.dnssec, want->dnssec);
		assert_int_equal(cli.below, want->below);
		assert_int_equal(cli.effective, want->effective);
		assert_same(cli.from_jool, want->from_jool);
		assert_same(cli.proto, want->proto);
		assert_same(cli.port, want->port);
		assert_same(cli.from, want->from);
		assert_same(cli.state, want->state);
		assert_same_setup(&cli, want);
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
		{ "run --json", "not an option of this command: --json", "'gate64 run --help'" },
		{ "completion", "missing: bash", "'gate64 completion --help'" },
		{ "check -s /x", "not an option of this command: -s", "'gate64 check --help'" },
		{ "bindings --state trans", "not an option of this command: --state",
		  "'gate64 bindings --help'" },
		{ "trace --proto tcp", "missing: ADDR[:PORT]|NAME", "'gate64 trace --help'" },
		{ "flows --from ::1", "not an option of this command: --from",
		  "'gate64 flows --help'" },
		{ "flows --proto", "option needs a value: --proto", "'gate64 flows --help'" },
		{ "flows -p 443", "unknown option: -p", "'gate64 flows --help'" },
		{ "flows --json=1", "unknown option: --json=1", "'gate64 flows --help'" },
		{ "flows ::1 ::2", "unexpected argument: ::2", "'gate64 flows --help'" },
		{ "dns", "no command given of the group: dns", "'gate64 --help'" },
		{ "dns look", "unknown command: look", "'gate64 --help'" },
		{ "dn lookup", "unknown command: dn", "'gate64 --help'" },
		{ "lookup x", "unknown command: lookup", "'gate64 --help'" },
		{ "dns lookup", "missing: NAME|ADDR", "'gate64 dns lookup --help'" },
		{ "dns lookup a AAAA b", "unexpected argument: b", "'gate64 dns lookup --help'" },
		{ "dns top -n", "option needs a value: -n", "'gate64 dns top --help'" },
		{ "dns flush --proto tcp", "not an option of this command: --proto",
		  "'gate64 dns flush --help'" },
		{ "help dns look", "unknown command", "'gate64 --help'" },
		{ "run now", "unexpected argument: now", "'gate64 run --help'" },
		{ "help start", "unknown command: start", "'gate64 --help'" },
		{ "help run now", "unknown command: now", "'gate64 --help'" },
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

/* How often a word of @names is @name */
static int times(const char *names, const char *name)
{
	size_t len = strlen(name);
	int n = 0;

	for (; *names; names += strcspn(names, " "), names += *names == ' ')
		n += strcspn(names, " ") == len && strncmp(names, name, len) == 0;
	return n;
}

/* A row that names an option that is not there would be cut short in silence. */
static void rows_name_options_that_there_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_n_rows; i++) {
		const struct cli_row *row = &cli_rows[i];
		size_t named = 0, found = 0;

		for (size_t k = 0; k < cli_n_options; k++) {
			named += (size_t)times(row->options, cli_options[k].name);
			found += cli_row_takes(row, &cli_options[k]);
		}
		for (const char *p = row->options; *p; p += strcspn(p, " "), p += *p == ' ')
			named--;
		assert_int_equal(named, 0);
		assert_true(found >= 1);
		/* What prints JSON says how. */
		assert_int_equal(times(row->options, "json"), row->schema ? 1 : 0);
	}
}

/* Every option belongs to a command, has help, and its own name and letter. */
static void options_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *option = &cli_options[i];
		bool used = strcmp(option->name, "help") == 0;

		assert_true(*option->help && option->help[strlen(option->help) - 1] != '.');
		for (size_t k = 0; k < cli_n_rows; k++)
			used = used || times(cli_rows[k].options, option->name);
		assert_true(used);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(option->name, cli_options[k].name);
			assert_true(!option->letter || option->letter != cli_options[k].letter);
		}
	}
}

/* Usage, each option, exit status and an example, in 80 columns, for every command */
static void help_is_complete_for_every_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_n_rows; i++) {
		const struct cli_option *option;
		char *text, name[64];
		size_t len;
		FILE *out = open_memstream(&text, &len);

		cli_help(cli_rows[i].name, out);
		fclose(out);
		snprintf(name, sizeof(name), "Usage: gate64 %s ", cli_rows[i].name);
		assert_int_equal(strncmp(text, name, strlen(name)), 0);
		for (size_t k = 0; (option = cli_row_option(&cli_rows[i], k)); k++) {
			snprintf(name, sizeof(name), "  --%s", option->name);
			if (!strstr(text, name) && !strstr(text, name + 1))
				fail_msg("%s: no %s", cli_rows[i].name, option->name);
		}
		assert_non_null(strstr(text, "\nExit status: 0 done, 1 failed, 2 wrong usage.\n"));
		assert_non_null(strstr(text, "\nExample:\n  "));
		assert_non_null(strstr(text, cli_rows[i].example));
		for (const char *line = text; *line; line += strspn(line, "\n")) {
			assert_in_range(strcspn(line, "\n"), 0, 80);
			line += strcspn(line, "\n");
		}
		free(text);
	}
}

static void help_names_what_it_is_of(void **state)
{
	static const char *const commands[] = { "run", "check", "config", "status", "reload",
						"flows", "bindings", "trace", "dns lookup",
						"dns flush", "dns top", "version", "help" };
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
	assert_non_null(strstr(text, "--json"));
	assert_null(strstr(text, "--proto"));
	free(text);

	out = open_memstream(&text, &len);
	cli_help("dns", out);
	fclose(out);
	assert_non_null(strstr(text, "Usage: gate64 dns COMMAND"));
	assert_non_null(strstr(text, "dns flush"));
	assert_null(strstr(text, "bindings"));
	assert_null(strstr(text, "--proto"));
	free(text);
}

static void numbers_are_digits_alone(void **state)
{
	(void)state;
	assert_int_equal(cli_number("0"), 0);
	assert_int_equal(cli_number("65535"), 65535);
	assert_int_equal(cli_number(""), -1);
	assert_int_equal(cli_number("-1"), -1);
	assert_int_equal(cli_number("80x"), -1);
	assert_int_equal(cli_number("99999999999999999999"), -1);
}

/* A word that is found wrong later reads like any other wrong usage. */
static void wrong_words_are_explained_alike(void **state)
{
	const struct cli cli = { .command = CLI_FLOWS };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	cli_wrong(&cli, "no such thing", out);
	fclose(out);
	assert_string_equal(text, "gate64: no such thing\nTry 'gate64 flows --help'.\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands_every_command),
		cmocka_unit_test(explains_wrong_usage),
		cmocka_unit_test(rows_name_options_that_there_are),
		cmocka_unit_test(options_are_told_apart),
		cmocka_unit_test(help_is_complete_for_every_command),
		cmocka_unit_test(help_names_what_it_is_of),
		cmocka_unit_test(numbers_are_digits_alone),
		cmocka_unit_test(wrong_words_are_explained_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
