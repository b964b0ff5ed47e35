/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The questions of `gate64 setup`. */
#ifndef OPS_SETUP_ASK_H
#define OPS_SETUP_ASK_H

#include <stdbool.h>
#include <stdio.h>

struct setup_wishes;

enum { SETUP_ANSWER_MAX = 512 };

struct setup_answers {
	char uplink[SETUP_ANSWER_MAX];
	char inside[SETUP_ANSWER_MAX];
	char listen[SETUP_ANSWER_MAX];
	char upstream[SETUP_ANSWER_MAX];
};

/**
 * setup_ask() - ask for what is not given yet; nothing said is the answer between brackets. What
 * the configuration does not take is explained, and asked for again.
 * @wishes:	completed; it borrows from @answers.
 * @listen:	the default for ports.
 * @uplink_known:	whether that is found without being told.
 * Return: 0; -ECANCELED at the end of @in.
 */
int setup_ask(struct setup_wishes *wishes, struct setup_answers *answers, const char *listen,
	      bool uplink_known, FILE *in, FILE *out);

/** setup_confirm() - "QUESTION [Y/n]". Return: false at the end of @in, too. */
bool setup_confirm(const char *question, FILE *in, FILE *out);

#endif
