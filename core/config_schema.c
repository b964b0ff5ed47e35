/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of settings, and the checks of single entries that its rows name. */
#include "config_schema.h"

#include <assert.h>
#include <ctype.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "config_type.h"
#include "rfc6052.h"

/* ---- single entries ---------------------------------------------------------- */

/* Neither networks nor translators are numbered from these. */
static const char *unicast_problem(const struct prefix *prefix)
{
	static const struct prefix never[] = {
		{ { { { 0 } } }, 96 },				/* :: and ::1 */
		{ { { { [10] = 0xff, [11] = 0xff } } }, 96 },	/* IPv4-mapped */
		{ { { { 0xfe, 0x80 } } }, 10 },			/* link-local */
		{ { { { 0xff } } }, 8 },			/* multicast */
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (prefix_overlaps(prefix, &never[i]))
			return "holds loopback, IPv4-mapped, link-local or multicast addresses";
	return NULL;
}

static const char *u_octet_problem(const struct prefix *prefix)
{
	if (!rfc6052_u_octet_zero(prefix->addr.s6_addr))
		return "has bits 64 to 71 set: RFC 6052 section 2.2 has them zero";
	return unicast_problem(prefix);
}

static const char *pref64_problem(const struct prefix *prefix)
{
	if (!rfc6052_valid_length(prefix->len))
		return "is not of length 32, 40, 48, 56, 64 or 96: RFC 6052 section 2.2";
	return u_octet_problem(prefix);
}

static const char *nat46_problem(const struct prefix *prefix)
{
	return prefix->len == 96 ? u_octet_problem(prefix) : "is not of length 96";
}

static bool is_multicast(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_MULTICAST(addr) ||
	       (addr_is_v4(addr) && addr->s6_addr[12] >= 224);
}

static const char *listen_problem(const struct endpoint *endpoint)
{
	return is_multicast(&endpoint->addr) ? "is not a unicast address" : NULL;
}

static const char *upstream_problem(const struct endpoint *endpoint)
{
	const struct in6_addr any4 = addr_from_v4(0);

	if (IN6_IS_ADDR_UNSPECIFIED(&endpoint->addr) || addr_equal(&endpoint->addr, &any4))
		return "is no address to send to";
	return listen_problem(endpoint);
}

static const char *path_problem(const char *text)
{
	return text[0] == '/' ? NULL : "is not an absolute path";
}

static const char *socket_problem(const char *text)
{
	if (strlen(text) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "is too long for a unix socket (107 bytes)";
	return path_problem(text);
}

/* As the kernel's dev_valid_name() */
static const char *interface_problem(const char *text)
{
	if (!*text || strlen(text) >= IFNAMSIZ || strpbrk(text, "/: ") ||
	    strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return "is not an interface name";
	return NULL;
}

/* As adduser(8) takes them, upper case included */
static const char *user_problem(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > 32 || !(isalpha((unsigned char)text[0]) || text[0] == '_'))
		return "is not a user name";
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
			return "is not a user name";
	return NULL;
}

/* ---- enumerations ---------------------------------------------------------------- */

static const char *const seccomp_words[] = {
	[CONFIG_SECCOMP_ON] = "on",
	[CONFIG_SECCOMP_OFF] = "off",
	[CONFIG_SECCOMP_LOG] = "log",
	NULL,
};

static const char *const level_words[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL
};

static const char *const format_words[] = {
	[LOG_FORMAT_AUTO] = "auto",
	[LOG_FORMAT_JOURNAL] = "journal",
	[LOG_FORMAT_TEXT] = "text",
	[LOG_FORMAT_JSON] = "json",
	NULL
};

static const char *const filtering_words[] = {
	[CONFIG_FILTERING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
	[CONFIG_FILTERING_ADDRESS_DEPENDENT] = "address-dependent",
	NULL
};

static const char *const fast_path_words[] = {
	[CONFIG_FAST_PATH_AUTO] = "auto",
	[CONFIG_FAST_PATH_OFF] = "off",
	[CONFIG_FAST_PATH_REQUIRED] = "required",
	NULL
};

static const char *const flow_log_words[] = {
	[CONFIG_FLOW_LOG_OFF] = "off",
	[CONFIG_FLOW_LOG_BINDINGS] = "bindings",
	[CONFIG_FLOW_LOG_SESSIONS] = "sessions",
	[CONFIG_FLOW_LOG_PORT_BLOCKS] = "port-blocks",
	NULL
};

static const char *const rebind_words[] = {
	[CONFIG_REBIND_OFF] = "off",
	[CONFIG_REBIND_ON] = "on",
	NULL
};

/* config_type_word copies an unsigned int. */
static const char *const sni_mode_words[] = {
	[CONFIG_SNI_NAT46] = "nat46",
	[CONFIG_SNI_TCP] = "tcp",
	[CONFIG_SNI_UNIX] = "unix",
	NULL
};

static const char *const sni_log_words[] = {
	[CONFIG_SNI_LOG_OFF] = "off",
	[CONFIG_SNI_LOG_CONNECTIONS] = "connections",
	NULL
};

static const char *const sni_proxy_words[] = {
	[CONFIG_SNI_PROXY_OFF] = "off",
	[CONFIG_SNI_PROXY_V2] = "v2",
	NULL
};

static_assert(sizeof(enum log_level) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum log_format) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_filtering) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_fast_path) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_flow_log) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_rebind) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_sni_mode) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_sni_log) == sizeof(unsigned int), "enumerations are int-sized");
static_assert(sizeof(enum config_sni_proxy) == sizeof(unsigned int), "enumerations are int-sized");

