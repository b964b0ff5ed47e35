# SPDX-License-Identifier: GPL-2.0-or-later
"""What snid refuses, and what it could do if it were taken over.

`backends` is everything here, so that every other rule has to hold by itself.
"""

import re
import socket

import pytest

from gateway import binary, service_user
from topology import GATEWAY4, INSIDE
from wire import Capture, client_hello, read_all, tls_refusal

SETTINGS = {"snid": {"backends": ["::/0"], "limits": {"hello_timeout": "1s"}}}

HANDSHAKE, ALERT, FATAL, UNRECOGNIZED_NAME = 22, 21, 2, 112	# RFC 8446 5.1, 6
# But the one by which the gateway looks, when it starts, whether its NAT46 prefix leads here
IPV6_SYN = "ip6 proto 6 and ip6[53] & 2 != 0 and not src 64:ff9b:1::c000:8"

CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW = (1 << 10, 1 << 12, 1 << 13)


def refused(lab, gate64, name, reason):
    """Greet with `name`: the alert comes, no connection is tried, `reason` is counted."""
    with Capture(lab.gateway, "any", IPV6_SYN) as capture, gate64.counting() as rose:
        answer = tls_refusal(lab.client4.connect((GATEWAY4, 443)), name)
    # Which 3.x it says before a version is agreed is of no account (RFC 8446 5.1).
    assert [*answer[:2], *answer[3:]] == [ALERT, 3, 0, 2, FATAL, UNRECOGNIZED_NAME]
    assert not capture.packets, "it tried to connect"
    assert rose[f"snid.refused.{reason}"] == 1 and not rose["snid.relayed"]


@pytest.mark.parametrize("name", ["nothing.home.example", "only4.home.example",
                                  "git.example.net", "elsewhere.home.example"])
def test_a_name_without_ipv6_address(lab, gate64, name):
    """No such name, or IPv4 only: the answers snid gets are never synthesised."""
    refused(lab, gate64, name, "unknown_name")


@pytest.mark.parametrize("name", ["in-pref64", "in-nat46", "loopback", "unspecified", "mapped",
                                  "linklocal", "multicast", "own"])
def test_a_name_that_leads_where_it_must_not(lab, gate64, name):
    refused(lab, gate64, f"{name}.home.example", "backend_not_allowed")


def test_a_name_outside_the_backends(lab, gate64):
    """STRANGER6 is server6 too and would answer; it is only not in `backends`."""
    with lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(client_hello("outside.home.example"))
        assert sock.recv(1) == bytes([HANDSHAKE]), "with ::/0 it is reached"
    gate64.reload({"snid": {"backends": [INSIDE]}})
    try:
        refused(lab, gate64, "outside.home.example", "backend_not_allowed")
    finally:
        gate64.reload()


def test_a_greeting_without_a_name(lab, gate64):
    refused(lab, gate64, None, "no_name")


def test_a_client_that_does_not_speak_tls(lab, gate64):
    with gate64.counting() as rose, lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        read_all(sock)
    assert rose["snid.refused.not_tls"] == 1


def test_a_client_that_says_nothing(lab, gate64):
    with gate64.counting() as rose, lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(client_hello("www.home.example")[:40])
        read_all(sock)
    assert rose["snid.refused.hello_timeout"] == 1


def test_a_greeting_in_pieces_is_understood(lab, gate64):
    """Byte by byte, and with the hello spread over records (RFC 8446 5.1)."""
    record = client_hello("www.home.example")
    body = record[5:]
    records = b"".join(record[:3] + len(part).to_bytes(2, "big") + part
                       for part in (body[i:i + 50] for i in range(0, len(body), 50)))
    for bytes_sent, step in ((record, 1), (records, 37)):
        with lab.client4.connect((GATEWAY4, 443)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(bytes_sent), step):
                sock.sendall(bytes_sent[i:i + step])
            assert sock.recv(1) == bytes([HANDSHAKE]), "no ServerHello came"


def test_each_thread_has_only_what_it_needs(lab, gate64):
    """DESIGN: nat64 NET_ADMIN and NET_RAW; main NET_ADMIN and NET_BIND_SERVICE; else none."""
    if b"__tsan_init" in binary().read_bytes():
        pytest.skip("ThreadSanitizer runs a thread of its own, made before privileges go")
    lab.fetch_by_name()
    uid = lab.gateway.run("id", "-u", service_user()).stdout.strip()
    threads = gate64.threads()
    assert all(thread["uids"] == {uid} and thread["no_new_privs"] for thread in threads)
    seen = {}
    for thread in threads:
        room = re.sub(r"[-/. ]\d+$", "", thread["name"])
        seen.setdefault(room, set()).add(thread["capabilities"])
    assert seen == {"gate64": {CAP_NET_ADMIN | CAP_NET_BIND_SERVICE},
                    "nat64": {CAP_NET_ADMIN | CAP_NET_RAW}, "nat64-log": {0},
                    "dns64": {0}, "snid": {0}, "http": {0}, "heartbeat": {0}}
