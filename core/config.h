/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: one immutable object. config_schema.c has one row a
 * setting (path, type, place in this structure, default, range, help); the
 * parser, the defaults and the canonical print are driven by those rows alone.
 *
 * Durations are milliseconds, sizes bytes, ports host byte order.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "config_names.h"
#include "log.h"

#define CONFIG_DEFAULT_PATH "/etc/gate64/gate64.yaml"

/* A list of prefixes, or the keyword that stands for one (auto, inside, ...). */
struct prefix_choice {
	bool keyword;
	struct prefix_list list;	/* empty where keyword */
};

struct port_range {
	uint16_t first, last;		/* host byte order, inclusive, never 0 */
};

/* One entry of nat64.pool4 */
struct pool4_entry {
	bool address_auto;		/* the uplink's address, followed as it changes */
	struct in6_addr address;	/* mapped IPv4; where not auto */
	bool ports_auto;		/* 10240-65535 less what the host uses */
	struct port_range *ports;	/* where not auto; owned by the configuration */
	size_t n_ports;
};

/* One entry of prefixes.eam (RFC 7757): two prefixes that stand for each other */
struct eam {
	struct prefix ipv4;		/* mapped form */
	struct prefix ipv6;		/* has at least as many bits behind it as ipv4 */
};

enum config_proto { CONFIG_TCP, CONFIG_UDP, CONFIG_ICMP };

/* One entry of nat64.static: a binding that is always there */
struct static_binding {
	enum config_proto proto;
	bool outside_auto;		/* the uplink's address, followed as it changes */
	struct endpoint outside;	/* mapped IPv4; port, or ICMP identifier */
	struct endpoint inside;		/* IPv6 */
};

enum config_filtering {			/* RFC 4787 section 5 */
	CONFIG_FILTERING_ENDPOINT_INDEPENDENT,
	CONFIG_FILTERING_ADDRESS_DEPENDENT,
};

enum config_fast_path {
	CONFIG_FAST_PATH_AUTO,		/* where the kernel lets us */
	CONFIG_FAST_PATH_OFF,
	CONFIG_FAST_PATH_REQUIRED,	/* or do not start */
};

/* What becomes of who makes a system call that is not on the list */
enum config_seccomp {
	CONFIG_SECCOMP_ON,	/* the kernel ends the process */
	CONFIG_SECCOMP_OFF,
	CONFIG_SECCOMP_LOG,	/* the kernel logs it */
};

enum config_flow_log {
	CONFIG_FLOW_LOG_OFF,
	CONFIG_FLOW_LOG_BINDINGS,
	CONFIG_FLOW_LOG_SESSIONS,
	CONFIG_FLOW_LOG_PORT_BLOCKS,
};

enum config_rebind {			/* private addresses for names of others */
	CONFIG_REBIND_OFF,		/* are answers as any */
	CONFIG_REBIND_ON,		/* are refused */
};

struct endpoint_list {
	struct endpoint *v;
	size_t n;
};

/* One entry of dns64.zones: names at and below it are asked of these servers */
struct dns_zone {
	char *name;			/* lower case, without the final dot */
	struct endpoint_list upstream;	/* >= 1; port 53 filled in */
};

enum config_sni_protocol {		/* what clients of a listener speak first */
	CONFIG_SNI_AUTO,		/* is seen by their first bytes */
	CONFIG_SNI_TLS,
	CONFIG_SNI_POSTGRES,
	CONFIG_SNI_HTTP,
};

enum config_sni_mode {			/* how servers are reached */
	CONFIG_SNI_NAT46,		/* by IPv6, from the address that stands for the client */
	CONFIG_SNI_TCP,			/* by either family, from an address of ours */
	CONFIG_SNI_UNIX,		/* by a unix socket that is named after them */
};

enum config_sni_log {
	CONFIG_SNI_LOG_OFF,
	CONFIG_SNI_LOG_CONNECTIONS,	/* a line for each, at its end */
};

enum config_sni_proxy {			/* the PROXY protocol, towards servers */
	CONFIG_SNI_PROXY_OFF,
	CONFIG_SNI_PROXY_V2,
};

/* Which settings an entry of snid.listen has for itself; the others are the room's */
enum {
	SNI_OWN_MODE = 1 << 0,
	SNI_OWN_BACKENDS = 1 << 1,
	SNI_OWN_DEFAULT_NAME = 1 << 2,
	SNI_OWN_PROXY_FROM = 1 << 3,
};

/* One entry of snid.listen */
struct sni_listen {
	bool any;			/* a port alone: every address its mode has clients at */
	struct endpoint at;		/* 0.0.0.0 where any */
	enum config_sni_protocol protocol;
	uint16_t server_port;		/* host byte order; 0: that of the listener */
	unsigned int own;		/* SNI_OWN_..., of these: */
	enum config_sni_mode mode;
	struct prefix_choice backends;	/* keyword: inside */
	char *default_name;		/* NULL: none */
	struct prefix_list proxy_from;
};

/* One entry of snid.routes: a name, or all names below one, and its server */
struct sni_route {
	char *name;			/* lower case, without "*." and the final dot */
	bool below;			/* "*.": every name below it, not it itself */
	struct in6_addr backend;
	uint16_t port;			/* host byte order; 0: that of the listener's servers */
};

enum { CONFIG_ROWS_MAX = 128 };		/* settings that there may be */

