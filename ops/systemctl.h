/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's command, as an administrator uses it. */
#ifndef OPS_SYSTEMCTL_H
#define OPS_SYSTEMCTL_H

#include <stdbool.h>

/** systemctl_is_there() - has this machine been started by systemd (sd_booted(3))? */
bool systemctl_is_there(void);

/**
 * systemctl_run() - "systemctl VERB UNIT", found by $PATH; what it says goes to stderr.
 * Return: 0, -EPROTO when it failed, or -errno of starting it.
 */
int systemctl_run(const char *verb, const char *unit);

/** systemctl_says() - the same where the exit status is the answer, and nothing else of it is
 * heard: "is-enabled", "is-active", "cat". */
bool systemctl_says(const char *verb, const char *unit);

#endif
