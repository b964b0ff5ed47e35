# SPDX-License-Identifier: GPL-2.0-or-later
"""`gate64 doctor`: nothing on a healthy gateway, and each planted fault by its check's name,
with its mend; when the fault is gone, nothing again.

PLANTED has the faults. Each is a context manager, which yields what else the doctor is told.
"""

import contextlib
import json
import os
import shutil
import socket
import struct
import threading

import jsonschema
import pytest

import peers
from dns_internet import ROOT4, DnsInternet
from gateway import PROJECT, Gate64, binary, merge, yaml
from netns import Ground, wait_for
from topology import INSIDE, NAT46, PREF64, TUNNEL6, WEB4

NOBODY4 = "192.0.2.99"			# an address that nobody has
BUSY_PORT = 20022			# a service of the host's in what is given to NAT64
# Of IANA's root-anchors.xml: the key of 2017
DS_2017 = (". IN DS 20326 8 2 "
           "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
DS_STRANGE = f". IN DS 4711 13 2 {'ab' * 32}\n"
PEERS = f"{INSIDE},2001:db8:2::/64,{TUNNEL6}/128"	# as topology.py has them at the gateway

SCHEMA = json.loads((PROJECT / "ops/schema/doctor.json").read_text())

PLANTED = {}


@pytest.fixture(scope="module")
def repository(machine):
    """For the lab; nobody fetches it here."""
    with Ground() as ground:
        yield peers.git_repository(ground.folder / "origin", mebibytes=1)


@pytest.fixture(scope="module")
def gate64(lab):
    """A gateway that lacks nothing: signed names can be validated, the limits suit the process."""
    with DnsInternet(lab) as internet:
        lab.gateway.resolver(ROOT4)
        settings = merge(internet.settings, {
            "prefixes": {"nat64": [f"{PREF64}/96"]}, "nat64": {"deny4": []},
            "snid": {"limits": {"connections": 1000}}})
        with Gate64(lab, settings) as gate64:
            yield gate64


class Doctor:
    """The command, in the gateway or elsewhere."""

    def __init__(self, lab, gate64):
        self.lab, self.gate64 = lab, gate64
        self.other = lab.ground.path("doctor.yaml")

    def config(self, changes):
        """Options for another file: the gateway's, with these changes."""
        self.other.write_text(yaml(merge(self.gate64.settings, changes)))
        return ("-c", self.other)

    def run(self, *argv):
        """Its exit status and its document."""
        config = () if "-c" in argv else ("-c", self.gate64.config)
        done = self.gate64.command("doctor", *config, "--internet", WEB4, "--json",
                                   *(("--bogus", "v4.bogus.secure") if "--bogus" not in argv else ()),
                                   *argv, check=False)
        assert not done.stderr
        document = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["healthy"] == (not document["findings"]) == (done.returncode == 0)
        return done.returncode, document


@pytest.fixture(scope="module")
def doctor(lab, gate64):
    return Doctor(lab, gate64)


def fault(mend, check=None):
    """Note a fault: what of its mend must be said."""
    def note(function):
        PLANTED[function.__name__] = (check or function.__name__, mend,
                                      contextlib.contextmanager(function))
        return function
    return note


def names(document):
    return {finding["check"] for finding in document["findings"]}


# ---- a healthy gateway -----------------------------------------------------------------------

def healthy(doctor):
    status, document = doctor.run()
    assert (status, document["findings"]) == (0, [])
    results = {check["id"]: check["result"] for check in document["checks"]}
    assert set(results.values()) <= {"good", "not-needed"}, results
    return results


def test_a_healthy_gateway(doctor):
    """Nothing is found, all can be looked at, and all checks there are have been made but those
    for what is not here."""
    results = healthy(doctor)
    assert {name for name, result in results.items() if result == "not-needed"} <= {
        "unit", "fast_path", "btf", "conntrack", "firewall_forward", "clock"}
    said = doctor.gate64.command("doctor", "-c", doctor.gate64.config, "--internet", WEB4,
                                 "--bogus", "v4.bogus.secure")
    assert said.stdout == said.stderr == ""


def test_quick_sends_nothing(doctor):
    """--quick leaves out what asks others."""
    status, document = doctor.run("--quick")
    assert status == 0
    left_out = {c["id"] for c in document["checks"] if c["because"] == "--quick"}
    assert left_out == {"mtu_inside", "mtu_internet", "way_back", "dns_upstream", "dnssec",
                        "resolv_conf", "self_nat64"}


@pytest.mark.parametrize("argv, said", [
    (("--only", "config,nothing"), "no such check: nothing"),
    (("--except", "all"), "no such check: all"),
    (("--internet", "::1"), "--internet is no IPv4 address"),
    (("now",), "unexpected argument: now"),
])
def test_wrong_usage(doctor, argv, said):
    """Exit status 2, apart from that of a finding."""
    done = doctor.gate64.command("doctor", *argv, check=False)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_a_finding_as_text(doctor):
    """Severity, check, what is wrong; then why it matters and how it is mended."""
    done = doctor.gate64.command("doctor", *doctor.config({"ops": {"user": "nosuch"}}),
                                 "--only", "user", check=False)
    first, why, mend = done.stdout.splitlines()
    assert first == "error: user: there is no user nosuch (ops.user)"
    assert why.startswith("    why: ") and mend.startswith("    mend: useradd ")


@contextlib.contextmanager
def held(world, kind, address):
    with world.lab.gateway.socket(socket.AF_INET, kind) as sock:
        sock.bind(address)
        if kind == socket.SOCK_STREAM:
            sock.listen()
        yield sock


# ---- faults in the configuration, and of the process -------------------------------------------

@fault("gate64 check -c ")
def config(world):
    world.other.write_text("inside: 12\n")
    yield ("-c", world.other)


@fault("useradd ")
def user(world):
    yield world.config({"ops": {"user": "nosuch"}})


@fault("systemctl start gate64")
def running(world):
    yield world.config({"ops": {"control": str(world.gate64.run_folder / "other.sock")}})


@fault("LimitNOFILE=")
def descriptors(world):
    yield world.config({"snid": {"limits": {"connections": 1000000}}})


@fault("gate64 reload")
def reload(world):
    world.gate64.config.write_text("inside: 12\n")
    assert world.gate64.command("reload", "-s", world.gate64.control, check=False).returncode == 1
    try:
        yield world.config({})
    finally:
        world.gate64.reload()


@fault("nat64: {fast_path: off}")
def fast_path(world):
    """The configuration asks for it, and the gateway that runs has none."""
    yield world.config({"nat64": {"fast_path": "auto"}})


@fault("net.core.rmem_max=1048576")
def udp_buffers(world):
    """A socket as small as they are by default, where dns64 should be."""
    with held(world, socket.SOCK_DGRAM, ("127.0.0.1", 5355)):
        yield world.config({"dns64": {"listen": ["127.0.0.1:5355"]}})


@fault("tayga")
def other_nat64(world):
    """What runs is not TAYGA, but it is called so."""
    program = world.lab.ground.path("tayga")
    shutil.copy("/usr/bin/sleep", program)
    process = world.lab.gateway.spawn(program, 60, log=world.lab.ground.path("tayga.log"))
    wait_for(lambda: open(f"/proc/{process.pid}/comm").read() == "tayga\n", "it has begun")
    yield ()
    world.lab.ground.stop(process)


# ---- ports ------------------------------------------------------------------------------------------

def not_running(world, changes):
    return world.config(merge(changes, {
        "ops": {"control": str(world.gate64.run_folder / "other.sock")}}))


@fault("systemctl disable --now")
def dns64_port(world):
    with held(world, socket.SOCK_DGRAM, ("127.0.0.1", 5354)):
        yield not_running(world, {"dns64": {"listen": ["127.0.0.1:5354"]}})


def test_who_has_a_port(doctor):
    """Its program and process are named."""
    with held(doctor, socket.SOCK_STREAM, ("127.0.0.1", 8443)):
        _status, document = doctor.run("--only", "snid_port",
                                       *not_running(doctor, {"snid": {"listen": [8443]}}))
    finding, = document["findings"]
    with open("/proc/self/comm") as comm:
        assert f"TCP port 8443 is taken: {comm.read().strip()} (process {os.getpid()})" in \
            finding["text"]


@fault("other addresses or ports in snid.listen")
def snid_port(world):
    with held(world, socket.SOCK_STREAM, ("127.0.0.1", 8443)):
        yield not_running(world, {"snid": {"listen": [8443]}})


@fault("other addresses or ports in ops.metrics")
def metrics_port(world):
    with held(world, socket.SOCK_STREAM, ("127.0.0.1", 9555)):
        yield not_running(world, {"ops": {"metrics": "127.0.0.1:9555"}})


@fault("systemctl disable --now", "snid_port")
def snid_port_of_a_socket_for_both_families(world):
    """As Apache listens: on "::", for IPv4 too."""
    with world.lab.gateway.socket(socket.AF_INET6) as sock:
        sock.bind(("::", 8444))
        sock.listen()
        yield not_running(world, {"snid": {"listen": [8444]}})


@fault("ip_local_reserved_ports=40000-41000")
def pool4_ephemeral(world):
    world.lab.gateway.sysctl("net/ipv4/ip_local_port_range", "32768 60999")
    yield world.config({"nat64": {"pool4": [{"address": "auto", "ports": "40000-41000"}]}})


@fault(f"sport = :{BUSY_PORT}")
def pool4_listener(world):
    with held(world, socket.SOCK_STREAM, ("0.0.0.0", BUSY_PORT)):
        yield world.config({"nat64": {"pool4": [{"address": "auto", "ports": "20000-21000"}]}})


@fault("ip_local_port_range")
def pool4_size(world):
    world.lab.gateway.sysctl("net/ipv4/ip_local_port_range", "10240 65000")
    yield ()
    world.lab.gateway.sysctl("net/ipv4/ip_local_port_range", "32768 60999")


# ---- routes -------------------------------------------------------------------------------------------

def ip(world, *argv):
    return world.lab.gateway.run("ip", *argv)


@fault("ip route add default")
def uplink(world):
    route = ip(world, "route", "show", "default").stdout.split()
    ip(world, "route", "del", "default")
    yield ()
    ip(world, "route", "add", *route)


@contextlib.contextmanager
def sysctl(world, name, value):
    before = world.lab.gateway.sysctl(name)
    world.lab.gateway.sysctl(name, value)
    yield
    world.lab.gateway.sysctl(name, before)


@fault("net.ipv4.conf.up0.rp_filter=2")
def rp_filter(world):
    """Two ways to the Internet, and the other one is better for it."""
    route = ("10.64.0.2", "dev", "ul0")
    with sysctl(world, "net/ipv4/conf/up0/rp_filter", 1), \
            sysctl(world, "net/ipv4/conf/all/rp_filter", 0):
        ip(world, "route", "add", f"{WEB4}/32", "via", *route)
        yield ()
        ip(world, "route", "del", f"{WEB4}/32", "via", *route)


@fault("net.ipv6.conf.up0.accept_ra=2")
def accept_ra(world):
    route = ("default", "via", "fe80::1", "dev", "up0", "proto", "ra")
    ip(world, "-6", "route", "add", *route)
    yield ()
    ip(world, "-6", "route", "del", *route)


@fault(f"ip -6 route add {INSIDE} dev")
def inside_route(world):
    route = (INSIDE, "dev", world.lab.wg_gateway)
    ip(world, "route", "del", *route)
    yield ()
    ip(world, "route", "add", *route)


@fault("proxy_ndp")
def on_link(world):
    """The inside is a part of what the provider's router takes to be on its link."""
    address = ("2001:db8:1:ffff::5/48", "dev", "up0")
    ip(world, "address", "add", *address)
    yield ()
    ip(world, "address", "del", *address)


@fault("lookup local pref 0")
def nat46_route(world):
    """A rule comes before the local routes, as VRFs have it."""
    rules = [("pref", "10", "lookup", "local"), ("pref", "5", "to", f"{NAT46}/96", "unreachable")]
    for rule in rules:
        ip(world, "-6", "rule", "add", *rule)
    ip(world, "-6", "rule", "del", "pref", "0")
    yield ()
    ip(world, "-6", "rule", "add", "pref", "0", "lookup", "local")
    for rule in rules:
        ip(world, "-6", "rule", "del", *rule)


# ---- rules of others -------------------------------------------------------------------------------------

@contextlib.contextmanager
def nft(ns, family, chain):
    ns.nft(f"table {family} foreign {{\n{chain}\n}}\n")
    yield
    ns.run("nft", "delete", "table", family, "foreign")


@fault(f"nft insert rule inet foreign early ip6 daddr {PREF64}/96 accept")
def firewall_prerouting(world):
    with nft(world.lab.gateway, "inet", f"""chain early {{
            type filter hook prerouting priority -400;
            ip6 daddr 64:ff9b::/32 drop
        }}"""):
        yield ()


@fault("nft insert rule inet foreign input udp dport 53 accept")
def firewall_input(world):
    with nft(world.lab.gateway, "inet", """chain input {
            type filter hook input priority 0; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }
            iifname lo accept
            meta l4proto { icmp, ipv6-icmp } accept
            tcp dport { 22, 443 } accept
        }"""):
        yield ()


@fault("nft insert rule inet foreign fromoutside tcp dport 443 accept", "firewall_input")
def firewall_input_by_a_chain(world):
    with nft(world.lab.gateway, "inet", """chain fromoutside {
            tcp dport { 22, 80 } accept
            drop
        }
        chain input {
            type filter hook input priority 0;
            iifname "up*" jump fromoutside
        }"""):
        yield ()


@fault("nft insert rule ip filter INPUT tcp dport 443 accept", "firewall_input")
def firewall_input_of_iptables(world):
    """What its extensions ask for nftables does not tell: one that only logs changes nothing."""
    rules = [("-i", "lo", "-j", "ACCEPT"),
             ("-p", "tcp", "-m", "multiport", "--dports", "22,80", "-j", "LOG"),
             ("-p", "tcp", "--dport", "22", "-m", "comment", "--comment", "ssh", "-j", "ACCEPT"),
             ("-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"),
             ("-i", "up0", "-j", "REJECT")]
    for rule in rules:
        world.lab.gateway.run("iptables-nft", "-A", "INPUT", *rule)
    yield ()
    world.lab.gateway.run("iptables-nft", "-F", "INPUT")


@fault("iptables-legacy-save | iptables-nft-restore")
def iptables_legacy(world):
    rule = ("INPUT", "-s", "192.0.2.200", "-j", "DROP")
    if world.lab.gateway.run("iptables-legacy", "-A", *rule, check=False).returncode:
        pytest.skip("this kernel has no iptables of the old kind")
    yield ()
    world.lab.gateway.run("iptables-legacy", "-D", *rule)


@fault("nft insert rule inet foreign output meta mark 0x67363400 accept")
def firewall_output(world):
    with nft(world.lab.gateway, "inet", """chain output {
            type filter hook output priority 0; policy drop;
            ct state { new, established, related } accept
        }"""):
        yield ()


@fault("nft insert rule inet foreign forward meta nfproto ipv6 accept")
def firewall_forward(world):
    route = ("default", "via", "fe80::1", "dev", "up0")
    ip(world, "-6", "route", "add", *route)
    with nft(world.lab.gateway, "inet", """chain forward {
            type filter hook forward priority 0; policy drop;
            ct state established,related accept
        }"""):
        yield ()
    ip(world, "-6", "route", "del", *route)


@fault(f"nft insert rule ip6 foreign out ip6 saddr {NAT46}/96 accept")
def masquerade_nat46(world):
    with nft(world.lab.gateway, "ip6", f"""chain out {{
            type nat hook postrouting priority 100;
            oifname "{world.lab.wg_gateway}" masquerade
        }}"""):
        yield ()


@fault("masquerade to :33000-60000'")
def masquerade_pool4(world):
    """With a range of ports that is not the host's own, of which the pool has some"""
    with sysctl(world, "net/ipv4/ip_local_port_range", "33000 60000"), \
            nft(world.lab.gateway, "ip", """chain out {
            type nat hook postrouting priority 100;
            oifname "up0" meta l4proto tcp masquerade to :1024-65535
        }"""):
        yield ()


# ---- the tunnel -------------------------------------------------------------------------------------------

@contextlib.contextmanager
def allowed(ns, interface, peers, usual):
    """Of the only peer of an interface"""
    key = ns.run("wg", "show", interface, "peers").stdout.strip()
    ns.run("wg", "set", interface, "peer", key, "allowed-ips", peers)
    yield
    ns.run("wg", "set", interface, "peer", key, "allowed-ips", usual)


@fault(f"allowed-ips +{INSIDE}")
def wireguard_inside(world):
    with allowed(world.lab.gateway, world.lab.wg_gateway, PEERS.replace(f"{INSIDE},", ""), PEERS):
        yield ()


@fault(f"add {NAT46}/96 to AllowedIPs")
def wireguard_prefixes(world):
    with allowed(world.lab.gateway, world.lab.wg_gateway, f"{PEERS},2000::/3,{PREF64}/96", PEERS):
        yield ()


@fault("mtu 1440, and MTU = 1440")
def wireguard_mtu(world):
    link = ("link", "set", "dev", world.lab.wg_gateway, "mtu")
    ip(world, *link, 1500)
    yield ()
    ip(world, *link, world.lab.tunnel_mtu)


# ---- what gets through -------------------------------------------------------------------------------------

@fault("mtu 1280, at both ends")
def mtu_inside(world):
    with nft(world.lab.router6, "inet", """chain black_hole {
            type filter hook prerouting priority -400;
            meta nfproto ipv6 meta length > 1300 drop
        }"""):
        yield ()


@fault("ip link set dev up0 mtu 1380")
def mtu_internet(world):
    with nft(world.lab.internet4, "inet", """chain black_hole {
            type filter hook prerouting priority -400;
            meta length > 1390 drop
        }"""):
        yield ()


@fault(f"must have {NAT46}/96")
def way_back(world):
    """The home router lets the tunnel have what is native, as one would think."""
    with allowed(world.lab.router6, world.lab.wg_router, "2000::/3", "::/0"):
        yield ()


# ---- names --------------------------------------------------------------------------------------------------

@fault(f"dig @{NOBODY4} -p 53 lan.example SOA")
def dns_upstream(world):
    yield world.config({"dns64": {"zones": [{"name": "lan.example", "upstream": [NOBODY4]}]}})


@fault("let UDP and TCP to port 53 out", "dns_upstream")
def dns_upstream_roots(world):
    hints = world.lab.ground.path("dead.hints")
    hints.write_text(f". NS ns.\nns. A {NOBODY4}\n")
    yield world.config({"dns64": {"root_hints": str(hints)}})


@fault("apt install dns-root-data")
def trust_anchor(world):
    anchor = world.lab.ground.path("old.key")
    anchor.write_text(DS_2017)
    yield world.config({"dns64": {"trust_anchor": str(anchor)}})


@fault("gate64 dns lookup . SOA")
def dnssec(world):
    """The root is signed by another key than is trusted."""
    anchor = world.lab.ground.path("strange.key")
    anchor.write_text(DS_STRANGE)
    world.gate64.reload({"dns64": {"trust_anchor": str(anchor)}})
    yield ()
    world.gate64.reload()


@fault("upstream: recursive", "dnssec")
def dnssec_forged(world):
    """A name that must not be answered is."""
    yield ("--bogus", "v4.shapes.secure")


@fault("clients: inside")
def open_resolver(world):
    yield world.config({"dns64": {"clients": ["::/0"]}})


@fault("nameserver ::1")
def resolv_conf(world):
    world.lab.gateway.resolver(NOBODY4)
    yield ()
    world.lab.gateway.resolver(ROOT4)


# ---- the rooms ------------------------------------------------------------------------------------------------

@fault("the drops in gate64 status")
def self_nat64(world):
    with nft(world.lab.gateway, "inet", f"""chain early {{
            type filter hook output priority -400;
            ip6 daddr {PREF64}/96 icmpv6 type echo-request drop
        }}"""):
        yield ()


@fault('iifname "lo" accept')
def self_dns64(world):
    with nft(world.lab.gateway, "inet", """chain input {
            type filter hook input priority 0;
            iifname lo udp dport 53 reject
        }"""):
        yield ()


@fault('iifname "lo" accept')
def self_snid(world):
    with nft(world.lab.gateway, "inet", """chain input {
            type filter hook input priority 0;
            iifname lo tcp dport 443 reject with tcp reset
        }"""):
        yield ()


# ---- what is no fault -----------------------------------------------------------------------------------------

def no_fault(doctor, check, *argv):
    """Nothing is found. Return: what is noted."""
    status, document = doctor.run("--only", check, *argv)
    assert (status, document["findings"]) == (0, []), document
    row, = document["checks"]
    assert row["result"] == "good", row
    return row["because"]


def test_a_host_that_forwards_no_ipv6(doctor):
    """gate64 does without: it is noted, to stdout too, and exit status 0 all the same."""
    with sysctl(doctor, "net/ipv6/conf/all/forwarding", 0):
        assert "net.ipv6.conf.all.forwarding=1" in no_fault(doctor, "forwarding")
        said = doctor.gate64.command("doctor", "-c", doctor.gate64.config, "--only", "forwarding")
    assert said.stdout.startswith("note: forwarding: this host does not forward IPv6")


def test_a_peer_that_has_not_called_yet(doctor):
    """Peers that move call when they like to."""
    peer = ("wg", "set", doctor.lab.wg_gateway, "peer",
            "bm9ib2R5IGhhcyB0aGlzIGtleSwgYW5kIG5ldmVyIQo=")
    doctor.lab.gateway.run(*peer, "allowed-ips", "2001:db8:1:0:8000::/65")
    assert no_fault(doctor, "wireguard_endpoint") is None
    doctor.lab.gateway.run(*peer, "remove")


@pytest.mark.parametrize("entry", [
    ("proxy", "2001:db8:1::5"), ("2001:db8:1::5", "lladdr", "02:00:00:00:00:05", "nud", "stale")])
def test_an_on_link_prefix_whose_hosts_are_answered_for(doctor, entry):
    """By a proxy (RFC 4861 7.2.8), or as they are on the link indeed."""
    with PLANTED["on_link"][2](doctor):
        ip(doctor, "-6", "neigh", "add", *entry, "dev", "up0")
        no_fault(doctor, "on_link")
        ip(doctor, "-6", "neigh", "del", *entry[:2 if entry[0] == "proxy" else 1], "dev", "up0")
        _status, document = doctor.run("--only", "on_link")
    assert [finding["severity"] for finding in document["findings"]] == ["warning"]


@contextlib.contextmanager
def again_and_again(action):
    """Beside what is done meanwhile"""
    done = threading.Event()

    def act():
        while not done.wait(0.05):
            action()

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_queries_lost_long_ago(doctor):
    """A counter that stands still is noted; where it goes on it is a finding."""
    with held(doctor, socket.SOCK_DGRAM, ("127.0.0.1", 5355)) as sock, \
            doctor.lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 20)		# SO_RCVBUFFORCE
        config = doctor.config({"dns64": {"listen": ["127.0.0.1:5355"]}})
        for _ in range(200):
            client.sendto(bytes(32768), ("127.0.0.1", 5355))
        assert "none of them now" in no_fault(doctor, "udp_buffers", *config)
        with again_and_again(lambda: client.sendto(bytes(32768), ("127.0.0.1", 5355))):
            _status, document = doctor.run("--only", "udp_buffers", *config)
    finding, = document["findings"]
    assert "queries were dropped within a second" in finding["text"]


