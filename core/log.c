/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log_journal.h"
#include "log_stderr.h"
#include "loop.h"
#include "stats.h"

enum {
	LINE_MAX_BYTES = 2048,		/* longer lines are cut */
	MESSAGE_MAX_BYTES = LINE_MAX_BYTES / 2,
	FIELDS_MAX = 32,
	OBJECT_TEXT = 1280,		/* the members of an object of 1000 bytes, in pieces */
};

/* What a line says, before it has a form */
struct entry {
	enum log_level level;
	enum log_event event;
	const char *message;
	const struct log_field *fields;	/* the last one's name is NULL; or NULL */
	const struct log_site *site;	/* or NULL */
};

static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic int current_format = LOG_FORMAT_TEXT;
static _Atomic int journal_fd = -1;	/* opened once, and for good: others may be using it */
static _Atomic unsigned long lost;	/* since it was last said */

static const struct {
	const char *name;
	const char *priority;	/* syslog(3); sd-daemon(3) puts it before a line */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "3" },
	[LOG_LEVEL_WARN] = { "warning", "4" },
	[LOG_LEVEL_INFO] = { "info", "6" },
	[LOG_LEVEL_DEBUG] = { "debug", "7" },
};

static const struct {
	const char *word, *message_id;
} events[] = {
#define LOG_EVENT(id, word, message_id, help) [id] = { word, message_id },
#include "log_events.h"
#undef LOG_EVENT
};

