/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines to stderr: plain text, text with journal priorities, or JSON.
 * Safe from every thread; a line is one write(2) and waits for nobody: what stderr does
 * not take at once (a pipe that nobody reads) is lost, and how much was is said later.
 * Per-packet and per-query events are counted (stats.h), not logged; what a peer can
 * provoke at will is logged with log_limited().
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* auto: journal priorities when stderr is the journal, else text */
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/** log_setup() - choose what is written and how; may be called again at any time. */
void log_setup(enum log_level level, enum log_format format);

/** log_enabled() - would a line of this level be written? */
bool log_enabled(enum log_level level);

/** log_write() - one line; @fmt without newline. Use the macros below. */
void log_write(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** log_lines() - a line for each of @text, behind @what and a colon. */
void log_lines(enum log_level level, const char *what, const char *text);

/**
 * log_object() - one line that is a JSON object already, whatever the format and level:
 * what the operator has asked to be logged by a setting of its own.
 * @json:	without newline; at most 1000 bytes.
 * Return: false where stderr does not take it now; the caller may try again.
 */
bool log_object(const char *json);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) do {						\
	if (log_enabled(LOG_LEVEL_DEBUG))				\
		log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);		\
} while (0)

/* Ten lines at once and two a second from one place in the code; how many were
 * left out is said on the next line that is written. */
struct log_limit {
	_Atomic int64_t next_ms;
	_Atomic uint32_t suppressed;
};

/** log_limit_pass() - may this place write now? @suppressed: lines left out since. */
bool log_limit_pass(struct log_limit *limit, uint32_t *suppressed);

#define log_limited(level, fmt, ...) do {				\
	static struct log_limit limit_;					\
	uint32_t left_out_;						\
	if (log_enabled(level) && log_limit_pass(&limit_, &left_out_)) {\
		if (left_out_)						\
			log_write(level, fmt " (%u alike left out)",	\
				  ##__VA_ARGS__, left_out_);		\
		else							\
			log_write(level, fmt, ##__VA_ARGS__);		\
	}								\
} while (0)

#endif
