/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the fast path's maps are pinned, so that they outlive the process. One gate64 at a
 * time has the folder; another finds it locked. Main thread.
 */
#ifndef NAT64_FAST_PINS_H
#define NAT64_FAST_PINS_H

#include <stdbool.h>

struct bpf_object;

#define FAST_PINS "/sys/fs/bpf/gate64"
#define FAST_PINS_BOUND "/run/gate64/flows"	/* the same, where it was bound to that */

/**
 * fast_pins_prepare() - make and open FAST_PINS, once, while we may write there: what is
 * pinned comes to belong to the user that we become. Where that cannot be (no such file
 * system, no privilege), flows will not outlive the process, and that is logged.
 * @user:	ops.user.
 */
void fast_pins_prepare(const char *user);

/**
 * fast_pins_take_over() - fast_pins_prepare() of a command that clears up, as root.
 * Return: 0, also where there is no such file system; -EBUSY: a gate64 runs; another -errno.
 */
int fast_pins_take_over(void);

/** fast_pins_usable() - can maps be pinned? */
bool fast_pins_usable(void);

/** fast_pins_taken() - has another gate64 that runs the folder? */
bool fast_pins_taken(void);

/**
 * fast_pins_reuse() - let an object that was opened, not yet loaded, have the maps that an
 * earlier run has left.
 * Return: 1 where it has them; 0 where there are none; -errno where they do not fit, and
 * the object is to be opened anew: it may have some of them.
 */
int fast_pins_reuse(const struct bpf_object *object);

/** fast_pins_pin() - pin the maps of a loaded object. Return: 0 or -errno. */
int fast_pins_pin(const struct bpf_object *object);

/** fast_pins_unpin() - take away the pins of an object's maps. */
void fast_pins_unpin(const struct bpf_object *object);

/** fast_pins_clear() - take away whatever is pinned there. */
void fast_pins_clear(void);

/** fast_pins_remove() - take away FAST_PINS, empty, after which nothing can be pinned.
 * Return: 0 or -errno. */
int fast_pins_remove(void);

#endif
