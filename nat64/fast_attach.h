/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast path's program on interfaces: a filter at TC ingress, beside whatever others
 * the host has there. Needs CAP_NET_ADMIN, also after the user change. Main thread.
 */
#ifndef NAT64_FAST_ATTACH_H
#define NAT64_FAST_ATTACH_H

#include <stddef.h>

struct fast_attach;

/**
 * fast_attach_new() - on no interface yet.
 * @ether, @bare:	descriptors of the programs for devices with Ethernet headers and
 *			without link headers; borrowed for its life.
 * Return: owned by the caller, or NULL.
 */
struct fast_attach *fast_attach_new(int ether, int bare);

/**
 * fast_attach_to() - be on these interfaces, and on no others.
 *
 * What an earlier run has left is replaced, in one step, or taken away. An interface that
 * came back under its old index, or lost the filter to somebody else, gets it again.
 */
void fast_attach_to(struct fast_attach *attach, const unsigned int *ifindexes, size_t n);

/**
 * fast_attach_mend() - be again where fast_attach_to() has put it and others have taken it
 * away since.
 * @names:	gets the names of those interfaces.
 * Return: how many.
 */
unsigned int fast_attach_mend(struct fast_attach *attach, char *names, size_t size);

/** fast_attach_count() - how many interfaces have it now. */
unsigned int fast_attach_count(const struct fast_attach *attach);

/** fast_attach_free() - the filters stay; NULL is allowed. */
void fast_attach_free(struct fast_attach *attach);

#endif
