/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe of RFC 6146 3.5.2.2: does an idle connection still live? */
#ifndef NAT64_PROBE_H
#define NAT64_PROBE_H

struct emit;
struct flow;

/**
 * probe_send() - queue an empty segment to the IPv6 end of an established connection,
 * as if from the other: ACK, sequence and acknowledgement number zero. An end that has the
 * connection answers with an ACK, one that knows nothing of it with a reset.
 *
 * The IPv6 end alone is asked ("at least one" says the RFC): what goes on without it is of
 * use to nobody here, however well the other end is.
 */
void probe_send(struct emit *emit, const struct flow *flow);

#endif
