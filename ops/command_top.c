/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: status documents, one each interval, as rates (rates.c) to a
 * terminal that is drawn anew each time, or line after line to whatever else reads them.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "client.h"
#include "command.h"
#include "rates.h"
#include "terminal.h"
#include "top.h"

enum {
	DELAY_MS = 1000,
	DELAY_MAX_S = 3600,
	PATIENCE_MS = 5000,	/* with a gateway that is busy */
};

struct top {
	char *path;			/* of the control socket */
	struct terminal *terminal;	/* NULL: what is printed stays */
	bool json;
	int64_t every_ms;
	struct json_object *status, *activity;	/* of now; NULL: the gateway did not answer */
	struct json_object *view;	/* the last one that could be made */
	int64_t asked_ms;		/* when status was */
	int err;			/* why it is NULL */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- options ------------------------------------------------------------------------ */

/* Return: milliseconds; -1: it is no number of seconds that makes sense. */
static int64_t read_delay(const char *text)
{
	char *end;
	double seconds;

	if (!text)
		return DELAY_MS;
	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds >= 0.1 && seconds <= DELAY_MAX_S))
		return -1;
	return (int64_t)(seconds * 1000);
}

/* ---- asking ------------------------------------------------------------------------- */

static int ask_for(const struct top *top, const char *command, struct json_object **reply)
{
	struct json_object *request = ask_request(command);
	int err = request ? client_ask(top->path, request, PATIENCE_MS, reply) : -ENOMEM;

	json_object_put(request);
	return err;
}

/* What can be known of the time since the last look */
static void look(struct top *top)
{
	struct json_object *before = top->status, *view;
	int64_t at_ms = now_ms();

	json_object_put(top->activity);
	top->status = top->activity = NULL;
	top->err = ask_for(top, "status", &top->status);
	if (!top->err)
		top->err = ask_for(top, "activity", &top->activity);
	view = top->err ? NULL : rates_between(before, top->status,
					       (double)(at_ms - top->asked_ms) / 1000);
	json_object_put(before);
	top->asked_ms = at_ms;
	if (!view)
		return;
	json_object_put(top->view);
	top->view = view;
}

/* ---- showing ------------------------------------------------------------------------ */

static const char *why_silent(const struct top *top)
{
	return top->err == -ENOENT || top->err == -ECONNREFUSED ? "it does not run" :
								  strerror(-top->err);
}

static void print_json(const struct top *top)
{
	json_object_object_add(top->view, "activity", json_object_get(top->activity));
	puts(json_object_to_json_string_ext(top->view, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void draw(const struct top *top)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int lines = terminal_lines(top->terminal);

	if (!out)
		return;
	if (top->err) {
		fprintf(out, "SILENT gate64 does not answer: %s; what follows is old\n",
			why_silent(top));
		lines--;
	}
	top_print(top->view, top->activity, lines, out);
	if (fclose(out) == 0)
		terminal_draw(top->terminal, text);
	free(text);
}

static void show(const struct top *top)
{
	if (top->terminal) {
		draw(top);
		return;
	}
	if (top->json) {
		print_json(top);
	} else {
		top_print(top->view, top->activity, 0, stdout);
		putchar('\n');
	}
	fflush(stdout);
}

/* ---- time --------------------------------------------------------------------------- */

/* Return: false: somebody has seen enough. */
static bool wait_until(const struct top *top, int64_t until_ms)
{
	int64_t left_ms;

	while ((left_ms = until_ms - now_ms()) > 0) {
		if (!top->terminal) {
			poll(NULL, 0, (int)left_ms);
			continue;
		}
		switch (terminal_wait(top->terminal, left_ms)) {
		case TERMINAL_QUIT:
			return false;
		case TERMINAL_REDRAW:
			draw(top);
			break;
		case TERMINAL_TIME:
			break;
		}
	}
	return true;
}

/* @times: 0: for ever. Return: the exit status. */
static int run(struct top *top, int times)
{
	int64_t next_ms = now_ms();

	if (top->terminal)
		draw(top);
	for (int i = 0; times == 0 || i < times; i++) {
		next_ms += top->every_ms;
		if (next_ms < now_ms())
			next_ms = now_ms();	/* the gateway took its time */
		if (!wait_until(top, next_ms))
			return CLI_EXIT_DONE;
		look(top);
		if (top->err && !top->terminal) {
			fprintf(stderr, "gate64: %s: %s\n", top->path, why_silent(top));
			return CLI_EXIT_FAILED;
		}
		show(top);
	}
	return CLI_EXIT_DONE;
}

int command_top(const struct cli *cli)
{
	struct top top = { .json = cli->json, .every_ms = read_delay(cli->delay) };
	int times = cli->number ? cli_number(cli->number) : 0, status = CLI_EXIT_FAILED;

	if (times < 0 || top.every_ms < 0) {
		cli_wrong(cli, times < 0 ? "how often is a number" :
			  "the interval is 0.1 to 3600 seconds", stderr);
		return CLI_EXIT_USAGE;
	}
	/* The first answer, with an explanation where there is none */
	top.path = ask_socket(cli);
	top.status = top.path ? ask_simple(cli, "status") : NULL;
	top.asked_ms = now_ms();
	top.view = top.status ? rates_between(NULL, top.status, 0) : NULL;
	json_c_set_serialization_double_format("%.3f", JSON_C_OPTION_GLOBAL);
	if (top.view) {
		top.terminal = top.json ? NULL : terminal_open();
		status = run(&top, times);
	}
	terminal_close(top.terminal);
	json_object_put(top.status);
	json_object_put(top.activity);
	json_object_put(top.view);
	free(top.path);
	return status;
}