/* ---- the table --------------------------------------------------------------------- */

/* offsetof() that compiles only where the field has the type its row handles */
#define FIELD(field, type)                                                                       \
	(offsetof(struct config, field) +                                                        \
	 0 * sizeof(char[_Generic(((struct config *)0)->field, type: 1, default: -1)]))

/* type, offset, also */
#define BOOL(field) &config_type_bool, FIELD(field, bool), 0
#define WORD(field, enumeration) &config_type_word, FIELD(field, enumeration), 0
#define COUNT(field) &config_type_count, FIELD(field, uint32_t), 0
#define DURATION(field) &config_type_duration, FIELD(field, uint32_t), 0
#define RATE(field) &config_type_rate, FIELD(field, uint32_t), 0
#define SIZE(field) &config_type_size, FIELD(field, uint64_t), 0
#define MTU(field) &config_type_mtu, FIELD(field, uint16_t), 0
#define MSS(field, auto_field) &config_type_mss, FIELD(field, uint16_t), FIELD(auto_field, bool)
#define TEXT(field) &config_type_text, FIELD(field, char *), 0
#define PREFIX(field) &config_type_prefix, FIELD(field, struct prefix), 0
#define PREFIXES(field) &config_type_prefixes, FIELD(field, struct prefix_list), 0
#define CHOICE(field)                                                                            \
	&config_type_prefixes, FIELD(field.list, struct prefix_list), FIELD(field.keyword, bool)
#define ENDPOINT(field) &config_type_endpoint, FIELD(field, struct endpoint), 0
#define ENDPOINTS(field) &config_type_endpoints, FIELD(field, struct endpoint_list), 0
#define UPSTREAM(field, recursive_field)                                                         \
	&config_type_endpoints, FIELD(field, struct endpoint_list), FIELD(recursive_field, bool)
#define POOL4(field, n_field)                                                                    \
	&config_type_pool4, FIELD(field, struct pool4_entry *), FIELD(n_field, size_t)
#define EAM(field, n_field)                                                                      \
	&config_type_eam, FIELD(field, struct eam *), FIELD(n_field, size_t)
#define NAMES(field) &config_type_names, FIELD(field, struct name_list), 0
#define ZONES(field, n_field)                                                                    \
	&config_type_zones, FIELD(field, struct dns_zone *), FIELD(n_field, size_t)
#define LISTEN(field, n_field)                                                                   \
	&config_type_listen, FIELD(field, struct sni_listen *), FIELD(n_field, size_t)
#define ROUTES(field, n_field)                                                                   \
	&config_type_routes, FIELD(field, struct sni_route *), FIELD(n_field, size_t)
