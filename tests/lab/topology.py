# SPDX-License-Identifier: GPL-2.0-or-later
r"""The lab: an IPv6-only server at home, a gateway on a VPS, and the IPv4 Internet.

     server6 ----------- router6 ============ gateway ----------- internet4 ----------- client4
          lan0       lan0      wireguard-go       up0         gw0       net0       eth0
          ::80        ::1    ::2        ::1        .1        .254         .1         .7
       2001:db8:1::/64     2001:db8:0:1::/64       198.51.100.0/24       203.0.113.0/24
           MTU 1500             MTU 1420               MTU 1500             MTU 1500

  server6    IPv6 only. Its resolver is the gateway's dns64 (2001:db8:0:1::1), its default
             route router6; its own link is 1500, so it knows nothing of the tunnel's MTU.
             nginx with TLS for www.home.example.
  router6    the home router. All it does not know goes into the tunnel, which runs over
             a link of its own between router6 and gateway (ul0, 10.64.0.0/30).
  gateway    gate64 runs here. One IPv4 address, default route by up0; 2001:db8:1::/64 and
             2001:db8:2::/64 are routed into the tunnel, only the first is `inside`.
  internet4  IPv4 only. 192.0.2.53: nsd, as root server and for the zones below;
             192.0.2.80: git over HTTP and a web page. Routes between both its links.
  client4    IPv4 only, somewhere outside.

`python3 topology.py` builds the lab and keeps it up until ^C, to look around in.
"""

import os
import signal
import textwrap

import peers
from netns import RUN_WIREGUARD, Ground, handle_signals, run, wait_for

INSIDE = "2001:db8:1::/64"
SERVER6, ROUTER6 = "2001:db8:1::80", "2001:db8:1::1"
STRANGER6 = "2001:db8:2::66"		# server6's too: routed, but outside `inside`
GATEWAY6, TUNNEL6 = "2001:db8:0:1::1", "2001:db8:0:1::2"
GATEWAY4, INTERNET4 = "198.51.100.1", "198.51.100.254"
DNS4, WEB4 = "192.0.2.53", "192.0.2.80"
CLIENT4, CLIENT4_ROUTER = "203.0.113.7", "203.0.113.1"
PREF64, NAT46 = "64:ff9b::", "64:ff9b:1::"
WG_PORT = 51820
BIG_PAGE = 8 << 20	# bytes of https://www.home.example/big

LONG_TEXT = f'"{"x" * 250}" ' * 120

WWW = "www.home.example"
ZONES = {
    ".": """\
        @ SOA ns.lab.example. lab.example. 1 3600 600 86400 30
        @ NS ns.lab.example.
        ns.lab.example. A 192.0.2.53
        lab.example. NS ns.lab.example.
        home.example. NS ns.lab.example.
        example.net. NS ns.lab.example.
        99.88.192.in-addr.arpa. NS ns.lab.example.
        """,
    "lab.example.": """\
        @ SOA ns lab 1 3600 600 86400 30
        @ NS ns
        ns A 192.0.2.53
        """,
    "example.net.": f"""\
        @ SOA ns.lab.example. lab 1 3600 600 86400 30
        @ NS ns.lab.example.
        git A 192.0.2.80
        web A 192.0.2.80
        short 1 A 192.0.2.80
        alias CNAME git
        both A 192.0.2.80
        both AAAA 2001:db8:ff::80
        text TXT "no address here"
        long TXT {LONG_TEXT}
        inward CNAME forged.lan.example.
        """,
    # What the owner of the servers publishes; and what an attacker would.
    "home.example.": """\
        @ SOA ns.lab.example. lab 1 3600 600 86400 30
        @ NS ns.lab.example.
        www AAAA 2001:db8:1::80
        alias CNAME www
        elsewhere CNAME git.example.net.
        only4 A 192.0.2.80
        outside AAAA 2001:db8:2::66
        in-pref64 AAAA 64:ff9b::c000:250
        in-nat46 AAAA 64:ff9b:1::cb00:7107
        loopback AAAA ::1
        unspecified AAAA ::
        mapped AAAA ::ffff:192.0.2.80
        linklocal AAAA fe80::1
        multicast AAAA ff02::1
        own AAAA 2001:db8:0:1::1
        """,
    "99.88.192.in-addr.arpa.": """\
        @ SOA ns.lab.example. lab.example. 1 3600 600 86400 30
        @ NS ns.lab.example.
        1 PTR relay.example.net.
        """,
}

