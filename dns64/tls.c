/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/log.h"

enum {
	WARN_DAYS = 14,		/* before the certificate expires */
	DAY_S = 86400,
};

static const char cert_setting[] = "dns64.tls.cert", key_setting[] = "dns64.tls.key";

struct tls {
	SSL_CTX *ctx;
	time_t not_after;
	_Atomic int64_t warned_day;	/* days since 1970 */
};

/* ---- the files --------------------------------------------------------------- */

/* OpenSSL has a queue of errors; the first one is nearest to the cause. */
static void log_reason(const char *setting, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	log_error("%s: %s: %s", setting, path, reason ? reason : "cannot be used");
	ERR_clear_error();
}

static int check_readable(const char *setting, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = errno;

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	log_error("%s: %s: %s", setting, path, strerror(err));
	if (err == EACCES)
		log_error("%s is read at start and at each reload as the user that gate64 runs as "
			  "(ops.user): let its group read it (chgrp gate64, chmod 640, and the "
			  "folders above), or use LoadCredential= of systemd and name "
			  "/run/credentials/gate64.service/NAME", setting);
	return -err;
}

/* The library's own would ask at a terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int read_files(SSL_CTX *ctx, const char *cert, const char *key)
{
	int err = check_readable(cert_setting, cert);

	ERR_clear_error();
	if (!err)
		err = check_readable(key_setting, key);
	if (err)
		return err;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
		log_reason(cert_setting, cert);
		return -EINVAL;
	}
	/* It compares the key with the certificate, too. */
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		log_reason(key_setting, key);
		return -EINVAL;
	}
	return 0;
}

/* ---- expiry ------------------------------------------------------------------- */

static time_t time_of(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) == 1 ? timegm(&tm) : 0;
}

static void warn_of_expiry(struct tls *tls)
{
	time_t now_s = time(NULL);
	int64_t today = now_s / DAY_S;
	char date[16];
	struct tm tm;

	if (tls->not_after - now_s >= WARN_DAYS * DAY_S ||
	    atomic_exchange(&tls->warned_day, today) == today)
		return;
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&tls->not_after, &tm));
	if (tls->not_after <= now_s)
		log_event(LOG_LEVEL_ERROR, LOG_EVENT_CERTIFICATE_EXPIRES, LOG_FIELDS({ "date", date }),
			  "%s: the certificate has expired, on %s", cert_setting, date);
	else
		log_event(LOG_LEVEL_WARN, LOG_EVENT_CERTIFICATE_EXPIRES, LOG_FIELDS({ "date", date }),
			  "%s: the certificate expires on %s", cert_setting, date);
}

/* ---- the context ----------------------------------------------------------------- */

/* RFC 7858 has the name "dot". Who offers others alone means another protocol (RFC 7301 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char dot[] = "\003dot";
	unsigned char *chosen = NULL;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, dot, sizeof(dot) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_new(void)
{
	static const unsigned char session_context[] = "gate64 dns64";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set_session_id_context(ctx, session_context,
					   sizeof(session_context) - 1) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* Tickets hold what resumption needs; a cache here would be memory that clients fill. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return ctx;
}

int tls_new(struct tls **out, const char *cert, const char *key)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int err = -ENOMEM;

	if (!tls)
		return err;
	tls->ctx = context_new();
	if (!tls->ctx) {
		log_reason(cert_setting, cert);
		goto fail;
	}
	err = read_files(tls->ctx, cert, key);
	if (err)
		goto fail;
	tls->not_after = time_of(X509_get0_notAfter(SSL_CTX_get0_certificate(tls->ctx)));
	warn_of_expiry(tls);
	*out = tls;
	return 0;
fail:
	tls_free(tls);
	return err;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

/* ---- connections ------------------------------------------------------------------ */

struct bufferevent *tls_accept(struct tls *tls, struct event_base *base, int fd)
{
	SSL *ssl = SSL_new(tls->ctx);
	struct bufferevent *bev;

	warn_of_expiry(tls);
	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	/* Many clients close without close_notify; lengths tell whether messages are whole. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

int tls_resumed(struct bufferevent *bev)
{
	return SSL_session_reused(bufferevent_openssl_get_ssl(bev));
}

void tls_end(struct bufferevent *bev)
{
	SSL_shutdown(bufferevent_openssl_get_ssl(bev));
	ERR_clear_error();
}
