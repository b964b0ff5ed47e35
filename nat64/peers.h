/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which remote addresses a binding has sessions with, at whatever port: what
 * address-dependent filtering (RFC 6146 3.5.1, 3.5.2; RFC 4787 5) lets in. Kept only while
 * that is set. Part of flow_mem; safe from every worker.
 */
#ifndef NAT64_PEERS_H
#define NAT64_PEERS_H

#include <stdbool.h>
#include <stdint.h>

struct bib;
struct pages;
struct peers;

/** peers_new() - nobody yet. @pages: borrowed. Return: owned by the caller, or NULL. */
struct peers *peers_new(struct pages *pages);

/** peers_free() - whoever is left too; NULL is allowed. */
void peers_free(struct peers *peers);

/** peers_add() - @bib has a session more with this address. Return: 0 or -ENOMEM. */
int peers_add(struct peers *peers, const struct bib *bib, uint32_t remote_be32);

/** peers_remove() - one less. One that peers_add() had no memory for may be among them. */
void peers_remove(struct peers *peers, const struct bib *bib, uint32_t remote_be32);

/** peers_has() - is there a session of @bib with this address? */
bool peers_has(struct peers *peers, const struct bib *bib, uint32_t remote_be32);

#endif
