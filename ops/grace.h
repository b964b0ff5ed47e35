/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes away from the network comes back, as a rule: a cable, a lease renewed, a tunnel
 * restarted. For a while it counts as being there still, so that flows do not end of it:
 *
 *   the uplink's IPv4 address, and which interface it is;
 *   with "inside: auto", an inside prefix; where the uplink's interface is gone, as long as it.
 *
 * Another address in the place of the old one is no absence: flows cannot go on by it, since
 * a binding (RFC 6146 3) is to an address. Main thread.
 */
#ifndef OPS_GRACE_H
#define OPS_GRACE_H

struct config;
struct event_base;
struct grace;
struct netinfo;

enum {
	GRACE_UPLINK_MS = 30000,
	/* A tunnel is restarted within seconds; and who is to be a client no more is none soon. */
	GRACE_INSIDE_MS = 10000,
};

/**
 * grace_new() - nothing has been there yet.
 * @over:	called when the time of something is over: look at the network again.
 * Return: owned by the caller (grace_free()), or NULL.
 */
struct grace *grace_new(struct event_base *base, void (*over)(void *arg), void *arg);

/**
 * grace_uplink() - the interface that is to be taken for the uplink where none is found: what
 * lies behind it stays outside. Borrowed until grace_apply(); NULL: none.
 */
const char *grace_uplink(const struct grace *grace);

/**
 * grace_apply() - put into @net what has just gone away; the log tells of it once.
 * @config:	that @net was made by.
 * Return: 0 or -ENOMEM, @net being then still as it was, or empty.
 */
int grace_apply(struct grace *grace, const struct config *config, struct netinfo *net);

/** grace_missing() - what is not there now, in words; static; NULL: nothing. */
const char *grace_missing(const struct grace *grace);

/** grace_free() - NULL is allowed. */
void grace_free(struct grace *grace);

#endif
