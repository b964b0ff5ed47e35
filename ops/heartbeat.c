/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every look first sees who has not answered what the look before has asked; so to be late is
 * to be silent for about as long as from one look to the next. Nobody waits for anybody here.
 * A look also has the log say what it left out.
 */
#include "heartbeat.h"

#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/log.h"
#include "../core/loop.h"
#include "notify.h"

enum {
	LOOK_MS = 5000,		/* at least so often: who hangs shall be named soon */
	LOOKS_MIN = 2,		/* from one feeding to the next */
	NAMES_SIZE = 512,	/* what is beyond is cut */
};

static struct {
	struct loop *loop;
	struct event *look;
	/* of its thread alone */
	int64_t late_ms;			/* who is silent for so long is late */
	unsigned int looks, looks_per_feed;	/* 0: there is no watchdog */
	char said[NAMES_SIZE];			/* who was late, as logged */
} beat;

/* ---- the look ---------------------------------------------------------------------- */

static void tell(const char *names)
{
	if (strcmp(names, beat.said) == 0)
		return;
	if (*names)
		log_event(LOG_LEVEL_ERROR, LOG_EVENT_THREADS_SILENT,
			  LOG_FIELDS({ "threads", names }), "threads that do not answer: %s", names);
	else
		log_event(LOG_LEVEL_INFO, LOG_EVENT_THREADS_ANSWER, NULL,
			  "all threads answer again");
	snprintf(beat.said, sizeof(beat.said), "%s", names);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	char names[NAMES_SIZE];
	size_t late = loop_silent(beat.late_ms, names, sizeof(names));

	(void)fd;
	(void)what;
	(void)arg;
	tell(names);
	log_tell_left_out();
	beat.looks++;
	/* What is due is made up for as soon as all answer. */
	if (!late && beat.looks_per_feed && beat.looks >= beat.looks_per_feed) {
		notify_watchdog();
		beat.looks = 0;
	}
	loop_ping_all();
}

/* ---- life -------------------------------------------------------------------------- */

/* What the manager wants to be fed within, in microseconds; 0: nothing. */
static uint64_t watchdog_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!us || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(us, NULL, 10);
}

/* Return: from one look to the next. */
static struct timeval choose_rhythm(void)
{
	uint64_t feed_us = watchdog_us() / 2, look_us = LOOK_MS * 1000;
	uint64_t looks = (feed_us + look_us - 1) / look_us;

	if (looks < LOOKS_MIN)
		looks = LOOKS_MIN;
	if (feed_us)
		look_us = feed_us / looks;
	beat.looks = 0;
	beat.looks_per_feed = feed_us ? (unsigned int)looks : 0;
	/* Others ask as well (a page of the status), and that may have been just now. */
	beat.late_ms = (int64_t)(look_us / 1000 / 2);
	return (struct timeval){
		.tv_sec = (time_t)(look_us / 1000000),
		.tv_usec = (suseconds_t)(look_us % 1000000),
	};
}

int heartbeat_begin(int (*enter)(void))
{
	struct timeval every = choose_rhythm();
	int err = -ENOMEM;

	beat.said[0] = '\0';
	beat.loop = loop_new("heartbeat");
	if (beat.loop)
		beat.look = event_new(loop_base(beat.loop), -1, EV_PERSIST, on_look, NULL);
	if (beat.look && event_add(beat.look, &every) == 0)
		err = loop_start(beat.loop, enter);
	if (err) {
		log_error("cannot watch over the threads: %s", strerror(-err));
		heartbeat_end();
	}
	return err;
}

void heartbeat_end(void)
{
	if (beat.loop)
		loop_stop(beat.loop);
	if (beat.look)
		event_free(beat.look);
	loop_free(beat.loop);
	beat.loop = NULL;
	beat.look = NULL;
}
