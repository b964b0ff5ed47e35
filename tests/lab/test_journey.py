# SPDX-License-Identifier: GPL-2.0-or-later
"""Both journeys on real traffic: a server goes out, a client comes in."""

import socket
import ssl

from gateway import translated
from netns import run
from topology import CLIENT4, DNS4, GATEWAY4, GATEWAY6, NAT46, PREF64, WEB4, WWW
from wire import ask

SEEN_AS = "64:ff9b:1::cb00:7107"	# NAT46 + 203.0.113.7, as nginx prints it


def test_a_server_clones_by_name(lab, gate64):
    clone = lab.ground.path("clone")
    with gate64.counting() as rose:
        lab.git("clone", "-q", "http://git.example.net/git/big.git", clone, timeout=60)
    heads = {run("git", "-C", folder, "-c", "safe.directory=*", "rev-parse", "HEAD").stdout
             for folder in (clone, lab.repository)}
    assert len(heads) == 1
    assert sum(f.stat().st_size for f in clone.glob("*.bin")) >= 50_000_000
    assert translated(rose, "bytes.in") >= 50_000_000
    assert f'{GATEWAY4} "GET /git/big.git/info/refs' in lab.web_log.read_text()


def test_a_server_fetches_a_page(lab, gate64):
    page = lab.server6.run("curl", "-sS", "--max-time", "10", "http://web.example.net/").stdout
    assert page == f"hello {GATEWAY4}\n"


def test_a_server_pings(lab, gate64):
    assert " 0% packet loss" in lab.server6.run(
        "ping", "-c", "3", "-i", "0.2", "-W", "2", f"{PREF64}{WEB4}").stdout


def test_a_server_asks_an_ipv4_host_over_udp(lab, gate64):
    answer = ask(lab.server6, f"{PREF64}{DNS4}", "git.example.net", "A")
    assert answer.answer[0][0].address == WEB4


def test_a_server_asks_an_ipv4_host_over_tcp(lab, gate64):
    answer = ask(lab.server6, f"{PREF64}{DNS4}", "git.example.net", "A", tcp=True)
    assert answer.answer[0][0].address == WEB4


def test_a_client_opens_a_page_by_name(lab, gate64):
    with gate64.counting() as rose:
        assert lab.fetch_by_name(path="/journey").stdout == f"hello {SEEN_AS}\n"
    assert f'{SEEN_AS} "GET /journey HTTP/1.1" 200' in lab.server_log.read_text()
    assert rose["snid.relayed"] == 1


def test_the_address_logged_is_the_nat46_prefix_plus_the_client():
    packed = socket.inet_pton(socket.AF_INET6, NAT46)[:12] + socket.inet_aton(CLIENT4)
    assert socket.inet_ntop(socket.AF_INET6, packed) == SEEN_AS


def test_the_handshake_is_end_to_end(lab, gate64):
    context = ssl.create_default_context(cafile=lab.ca)
    with lab.client4.connect((GATEWAY4, 443)) as tcp:
        with context.wrap_socket(tcp, server_hostname=WWW) as tls:
            seen = tls.getpeercert(binary_form=True)
    assert seen == ssl.PEM_cert_to_DER_cert(lab.certificate.read_text())


def test_a_client_comes_in_by_an_alias(lab, gate64):
    assert lab.fetch_by_name(name="alias.home.example").stdout == f"hello {SEEN_AS}\n"


def test_many_clients_at_once(lab, gate64):
    """64 TLS connections open at the same time, each answered."""
    context = ssl.create_default_context(cafile=lab.ca)
    open_now = []
    try:
        for _ in range(64):
            tcp = lab.client4.connect((GATEWAY4, 443))
            open_now.append(context.wrap_socket(tcp, server_hostname=WWW))
        for tls in open_now:
            tls.sendall(f"GET / HTTP/1.0\r\nHost: {WWW}\r\n\r\n".encode())
        for tls in open_now:
            answer = b""
            while chunk := tls.recv(4096):
                answer += chunk
            assert answer.endswith(f"\r\n\r\nhello {SEEN_AS}\n".encode())
    finally:
        for tls in open_now:
            tls.close()


def test_the_resolver_used_is_the_gateways(lab, gate64):
    """What the names above were resolved with, asked once more by itself."""
    answer = ask(lab.server6, GATEWAY6, "git.example.net", "AAAA")
    assert [r.address for rr in answer.answer for r in rr] == ["64:ff9b::c000:250"]
