/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every counter of the program: STAT(identifier, family, labels, help).
 * Rows of one family stand together; the help text is on the first of them.
 * No include guard: stats.h and stats.c include it with STAT() as they need.
 */

/* ---- nat64: packets by fate -------------------------------------------- */
STAT(STAT_NAT64_OUT, "gate64_nat64_packets_total", "direction=\"out\"",
     "Packets translated in user space; the kernel's are gate64_nat64_fast_path_packets_total")
STAT(STAT_NAT64_IN, "gate64_nat64_packets_total", "direction=\"in\"", "")
STAT(STAT_NAT64_OUT_BYTES, "gate64_nat64_bytes_total", "direction=\"out\"",
     "Bytes of the packets translated in user space, as they came in; the kernel's are "
     "gate64_nat64_fast_path_bytes_total")
STAT(STAT_NAT64_IN_BYTES, "gate64_nat64_bytes_total", "direction=\"in\"", "")
STAT(STAT_NAT64_NOT_OURS, "gate64_nat64_not_ours_total", "",
     "IPv4 packets that belong to no flow and went on to the host")
STAT(STAT_NAT64_HAIRPIN, "gate64_nat64_hairpinned_total", "",
     "Packets from one inside host to another by their IPv4 addresses")
STAT(STAT_NAT64_SESSION_NEW, "gate64_nat64_sessions_created_total", "",
     "Sessions created")
STAT(STAT_NAT64_SESSION_END, "gate64_nat64_sessions_ended_total", "",
     "Sessions ended")
STAT(STAT_NAT64_MSS_CLAMPED, "gate64_nat64_mss_clamped_total", "",
     "TCP MSS options lowered")
STAT(STAT_NAT64_PTB_SENT6, "gate64_nat64_icmp_sent_total", "type=\"packet_too_big\"",
     "ICMP errors sent by the translator itself")
STAT(STAT_NAT64_FRAG_NEEDED_SENT4, "gate64_nat64_icmp_sent_total",
     "type=\"fragmentation_needed\"", "")
STAT(STAT_NAT64_TIME_EXCEEDED_SENT, "gate64_nat64_icmp_sent_total",
     "type=\"time_exceeded\"", "")
STAT(STAT_NAT64_UNREACHABLE_SENT, "gate64_nat64_icmp_sent_total",
     "type=\"unreachable\"", "")
STAT(STAT_NAT64_PARAMETER_SENT, "gate64_nat64_icmp_sent_total",
     "type=\"parameter_problem\"", "")
STAT(STAT_NAT64_PROBE_SENT, "gate64_nat64_probes_sent_total", "",
     "Idle connections asked whether they live")
STAT(STAT_NAT64_SYN_STORED, "gate64_nat64_stored_syns_total", "fate=\"stored\"",
     "Connections from outside that nobody had asked for, kept unanswered")
STAT(STAT_NAT64_SYN_MET, "gate64_nat64_stored_syns_total", "fate=\"met\"", "")
STAT(STAT_NAT64_SYN_UNWANTED, "gate64_nat64_stored_syns_total", "fate=\"unwanted\"", "")
STAT(STAT_NAT64_SYN_NO_ROOM, "gate64_nat64_stored_syns_total", "fate=\"no_room\"", "")
STAT(STAT_NAT64_FRAGMENTED, "gate64_nat64_fragmented_total", "",
     "Packets sent in fragments")
STAT(STAT_NAT64_UNSEGMENTED, "gate64_nat64_unsegmented_packets_total", "",
     "Packets sent that hold several TCP segments or UDP datagrams")
STAT(STAT_NAT64_SEGMENTS, "gate64_nat64_unsegmented_segments_total", "",
     "TCP segments and UDP datagrams sent within such packets")
STAT(STAT_NAT64_LOG_LOST, "gate64_nat64_log_lost_total", "",
     "Lines of the flow log lost because they were not taken in time")

