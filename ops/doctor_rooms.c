/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each room is used once, as a client would use it, from this host. */
#include "doctor.h"

#include <errno.h>
#include <json-c/json.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../dns64/message.h"
#include "doctor_ask.h"
#include "doctor_probe.h"
#include "document.h"

#define NO_NAME "doctor.invalid"	/* RFC 6761 6.4: exists nowhere */

enum {
	ANSWER_MS = 1500,
	TYPE_AAAA = 28,
	LISTENERS_MAX = 16,		/* that are tried */
	RECORD_ALERT = 21, RECORD_HANDSHAKE = 22,	/* RFC 8446 5.1 */
	UNRECOGNIZED_NAME = 112,	/* RFC 6066 3 */
};

/* Does the gateway run, with the room? Else the check is not for now. */
static bool is_on(struct doctor *doctor, bool on, const char *room)
{
	if (on && doctor->status)
		return true;
	if (on)
		doctor_skip(doctor, "no gateway runs");
	else
		doctor_skip(doctor, "%s is off", room);
	return false;
}

/* ---- nat64 ------------------------------------------------------------------------- */

/* By the gateway's own account. Return: it would be translated. */
static bool would_translate(struct doctor *doctor, const struct in6_addr *to)
{
	struct json_object *request = doctor_request("trace"), *reply;
	char text[ADDR_STRLEN];
	bool translated;

	json_object_object_add(request, "to", json_object_new_string(addr_format(to, text)));
	json_object_object_add(request, "proto", json_object_new_string("icmp"));
	reply = doctor_ask(doctor, request);
	if (!reply) {
		doctor_cannot(doctor, "the gateway does not answer");
		return false;
	}
	translated =
		strcmp(json_object_get_string(document_get(reply, "outcome")), "translated") == 0;
	if (!translated) {
		doctor_find(doctor, "a ping to %s %s", text,
			    json_object_get_string(document_get(reply, "verdict")));
		doctor_mend(doctor, "gate64 trace %s --proto icmp says by which setting", text);
	}
	json_object_put(reply);
	return translated;
}

void doctor_self_nat64(struct doctor *doctor)
{
	const struct prefix *pref64 = addrmap_pref64_for(doctor->map,
							 addr_v4_be32(&doctor->internet));
	char text[ADDR_STRLEN], to_text[ADDR_STRLEN];
	bool direct = false, translated = false;
	struct in6_addr to;
	int err;

	if (!is_on(doctor, doctor->config->nat64.enabled, "nat64"))
		return;
	if (!pref64) {
		doctor_cannot(doctor,
			      "the configuration lets nobody reach %s; --internet names another",
			      addr_format(&doctor->internet, text));
		return;
	}
	to = addrmap_embed(pref64, addr_v4_be32(&doctor->internet));
	if (!would_translate(doctor, &to))
		return;
	err = probe_alive(&to, 1, &translated);
	if (!err && !translated)
		err = probe_alive(&doctor->internet, 1, &direct);
	if (err)
		doctor_cannot(doctor, err == -EPERM ? "only root may send probes" : "%s",
			      strerror(-err));
	if (err || translated)
		return;
	addr_format(&doctor->internet, text);
	if (!direct) {
		doctor_cannot(doctor, "%s does not answer pings; --internet names another host",
			      text);
		return;
	}
	doctor_find(doctor, "%s answers pings, and as %s, through NAT64, it does not", text,
		    addr_format(&to, to_text));
	doctor_mend(doctor,
		    "see the firewall_ checks, ip -6 route get %s (the gateway's route is by lo) "
		    "and "
		    "the drops in gate64 status",
		    to_text);
}

/* ---- dns64 ------------------------------------------------------------------------- */

static int connect_to(const struct endpoint *at, int type)
{
	struct timeval wait = { ANSWER_MS / 1000, ANSWER_MS % 1000 * 1000L };
	struct sockaddr_storage to;
	socklen_t len = endpoint_to_sockaddr(at, &to);
	int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(fd, (struct sockaddr *)&to, len) == 0)
		return fd;
	/* What the timeout of a connect is called */
	err = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	close(fd);
	return err;
}

/* Where a client would find a listener: this host, where it has every address. */
static struct endpoint reach(const struct endpoint *at)
{
	const struct in6_addr any4 = addr_from_v4(0);
	struct endpoint to = *at;

