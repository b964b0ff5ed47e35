/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The peers of a WireGuard interface: the kernel's, or of a program (wireguard-go). */
#ifndef OPS_DOCTOR_WG_H
#define OPS_DOCTOR_WG_H

#include "doctor_read.h"

struct nlmsghdr;

/**
 * wg_read() - by the program's socket /var/run/wireguard/NAME.sock, or generic netlink.
 * @peers:	released with read_peers_free().
 * Return: 0; -ENODEV: it is no WireGuard interface; -EPERM; -errno.
 */
int wg_read(const char *interface, struct read_peers *peers);

/** wg_read_message() - one part of the kernel's answer, for mnl_cb_run(). @peers: added to. */
int wg_read_message(const struct nlmsghdr *header, void *peers);

/** wg_is_wireguard() - is the link of this RTM_NEWLINK message the kernel's WireGuard? */
bool wg_is_wireguard(const struct nlmsghdr *header);

/** wg_is_silent() - has it called once, and not for a day? @now_s: Unix time. */
bool wg_is_silent(const struct read_peer *peer, int64_t now_s);

/** wg_key() - a peer's public key as `wg' shows it. @text: 48 bytes. Return: @text. */
const char *wg_key(const struct read_peer *peer, char *text);

#endif
