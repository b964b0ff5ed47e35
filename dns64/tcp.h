/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queries over TCP (RFC 7766) and TLS (RFC 7858): many on one connection, answered as the answers
 * come, with limits on how many connections there are and how long they may rest.
 */
#ifndef DNS64_TCP_H
#define DNS64_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asker;
struct query;
struct tcp_client;
struct tcp_port;
struct worker;

/**
 * tcp_port_new() - take over a listening socket; it is closed also on failure (NULL).
 * @tls:	DNS over TLS is spoken there, by what the room then has.
 */
struct tcp_port *tcp_port_new(struct worker *worker, int fd, bool tls);

/** tcp_port_start() - begin to accept. Return: 0 or -errno. */
int tcp_port_start(struct tcp_port *port);

/** tcp_port_close() - accept no more; connections go on. */
void tcp_port_close(struct tcp_port *port);

/** tcp_settle() - asker_settle() of what came by TCP. */
bool tcp_settle(struct tcp_client *client, struct query *query);

/** tcp_reply() - queue a reply for a client. */
void tcp_reply(struct tcp_client *client, const uint8_t *wire, size_t len);

/** tcp_client_wait() - @asker (which stays where it is) waits for an answer. */
void tcp_client_wait(struct tcp_client *client, struct asker *asker);

/** tcp_client_done() - it waits no longer. */
void tcp_client_done(struct tcp_client *client, struct asker *asker);

/** tcp_close_all() - close every connection of a worker; those who wait are told. */
void tcp_close_all(struct worker *worker);

#endif