	if (IN6_IS_ADDR_UNSPECIFIED(&at->addr))
		to.addr = in6addr_loopback;
	else if (addr_equal(&at->addr, &any4))
		to.addr = addr_from_v4(htonl(INADDR_LOOPBACK));
	return to;
}

/* Ask for the AAAA of ipv4only.arpa, which dns64 makes itself (RFC 7050, RFC 8880).
 * Return: the length of what came into @reply, its length field aside; -errno. */
static ssize_t exchange(const struct endpoint *at, bool tcp, uint16_t id, uint8_t *reply)
{
	static const struct name ipv4only = { .len = 15, .wire = "\010ipv4only\004arpa" };
	uint8_t query[302];
	size_t len = ask_build(query + 2, id, &ipv4only, TYPE_AAAA);
	int fd = connect_to(at, tcp ? SOCK_STREAM : SOCK_DGRAM);
	ssize_t n;

	if (fd < 0)
		return fd;
	query[0] = 0;
	query[1] = (uint8_t)len;
	n = tcp ? send(fd, query, len + 2, MSG_NOSIGNAL) : send(fd, query + 2, len, MSG_NOSIGNAL);
	if (n >= 0 && tcp)
		n = recv(fd, reply, 2, MSG_WAITALL);
	if (n >= 0)
		n = recv(fd, reply, ASK_REPLY_MAX, 0);
	if (n < 0)
		n = errno == EAGAIN ? -ETIMEDOUT : -errno;
	close(fd);
	return n;
}

static bool has_address(const struct doctor *doctor, const uint8_t *wire, size_t len)
{
	struct message *message = malloc(sizeof(*message));
	struct in6_addr addr;
	bool has = false;

	if (message && message_read(message, wire, len))
		for (size_t i = 0; i < message->n; i++)
			if (message->rr[i].type == TYPE_AAAA &&
			    message->rr[i].rdata_len == sizeof(addr)) {
				memcpy(&addr, wire + message->rr[i].rdata_at, sizeof(addr));
				has |= addrmap_pref64_of(doctor->map, &addr) != NULL;
			}
	free(message);
	return has;
}

static void judge_resolver(struct doctor *doctor, const struct endpoint *listen, bool tcp)
{
	struct endpoint at = reach(listen);
	uint8_t reply[ASK_REPLY_MAX];
	char text[ENDPOINT_STRLEN];
	uint16_t id;
	ssize_t n;

	if (getrandom(&id, sizeof(id), 0) < 0)
		return;
	n = exchange(&at, tcp, id, reply);
	endpoint_format(&at, text);
	if (n < 0) {
		doctor_find(doctor, "dns64 does not answer at %s (%s): %s", text,
			    tcp ? "TCP" : "UDP", strerror((int)-n));
		doctor_mend(doctor, "see dns64_port and firewall_input; rules for lo: nft insert "
				    "rule .. "
				    "iifname \"lo\" accept");
	} else if (!ask_is_reply(reply, (size_t)n, id) || !has_address(doctor, reply, (size_t)n)) {
		doctor_find(doctor,
			    "what answers at %s (%s) gives no AAAA for ipv4only.arpa: it is not "
			    "this dns64",
			    text, tcp ? "TCP" : "UDP");
		doctor_mend(doctor, "see dns64_port for who is there, and gate64 dns lookup "
				    "ipv4only.arpa");
	}
}

void doctor_self_dns64(struct doctor *doctor)
{
	const struct endpoint_list *listen = &doctor->config->dns64.listen;

	if (!is_on(doctor, doctor->config->dns64.enabled, "dns64"))
		return;
	for (size_t i = 0; i < listen->n && i < LISTENERS_MAX; i++) {
		judge_resolver(doctor, &listen->v[i], false);
		judge_resolver(doctor, &listen->v[i], true);
	}
}

/* ---- snid -------------------------------------------------------------------------- */

/* A ClientHello for a name, NULL: none. Return: its length; 0: memory is out. */
static size_t make_hello(const char *name, uint8_t *out, size_t size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *tls = context ? SSL_new(context) : NULL;
	BIO *in = BIO_new(BIO_s_mem()), *written = BIO_new(BIO_s_mem());
	int len = 0;

	if (tls && in && written) {
		SSL_set_bio(tls, in, written);	/* takes both */
		if (name)
			SSL_set_tlsext_host_name(tls, name);
		SSL_connect(tls);		/* stops at what it would have to read */
		len = BIO_read(written, out, (int)size);
	} else {
		BIO_free(in);
		BIO_free(written);
	}
	SSL_free(tls);
	SSL_CTX_free(context);
	return len > 0 ? (size_t)len : 0;
}

