/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a connection for those who look at it: since when it is there, for which
 * name, to which server; the times of its steps go into histograms, and at its end a line
 * into the log where that was asked for (snid.log).
 *
 * The line is a JSON object like those of the flow log (nat64/journal.h), of a connection that
 * was joined to its server; those that are refused have another (refusal.h):
 *
 *	time, event ("connection-end"), client, client_port, name (null: it said none), protocol,
 *	mode, backend, backend_port (both null: a unix socket), bytes_in, bytes_out,
 *	duration_s, end ("closed", "reset", "idle_timeout", "vanished", "stopped")
 */
#ifndef SNID_ACCOUNT_H
#define SNID_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/addr.h"
#include "../core/config.h"

enum { ACCOUNT_TIME_STRLEN = 32 };

struct account {
	int64_t since_us;		/* histogram_now_us() when it was accepted */
	int64_t step_us;		/* when the present step of its opening began */
	struct endpoint backend;	/* zero: not known yet, or a unix socket */
	enum config_sni_protocol protocol;	/* auto: not known yet */
	enum config_sni_mode mode;
	char *name;			/* owned; NULL: none, or not joined yet */
};

/* The steps of an opening, each a histogram */
enum account_step { ACCOUNT_HELLO, ACCOUNT_LOOKUP, ACCOUNT_CONNECT };

/* How a joined connection ends */
enum account_end {
	ACCOUNT_CLOSED,
	ACCOUNT_RESET,
	ACCOUNT_IDLE,
	ACCOUNT_VANISHED,
	ACCOUNT_STOPPED,
};

/** account_begin() - it was accepted. */
void account_begin(struct account *account);

/** account_step_over() - a step of the opening is over, the next one begins. */
void account_step_over(struct account *account, enum account_step step);

/**
 * account_joined() - the opening is over.
 * @name:	copied; "": none.
 * @backend:	copied.
 */
void account_joined(struct account *account, const struct endpoint *client, const char *name,
		    enum config_sni_mode mode, const struct endpoint *backend);

/**
 * account_end() - a joined connection ends: count it, and log it where @log.
 * @bytes:	from the client, from the server.
 */
void account_end(const struct account *account, const struct endpoint *client,
		 enum account_end end, const uint64_t bytes[2], bool log);

/** account_time() - the time as lines of the log have it. @when: ACCOUNT_TIME_STRLEN bytes. */
void account_time(char *when);

/** account_free() - release what it holds. */
void account_free(struct account *account);

/** account_protocol(), account_mode() - in words, static. */
const char *account_protocol(enum config_sni_protocol protocol);
const char *account_mode(enum config_sni_mode mode);

#endif