/* ---- nat64: packets dropped, by reason ----------------------------------- */
#define NAT64_DROP(id, reason, help) \
	STAT(id, "gate64_nat64_drops_total", "reason=\"" reason "\"", help)
NAT64_DROP(STAT_NAT64_DROP_MALFORMED, "malformed", "Packets dropped by the translator")
NAT64_DROP(STAT_NAT64_DROP_CHECKSUM, "checksum", "")
NAT64_DROP(STAT_NAT64_DROP_NOT_CLIENT, "not_a_client", "")
NAT64_DROP(STAT_NAT64_DROP_SOURCE_PREF64, "source_in_pref64", "")
NAT64_DROP(STAT_NAT64_DROP_MARTIAN, "martian_source", "")
NAT64_DROP(STAT_NAT64_DROP_DENY4, "destination_denied", "")
NAT64_DROP(STAT_NAT64_DROP_PROTOCOL, "protocol", "")
NAT64_DROP(STAT_NAT64_DROP_EXTENSION, "extension_header", "")
NAT64_DROP(STAT_NAT64_DROP_SOURCE_ROUTE, "source_route", "")
NAT64_DROP(STAT_NAT64_DROP_FRAGMENT, "fragment", "")
NAT64_DROP(STAT_NAT64_DROP_HOP_LIMIT, "hop_limit", "")
NAT64_DROP(STAT_NAT64_DROP_NO_FLOW, "no_flow", "")
NAT64_DROP(STAT_NAT64_DROP_OTHER_PREF64, "same_flow_by_another_pref64", "")
NAT64_DROP(STAT_NAT64_DROP_NO_PORT, "no_free_port", "")
NAT64_DROP(STAT_NAT64_DROP_SESSION_LIMIT, "session_limit", "")
NAT64_DROP(STAT_NAT64_DROP_HALF_OPEN_LIMIT, "half_open_limit", "")
NAT64_DROP(STAT_NAT64_DROP_CLIENT_LIMIT, "client_session_limit", "")
NAT64_DROP(STAT_NAT64_DROP_CLIENT_HALF_OPEN, "client_half_open_limit", "")
NAT64_DROP(STAT_NAT64_DROP_CLIENT_RATE, "client_new_sessions", "")
NAT64_DROP(STAT_NAT64_DROP_FILTERED, "filtered", "")
NAT64_DROP(STAT_NAT64_DROP_SYN_WAITS, "syn_waits", "")
NAT64_DROP(STAT_NAT64_DROP_TOO_BIG, "too_big", "")
NAT64_DROP(STAT_NAT64_DROP_ICMP_TYPE, "icmp_type", "")
NAT64_DROP(STAT_NAT64_DROP_ICMP_INNER, "icmp_inner", "")
NAT64_DROP(STAT_NAT64_DROP_ICMP_RATE, "icmp_rate", "")
NAT64_DROP(STAT_NAT64_DROP_EMIT, "send_failed", "")
NAT64_DROP(STAT_NAT64_DROP_QUEUE, "queue_overrun", "")
#undef NAT64_DROP

STAT(STAT_NAT64_PORTS_EXHAUSTED, "gate64_nat64_port_refusals_total", "reason=\"all_in_use\"",
     "Bindings refused for want of a pool4 port")
STAT(STAT_NAT64_PORTS_HOST, "gate64_nat64_port_refusals_total", "reason=\"host_has_the_rest\"", "")
STAT(STAT_NAT64_PORTS_BLOCKS, "gate64_nat64_port_refusals_total", "reason=\"no_free_block\"", "")
STAT(STAT_NAT64_PORTS_CLIENT_BLOCKS, "gate64_nat64_port_refusals_total",
     "reason=\"blocks_of_client\"", "")

/* ---- dns64 ------------------------------------------------------------ */
STAT(STAT_DNS_QUERY_UDP, "gate64_dns_queries_total", "transport=\"udp\"",
     "Queries received from clients")
