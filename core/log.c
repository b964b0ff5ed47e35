/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

enum {
	LINE_MAX_BYTES = 2048,	/* longer lines are cut */
	LIMIT_STEP_MS = 500,	/* two lines a second in the long run ... */
	LIMIT_BURST = 10,	/* ... and ten at once */
};

static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic int current_format = LOG_FORMAT_TEXT;

static const struct {
	const char *name;
	int priority;		/* syslog(3), as sd-daemon(3) puts it before a line */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

void log_setup(enum log_level level, enum log_format format)
{
	if (format == LOG_FORMAT_AUTO)
		format = getenv("JOURNAL_STREAM") ? LOG_FORMAT_JOURNAL : LOG_FORMAT_TEXT;
	atomic_store(&current_level, (int)level);
	atomic_store(&current_format, (int)format);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* JSON string contents: RFC 8259 7. What is not ASCII passes as it is. */
static size_t json_escape(char *out, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text && at + 7 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[at++] = '\\';
			out[at++] = (char)c;
		} else if (c < 0x20) {
			at += (size_t)snprintf(out + at, size - at, "\\u%04x", c);
		} else {
			out[at++] = (char)c;
		}
	}
	out[at] = '\0';
	return at;
}

static int format_json(char *line, size_t size, enum log_level level, const char *message)
{
	char escaped[LINE_MAX_BYTES];
	struct timespec now;
	struct tm tm;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	json_escape(escaped, sizeof(escaped), message);
	return snprintf(line, size, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"%s\"}\n",
			when, now.tv_nsec / 1000000, levels[level].name, escaped);
}

/* What a message quotes from outside must not pass for a line of its own. */
static void flatten(char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < 0x20 || *message == 0x7f)
			*message = ' ';
}

static int format_line(char *line, size_t size, enum log_level level, char *message)
{
	switch (atomic_load(&current_format)) {
	case LOG_FORMAT_JSON:
		return format_json(line, size, level, message);
	case LOG_FORMAT_JOURNAL:
		flatten(message);
		return snprintf(line, size, "<%d>%s\n", levels[level].priority, message);
	default:
		flatten(message);
		return snprintf(line, size, "gate64: %s%s%s\n",
				level == LOG_LEVEL_INFO ? "" : levels[level].name,
				level == LOG_LEVEL_INFO ? "" : ": ", message);
	}
}

/* What stands before a line, once some before it were lost */
static int format_note(char *note, size_t size, unsigned long lost)
{
	char text[64];

	note[0] = '\0';
	if (!lost)
		return 0;
	snprintf(text, sizeof(text), "%lu lines lost: nobody read them", lost);
	return format_line(note, size, LOG_LEVEL_WARN, text);
}

/*
 * Who logs may be a worker with packets to see to: where stderr takes nothing (a pipe that
 * nobody reads) the line is lost, and how many were is said before the next one. What is
 * ready takes a line whole; the lock keeps another thread's from filling it meanwhile.
 * Return: whether it was taken; @keep: if not, the caller has it still.
 */
static bool write_line(const char *line, int len, bool keep)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long lost;
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[LINE_MAX_BYTES + 512];
	bool taken;

	pthread_mutex_lock(&mutex);
	taken = poll(&ready, 1, 0) == 1;
	if (taken) {
		int at = format_note(text, 256, lost);

		memcpy(text + at, line, (size_t)len);
		taken = write(STDERR_FILENO, text, (size_t)at + (size_t)len) >= 0;
	}
	if (taken)
		lost = 0;
	else if (!keep)
		lost++;
	pthread_mutex_unlock(&mutex);
	return taken;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[LINE_MAX_BYTES / 2], line[LINE_MAX_BYTES + 128];
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	write_line(line, format_line(line, sizeof(line), level, message), false);
}

bool log_object(const char *json)
{
	char line[LINE_MAX_BYTES];
	bool journal = atomic_load(&current_format) == LOG_FORMAT_JOURNAL;
	int len = journal ? snprintf(line, sizeof(line), "<%d>%s\n",
				     levels[LOG_LEVEL_INFO].priority, json)
			  : snprintf(line, sizeof(line), "%s\n", json);

	return write_line(line, len, true);
}

void log_lines(enum log_level level, const char *what, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		log_write(level, "%s: %.*s", what, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* A virtual clock runs LIMIT_STEP_MS per line ahead of the real one, at most
 * LIMIT_BURST lines. */
bool log_limit_pass(struct log_limit *limit, uint32_t *suppressed)
{
	int64_t now = loop_now_ms();
	int64_t next = atomic_load(&limit->next_ms);
	int64_t wanted;

	do {
		wanted = (next > now ? next : now) + LIMIT_STEP_MS;
		if (wanted - now > LIMIT_STEP_MS * LIMIT_BURST) {
			atomic_fetch_add(&limit->suppressed, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&limit->next_ms, &next, wanted));
	*suppressed = atomic_exchange(&limit->suppressed, 0);
	return true;
}