def test_packets_lost_by_queues_long_ago(doctor):
    """The same of a queue that holds one packet, and whose reader never answers."""
    number = 6400 + 900				# among those that are gate64's
    rule = ("OUTPUT", "-o", "lo", "-p", "udp", "--dport", "9", "-j", "NFQUEUE", "--queue-num",
            number)

    def configure(attribute, value):
        body = struct.pack("!BBH", 0, 0, number) + struct.pack("=HH", 4 + len(value), attribute) \
            + value + bytes(-len(value) % 4)
        queue.send(struct.pack("=IHHII", 16 + len(body), 3 << 8 | 2, 1 | 4, 0, 0) + body)
        assert struct.unpack_from("=i", queue.recv(4096), 16) == (0,)

    def lose():
        with contextlib.suppress(OSError):
            client.sendto(b"", ("127.0.0.1", 9))

    with doctor.lab.gateway.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as queue, \
            doctor.lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        configure(1, struct.pack("!BBH", 1, 0, socket.AF_INET))		# NFQA_CFG_CMD: bind
        configure(2, struct.pack("!IB", 64, 2))				# NFQA_CFG_PARAMS: packets
        configure(3, struct.pack("!I", 1))				# NFQA_CFG_QUEUE_MAXLEN
        doctor.lab.gateway.run("iptables-nft", "-A", *rule)
        for _ in range(5):
            lose()
        assert "none of them now" in no_fault(doctor, "queue_drops")
        with again_and_again(lose):
            _status, document = doctor.run("--only", "queue_drops")
        doctor.lab.gateway.run("iptables-nft", "-D", *rule)
    finding, = document["findings"]
    assert "packets within a second" in finding["text"]


