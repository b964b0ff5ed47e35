/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): an entry is a datagram
 * of fields to the journal's socket; what is too long for a datagram goes in a sealed memory
 * file. Nothing waits. Any thread, no lock.
 */
#ifndef CORE_LOG_JOURNAL_H
#define CORE_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

/* Where the journal listens; tests have one of their own. */
extern const char *log_journal_path;

/** log_journal_has_stderr() - is stderr what $JOURNAL_STREAM says (systemd.exec(5))? */
bool log_journal_has_stderr(void);

/**
 * log_journal_open() - a socket to send entries with.
 * Return: owned by the caller, or -errno: there is no journal here.
 */
int log_journal_open(void);

/**
 * log_journal_send() - one entry.
 * @fields:	in upper case as they are; others get "GATE64_" before their name and upper
 *		case. Values may be of any length, and have line feeds.
 * Return: 0; or -errno: the journal does not take it now (-EAGAIN), or is not there.
 */
int log_journal_send(int fd, const struct log_field *fields, size_t n);

/**
 * log_journal_members() - the members of a flat JSON object, as fields.
 * @json:	one of our own making: numbers, null, and strings whose only escapes are \" and \\.
 * @text:	@size bytes, for the names and values.
 * @fields:	room for @max; what is null is left out.
 * Return: how many.
 */
size_t log_journal_members(const char *json, char *text, size_t size, struct log_field *fields,
			   size_t max);

#endif
