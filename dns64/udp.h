/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queries over UDP: read and answered in batches, from the address that was asked. */
#ifndef DNS64_UDP_H
#define DNS64_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asker;
struct udp_batch;
struct udp_port;
struct worker;

/** udp_batch_new() - a worker's buffers, shared by its ports; NULL: out of memory. */
struct udp_batch *udp_batch_new(void);

/** udp_batch_free() - NULL is allowed. */
void udp_batch_free(struct udp_batch *batch);

/**
 * udp_port_new() - take over a bound socket; it is closed also on failure (NULL).
 * @wildcard:	it is asked at any address, and told which by the kernel.
 */
struct udp_port *udp_port_new(struct worker *worker, int fd, bool wildcard);

/** udp_port_start() - begin to read. Return: 0 or -errno. */
int udp_port_start(struct udp_port *port);

/** udp_port_close() - read no more; the socket stays open for the queries that hold it. */
void udp_port_close(struct udp_port *port);

/** udp_port_ref(), udp_port_unref() - a query holds it; the last one closes it. */
void udp_port_ref(struct udp_port *port);
void udp_port_unref(struct udp_port *port);

/** udp_reply() - send to @asker; at most MESSAGE_UDP_MAX bytes. */
void udp_reply(const struct asker *asker, const uint8_t *wire, size_t len);

#endif