struct config {
	struct prefix_choice inside;	/* keyword: auto */
	char *uplink;			/* interface name, or NULL for auto */
	struct {
		struct prefix_list nat64;	/* >= 1; RFC 6052 lengths */
		struct prefix_list draining;	/* some of them, never all */
		struct prefix nat46;		/* always /96 */
		struct eam *eam;
		size_t n_eam;
	} prefixes;
	struct {
		bool enabled;
		struct prefix_choice clients;	/* keyword: inside */
		struct pool4_entry *pool4;
		size_t n_pool4;
		struct static_binding *static_bindings;
		size_t n_static;
		struct prefix_choice deny4;	/* keyword: special-purpose */
		enum config_filtering filtering;
		struct {
			uint32_t udp_ms, tcp_established_ms, tcp_transitory_ms,
				 tcp_syn_ms, icmp_ms, fragment_ms;
		} timeouts;
		struct {
			uint32_t sessions, sessions_per_client;
			uint32_t new_per_client;	/* a second */
			uint32_t half_open, half_open_per_client;
			uint32_t stored_syns, fragments;
			uint32_t client_prefix;		/* bits of an address that tell clients
							 * apart */
		} limits;
		bool mss_clamp_auto;
		uint16_t mss_clamp;		/* bytes; 0 = off; where not auto */
		uint16_t lowest_ipv6_mtu;	/* bytes, >= 1280 */
		enum config_fast_path fast_path;
		bool keep_flows;		/* those of the fast path, when we end */
		enum config_flow_log log;
	} nat64;
	struct {
		bool enabled;
		struct endpoint_list listen;	/* port 53 filled in */
		struct prefix_choice clients;	/* keyword: inside */
		bool upstream_recursive;
		struct endpoint_list upstream;	/* where not recursive; port 53 filled in */
		bool dnssec;
		char *trust_anchor;		/* path */
		char *root_hints;		/* path */
		struct dns_zone *zones;
		size_t n_zones;
		struct prefix_list exclude_aaaa;
		struct name_list exclude_names, force_names;	/* no name is in both */
		enum config_rebind rebind;
		struct {
			uint64_t size;		/* bytes, all workers together */
			uint32_t serve_stale_ms;	/* past its TTL; 0 = off */
			bool prefetch;
		} cache;
		struct {
			uint32_t responses_per_client;	/* a second, over UDP without proof */
			uint32_t tcp_connections, tcp_per_client;
		} limits;
		struct {
			char *cert, *key;	/* paths; both NULL = off */
			uint32_t port;
		} tls;
	} dns64;
	struct {
		struct sni_listen *listen;
		size_t n_listen;		/* 0: off */
		enum config_sni_mode mode;
		struct prefix_choice backends;	/* keyword: inside */
		char *default_name;		/* lower case, without the final dot; NULL: none */
		struct sni_route *routes;	/* as they were written, no name twice */
		const struct sni_route **routes_by_name;	/* see config_routes.h */
		size_t n_routes;
		struct prefix_list proxy_from;
		enum config_sni_proxy proxy_to;
		char *unix_directory;		/* path */
		enum config_sni_log log;
		struct {
			uint32_t connections, per_client;
			uint32_t new_per_client;	/* a second */
			uint32_t opening, opening_per_client, lookups_per_client;
			uint32_t new_lookups_per_client;	/* a second */
			uint64_t buffered;	/* bytes */
			uint32_t drain_ms;		/* 0: off */
			uint32_t hello_timeout_ms, connect_timeout_ms, idle_timeout_ms;
		} limits;
	} snid;
	struct {
		char *user;
		char *control;			/* unix socket path */
		struct endpoint metrics;	/* port 0: off */
		enum config_seccomp seccomp;
		struct {
			enum log_level level;
			enum log_format format;
		} log;
	} ops;
	char *file;			/* what it was read from; NULL: the defaults alone */
	/* By row of config_rows: the line of @file that it stands on; 0: nowhere, so that it
	 * is the default. Of text in memory likewise */
	unsigned int lines[CONFIG_ROWS_MAX];
};

/**
 * config_load() - read and check a file.
 * @path:	the file; NULL gives the defaults alone.
 * @errors:	every error is written here as "FILE:LINE:COL: error: ...", with
 *		the line and a caret below it, all errors of the file in one run.
 * Return: the configuration, owned by the caller, or NULL when there were errors.
 */
struct config *config_load(const char *path, FILE *errors);

/**
 * config_parse() - the same from text in memory.
 * @name:	stands for the file name in errors.
 */
struct config *config_parse(const char *name, const char *text, size_t len, FILE *errors);

/* What is wrong with a file, or doubtful; @line and @column from 1, 0: no particular place */
typedef void config_tell(void *arg, bool warning, unsigned int line, unsigned int column,
			 const char *message);

/** config_load_telling() - config_load(), but all that it would write is told, in the same
 * order. */
struct config *config_load_telling(const char *path, config_tell *tell, void *arg);

/** config_print() - the canonical form, every key with its value; it parses again. */
void config_print(const struct config *config, FILE *out);

/**
 * config_heading() - the lines of the groups that @path is in and @before was not.
 * Return: how many blanks its own name stands behind.
 */
int config_heading(const char *before, const char *path, FILE *out);

/**
 * config_value() - one setting as config_print() has it, from behind its key on.
 * @row:	of config_rows.
 * Return: the text, caller frees; NULL: out of memory.
 */
char *config_value(const struct config *config, size_t row);

/**
 * config_same() - have both the same settings, as far as they matter?
 * @matters:	said by the path of each ("nat64.timeouts.udp").
 */
bool config_same(const struct config *a, const struct config *b,
		 bool (*matters)(const char *path));

/** config_free() - release it; NULL is allowed. */
void config_free(struct config *config);

#endif