static size_t make_greeting(enum config_sni_protocol protocol, const char *name, uint8_t *out,
			    size_t size)
{
	static const uint8_t ssl_request[] = { 0, 0, 0, 8, 4, 210, 22, 47 };

	switch (protocol) {
	case CONFIG_SNI_HTTP:
		return (size_t)snprintf((char *)out, size, "HEAD / HTTP/1.1\r\nHost: %s\r\n"
					"Connection: close\r\n\r\n", name ? name : "");
	case CONFIG_SNI_POSTGRES:
		memcpy(out, ssl_request, sizeof(ssl_request));
		return sizeof(ssl_request);
	case CONFIG_SNI_AUTO:
	case CONFIG_SNI_TLS:
		break;
	}
	return make_hello(name, out, size);
}

/* Is it what is said to a client whose name nobody has, or a server's own answer? */
static bool is_answer(enum config_sni_protocol protocol, const uint8_t *data, size_t len)
{
	switch (protocol) {
	case CONFIG_SNI_HTTP:
		return len >= 5 && memcmp(data, "HTTP/", 5) == 0;
	case CONFIG_SNI_POSTGRES:
		return len >= 1 && strchr("SNE", data[0]);
	case CONFIG_SNI_AUTO:
	case CONFIG_SNI_TLS:
		break;
	}
	return len >= 7 && (data[0] == RECORD_HANDSHAKE ||
			    (data[0] == RECORD_ALERT && data[6] == UNRECOGNIZED_NAME));
}

/* Greet a listener. Return: 1 it answers as it should; 0 otherwise; -errno: it does not. */
static int greet(const struct endpoint *at, enum config_sni_protocol protocol, const char *name)
{
	uint8_t data[4096];
	size_t len = make_greeting(protocol, name, data, sizeof(data));
	int fd = connect_to(at, SOCK_STREAM);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = send(fd, data, len, MSG_NOSIGNAL);
	if (n >= 0)
		n = recv(fd, data, sizeof(data), 0);
	close(fd);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return n == 0 ? -ECONNRESET : is_answer(protocol, data, (size_t)n);
}

/* A name has to be looked up first; without one the answer is at hand. */
static void judge_listener(struct doctor *doctor, const struct sni_listen *listen)
{
	struct endpoint at = reach(&listen->at);
	int by_name = greet(&at, listen->protocol, NO_NAME), without;
	char text[ENDPOINT_STRLEN];

	if (by_name == 1)
		return;
	endpoint_format(&at, text);
	without = by_name == -ECONNREFUSED ? by_name : greet(&at, listen->protocol, NULL);
	if (without == 1) {
		doctor_find(doctor, "snid at %s cannot look up names", text);
		doctor_mend(doctor, "gate64 dns lookup " NO_NAME " says why; see dns_upstream and "
								 "dnssec");
	} else if (without < 0) {
		doctor_find(doctor, "snid does not answer at %s: %s", text, strerror(-without));
		doctor_mend(doctor, "see snid_port and firewall_input; rules for lo: nft insert "
				    "rule .. "
				    "iifname \"lo\" accept");
	} else {
		doctor_find(doctor, "what answers at %s does not answer as snid does", text);
		doctor_mend(doctor, "see snid_port for who is there");
	}
}

void doctor_self_snid(struct doctor *doctor)
{
	const struct config *config = doctor->config;

	if (!is_on(doctor, config->snid.n_listen, "snid"))
		return;
	for (size_t i = 0; i < config->snid.n_listen && i < LISTENERS_MAX; i++) {
		const struct sni_listen *listen = &config->snid.listen[i];
		const struct prefix_list *proxies = listen->own & SNI_OWN_PROXY_FROM ?
						    &listen->proxy_from : &config->snid.proxy_from;
		struct endpoint at = reach(&listen->at);

		/* From there it would expect a PROXY header; and in mode nat46 it refuses IPv6. */
		if (!prefix_list_contains(proxies, &at.addr))
			judge_listener(doctor, listen);
	}
}