def test_a_service_manager_that_is_slow(doctor):
    """That is not checked then, and no finding."""
    folder = doctor.lab.ground.path("slow")
    (folder / "run/systemd/system").mkdir(parents=True)
    (folder / "bin").mkdir()
    program = folder / "bin/systemctl"
    program.write_text("#!/bin/sh\n[ $1 != is-failed ] || exit 1\n"
                       "[ $1 != is-enabled ] || exec /bin/sleep 30\n")
    program.chmod(0o755)
    folder.chmod(0o755)
    done = doctor.lab.gateway.run(
        "unshare", "--mount", "sh", "-c",
        'mount --bind $0/run /run && mount --bind $0/bin /usr/sbin && exec "$@"', folder, binary(),
        "doctor", "-c", doctor.gate64.config, "--only", "unit", check=False)
    assert (done.returncode, done.stdout) == \
        (0, "not checked: unit: systemctl is-enabled: Connection timed out\n")


def test_a_terminal_is_not_steered(doctor):
    """Names of others, as of this file, are shown without control characters (ECMA-48)."""
    file = doctor.lab.ground.path("evil\x1b[2J\x9bm.yaml")
    file.write_text("inside: 12\n")
    said = doctor.gate64.command("doctor", "-c", file, "--only", "config", check=False).stdout
    assert "evil?[2J?m.yaml cannot be used" in said and not {"\x1b", "\x9b"} & set(said)