void log_setup(enum log_level level, enum log_format format)
{
	log_stderr_open();
	if (format == LOG_FORMAT_AUTO)
		format = log_journal_has_stderr() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_TEXT;
	if (format == LOG_FORMAT_JOURNAL && atomic_load(&journal_fd) < 0)
		atomic_store(&journal_fd, log_journal_open());
	atomic_store(&current_level, (int)level);
	atomic_store(&current_format, (int)format);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* ---- JSON ----------------------------------------------------------------------------- */

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

/* A member with its comma, its value cut; nothing where there is no room for the name. */
static size_t json_member(char *out, size_t size, const char *name, const char *value)
{
	size_t at;

	if (strlen(name) + sizeof(",\"\":\"\"") + 8 > size)
		return 0;
	at = (size_t)snprintf(out, size, ",\"%s\":\"", name);
	at += json_escape(out + at, size - at - 1, value);
	out[at++] = '"';
	out[at] = '\0';
	return at;
}

static int format_json(char *line, size_t size, const struct entry *entry)
{
	const size_t end = size - sizeof("}\n");
	struct timespec now;
	struct tm tm;
	char when[32];
	size_t at;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	at = (size_t)snprintf(line, size, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"", when,
			      now.tv_nsec / 1000000, levels[entry->level].name);
	if (entry->event)
		at += json_member(line + at, end - at, "event", events[entry->event].word);
	at += json_member(line + at, end - at, "message", entry->message);
	for (const struct log_field *field = entry->fields; field && field->name; field++)
		if (field->value)
			at += json_member(line + at, end - at, field->name, field->value);
	return (int)at + snprintf(line + at, size - at, "}\n");
}

/* ---- lines on stderr --------------------------------------------------------------------- */

static int format_line(char *line, size_t size, const struct entry *entry)
{
	switch (atomic_load(&current_format)) {
	case LOG_FORMAT_JSON:
		return format_json(line, size, entry);
	case LOG_FORMAT_JOURNAL:	/* which has no socket here */
		return snprintf(line, size, "<%s>%s\n", levels[entry->level].priority,
				entry->message);
	default:
		return snprintf(line, size, "gate64: %s%s%s\n",
				entry->level == LOG_LEVEL_INFO ? "" : levels[entry->level].name,
				entry->level == LOG_LEVEL_INFO ? "" : ": ", entry->message);
	}
}

/* ---- entries of the journal -------------------------------------------------------------- */

/* -1 where lines go to stderr */
static int journal(void)
{
	return atomic_load(&current_format) == LOG_FORMAT_JOURNAL ? atomic_load(&journal_fd) : -1;
}

static void add(struct log_field *fields, size_t *n, const char *name, const char *value)
{
	if (*n < FIELDS_MAX && value)
		fields[(*n)++] = (struct log_field){ name, value };
}

/* What systemd.journal-fields(7) has for every entry */
static void add_usual(struct log_field *fields, size_t *n, const struct entry *entry)
{
	add(fields, n, "MESSAGE", entry->message);
	add(fields, n, "PRIORITY", levels[entry->level].priority);
	add(fields, n, "SYSLOG_IDENTIFIER", "gate64");
	if (entry->event)
		add(fields, n, "MESSAGE_ID", events[entry->event].message_id);
}

static bool send_entry(int fd, const struct entry *entry)
{
	struct log_field fields[FIELDS_MAX];
	char line[16];
	size_t n = 0;

	add_usual(fields, &n, entry);
	if (entry->event)
		add(fields, &n, "event", events[entry->event].word);
	if (entry->site) {
		snprintf(line, sizeof(line), "%d", entry->site->line);
		add(fields, &n, "CODE_FILE", entry->site->file);
		add(fields, &n, "CODE_LINE", line);
	}
	for (const struct log_field *field = entry->fields; field && field->name; field++)
		add(fields, &n, field->name, field->value);
	return log_journal_send(fd, fields, n) == 0;
}

/* ---- one or the other ------------------------------------------------------------------ */

static bool write_entry(const struct entry *entry)
{
	char line[LINE_MAX_BYTES + 128];
	int fd = journal();

	if (fd >= 0)
		return send_entry(fd, entry);
	return log_stderr_write(line, (size_t)format_line(line, sizeof(line), entry));
}

/* Before a line, once some before it were lost. Return: false where they are still not read. */
static bool tell_lost(void)
{
	unsigned long n = atomic_exchange(&lost, 0);
	char text[64], count[24];

	if (!n)
		return true;
	snprintf(count, sizeof(count), "%lu", n);
	snprintf(text, sizeof(text), "%lu lines lost: nobody read them", n);
	if (write_entry(&(struct entry){
			.level = LOG_LEVEL_WARN,
			.event = LOG_EVENT_LINES_LOST,
			.message = text,
			.fields = LOG_FIELDS({ "lines", count }),
		}))
		return true;
	atomic_fetch_add(&lost, n);
	return false;
}

static void emit(const struct entry *entry)
{
	if (tell_lost() && write_entry(entry))
		return;
	atomic_fetch_add(&lost, 1);
	stats_inc(STAT_OPS_LOG_LOST);
}

/* What a message quotes from outside must not pass for a line of its own. */
static void flatten(char *message)
{
	if (atomic_load(&current_format) == LOG_FORMAT_JSON)
		return;			/* it is escaped there */
	for (; *message; message++)
		if ((unsigned char)*message < 0x20 || *message == 0x7f)
			*message = ' ';
}

void log_lines(enum log_level level, const char *what, const char *text)
{
	char message[MESSAGE_MAX_BYTES];

	while (*text && log_enabled(level)) {
		size_t len = strcspn(text, "\n");

		snprintf(message, sizeof(message), "%s: %.*s", what, (int)len, text);
		flatten(message);
		emit(&(struct entry){ .level = level, .message = message });
		text += len + (text[len] == '\n');
	}
}

static bool send_object(int fd, const char *json)
{
	struct log_field fields[FIELDS_MAX], members[FIELDS_MAX];
	struct entry entry = { .level = LOG_LEVEL_INFO, .message = json };
	char text[OBJECT_TEXT];
	size_t n = 0, n_members;

	n_members = log_journal_members(json, text, sizeof(text), members, FIELDS_MAX);
	for (size_t i = 0; i < n_members; i++)
		for (size_t id = 1; id < LOG_EVENT_COUNT && strcmp(members[i].name, "event") == 0; id++)
			if (strcmp(members[i].value, events[id].word) == 0)
				entry.event = (enum log_event)id;
	add_usual(fields, &n, &entry);
	for (size_t i = 0; i < n_members; i++)
		add(fields, &n, members[i].name, members[i].value);
	return log_journal_send(fd, fields, n) == 0;
}

bool log_object(const char *json)
{
	char line[LINE_MAX_BYTES];
	int fd = journal(), len;

	if (!tell_lost())
		return false;
	if (fd >= 0)
		return send_object(fd, json);
	if (atomic_load(&current_format) == LOG_FORMAT_JOURNAL)
		len = snprintf(line, sizeof(line), "<%s>%s\n", levels[LOG_LEVEL_INFO].priority, json);
	else
		len = snprintf(line, sizeof(line), "%s\n", json);
	return log_stderr_write(line, (size_t)len);
}

/* ---- limits ---------------------------------------------------------------------------- */

/* A virtual clock runs a step per line ahead of the real one, at most a burst of them. */
bool log_limit_pass(struct log_limit *limit, uint32_t *suppressed)
{
	int64_t now = loop_now_ms();
	int64_t next = atomic_load(&limit->next_ms);
	int64_t wanted;

	do {
		wanted = (next > now ? next : now) + limit->step_ms;
		if (wanted - now > (int64_t)limit->step_ms * limit->burst) {
			atomic_fetch_add(&limit->suppressed, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&limit->next_ms, &next, wanted));
	*suppressed = atomic_exchange(&limit->suppressed, 0);
	return true;
}

/* Places that have left something out; they are static, and stay here. */
static _Atomic(struct log_site *) limited;

static void enlist(struct log_site *site)
{
	struct log_site *first = atomic_load(&limited);

	if (atomic_exchange(&site->listed, true))
		return;
	do
		site->next = first;
	while (!atomic_compare_exchange_weak(&limited, &first, site));
}

/* Write it, if the place may. */
void log_at(struct log_site *site, enum log_level level, const struct log_field *fields,
	    const char *fmt, ...)
{
	char message[MESSAGE_MAX_BYTES];
	uint32_t left_out = 0;
	va_list args;

	if (site->limit.burst && !log_limit_pass(&site->limit, &left_out)) {
		atomic_store_explicit(&site->left_out_level, (int)level, memory_order_relaxed);
		if (!atomic_load_explicit(&site->listed, memory_order_relaxed))
			enlist(site);
		return;
	}
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (left_out) {
		size_t at = strlen(message);

		if (at > sizeof(message) - 32)
			at = sizeof(message) - 32;
		snprintf(message + at, sizeof(message) - at, " (%u alike left out)", left_out);
	}
	flatten(message);
	emit(&(struct entry){ level, site->event, message, fields, site });
}

/* A format as people read it: three dots for what is filled in. */
static void elide(char *out, size_t size, const char *fmt)
{
	static const char dots[] = "...", flags[] = "#0- +.*123456789hlzjt";
	size_t at = 0;

	for (; *fmt && at + sizeof(dots) < size; fmt++) {
		if (*fmt != '%' || *++fmt == '%') {
			out[at++] = *fmt;
			continue;
		}
		fmt += strspn(fmt, flags);	/* up to the conversion */
		if (!*fmt)
			break;
		if (at < 3 || memcmp(out + at - 3, dots, 3) != 0)	/* not twice in a row */
			at += (size_t)snprintf(out + at, size - at, "%s", dots);
	}
	out[at] = '\0';
}

static bool is_quiet(const struct log_limit *limit)
{
	int64_t ahead_ms = atomic_load(&limit->next_ms) - loop_now_ms();

	return ahead_ms <= (int64_t)limit->step_ms * limit->burst / 2;
}

void log_tell_left_out(void)
{
	for (struct log_site *site = atomic_load(&limited); site; site = site->next) {
		char message[MESSAGE_MAX_BYTES], like[256];
		uint32_t n;

		if (!atomic_load(&site->limit.suppressed) || !is_quiet(&site->limit))
			continue;
		n = atomic_exchange(&site->limit.suppressed, 0);
		elide(like, sizeof(like), site->fmt);
		snprintf(message, sizeof(message), "%s (%u alike left out)", like, n);
		emit(&(struct entry){
			.level = (enum log_level)atomic_load(&site->left_out_level),
			.event = site->event,
			.message = message,
			.site = site,
		});
	}
}
