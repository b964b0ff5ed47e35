/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes to struct packet: what the translator needs to know of a packet, read
 * once and bounds-checked. The packet itself stays where it is.
 */
#ifndef NAT64_PACKET_H
#define NAT64_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum l3_proto { L3_IPV4, L3_IPV6 };

/*
 * The transports of RFC 6146 3.1, with BIBs of their own. L4_OTHER: whatever else, or a
 * later fragment, which has no header; it has no ports and no place in a table of these.
 */
enum l4_proto { L4_TCP, L4_UDP, L4_ICMP, L4_COUNT, L4_OTHER = L4_COUNT };

enum {
	IPV4_MAX = 65535,	/* of a whole packet */
	IPV4_HLEN = 20,		/* without options */
	IPV6_HLEN = 40,
	FRAG_HLEN = 8,		/* IPv6 Fragment header */
	ICMP_HLEN = 8,
	UDP_HLEN = 8,
	TCP_HLEN = 20,		/* without options */
	IPV6_MTU_MIN = 1280,	/* RFC 8200 5 */
	DF_CLEAR_MAX = 1260,	/* RFC 7915 5.1: IPv4 packets up to this may be cut */
};

/* ICMP types that the code names (IANA registries) */
enum {
	ICMP4_ECHO_REPLY = 0, ICMP4_UNREACHABLE = 3, ICMP4_QUENCH = 4, ICMP4_REDIRECT = 5,
	ICMP4_ECHO = 8, ICMP4_TIME_EXCEEDED = 11, ICMP4_PARAMETER = 12,
	ICMP4_FRAG_NEEDED = 4,		/* code of unreachable */
	ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129,
	ICMP6_REDIRECT = 137,
};

struct packet {
	uint8_t *data;			/* the IP header; borrowed, writable */
	size_t len;			/* bytes from there: the IP length, or less if quoted */
	size_t ip_len;			/* the length that the IP header states */
	enum l3_proto l3;
	struct in6_addr src, dst;	/* mapped, where IPv4 */
	uint8_t tos, ttl;		/* or traffic class, hop limit */
	uint8_t proto;			/* of the upper layer, IANA number */
	bool df;			/* must not be cut: DF, or IPv6 without a Fragment header */
	bool fragment;			/* offset or more-fragments set: not whole */
	bool more;
	uint16_t frag_offset;		/* bytes */
	uint32_t frag_id;		/* host byte order; IPv4 identification too */

	uint8_t *l4_data;		/* upper-layer header, within data */
	size_t l4_len;			/* bytes from there */
	size_t l4_ip_len;		/* bytes from there by the IP header's word */
	enum l4_proto l4;
	uint16_t src_port, dst_port;	/* host byte order; ICMP query: the identifier in both */
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	bool icmp_error;		/* quotes a packet */
	uint16_t fault_at;		/* offset of what PACKET_ROUTING, PACKET_NEXT_HEADER
					 * point at */
};

enum packet_result {
	PACKET_OK,
	PACKET_MALFORMED,	/* lengths or fields that do not fit */
	PACKET_PROTOCOL,	/* neither TCP, UDP nor ICMP: l4 is L4_OTHER. A mapping of
				 * addresses alone can carry it over (RFC 7915 4.5, 5.5) */
	PACKET_NO_COUNTERPART,	/* a protocol that the other family has not, or whose number
				 * means an extension header there */
	PACKET_FRAGMENT,	/* part of a datagram: addresses and ids are set, ports not;
				 * l4_data is that part */
	PACKET_ROUTING,		/* IPv6 routing header with segments left (RFC 7915 5.1) */
	PACKET_NEXT_HEADER,	/* Hop-by-Hop Options elsewhere than first (RFC 8200 4) */
	PACKET_EXTENSION,	/* an extension header behind a Fragment header (RFC 7915
				 * 5.1.1) */
	PACKET_SOURCE_ROUTE,	/* IPv4 source route not yet over (RFC 7915 4.1) */
	PACKET_ICMP_TYPE,	/* an ICMP message that is never translated */
};

/**
 * packet_parse() - read a whole packet.
 * @data, @len:	from the IP header on; borrowed. What lies beyond the length in the
 *		IP header is left out.
 * Return: PACKET_OK; every other result leaves at least the fields of the IP
 * header valid, PACKET_MALFORMED none.
 */
enum packet_result packet_parse(struct packet *packet, uint8_t *data, size_t len);

/**
 * packet_parse_quoted() - read the packet that an ICMP error quotes: it may end
 * anywhere after the first 8 bytes of the upper-layer header (RFC 792), and the
 * first fragment of a datagram is read like a whole one.
 */
enum packet_result packet_parse_quoted(struct packet *packet, uint8_t *data, size_t len);

#endif
