/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's settings that gate64 goes by. It sets none itself: which ports are the host's own
 * (NAT64 takes none of them) and whether IPv4 is forwarded are the administrator's to say. The
 * kernel tells nobody when one changes.
 */
#ifndef OPS_SYSCTLS_H
#define OPS_SYSCTLS_H

#include <stdbool.h>

struct sysctls;

/** sysctls_new() - as they are now. Return: owned by the caller (sysctls_free()), or NULL. */
struct sysctls *sysctls_new(void);

/** sysctls_changed() - has one changed since the last call, or sysctls_new()? */
bool sysctls_changed(struct sysctls *sysctls);

/** sysctls_free() - NULL is allowed. */
void sysctls_free(struct sysctls *sysctls);

#endif
