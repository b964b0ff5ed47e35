/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much the sockets of a listener may have waiting, as the kernel tells (sock_diag(7)). */
#ifndef OPS_DOCTOR_BUFFERS_H
#define OPS_DOCTOR_BUFFERS_H

#include <stdint.h>

struct endpoint;

/**
 * buffers_smallest() - the smallest receive buffer of the UDP sockets at @at, in bytes.
 * Return: 0; -ENOENT: there is none, or the kernel tells nothing (CONFIG_INET_UDP_DIAG); -errno.
 */
int buffers_smallest(const struct endpoint *at, uint32_t *bytes);

#endif
