/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DNS over TLS (RFC 7858) needs besides TCP: certificate and key, TLS 1.2 or 1.3
 * (RFC 8310 9, RFC 9325), ALPN "dot", resumption by tickets.
 *
 * The files are read by the user that the process has become, at start as at each reload: what
 * only root may read would be found out months later, when the certificate is renewed.
 */
#ifndef DNS64_TLS_H
#define DNS64_TLS_H

struct bufferevent;
struct event_base;
struct tls;

/**
 * tls_new() - read certificate chain and key (PEM files).
 * Return: 0 with *@out, owned by the caller; or -errno, the reason having been logged.
 * A certificate that has expired or is about to draws a warning, and each day again.
 */
int tls_new(struct tls **out, const char *cert, const char *key);

/** tls_accept() - the server's end of a connection that begins; it owns @fd. NULL: no memory. */
struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd);

/** tls_resumed() - did it go on from an earlier session? After the handshake. */
int tls_resumed(struct bufferevent *bev);

/** tls_end() - say that nothing more comes (close_notify); after the handshake. */
void tls_end(struct bufferevent *bev);

/** tls_free() - connections that are open keep what they need; NULL is allowed. */
void tls_free(struct tls *tls);

#endif
