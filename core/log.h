/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: entries of the journal with fields of their own; or lines on stderr, plain text or
 * JSON. Safe from every thread, and waits for nobody: what the journal, or a pipe or terminal
 * that nobody reads, does not take at once is lost, counted, and said later.
 * Per-packet and per-query events are counted (stats.h), not logged. Each place in the code
 * has a limit to what it writes; what a peer can provoke at will, a narrow one
 * (log_limited()). How many lines were left out is said with the next one of that place, or
 * when it has been quiet for a while.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* auto: the journal when stderr is its stream ($JOURNAL_STREAM), else text */
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* What has a name: "event" in JSON, MESSAGE_ID and GATE64_EVENT in the journal */
enum log_event {
	LOG_EVENT_NONE,
#define LOG_EVENT(id, word, message_id, help) id,
#include "log_events.h"
#undef LOG_EVENT
	LOG_EVENT_COUNT
};

/* A name in lower case: GATE64_NAME in the journal, a member in JSON; the text has it said.
 * Without a value it is left out. */
struct log_field {
	const char *name, *value;
};

/**
 * log_setup() - choose what is written and how; main thread, may be called again at any time.
 * First while standard error may still be opened anew, where that is a terminal or a pipe.
 */
void log_setup(enum log_level level, enum log_format format);

/** log_enabled() - would a line of this level be written? */
bool log_enabled(enum log_level level);

/** log_lines() - a line for each of @text, behind @what and a colon; without a limit. */
void log_lines(enum log_level level, const char *what, const char *text);

/**
 * log_object() - one line that is a flat JSON object already, whatever the format and level:
 * what the operator has asked to be logged by a setting of its own. In the journal its members
 * are fields, too.
 * @json:	without newline; at most 1000 bytes; see log_journal_members().
 * Return: false where it is not taken now; the caller may try again.
 */
bool log_object(const char *json);

/** log_tell_left_out() - say what was left out where it is quiet now; every few seconds. */
void log_tell_left_out(void);

/* How many lines a place in the code may write at once, and one more each so often */
struct log_limit {
	uint32_t burst;		/* 0: any number */
	uint32_t step_ms;
	_Atomic int64_t next_ms;
	_Atomic uint32_t suppressed;
};

#define LOG_LIMIT_NONE		.burst = 0
#define LOG_LIMIT_WIDE		.burst = 200, .step_ms = 50
#define LOG_LIMIT_NARROW	.burst = 10, .step_ms = 500

/** log_limit_pass() - may this place write now? @suppressed: lines left out since. */
bool log_limit_pass(struct log_limit *limit, uint32_t *suppressed);

/* One place in the code that logs */
struct log_site {
	enum log_event event;
	const char *file, *fmt;
	int line;
	struct log_limit limit;
	_Atomic int left_out_level;
	_Atomic bool listed;		/* it has left lines out, once */
	struct log_site *next;
};

/** log_at() - one line; use the macros below. @fields: the last one's name is NULL; or NULL. */
void log_at(struct log_site *site, enum log_level level, const struct log_field *fields,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define LOG_SITE(level_, event_, limit_, fields_, fmt_, ...) do {		\
	static struct log_site site_ = {					\
		.event = event_, .file = __FILE__, .line = __LINE__,		\
		.fmt = fmt_, .limit = { LOG_LIMIT_##limit_ },			\
	};									\
	if (log_enabled(level_))						\
		log_at(&site_, level_, fields_, fmt_, ##__VA_ARGS__);		\
} while (0)

#define log_write(level, ...) LOG_SITE(level, LOG_EVENT_NONE, WIDE, NULL, __VA_ARGS__)

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_SITE(LOG_LEVEL_DEBUG, LOG_EVENT_NONE, NONE, NULL, __VA_ARGS__)
#define log_limited(level, ...) LOG_SITE(level, LOG_EVENT_NONE, NARROW, NULL, __VA_ARGS__)

/* An event of log_events.h; fields: LOG_FIELDS(), or NULL */
#define log_event(level, event, fields, ...)					\
	LOG_SITE(level, event, WIDE, fields, __VA_ARGS__)
#define log_event_limited(level, event, fields, ...)				\
	LOG_SITE(level, event, NARROW, fields, __VA_ARGS__)
#define LOG_FIELDS(...) ((const struct log_field[]){ __VA_ARGS__, { NULL, NULL } })

#endif