STAT(STAT_DNS_QUERY_TCP, "gate64_dns_queries_total", "transport=\"tcp\"", "")
STAT(STAT_DNS_QUERY_TLS, "gate64_dns_queries_total", "transport=\"tls\"", "")
STAT(STAT_DNS_QUERY_CONTROL, "gate64_dns_queries_total", "transport=\"control\"", "")
STAT(STAT_DNS_TLS_FULL, "gate64_dns_tls_handshakes_total", "result=\"full\"",
     "TLS handshakes, by result")
STAT(STAT_DNS_TLS_RESUMED, "gate64_dns_tls_handshakes_total", "result=\"resumed\"", "")
STAT(STAT_DNS_TLS_FAILED, "gate64_dns_tls_handshakes_total", "result=\"failed\"", "")
STAT(STAT_DNS_TLS_TIMEOUT, "gate64_dns_tls_handshakes_total", "result=\"timeout\"", "")
STAT(STAT_DNS_REPLY_NOERROR, "gate64_dns_replies_total", "rcode=\"noerror\"",
     "Replies sent, by response code")
STAT(STAT_DNS_REPLY_NXDOMAIN, "gate64_dns_replies_total", "rcode=\"nxdomain\"", "")
STAT(STAT_DNS_REPLY_SERVFAIL, "gate64_dns_replies_total", "rcode=\"servfail\"", "")
STAT(STAT_DNS_REPLY_REFUSED, "gate64_dns_replies_total", "rcode=\"refused\"", "")
STAT(STAT_DNS_REPLY_FORMERR, "gate64_dns_replies_total", "rcode=\"formerr\"", "")
STAT(STAT_DNS_REPLY_NOTIMP, "gate64_dns_replies_total", "rcode=\"notimp\"", "")
STAT(STAT_DNS_REPLY_BADVERS, "gate64_dns_replies_total", "rcode=\"badvers\"", "")
STAT(STAT_DNS_REPLY_BADCOOKIE, "gate64_dns_replies_total", "rcode=\"badcookie\"", "")
STAT(STAT_DNS_REPLY_OTHER, "gate64_dns_replies_total", "rcode=\"other\"", "")
STAT(STAT_DNS_SYNTHESISED, "gate64_dns_synthesised_total", "",
     "Replies with addresses synthesised")
STAT(STAT_DNS_SYNTH_LEFT_OUT, "gate64_dns_synthesised_left_out_total", "",
     "Synthesised addresses left out of replies, that these fit")
STAT(STAT_DNS_REBIND, "gate64_dns_rebinding_total", "",
     "Answers refused because they lead foreign names to private addresses")
STAT(STAT_DNS_TRUNCATED, "gate64_dns_truncated_total", "", "Replies sent truncated")
STAT(STAT_DNS_CACHE_HIT, "gate64_dns_cache_total", "result=\"hit\"",
     "Cache look-ups, by result")
STAT(STAT_DNS_CACHE_MISS, "gate64_dns_cache_total", "result=\"miss\"", "")
STAT(STAT_DNS_CACHE_STALE, "gate64_dns_cache_total", "result=\"stale\"", "")
STAT(STAT_DNS_CACHE_FAILED, "gate64_dns_cache_total", "result=\"failure\"", "")
STAT(STAT_DNS_CACHE_PREFETCH, "gate64_dns_cache_total", "result=\"prefetch\"", "")
STAT(STAT_DNS_CACHE_COALESCED, "gate64_dns_cache_total", "result=\"coalesced\"", "")
STAT(STAT_DNS_CACHE_EVICTED, "gate64_dns_cache_evicted_total", "",
     "Entries evicted to stay within the size")
STAT(STAT_DNS_UPSTREAM_QUERY, "gate64_dns_resolver_queries_total", "",
     "Questions given to the resolver")
STAT(STAT_DNS_UPSTREAM_FAILED, "gate64_dns_resolver_failed_total", "",
     "Questions the resolver could not answer")