#define DEFAULT_NAME(field) &config_type_default_name, FIELD(field, char *), 0
#define STATIC(field, n_field)                                                                   \
	&config_type_static, FIELD(field, struct static_binding *), FIELD(n_field, size_t)

#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIB (1ull << 20)

#define NOBODY "an empty list would serve nobody"

const struct config_row config_rows[] = {
	{ "inside", CHOICE(inside), "auto",
	  "The IPv6 networks served; auto: every routed IPv6 prefix that is not behind the uplink",
	  .expected = "auto, or a list of IPv6 prefixes", .keyword = "auto", .max = 256,
	  .family = CONFIG_IPV6, .empty = NOBODY, .problem.prefix = unicast_problem },
	{ "uplink", TEXT(uplink), "auto",
	  "The interface towards the IPv4 Internet; auto: that of the IPv4 default route",
	  .expected = "auto, or the name of an interface", .keyword = "auto",
	  .problem.text = interface_problem },

	{ "prefixes.nat64", PREFIXES(prefixes.nat64), "[\"64:ff9b::/96\"]",
	  "The prefixes that stand for IPv4 (RFC 6052); NAT64 translates all of them, DNS64 "
	  "answers with all that are not draining",
	  .expected = "a list of IPv6 prefixes", .max = 16, .family = CONFIG_IPV6,
	  .empty = "at least one prefix is needed", .problem.prefix = pref64_problem },
	{ "prefixes.draining", PREFIXES(prefixes.draining), "[]",
	  "Those of prefixes.nat64 that are to go: NAT64 still translates them and their reverse "
	  "names are answered, but DNS64 gives out no addresses in them",
	  .expected = "a list of IPv6 prefixes", .max = 15, .family = CONFIG_IPV6,
	  .problem.prefix = pref64_problem },
	{ "prefixes.nat46", PREFIX(prefixes.nat46), "\"64:ff9b:1::/96\"",
	  "Where IPv4 clients appear to the servers: this prefix and their IPv4 address. When it "
	  "changes, connections that come from the old one are reset",
	  .expected = "an IPv6 prefix of length 96", .family = CONFIG_IPV6,
	  .problem.prefix = nat46_problem },
	{ "prefixes.eam", EAM(prefixes.eam, prefixes.n_eam), "[]",
	  "Explicit address mappings (RFC 7757): these IPv4 and IPv6 prefixes stand for each "
	  "other, without state; the longest prefix wins",
	  .expected = "a list such as [{ipv4: 192.0.2.0/28, ipv6: \"2001:db8:46::/124\"}]",
	  .max = 1024 },

	{ "nat64.enabled", BOOL(nat64.enabled), "true",
	  .help = "Whether to translate from IPv6 to IPv4 (RFC 6146)" },
	{ "nat64.clients", CHOICE(nat64.clients), "inside",
	  "Who may use NAT64; inside: the networks of the setting inside",
	  .expected = "inside, or a list of IPv6 prefixes", .keyword = "inside", .max = 256,
	  .family = CONFIG_IPV6, .empty = NOBODY },
	{ "nat64.pool4", POOL4(nat64.pool4, nat64.n_pool4), "[{address: auto, ports: auto}]",
	  "The IPv4 addresses and ports that NAT64 may use; address auto: that of the uplink, "
	  "ports auto: 10240-65535 without those that the host uses",
	  .max = 64, .empty = "at least one entry is needed" },
	{ "nat64.static", STATIC(nat64.static_bindings, nat64.n_static), "[]",
	  "Bindings that are always there: what comes to the outside address and port goes to "
	  "the inside one; an outside port alone is one of the uplink's address",
	  .expected = "a list such as [{proto: tcp, outside: \"198.51.100.1:2222\", "
		      "inside: \"[2001:db8:1::7]:22\"}]",
	  .max = 4096 },
	{ "nat64.deny4", CHOICE(nat64.deny4), "special-purpose",
	  "The IPv4 destinations that are refused; special-purpose: the IANA registry "
	  "(RFC 6890), []: none",
	  .expected = "special-purpose, or a list of IPv4 prefixes", .keyword = "special-purpose",
	  .max = 4096, .family = CONFIG_IPV4 },
	{ "nat64.filtering", WORD(nat64.filtering, enum config_filtering), "endpoint-independent",
	  "Who may send to a binding from outside: anybody, or only the addresses that it has "
	  "sent to (RFC 4787 section 5, RFC 6146 section 3.5); static bindings are open to all",
	  .expected = "endpoint-independent or address-dependent", .words = filtering_words },
	{ "nat64.timeouts.udp", DURATION(nat64.timeouts.udp_ms), "5m",
	  "When an idle UDP session ends",
	  .min = SECOND, .max = 7 * DAY, .advised = 2 * MINUTE,
	  .clause = "UDP_MIN of RFC 6146 section 4; idle sessions may break" },
	{ "nat64.timeouts.tcp_established", DURATION(nat64.timeouts.tcp_established_ms), "2h4m",
	  "When an idle TCP connection is taken for dead",
	  .min = SECOND, .max = 30 * DAY, .advised = 2 * HOUR + 4 * MINUTE,
	  .clause = "RFC 5382 REQ-5; idle connections may break" },
	{ "nat64.timeouts.tcp_transitory", DURATION(nat64.timeouts.tcp_transitory_ms), "4m",
	  "When a TCP connection that is opening, closing or reset ends",
	  .min = SECOND, .max = DAY, .advised = 4 * MINUTE,
	  .clause = "TCP_TRANS of RFC 6146 section 4; slow connections may break" },
	{ "nat64.timeouts.tcp_syn", DURATION(nat64.timeouts.tcp_syn_ms), "6s",
	  "How long a connection from outside that nobody has asked for is kept unanswered",
	  .min = SECOND, .max = MINUTE, .advised = 6 * SECOND,
	  .clause = "TCP_INCOMING_SYN of RFC 6146 section 4, RFC 5382 REQ-4" },
	{ "nat64.timeouts.icmp", DURATION(nat64.timeouts.icmp_ms), "60s",
	  "When an idle ICMP echo session ends",
	  .min = SECOND, .max = DAY, .advised = MINUTE,
	  .clause = "ICMP_DEFAULT of RFC 6146 section 4; slow answers may be lost" },
	{ "nat64.timeouts.fragment", DURATION(nat64.timeouts.fragment_ms), "2s",
	  "How long the fragments of a datagram wait for each other",
	  .min = SECOND, .max = MINUTE, .advised = 2 * SECOND,
	  .clause = "FRAGMENT_MIN of RFC 6146 section 4; slow fragments may be lost" },
	{ "nat64.limits.sessions", COUNT(nat64.limits.sessions), "262144",
	  "How many sessions may exist at once",
	  .min = 1, .max = 1u << 24 },
	{ "nat64.limits.sessions_per_client", COUNT(nat64.limits.sessions_per_client), "16384",
	  "How many of them one client may have (RFC 6888 REQ-4)",
	  .min = 1, .max = 1u << 24 },
	{ "nat64.limits.new_per_client", RATE(nat64.limits.new_per_client), "1000/s",
	  "How many sessions one client may open a second; two seconds' worth may come at once",
	  .min = 1, .max = 1u << 24 },
	{ "nat64.limits.half_open", COUNT(nat64.limits.half_open), "65536",
	  "How many TCP sessions may wait for the other side's first answer",
	  .min = 1, .max = 1u << 24 },
	{ "nat64.limits.half_open_per_client", COUNT(nat64.limits.half_open_per_client), "4096",
	  "How many of them one client may have",
	  .min = 1, .max = 1u << 24 },
	{ "nat64.limits.stored_syns", COUNT(nat64.limits.stored_syns), "1024",
	  "How many connections from outside that nobody has asked for are kept unanswered",
	  .min = 0, .max = 1u << 20 },
	{ "nat64.limits.fragments", COUNT(nat64.limits.fragments), "1024",
	  "How many datagrams may wait for more of their fragments, in each worker",
	  .min = 1, .max = 1u << 16 },
	{ "nat64.limits.client_prefix", COUNT(nat64.limits.client_prefix), "64",
	  "What counts as one client: the addresses that share so many leading bits; 128: "
	  "each address by itself",
	  .min = 32, .max = 128 },
	{ "nat64.mss_clamp", MSS(nat64.mss_clamp, nat64.mss_clamp_auto), "auto",
	  "The largest TCP MSS let through; auto: what the MTUs of both links carry",
	  .min = 536, .max = UINT16_MAX, .clause = "RFC 9293 section 3.7.1, the IPv4 default" },
	{ "nat64.lowest_ipv6_mtu", MTU(nat64.lowest_ipv6_mtu), "1280",
	  "Packets that IPv4 allows to fragment become IPv6 fragments of at most this size",
	  .min = 1280, .max = UINT16_MAX, .clause = "RFC 8200 section 5, every link carries it" },
	{ "nat64.fast_path", WORD(nat64.fast_path, enum config_fast_path), "auto",
	  "Translate packets of established flows in the kernel (BPF): where it can, never, or "
	  "else do not start; a change needs a restart",
	  .expected = "auto, off or required", .words = fast_path_words },
	{ "nat64.keep_flows", BOOL(nat64.keep_flows), "true",
	  .help = "When gate64 ends other than by ^C, leave the flows of the fast path in the "
		  "kernel: they go on, and the next start takes them over" },
	{ "nat64.log", WORD(nat64.log, enum config_flow_log), "off",
	  "What is logged of NAT64, as JSON lines: every binding, every session, or one line for "
	  "a block of ports that a client gets (RFC 6888 REQ-12, RFC 7422)",
	  .expected = "off, bindings, sessions or port-blocks", .words = flow_log_words },

	{ "dns64.enabled", BOOL(dns64.enabled), "true",
	  .help = "Whether to answer DNS queries (RFC 6147)" },
	{ "dns64.listen", ENDPOINTS(dns64.listen), "[\"::\"]",
	  "The addresses on which queries are answered; port 53 unless one is given",
	  .max = 64, .port = 53,
	  .empty = "nobody could ask; `dns64: {enabled: false}' switches DNS off",
	  .problem.endpoint = listen_problem },
	{ "dns64.clients", CHOICE(dns64.clients), "inside",
	  "Who gets answers, besides the host itself; all others meet silence",
	  .expected = "inside, or a list of prefixes", .keyword = "inside", .max = 256,
	  .empty = NOBODY },
	{ "dns64.upstream", UPSTREAM(dns64.upstream, dns64.upstream_recursive), "recursive",
	  "Where answers come from: recursive (from the root down), or the servers to forward to",
	  .expected = "recursive, or a list of addresses", .keyword = "recursive", .max = 16,
	  .port = 53, .empty = "there would be nobody to ask; `recursive' needs no server",
	  .problem.endpoint = upstream_problem },
	{ "dns64.dnssec", BOOL(dns64.dnssec), "true",
	  .help = "Whether to validate answers; what fails is SERVFAIL" },
	{ "dns64.trust_anchor", TEXT(dns64.trust_anchor), "/usr/share/dns/root.key",
	  "The file with the root's DNSSEC keys",
	  .expected = "an absolute path", .problem.text = path_problem },
	{ "dns64.root_hints", TEXT(dns64.root_hints), "/usr/share/dns/root.hints",
	  "The file with the addresses of the root servers",
	  .expected = "an absolute path", .problem.text = path_problem },
	{ "dns64.exclude_aaaa", PREFIXES(dns64.exclude_aaaa), "[\"::ffff:0:0/96\"]",
	  "An AAAA record within these prefixes counts as absent (RFC 6147 section 5.1.4)",
	  .expected = "a list of IPv6 prefixes", .max = 256, .family = CONFIG_AAAA },
	{ "dns64.exclude_names", NAMES(dns64.exclude_names), "[]",
	  "Names at and below which nothing is synthesised: their AAAA records are answered as "
	  "they are",
	  .expected = "a list of domain names such as [lan.example]", .max = 16384 },
	{ "dns64.force_names", NAMES(dns64.force_names), "[]",
	  "Names at and below which addresses are synthesised even where there are AAAA records, "
	  "which are answered only where that cannot be done; the longest name of this list and "
	  "of exclude_names counts",
	  .expected = "a list of domain names such as [video.example]", .max = 16384 },
	{ "dns64.rebind", WORD(dns64.rebind, enum config_rebind), "off",
	  "Whether private addresses are refused in answers for names that are below none of "
	  "dns64.zones, so that no foreign name can lead a browser to a host inside (DNS rebinding)",
	  .expected = "off or on", .words = rebind_words },
	{ "dns64.zones", ZONES(dns64.zones, dns64.n_zones), "[]",
	  "Names that servers of their own know: what is asked at or below name goes to these "
	  "servers, whatever upstream says; it is not validated, and may be a private zone",
	  .expected = "a list such as [{name: lan.example, upstream: [\"2001:db8::53\"]}]",
	  .max = 32, .port = 53, .problem.endpoint = upstream_problem },
	{ "dns64.cache.size", SIZE(dns64.cache.size), "64MiB",
	  "The memory for cached answers, of all threads together",
	  .min = MIB, .max = 1ull << 40 },
	{ "dns64.cache.serve_stale", DURATION(dns64.cache.serve_stale_ms), "1d",
	  "How long past its TTL an answer may be given while no new one is to be had (RFC 8767)",
	  .expected = "a duration such as 1d, or off", .keyword = "off", .min = SECOND,
	  .max = 7 * DAY },
	{ "dns64.cache.prefetch", BOOL(dns64.cache.prefetch), "true",
	  .help = "Whether answers in demand are asked for anew before they expire" },
	{ "dns64.limits.responses_per_client", RATE(dns64.limits.responses_per_client), "5000/s",
	  "How many replies a second go over UDP to one client (an IPv6 /64, an IPv4 address) that "
	  "shows no DNS cookie; of what is above, half is answered with `come by TCP'",
	  .min = 1, .max = 1u << 24 },
	{ "dns64.limits.tcp_connections", COUNT(dns64.limits.tcp_connections), "2048",
	  "How many TCP and TLS connections may exist at once",
	  .min = 1, .max = 1u << 20 },
	{ "dns64.limits.tcp_per_client", COUNT(dns64.limits.tcp_per_client), "256",
	  "How many of them one client (an IPv6 /64, an IPv4 address) may have",
	  .min = 1, .max = 1u << 20 },
	{ "dns64.tls.cert", TEXT(dns64.tls.cert), "off",
	  "The file with the certificate chain (PEM) for DNS over TLS (RFC 7858), on every address "
	  "of dns64.listen; read again at each reload, as user ops.user",
	  .expected = "off, or an absolute path", .keyword = "off", .problem.text = path_problem },
	{ "dns64.tls.key", TEXT(dns64.tls.key), "off",
	  "The file with its private key (PEM, without a passphrase); ops.user must be able to "
	  "read it",
	  .expected = "off, or an absolute path", .keyword = "off", .problem.text = path_problem },
	{ "dns64.tls.port", COUNT(dns64.tls.port), "853",
	  "The TCP port of DNS over TLS",
	  .min = 1, .max = UINT16_MAX },

	{ "snid.listen", LISTEN(snid.listen, snid.n_listen), "[]",
	  "Ports (443), addresses with ports (\"192.0.2.1:8006\") or mappings ({port: 5432, "
	  "address, protocol, mode, backends, default_name, server_port, proxy_from}) where "
	  "connections are taken; protocol: auto, tls, postgres or http; empty: none",
	  .max = 64, .expected = "a list of ports, addresses with ports, or mappings" },
	{ "snid.mode", WORD(snid.mode, enum config_sni_mode), "nat46",
	  "How servers are reached; nat46: by the name's AAAA, from the address in prefixes.nat46 "
	  "that stands for the client; tcp: by its A or AAAA, from an address of this host; unix: "
	  "by a socket in snid.unix_directory. In the first two, clients whose only protocol is "
	  "xmpp-client or xmpp-server go by SRV records, to the listener's server_port, 5223 or 5270",
	  .expected = "nat46, tcp or unix", .words = sni_mode_words },
	{ "snid.backends", CHOICE(snid.backends), "inside",
	  "Where connections may go; a name that leads elsewhere is refused; IPv4 prefixes are for "
	  "mode tcp",
	  .expected = "inside, or a list of prefixes", .keyword = "inside", .max = 256,
	  .empty = "an empty list would let no connection through; `listen: []' switches the "
		   "proxy off" },
	{ "snid.default_name", DEFAULT_NAME(snid.default_name), "null",
	  .help = "The name of clients that say none; null: they are refused" },
	{ "snid.routes", ROUTES(snid.routes, snid.n_routes), "[]",
	  "Names whose server is given here instead of in the DNS, in the modes nat46 and tcp; the "
	  "longest name wins, port: that of the listener unless it is given",
	  .expected = "a list such as [{name: \"*.example.org\", backend: \"2001:db8:1::7\", "
		      "port: 8443}]",
	  .max = 1024 },
	{ "snid.proxy_from", PREFIXES(snid.proxy_from), "[]",
	  "Proxies in front of us: their connections begin with a PROXY protocol header (version 1 "
	  "or 2), which says who the client is",
	  .expected = "a list of prefixes", .max = 256 },
	{ "snid.proxy_to", WORD(snid.proxy_to, enum config_sni_proxy), "off",
	  "Whether servers in the modes tcp and unix get a PROXY protocol header",
	  .expected = "off or v2", .words = sni_proxy_words },
	{ "snid.unix_directory", TEXT(snid.unix_directory), "/run/gate64/servers",
	  "Mode unix: the directory with the servers' sockets, each named after its host; "
	  "`_.example.org' takes the names in example.org that have none, `_' all others",
	  .expected = "an absolute path", .problem.text = path_problem },
	{ "snid.log", WORD(snid.log, enum config_sni_log), "off",
	  "connections: a line (JSON) for each connection when it ends: client, name, server, bytes, "
	  "duration, and why; and for each that is refused: client, name, server, and the reason",
	  .expected = "off or connections", .words = sni_log_words },
	{ "snid.limits.connections", COUNT(snid.limits.connections), "20000",
	  "How many connections may exist at once", .min = 1, .max = 1u << 20 },
	{ "snid.limits.per_client", COUNT(snid.limits.per_client), "256",
	  "How many of them may come from one address (IPv6: from one /64)",
	  .min = 1, .max = 1u << 20 },
	{ "snid.limits.new_per_client", RATE(snid.limits.new_per_client), "1000/s",
	  "How many connections one address may open a second; a second's worth may come at once",
	  .min = 1, .max = 1u << 24 },
	{ "snid.limits.opening", COUNT(snid.limits.opening), "8192",
	  "How many connections may not have reached their server yet; where there are more, the "
	  "one that has had the longest time to say a name gives way",
	  .min = 1, .max = 1u << 20 },
	{ "snid.limits.opening_per_client", COUNT(snid.limits.opening_per_client), "128",
	  "How many of them may come from one address", .min = 1, .max = 1u << 20 },
	{ "snid.limits.lookups_per_client", COUNT(snid.limits.lookups_per_client), "32",
	  "How many questions to the DNS may be under way for one address; names that are known "
	  "or asked for by another take none", .min = 1, .max = 1u << 12 },
	{ "snid.limits.new_lookups_per_client", RATE(snid.limits.new_lookups_per_client), "100/s",
	  "How many questions about names by which no server was reached yet may be begun for one "
	  "address; a second's worth may come at once", .min = 1, .max = 10000 },
	{ "snid.limits.buffered", SIZE(snid.limits.buffered), "64MiB",
	  "How many bytes may be kept for receivers that do not take them, in all; past it bytes "
	  "stay with their senders. As many may be kept of hellos; past it those of more than "
	  "4 KiB are refused", .min = 1 << 20, .max = 64ull << 30 },
	{ "snid.limits.drain", DURATION(snid.limits.drain_ms), "30s",
	  "How long connections may go on after SIGTERM, or when a reload switches snid off, while "
	  "no new ones are taken; off: not at all",
	  .expected = "a duration such as 30s, or off", .keyword = "off", .min = SECOND / 10,
	  .max = HOUR },
	{ "snid.limits.hello_timeout", DURATION(snid.limits.hello_timeout_ms), "5s",
	  "How long a client may take to say the server's name",
	  .min = SECOND / 10, .max = 10 * MINUTE },
	{ "snid.limits.connect_timeout", DURATION(snid.limits.connect_timeout_ms), "5s",
	  "How long a server may take to accept, or all that are tried for one client",
	  .min = SECOND / 10, .max = 10 * MINUTE },
	{ "snid.limits.idle_timeout", DURATION(snid.limits.idle_timeout_ms), "2h",
	  "When a connection without traffic is closed; one that one side has ended, after 4m",
	  .min = SECOND, .max = 30 * DAY },

	{ "ops.user", TEXT(ops.user), "gate64",
	  "The user that the process becomes after it has started",
	  .expected = "the name of a user", .problem.text = user_problem },
	{ "ops.control", TEXT(ops.control), "/run/gate64/control.sock",
	  "The unix socket on which a running gate64 takes commands",
	  .expected = "an absolute path", .problem.text = socket_problem },
	{ "ops.metrics", ENDPOINT(ops.metrics), "\"127.0.0.1:9464\"",
	  "Where a running gate64 shows by HTTP how it is, to whoever can connect there: /metrics for "
	  "Prometheus, /healthz, /readyz, /status.json, /activity.json (who is busy, who was refused) "
	  "and a status page; nothing can be changed by it. At an address of loopback it can be "
	  "reached from the gateway alone, at one of a tunnel from behind that, even if that comes "
	  "up later. Requests have to call it by an address, localhost or the host's own name "
	  "(hostname, whole or up to its first dot): any other in Host is refused with 421, as "
	  "browsers send it for pages of strangers",
	  .expected = "an address with its port, such as \"127.0.0.1:9464\", or off",
	  .keyword = "off", .port = 9464, .problem.endpoint = listen_problem },
	{ "ops.seccomp", WORD(ops.seccomp, enum config_seccomp), "on",
	  "Confine the process to the system calls that it is known to need: any other (a program "
	  "started, a file written by a worker) ends it by SIGSYS, and the kernel's log has the "
	  "number; log: that is only logged there; off: for libraries that need more",
	  .expected = "on, off or log", .words = seccomp_words },
	{ "ops.log.level", WORD(ops.log.level, enum log_level), "info",
	  "What is logged: this and everything graver",
	  .expected = "error, warn, info or debug", .words = level_words },
	{ "ops.log.format", WORD(ops.log.format, enum log_format), "auto",
	  "How it is logged: to the journal with fields (GATE64_*, MESSAGE_ID), or to standard "
	  "error as text or JSON; auto: the journal where that reads standard error, else text",
	  .expected = "auto, journal, text or json", .words = format_words },
};

const size_t config_n_rows = sizeof(config_rows) / sizeof(*config_rows);

static_assert(sizeof(config_rows) / sizeof(*config_rows) <= CONFIG_ROWS_MAX,
	      "CONFIG_ROWS_MAX is too small");

const struct config_row *config_schema_find(const char *path)
{
	for (size_t i = 0; i < config_n_rows; i++)
		if (strcmp(config_rows[i].path, path) == 0)
			return &config_rows[i];
	return NULL;
}

void config_schema_members(const char *group, struct config_members *members)
{
	size_t skip = strlen(group), len;

	members->n = 0;
	for (size_t i = 0; i < config_n_rows && members->n < CONFIG_MEMBERS_MAX; i++) {
		const char *name = config_rows[i].path + skip;
		char *text = members->text[members->n];

		if (strncmp(config_rows[i].path, group, skip) != 0)
			continue;
		len = strcspn(name, ".");
		if (len >= CONFIG_MEMBER_STRLEN)
			continue;
		memcpy(text, name, len);
		text[len] = '\0';
		/* The rows of a subgroup stand together: it is named once. */
		if (!members->n || strcmp(members->names[members->n - 1], text) != 0)
			members->names[members->n++] = text;
	}
}