def test_a_program_with_an_evil_name(doctor):
    """Any user may choose it: neither the terminal nor a command to paste has it as it is."""
    script = doctor.lab.ground.path("evil.py")
    script.write_text("import socket, time\n"
                      "open('/proc/self/comm', 'w').write('a;id\\x1b[2J')\n"
                      "s = socket.socket()\ns.bind(('127.0.0.1', 8446))\ns.listen()\n"
                      "print('bound', flush=True)\ntime.sleep(600)\n")
    log = doctor.lab.ground.path("evil.log")
    process = doctor.lab.gateway.spawn("/usr/bin/python3", script, log=log)
    wait_for(lambda: log.exists() and "bound" in log.read_text(), "it listens")
    said = doctor.gate64.command("doctor", *not_running(doctor, {"snid": {"listen": [8446]}}),
                                 "--only", "snid_port", check=False).stdout
    doctor.lab.ground.stop(process)
    assert "is taken: aid2J (process " in said and "\x1b" not in said
    assert "mend: end process " in said and "systemctl" not in said


# ---- the tests ------------------------------------------------------------------------------------------------

def test_there_are_enough_faults():
    assert len({check for check, _mend, _plant in PLANTED.values()}) >= 20


@pytest.mark.parametrize("name", list(PLANTED))
def test_a_fault(doctor, name):
    """It is found, by this check, with how it is mended; and no more once it is mended."""
    check, mend, plant = PLANTED[name]
    with plant(doctor) as argv:
        status, document = doctor.run("--only", check, *argv)
    assert status == 1 and names(document) == {check}, document
    for finding in document["findings"]:
        assert finding["text"] and finding["why"] and finding["severity"] in ("error", "warning")
    assert any(mend in finding["mend"] for finding in document["findings"]), document["findings"]
    assert doctor.run("--only", check)[0] == 0


def test_still_healthy(doctor):
    """All faults have gone without a trace."""
    healthy(doctor)


def test_without_root(doctor):
    """Who is not root is told what could not be looked at; that alone is no finding."""
    program = shutil.copy(binary(), doctor.lab.ground.path("gate64-for-all"))
    done = doctor.lab.gateway.run(
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "doctor",
        "-c", doctor.gate64.config, "--internet", WEB4, "--quick", check=False)
    assert "not checked: firewall_input: only root may read the rules" in done.stdout
    assert done.returncode == 0 and not done.stderr