# Every ICMP error gone, both families: only echo and neighbour discovery stay.
BLACK_HOLE = """\
table inet black_hole {
    chain errors {
        icmp type { destination-unreachable, source-quench, time-exceeded,
                    parameter-problem } drop
        icmpv6 type { destination-unreachable, packet-too-big, time-exceeded,
                      parameter-problem } drop
    }
    chain prerouting { type filter hook prerouting priority raw; jump errors; }
    chain output { type filter hook output priority raw; jump errors; }
}
"""


# For kernels that have it (tests/vm/run)
KERNEL_WIREGUARD = os.environ.get("WIREGUARD") == "kernel"


class Lab:
    """The topology above with all its peers; gate64 itself is started by its user."""

    def __init__(self, ground, repository, tunnel_mtu=1420, black_hole=False):
        self.ground = ground
        self.tunnel_mtu = tunnel_mtu
        self.server6, self.router6, self.gateway, self.internet4, self.client4 = (
            ground.namespace(role)
            for role in ("server6", "router6", "gateway", "internet4", "client4"))
        self._links()
        self._tunnel()
        self._routes()
        if black_hole:
            for ns in (self.server6, self.router6, self.internet4, self.client4):
                ns.nft(BLACK_HOLE)
        self._peers(repository)

    # ---- the network -----------------------------------------------------

    def _veth(self, left, left_if, right, right_if):
        run("ip", "link", "add", left_if, "mtu", 1500, "netns", left.name, "type", "veth",
            "peer", "name", right_if, "mtu", 1500, "netns", right.name)
        for ns, interface in ((left, left_if), (right, right_if)):
            ns.run("ip", "link", "set", interface, "up")

    def _address(self, ns, interface, *addresses):
        for address in addresses:
            ns.run("ip", "address", "add", address, "dev", interface)

    def _links(self):
        self._veth(self.server6, "lan0", self.router6, "lan0")
        self._veth(self.router6, "ul0", self.gateway, "ul0")
        self._veth(self.gateway, "up0", self.internet4, "gw0")
        self._veth(self.internet4, "net0", self.client4, "eth0")
        self._address(self.server6, "lan0", f"{SERVER6}/64")
        # Used only by who asks for it.
        self.server6.run("ip", "address", "add", f"{STRANGER6}/64", "dev", "lan0",
                         "preferred_lft", "0")
        self._address(self.router6, "lan0", f"{ROUTER6}/64", "2001:db8:2::1/64")
        self._address(self.router6, "ul0", "10.64.0.2/30")
        self._address(self.gateway, "ul0", "10.64.0.1/30")
        self._address(self.gateway, "up0", f"{GATEWAY4}/24")
        self._address(self.internet4, "gw0", f"{INTERNET4}/24")
        self._address(self.internet4, "lo", f"{DNS4}/32", f"{WEB4}/32")
        self._address(self.internet4, "net0", f"{CLIENT4_ROUTER}/24")
        self._address(self.client4, "eth0", f"{CLIENT4}/24")

    def _tunnel(self):
        """WireGuard between router6 and gateway: wireguard-go, or the kernel's own."""
        self.wg_gateway = self.ground.interface("g")
        self.wg_router = self.ground.interface("r")
        self._tunnel_end(self.router6, self.wg_router, TUNNEL6)
        self._tunnel_end(self.gateway, self.wg_gateway, GATEWAY6)
        self.router6.run("wg", "set", self.wg_router, "peer", self._public_key(self.gateway),
                         "endpoint", f"10.64.0.1:{WG_PORT}", "allowed-ips", "::/0")
        self._gateway_peer()

    def _public_key(self, ns):
        return run("sh", "-c", f"wg pubkey < {self.ground.path(f'{ns.role}.key')}").stdout.strip()

    def _tunnel_end(self, ns, interface, address):
        if KERNEL_WIREGUARD:
            ns.run("ip", "link", "add", interface, "type", "wireguard")
        else:
            ns.spawn("wireguard-go", "-f", interface, env=dict(os.environ, LOG_LEVEL="error"),
                     log=self.ground.path(f"{ns.role}-wireguard.log"))
            wait_for((RUN_WIREGUARD / f"{interface}.sock").exists, f"{interface} is there")
        key = self.ground.path(f"{ns.role}.key")
        if not key.exists():
            key.write_text(run("wg", "genkey").stdout)
        ns.run("wg", "set", interface, "private-key", key, "listen-port", WG_PORT)
        ns.run("ip", "link", "set", interface, "mtu", self.tunnel_mtu, "up")
        self._address(ns, interface, f"{address}/64")

    def _gateway_peer(self):
        self.gateway.run("wg", "set", self.wg_gateway, "peer", self._public_key(self.router6),
                         "endpoint", f"10.64.0.2:{WG_PORT}",
                         "allowed-ips", f"{INSIDE},2001:db8:2::/64,{TUNNEL6}/128")

    def _tunnel_routes(self):
        for prefix in (INSIDE, "2001:db8:2::/64"):
            self.gateway.run("ip", "route", "add", prefix, "dev", self.wg_gateway)

    def tunnel_goes(self):
        """The gateway's interface of the tunnel goes away."""
        self.gateway.run("ip", "link", "del", self.wg_gateway)
        wait_for(lambda: not (RUN_WIREGUARD / f"{self.wg_gateway}.sock").exists(),
                 "wireguard-go has noticed")

    def tunnel_comes_back(self):
        """As a restart of it would make it: another interface of the same name."""
        self._tunnel_end(self.gateway, self.wg_gateway, GATEWAY6)
        self._gateway_peer()
        self._tunnel_routes()

    def _routes(self):
        for ns in (self.router6, self.gateway):
            ns.sysctl("net/ipv6/conf/all/forwarding", 1)
        self.internet4.sysctl("net/ipv4/ip_forward", 1)
        self.server6.run("ip", "route", "add", "default", "via", ROUTER6)
        self.router6.run("ip", "-6", "route", "add", "default", "dev", self.wg_router)
        self._tunnel_routes()
        self.gateway.run("ip", "route", "add", "default", "via", INTERNET4)
        self.client4.run("ip", "route", "add", "default", "via", CLIENT4_ROUTER)
        self.server6.resolver(GATEWAY6)
        self.gateway.resolver(DNS4)
        self.internet4.resolver(DNS4)

    # ---- the peers ---------------------------------------------------------

    def _peers(self, repository):
        peers.start_nsd(self.internet4, DNS4, ZONES)
        self.root_hints = self.ground.path("root.hints")
        self.root_hints.write_text(f". 3600 NS ns.lab.example.\nns.lab.example. 3600 A {DNS4}\n")

        git_root = self.ground.path("git")
        git_root.mkdir()
        self.repository = git_root / "big.git"
        run("cp", "-r", "--reflink=auto", repository, self.repository)
        location = peers.start_git_backend(self.internet4, git_root)
        self.web_log = peers.start_nginx(self.internet4, f"""\
            server {{
                listen {WEB4}:80 backlog=4096;
                location / {{ return 200 "hello $remote_addr\\n"; }}
                {location}
            }}
            """)

        self.ca, self.certificate, key = peers.certificates(
            self.ground.path("tls"), [WWW, "alias.home.example"])
        big = self.ground.path("big")
        big.write_bytes(os.urandom(BIG_PAGE))
        self.server_log = peers.start_nginx(self.server6, f"""\
            server {{
                listen [::]:443 ssl backlog=4096;
                listen [::]:8443 ssl backlog=4096;
                keepalive_requests 1000000;	# one connection's
                ssl_certificate {self.certificate};
                ssl_certificate_key {key};
                location = /big {{ root {big.parent}; }}
                location / {{ return 200 "hello $remote_addr\\n"; }}
            }}
            """)

    # ---- what tests do all the time ----------------------------------------

    def git(self, *argv, timeout):
        """Run git on server6; it gives up by itself when a transfer stalls for 5 s."""
        return self.server6.run(
            "git", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=5", *argv,
            env=peers.git_environment(self.ground.folder), timeout=timeout)

    def fetch_by_name(self, name=WWW, path="/", port=443, options=()):
        """HTTPS from client4, which believes the lab's authority alone."""
        return self.client4.run(
            "curl", "-sS", "--max-time", "20", "--cacert", self.ca, *options,
            "--resolve", f"{name}:{port}:{GATEWAY4}", f"https://{name}:{port}{path}", timeout=30)


def main():
    handle_signals()
    try:
        with Ground() as ground:
            lab = Lab(ground, peers.git_repository(ground.folder / "origin", mebibytes=1))
            print(textwrap.dedent(f"""\
                The lab is up: {lab.ground.name}
                Look around:   ip netns exec {lab.gateway.name} bash
                ^C takes it down."""), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("Taken down.")


if __name__ == "__main__":
    main()