STAT(STAT_DNS_UPSTREAM_BOGUS, "gate64_dns_resolver_bogus_total", "",
     "Answers that failed DNSSEC validation")
/* How long a reply took, from the reading of its query, "hit" where it was known at once; in the
 * order of histogram.c. Each counts what took as long as "le" says or less. */
#define LATENCY_LE(id, family, label, help) \
	STAT(id, family "_bucket", label ",le=\"0.0005\"", help) \
	STAT(id##_1, family "_bucket", label ",le=\"0.001\"", "") \
	STAT(id##_2, family "_bucket", label ",le=\"0.0025\"", "") \
	STAT(id##_3, family "_bucket", label ",le=\"0.005\"", "") \
	STAT(id##_4, family "_bucket", label ",le=\"0.01\"", "") \
	STAT(id##_5, family "_bucket", label ",le=\"0.025\"", "") \
	STAT(id##_6, family "_bucket", label ",le=\"0.05\"", "") \
	STAT(id##_7, family "_bucket", label ",le=\"0.1\"", "") \
	STAT(id##_8, family "_bucket", label ",le=\"0.25\"", "") \
	STAT(id##_9, family "_bucket", label ",le=\"0.5\"", "") \
	STAT(id##_10, family "_bucket", label ",le=\"1\"", "") \
	STAT(id##_11, family "_bucket", label ",le=\"2.5\"", "") \
	STAT(id##_12, family "_bucket", label ",le=\"5\"", "") \
	STAT(id##_13, family "_bucket", label ",le=\"+Inf\"", "")
#define DNS_REPLY_LE(id, path, help) \
	LATENCY_LE(id, "gate64_dns_reply_seconds", "path=\"" path "\"", help)
DNS_REPLY_LE(STAT_DNS_HIT_LE, "hit", "Time from a query's reading to its reply's sending")
DNS_REPLY_LE(STAT_DNS_MISS_LE, "miss", "")
#undef DNS_REPLY_LE
STAT(STAT_DNS_HIT_TIME, "gate64_dns_reply_seconds_sum", "path=\"hit\"",
     "Time from a query's reading to its reply's sending, added up")
STAT(STAT_DNS_MISS_TIME, "gate64_dns_reply_seconds_sum", "path=\"miss\"", "")
STAT(STAT_DNS_HIT_COUNT, "gate64_dns_reply_seconds_count", "path=\"hit\"",
     "Replies whose time was taken")
STAT(STAT_DNS_MISS_COUNT, "gate64_dns_reply_seconds_count", "path=\"miss\"", "")
#define DNS_REFUSED(id, reason, help) \
	STAT(id, "gate64_dns_refused_total", "reason=\"" reason "\"", help)
DNS_REFUSED(STAT_DNS_REFUSED_MALFORMED, "malformed", "Queries answered with an error unread")
DNS_REFUSED(STAT_DNS_REFUSED_QUESTIONS, "not_one_question", "")
DNS_REFUSED(STAT_DNS_REFUSED_RECORDS, "records_in_query", "")
DNS_REFUSED(STAT_DNS_REFUSED_SIGNED, "signed", "")
DNS_REFUSED(STAT_DNS_REFUSED_ADDITIONAL, "additional_record", "")
DNS_REFUSED(STAT_DNS_REFUSED_TWO_OPTS, "two_opts", "")
DNS_REFUSED(STAT_DNS_REFUSED_OPTION, "edns_option", "")
DNS_REFUSED(STAT_DNS_REFUSED_OPCODE, "opcode", "")
DNS_REFUSED(STAT_DNS_REFUSED_EDNS_VERSION, "edns_version", "")
DNS_REFUSED(STAT_DNS_REFUSED_CLASS, "class", "")
DNS_REFUSED(STAT_DNS_REFUSED_NO_RECURSION, "no_recursion_desired", "")
DNS_REFUSED(STAT_DNS_REFUSED_TRANSFER, "zone_transfer", "")
DNS_REFUSED(STAT_DNS_REFUSED_TYPE, "type", "")
#undef DNS_REFUSED
STAT(STAT_DNS_COOKIE_CLIENT_ONLY, "gate64_dns_cookies_total", "cookie=\"client_only\"",
     "Queries with a DNS cookie")
STAT(STAT_DNS_COOKIE_GOOD, "gate64_dns_cookies_total", "cookie=\"good\"", "")
STAT(STAT_DNS_COOKIE_BAD, "gate64_dns_cookies_total", "cookie=\"bad\"", "")
STAT(STAT_DNS_COOKIE_ASKED, "gate64_dns_cookies_asked_total", "",
     "Queries for a cookie alone")
STAT(STAT_DNS_SLIP_TRUNCATED, "gate64_dns_slips_total", "reply=\"truncated\"",
     "Replies above a client's rate that went out cut short")
STAT(STAT_DNS_SLIP_BADCOOKIE, "gate64_dns_slips_total", "reply=\"badcookie\"", "")
#define DNS_DROP(id, reason, help) \
	STAT(id, "gate64_dns_drops_total", "reason=\"" reason "\"", help)
DNS_DROP(STAT_DNS_DROP_NOT_CLIENT, "not_a_client", "Queries that got no reply")
DNS_DROP(STAT_DNS_DROP_MALFORMED, "malformed", "")
DNS_DROP(STAT_DNS_DROP_RESPONSE, "is_a_response", "")
DNS_DROP(STAT_DNS_DROP_BUSY, "too_many_pending", "")
DNS_DROP(STAT_DNS_DROP_LOOKUP_WAITERS, "too_many_wait_for_one", "")
DNS_DROP(STAT_DNS_DROP_WAITERS, "too_many_wait", "")
DNS_DROP(STAT_DNS_DROP_SHARE, "too_many_of_client", "")
DNS_DROP(STAT_DNS_DROP_REPEATED, "repeated", "")
DNS_DROP(STAT_DNS_DROP_LATE, "held_too_long", "")
DNS_DROP(STAT_DNS_DROP_RATE, "client_rate", "")
DNS_DROP(STAT_DNS_DROP_SEND, "send_failed", "")
DNS_DROP(STAT_DNS_DROP_TCP_LIMIT, "tcp_limit", "")
DNS_DROP(STAT_DNS_DROP_TCP_CLIENT_LIMIT, "tcp_client_limit", "")
DNS_DROP(STAT_DNS_DROP_TCP_TIMEOUT, "tcp_timeout", "")
#undef DNS_DROP

/* ---- snid ------------------------------------------------------------- */
STAT(STAT_SNI_ACCEPTED, "gate64_sni_accepted_total", "", "Connections accepted")
STAT(STAT_SNI_ACCEPT_PAUSED, "gate64_sni_accept_paused_total", "",
     "Times a listener paused for want of descriptors or memory")
STAT(STAT_SNI_RELAYED, "gate64_sni_relayed_total", "", "Connections joined to a backend")
STAT(STAT_SNI_BYTES_IN, "gate64_sni_bytes_total", "direction=\"in\"",
     "Bytes relayed, by direction (in: client to backend)")
STAT(STAT_SNI_BYTES_OUT, "gate64_sni_bytes_total", "direction=\"out\"", "")
STAT(STAT_SNI_BYTES_SPLICED, "gate64_sni_spliced_bytes_total", "",
     "Of the bytes relayed, those that were not copied")
STAT(STAT_SNI_PIPE_NONE, "gate64_sni_no_pipe_total", "",
     "Times bulk was copied for want of a pipe")
#define SNI_LOOKUP(id, how, help) STAT(id, "gate64_sni_lookups_total", "how=\"" how "\"", help)
SNI_LOOKUP(STAT_SNI_LOOKUP_KNOWN, "known", "Look-ups of records, by what came of them at once")
SNI_LOOKUP(STAT_SNI_LOOKUP_JOINED, "joined", "")
SNI_LOOKUP(STAT_SNI_LOOKUP_ASKED, "asked", "")
SNI_LOOKUP(STAT_SNI_LOOKUP_REFUSED, "refused", "")
#undef SNI_LOOKUP
#define SNI_REFUSED(id, reason, help) \
	STAT(id, "gate64_sni_refused_total", "reason=\"" reason "\"", help)
SNI_REFUSED(STAT_SNI_REFUSED_NOT_TLS, "not_tls", "Connections refused")
SNI_REFUSED(STAT_SNI_REFUSED_NOT_HTTP, "not_http", "")
SNI_REFUSED(STAT_SNI_REFUSED_BAD_PROXY, "bad_proxy_header", "")
SNI_REFUSED(STAT_SNI_REFUSED_IPV6_CLIENT, "ipv6_client", "")
SNI_REFUSED(STAT_SNI_REFUSED_BAD_PG, "bad_postgres", "")
SNI_REFUSED(STAT_SNI_REFUSED_PG_PLAIN, "postgres_without_tls", "")
SNI_REFUSED(STAT_SNI_REFUSED_PG_CANCEL, "postgres_cancel", "")
SNI_REFUSED(STAT_SNI_REFUSED_BAD_HTTP, "bad_http", "")
SNI_REFUSED(STAT_SNI_REFUSED_HTTP_VERSION, "http_version", "")
SNI_REFUSED(STAT_SNI_REFUSED_HTTP_SIZE, "http_head_too_big", "")
SNI_REFUSED(STAT_SNI_REFUSED_BAD_HELLO, "bad_hello", "")
SNI_REFUSED(STAT_SNI_REFUSED_HELLO_SIZE, "hello_too_big", "")
SNI_REFUSED(STAT_SNI_REFUSED_HELLO_TIMEOUT, "hello_timeout", "")
SNI_REFUSED(STAT_SNI_REFUSED_HELLO_EOF, "closed_before_hello", "")
SNI_REFUSED(STAT_SNI_REFUSED_NO_NAME, "no_name", "")
SNI_REFUSED(STAT_SNI_REFUSED_BAD_NAME, "bad_name", "")
SNI_REFUSED(STAT_SNI_REFUSED_UNKNOWN_NAME, "unknown_name", "")
SNI_REFUSED(STAT_SNI_REFUSED_LOOKUP, "lookup_failed", "")
SNI_REFUSED(STAT_SNI_REFUSED_BACKEND, "backend_not_allowed", "")
SNI_REFUSED(STAT_SNI_REFUSED_CONNECT, "connect_failed", "")
SNI_REFUSED(STAT_SNI_REFUSED_CONNECT_TIMEOUT, "connect_timeout", "")
SNI_REFUSED(STAT_SNI_REFUSED_GREETING, "server_without_tls", "")
SNI_REFUSED(STAT_SNI_REFUSED_GREETING_TIMEOUT, "greeting_timeout", "")
SNI_REFUSED(STAT_SNI_REFUSED_LIMIT, "connection_limit", "")
SNI_REFUSED(STAT_SNI_REFUSED_CLIENT_LIMIT, "client_limit", "")
SNI_REFUSED(STAT_SNI_REFUSED_CLIENT_RATE, "client_new_connections", "")
SNI_REFUSED(STAT_SNI_REFUSED_OPENING, "opening_limit", "")
SNI_REFUSED(STAT_SNI_REFUSED_CLIENT_OPENING, "client_opening_limit", "")
SNI_REFUSED(STAT_SNI_REFUSED_GAVE_WAY, "gave_way", "")
SNI_REFUSED(STAT_SNI_REFUSED_HELLO_MEMORY, "hello_memory", "")
SNI_REFUSED(STAT_SNI_REFUSED_RESOURCE, "no_resource", "")
SNI_REFUSED(STAT_SNI_REFUSED_STOPPED, "stopped", "")
#undef SNI_REFUSED
#define SNI_END(id, reason, help) \
	STAT(id, "gate64_sni_ended_total", "reason=\"" reason "\"", help)
SNI_END(STAT_SNI_END_CLOSED, "closed", "Relayed connections ended")
SNI_END(STAT_SNI_END_RESET, "reset", "")
SNI_END(STAT_SNI_END_IDLE, "idle_timeout", "")
SNI_END(STAT_SNI_END_VANISHED, "vanished", "")
SNI_END(STAT_SNI_END_STOPPED, "stopped", "")
#undef SNI_END
#define SNI_STEP_LE(id, step, help) \
	LATENCY_LE(id, "gate64_sni_opening_seconds", "step=\"" step "\"", help)
SNI_STEP_LE(STAT_SNI_HELLO_LE, "hello", "Time that a step of the opening of a connection took")
SNI_STEP_LE(STAT_SNI_LOOKUP_LE, "lookup", "")
SNI_STEP_LE(STAT_SNI_CONNECT_LE, "connect", "")
#undef SNI_STEP_LE
#undef LATENCY_LE
STAT(STAT_SNI_HELLO_TIME, "gate64_sni_opening_seconds_sum", "step=\"hello\"",
     "Time of these steps, added up")
STAT(STAT_SNI_LOOKUP_TIME, "gate64_sni_opening_seconds_sum", "step=\"lookup\"", "")
STAT(STAT_SNI_CONNECT_TIME, "gate64_sni_opening_seconds_sum", "step=\"connect\"", "")
STAT(STAT_SNI_HELLO_COUNT, "gate64_sni_opening_seconds_count", "step=\"hello\"",
     "Steps whose time was taken")
STAT(STAT_SNI_LOOKUP_COUNT, "gate64_sni_opening_seconds_count", "step=\"lookup\"", "")
STAT(STAT_SNI_CONNECT_COUNT, "gate64_sni_opening_seconds_count", "step=\"connect\"", "")
/* In the order of histogram.c likewise */
#define SNI_DURATION_LE(id, end, help) \
	STAT(id, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"0.01\"", help) \
	STAT(id##_1, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"0.1\"", "") \
	STAT(id##_2, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"1\"", "") \
	STAT(id##_3, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"10\"", "") \
	STAT(id##_4, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"60\"", "") \
	STAT(id##_5, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"300\"", "") \
	STAT(id##_6, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"1800\"", "") \
	STAT(id##_7, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"7200\"", "") \
	STAT(id##_8, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"43200\"", "") \
	STAT(id##_9, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"86400\"", "") \
	STAT(id##_10, "gate64_sni_duration_seconds_bucket", "end=\"" end "\",le=\"+Inf\"", "")
SNI_DURATION_LE(STAT_SNI_CLOSED_LE, "closed", "How long relayed connections lasted, by their end")
SNI_DURATION_LE(STAT_SNI_RESET_LE, "reset", "")
SNI_DURATION_LE(STAT_SNI_IDLE_LE, "idle_timeout", "")
SNI_DURATION_LE(STAT_SNI_VANISHED_LE, "vanished", "")
SNI_DURATION_LE(STAT_SNI_STOPPED_LE, "stopped", "")
#undef SNI_DURATION_LE
STAT(STAT_SNI_CLOSED_TIME, "gate64_sni_duration_seconds_sum", "end=\"closed\"",
     "How long they lasted, added up")
STAT(STAT_SNI_RESET_TIME, "gate64_sni_duration_seconds_sum", "end=\"reset\"", "")
STAT(STAT_SNI_IDLE_TIME, "gate64_sni_duration_seconds_sum", "end=\"idle_timeout\"", "")
STAT(STAT_SNI_VANISHED_TIME, "gate64_sni_duration_seconds_sum", "end=\"vanished\"", "")
STAT(STAT_SNI_STOPPED_TIME, "gate64_sni_duration_seconds_sum", "end=\"stopped\"", "")
STAT(STAT_SNI_CLOSED_COUNT, "gate64_sni_duration_seconds_count", "end=\"closed\"",
     "Relayed connections that have ended")
STAT(STAT_SNI_RESET_COUNT, "gate64_sni_duration_seconds_count", "end=\"reset\"", "")
STAT(STAT_SNI_IDLE_COUNT, "gate64_sni_duration_seconds_count", "end=\"idle_timeout\"", "")
STAT(STAT_SNI_VANISHED_COUNT, "gate64_sni_duration_seconds_count", "end=\"vanished\"", "")
STAT(STAT_SNI_STOPPED_COUNT, "gate64_sni_duration_seconds_count", "end=\"stopped\"", "")
STAT(STAT_SNI_LOG_LOST, "gate64_sni_log_lost_total", "",
     "Lines of the connection log lost because nobody took them")
STAT(STAT_SNI_GUARD_SOURCE, "gate64_sni_guard_drops_total", "reason=\"nat46_source\"",
     "Packets dropped by the guard of the NAT46 prefix, since it was put up")
STAT(STAT_SNI_GUARD_DESTINATION, "gate64_sni_guard_drops_total",
     "reason=\"nat46_destination\"", "")

/* ---- ops --------------------------------------------------------------- */
STAT(STAT_OPS_LOG_LOST, "gate64_log_lost_total", "",
     "Log lines lost because nobody took them")
STAT(STAT_OPS_RELOAD_OK, "gate64_reloads_total", "result=\"ok\"", "Reloads, by result")
STAT(STAT_OPS_RELOAD_FAILED, "gate64_reloads_total", "result=\"failed\"", "")
#define HTTP_REQUEST(id, path, help) \
	STAT(id, "gate64_http_requests_total", "path=\"" path "\"", help)
HTTP_REQUEST(STAT_HTTP_METRICS, "metrics", "Requests to the listener of ops.metrics")
HTTP_REQUEST(STAT_HTTP_HEALTHZ, "healthz", "")
HTTP_REQUEST(STAT_HTTP_READYZ, "readyz", "")
HTTP_REQUEST(STAT_HTTP_STATUS, "status", "")
HTTP_REQUEST(STAT_HTTP_ACTIVITY, "activity", "")
HTTP_REQUEST(STAT_HTTP_PAGE, "page", "")
HTTP_REQUEST(STAT_HTTP_OTHER, "other", "")
#undef HTTP_REQUEST
#define HTTP_REFUSED(id, reason, help) \
	STAT(id, "gate64_http_refused_total", "reason=\"" reason "\"", help)
HTTP_REFUSED(STAT_HTTP_REFUSED_MALFORMED, "malformed", "Requests to it refused")
HTTP_REFUSED(STAT_HTTP_REFUSED_METHOD, "method", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_CONTENT, "content", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_TOO_BIG, "too_big", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_HOST, "host", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_TIMEOUT, "timeout", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_SEND_TIMEOUT, "send_timeout", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_GAVE_WAY, "gave_way", "")
HTTP_REFUSED(STAT_HTTP_REFUSED_UNANSWERED, "no_answer", "")
#undef HTTP_REFUSED
STAT(STAT_OPS_NET_CHANGED, "gate64_network_changes_total", "",
     "Changes of addresses, routes or links that were followed")
#define OPS_HEALED(id, what, help) \
	STAT(id, "gate64_healed_total", "what=\"" what "\"", help)
OPS_HEALED(STAT_OPS_HEALED_RULES, "rules",
	   "Times that something of ours was found taken away or changed, and was mended")
OPS_HEALED(STAT_OPS_HEALED_GUARD, "guard", "")
OPS_HEALED(STAT_OPS_HEALED_ROUTES, "routes", "")
OPS_HEALED(STAT_OPS_HEALED_FILTERS, "filters", "")
OPS_HEALED(STAT_OPS_HEALED_SYSCTLS, "sysctls", "")
#undef OPS_HEALED
