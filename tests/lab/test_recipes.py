# SPDX-License-Identifier: GPL-2.0-or-later
r"""The recipes of ops/recipes, tried: their files and commands are taken out of the pages.

The lab of topology.py, and for several gateways a second one beside the first:

     server6 --- router6 ==== gateway ------ internet4
                    \______ gateway2 _________/
              2001:db8:0:2::/64      192.0.2.128/30
"""

import os
import pathlib
import re
import shlex
import shutil
import types

import pytest

import peers
from gateway import PROJECT, Gate64, binary
from netns import ETC_NETNS, run, wait_for
from topology import GATEWAY4, GATEWAY6, INSIDE, PREF64, SERVER6, WEB4, WWW
from wire import ask

RECIPES = PROJECT / "ops/recipes"
FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
JUMP, TLS_SSH = "gateway.home.example", "ssh.home.example"
HAPROXY_PORT = 8444			# nginx has 443 of the server
GATEWAY2_4, PREF_A, PREF_B = "192.0.2.130", "2001:db8:64:a::", "2001:db8:64:b::"
SEEN_B = "64:ff9b:1:b::cb00:7107"	# client4, as gateway2 shows it
CLAT_PREFIX = "2001:db8:464::/96"
OTHER_HOME = "2001:db8:3::1"		# of another network at home
# What of a configuration is the lab's: its Internet, its user, its place for the socket.
SETTINGS = {"prefixes": {"nat64": ["64:ff9b::/96", CLAT_PREFIX]},
            "nat64": {"static": [{"proto": "tcp", "outside": 2201, "inside": f"[{SERVER6}]:22"}]},
            "snid": {"routes": [{"name": TLS_SSH, "backend": SERVER6, "port": HAPROXY_PORT}]}}


@pytest.fixture(scope="module")
def gate64(lab):
    """One for all pages but the one that has two of its own, and comes last."""
    gate64 = Gate64(lab, SETTINGS)
    gate64.start()
    yield gate64
    if gate64.process:
        gate64.stop()


def blocks(page):
    """All fenced blocks of a recipe: (language, title, text)."""
    return FENCE.findall((RECIPES / page).read_text())


def block(page, title):
    """The one block whose title begins so."""
    found = [text for _language, name, text in blocks(page) if name.startswith(title)]
    assert len(found) == 1, f"{page} has {len(found)} blocks of {title!r}"
    return found[0]


def commands(text):
    """Lines of shell, without what is said beside them."""
    lines = [re.sub(r"\s+#.*", "", line).strip() for line in text.splitlines()]
    return [line for line in lines if line]


CONFIGURATIONS = [(page.name, i, text) for page in sorted(RECIPES.glob("*.md"))
                  for i, (language, _title, text) in enumerate(blocks(page.name))
                  if language == "yaml"]


@pytest.mark.parametrize("page, _number, text", CONFIGURATIONS,
                         ids=[f"{page}-{i}" for page, i, _text in CONFIGURATIONS])
def test_every_configuration_is_good(tmp_path, page, _number, text):
    file = tmp_path / "gate64.yaml"
    file.write_text(text)
    done = run(binary(), "check", "-c", file, check=False)
    assert done.returncode == 0 and not done.stderr, f"{page}: {done.stderr}"


def test_every_link_leads_somewhere():
    pages = {page.name for page in RECIPES.glob("*.md")}
    for page in pages:
        linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (RECIPES / page).read_text()))
        assert linked <= pages, page
        assert page != "README.md" or linked == pages - {"README.md"}


def test_moving_over(tmp_path):
    """Each command makes a configuration that is good, of what the three were set to."""
    samples = {"/etc/jool/jool.conf": '{"instance": "default", "framework": "netfilter", '
                                      '"global": {"pool6": "64:ff9b::/96"}}',
               "/etc/tayga.conf": "prefix 64:ff9b::/96\ndynamic-pool 192.168.255.0/24\n"}
    found = commands(block("moving-over.md", "of each"))
    assert len(found) == 3
    for line in found:
        argv = shlex.split(line.removeprefix("gate64 "))
        if argv[-1] in samples:
            sample = tmp_path / "sample"
            sample.write_text(samples[argv[-1]])
            argv[-1] = sample
        file = tmp_path / "gate64.yaml"
        file.write_text(run(binary(), *argv).stdout)
        run(binary(), "check", "-c", file)


# ---- wireguard.md -------------------------------------------------------------------


def wireguard(lab, ns, interface, title, private, public):
    """Give an interface the recipe's configuration, with keys of this lab."""
    file = lab.ground.path(f"{ns.role}-recipe", "wg0.conf")
    file.parent.mkdir()
    text = block("wireguard.md", title)
    for line, key in (("PrivateKey", private), ("PublicKey", public)):
        text = re.sub(rf"{line} = \S+", f"{line} = {key}", text)
    file.write_text(text)
    file.chmod(0o600)
    stripped = run("wg-quick", "strip", file).stdout
    file.write_text(stripped)
    ns.run("wg", "setconf", interface, file)


def test_wireguard_with_policy_routing_on_linux(lab, gate64):
    """What comes from the servers goes through the tunnel; the rest has the router's own way,
    which here leads to nobody."""
    keys = {ns: lab.ground.path(f"{ns.role}.key").read_text().strip()
            for ns in (lab.gateway, lab.router6)}
    public = {ns: run("sh", "-c", f"echo {key} | wg pubkey").stdout.strip()
              for ns, key in keys.items()}
    lab.router6.run("ip", "route", "add", GATEWAY4, "via", "10.64.0.1")
    wireguard(lab, lab.gateway, lab.wg_gateway, "/etc/wireguard/wg0.conf on the gateway",
              keys[lab.gateway], public[lab.router6])
    wireguard(lab, lab.router6, lab.wg_router, "/etc/wireguard/wg0.conf on the router",
              keys[lab.router6], public[lab.gateway])
    lab.router6.run("ip", "link", "add", "home0", "type", "veth", "peer", "name", "home1")
    lab.router6.run("ip", "link", "set", "home0", "up")
    lab.router6.run("ip", "-6", "route", "add", "2001:db8:3::/64", "dev", "home0")
    lab.router6.run("ip", "-6", "route", "replace", "default", "dev", "home0", "metric", "1")
    with pytest.raises(AssertionError):
        lab.server6.run("ping", "-c", "1", "-W", "1", f"{PREF64}{WEB4}")
    try:
        for line in commands(block("wireguard.md", "on the router, policy")):
            lab.router6.run(*line.replace("wg0", lab.wg_router).split())
        page = lab.server6.run("curl", "-sS", "--max-time", "20", "http://web.example.net/").stdout
        assert page == f"hello {GATEWAY4}\n"
        assert lab.fetch_by_name().stdout == "hello 64:ff9b:1::cb00:7107\n"
        lookup, ping = commands(block("wireguard.md", "on a server"))
        assert "64:ff9b::c000:250" in lab.server6.run(
            *lookup.replace("github.com", "web.example.net").split()).stdout
        lab.server6.run(*ping.replace("1.1.1.1", WEB4).split())
        # Another network at home: not by the tunnel.
        way = lab.router6.run("ip", "-6", "route", "get", OTHER_HOME, "from", SERVER6,
                              "iif", "lan0").stdout
        assert "dev home0" in way
        assert lab.wg_router in lab.router6.run("ip", "-6", "route", "get", "2001:db8:ff::1",
                                                "from", SERVER6, "iif", "lan0").stdout
    finally:	# for what comes after it
        for priority in ("6400", "6401"):
            lab.router6.run("ip", "-6", "rule", "del", "priority", priority, check=False)
        lab.router6.run("ip", "link", "del", "home0", check=False)


# ---- clat.md ------------------------------------------------------------------------


def test_a_clat_reaches_ipv4_literals(lab, gate64):
    """RFC 6877 6.3: stateless on the host, stateful in the gateway."""
    folder = ETC_NETNS / lab.server6.name	# "ip netns exec" shows it as /etc
    # With the well-known prefix TAYGA refuses documentation addresses (RFC 6052 3.1).
    (folder / "tayga.conf").write_text(block("clat.md", "/etc/tayga.conf").replace(
        "prefix 64:ff9b::/96", f"prefix {CLAT_PREFIX}"))
    literal = ("curl", "-sS", "--max-time", "10", f"http://{WEB4}/")
    assert lab.server6.run(*literal, check=False).returncode
    for line in commands(block("clat.md", "on the host")):
        argv = line.replace("eth0", "lan0").split()
        if argv == ["tayga"]:
            lab.server6.spawn("tayga", "--nodetach", log=lab.ground.path("tayga.log"))
        else:
            lab.server6.run(*argv)
    wait_for(lambda: lab.server6.run(*literal, check=False).stdout == f"hello {GATEWAY4}\n",
             "an IPv4 literal is reached", step=0.2)
    assert gate64.flows("2001:db8:1::c1a7"), "by the address that stands for the host's IPv4"


# ---- ssh.md -------------------------------------------------------------------------


class Ssh:
    """sshd on the gateway and on server6, and a client that believes their keys."""

    def __init__(self, lab):
        self.lab, self.folder = lab, lab.ground.path("ssh")
        self.folder.mkdir()
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)	# what sshd separates privilege in
        for name in ("client", "gateway", "server6"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        (self.folder / "keys").write_text((self.folder / "client.pub").read_text())
        accounts = pathlib.Path("/etc/passwd").read_text()
        self.etc(lab.gateway, "passwd", f"{accounts}jump:x:65533:65534::/:/usr/sbin/nologin\n")
        self.etc(lab.client4, "hosts", f"{GATEWAY4} {JUMP} {TLS_SSH}\n")
        self.sshd(lab.gateway, block("ssh.md", "/etc/ssh/sshd_config.d/jump.conf"))
        self.sshd(lab.server6, "")

    @staticmethod
    def etc(ns, name, text):
        """A file of one host's own /etc."""
        folder = ETC_NETNS / ns.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def sshd(self, ns, more):
        config = self.folder / f"{ns.role}.conf"
        config.write_text(f"Port 22\nHostKey {self.folder / ns.role}\nStrictModes no\n"
                          f"AuthorizedKeysFile {self.folder}/keys\nPidFile none\n{more}")
        ns.spawn("/usr/sbin/sshd", "-D", "-e", "-f", config, log=self.folder / f"{ns.role}.log")
        wait_for(lambda: ":22 " in ns.run("ss", "-ltn").stdout, f"sshd of {ns.role}")

    def settings(self, ns, user):
        """What sshd goes by for an account."""
        said = ns.run("/usr/sbin/sshd", "-T", "-f", self.folder / f"{ns.role}.conf", "-C",
                      f"user={user},host=client4,addr=203.0.113.7").stdout
        return set(said.splitlines())

    def ask(self, title, name, *argv, check=True):
        """Log in as root by the recipe's stanza; what the server sees of the connection."""
        config = self.folder / "config"
        config.write_text(f"{block('ssh.md', title)}\nHost *\n\tIdentityFile {self.folder}/client\n"
                          f"\tUserKnownHostsFile {self.folder}/known\n\tBatchMode yes\n"
                          "\tStrictHostKeyChecking accept-new\n\tConnectTimeout 10\n")
        return self.lab.client4.run(
            "ssh", "-F", config, *argv, f"root@{name}", "echo $SSH_CONNECTION", check=check,
            timeout=30, env=dict(os.environ, SSL_CERT_FILE=str(self.folder / "tls/ca.pem")))


@pytest.fixture(scope="module")
def ssh(lab, gate64):
    return Ssh(lab)


def test_ssh_by_a_jump_host(lab, ssh):
    """The server sees the gateway; the account leads to the servers named, and nowhere else."""
    stanza = "~/.ssh/config at the client, by a jump host"
    assert ssh.ask(stanza, WWW).stdout.startswith(f"{GATEWAY6} ")
    refused = ssh.ask(stanza, "own.home.example", check=False)
    assert refused.returncode and "prohibited" in refused.stderr
    settings = ssh.settings(lab.gateway, "jump")
    assert {"permitlisten none", "allowstreamlocalforwarding no"} <= settings


def test_ssh_by_a_port_of_the_gateway(lab, ssh):
    """The server sees the client."""
    seen = ssh.ask("~/.ssh/config at the client, by a port", WWW).stdout
    assert seen.startswith("64:ff9b::cb00:7107 ")


def test_ssh_in_tls_by_name(lab, ssh):
    """snid leads by the name in TLS; haproxy takes it off; a wrong name's certificate is refused."""
    _ca, certificate, key = peers.certificates(ssh.folder / "tls", [TLS_SSH])
    pem = ssh.folder / "ssh.pem"
    pem.write_text(certificate.read_text() + key.read_text())
    config = ssh.folder / "haproxy.cfg"
    config.write_text(block("ssh.md", "/etc/haproxy/haproxy.cfg")
                      .replace("/etc/haproxy/ssh.pem", str(pem)).replace(":::443", f":::{HAPROXY_PORT}"))
    lab.server6.spawn("haproxy", "-db", "-f", config, log=ssh.folder / "haproxy.log")
    wait_for(lambda: f":{HAPROXY_PORT} " in lab.server6.run("ss", "-ltn").stdout, "haproxy")
    stanza = "~/.ssh/config at the client, by TLS"
    assert ssh.ask(stanza, TLS_SSH).stdout.startswith("127.0.0.1 ")


# ---- several-gateways.md ------------------------------------------------------------


OF_THE_LAB = """
nat64: {{deny4: [], fast_path: off}}
dns64: {{dnssec: false, root_hints: {hints}}}
ops: {{user: {user}, control: {control}, log: {{level: debug, format: text}}}}
"""


class Recipe64(Gate64):
    """gate64 with the configuration of a page, and what is the lab's."""

    title = ""

    def configure(self, changes=None):
        ops = self.settings["ops"]
        self.config.write_text(block("several-gateways.md", self.title) + OF_THE_LAB.format(
            hints=self.lab.root_hints, user=ops["user"], control=ops["control"]))


class GatewayA(Recipe64):
    title = "/etc/gate64/gate64.yaml on a"


class GatewayB(Recipe64):
    title = "/etc/gate64/gate64.yaml on b"


class Beside:
    """The ground of a second gateway: the lab's, in a folder of its own."""

    def __init__(self, ground):
        self.ground = ground
        self.path().mkdir()

    def path(self, *parts):
        return self.ground.path("beside", *parts)

    def bpffs(self, name):
        return self.ground.bpffs(f"{name}2")

    def stop(self, *args, **kwargs):
        return self.ground.stop(*args, **kwargs)


def second_gateway(lab):
    """A VPS beside the first, with a way to the router and one to the Internet."""
    ns = lab.ground.namespace("gateway2")
    for left, left_if, right, right_if in ((lab.router6, "b0", ns, "b0"),
                                           (ns, "up0", lab.internet4, "gw1")):
        run("ip", "link", "add", left_if, "netns", left.name, "type", "veth",
            "peer", "name", right_if, "netns", right.name)
        left.run("ip", "link", "set", left_if, "up")
        right.run("ip", "link", "set", right_if, "up")
    lab.router6.run("ip", "address", "add", "2001:db8:0:2::2/64", "dev", "b0")
    ns.run("ip", "address", "add", "2001:db8:0:2::1/64", "dev", "b0")
    ns.run("ip", "address", "add", f"{GATEWAY2_4}/30", "dev", "up0")
    lab.internet4.run("ip", "address", "add", "192.0.2.129/30", "dev", "gw1")
    ns.run("ip", "route", "add", "default", "via", "192.0.2.129")
    ns.run("ip", "route", "add", "2001:db8:1::/64", "via", "2001:db8:0:2::2")
    ns.sysctl("net/ipv6/conf/all/forwarding", 1)
    return ns


def as_b(text):
    """BIRD's configuration for the other gateway, changed as the page says."""
    text = text.replace("10.0.0.1", "10.0.0.2").replace("2001:db8:0:1::", "2001:db8:0:2::")
    text = text.replace("64:ff9b:1:a::", "64:ff9b:1:b::")
    return text.replace(f"net = {PREF_B}/96", f"net = {PREF_A}/96")


def bird(lab, ns, text, announce=False):
    """BIRD on a host; on a gateway with the script that announces."""
    folder = lab.ground.path(f"{ns.role}-bird")
    folder.mkdir()
    (folder / "bird.conf").write_text(text)
    ns.spawn("bird", "-f", "-c", folder / "bird.conf", "-s", folder / "ctl", "-P", folder / "pid",
             log=folder / "log")
    wait_for(lambda: not run("birdc", "-s", folder / "ctl", "show", "status", check=False).returncode,
             f"BIRD of {ns.role} answers")
    if announce:
        (folder / "birdc").write_text(f'#!/bin/sh\nexec {shutil.which("birdc")} -s {folder}/ctl "$@"\n')
        (folder / "birdc").chmod(0o755)
        (folder / "announce").write_text(block("several-gateways.md", "/usr/local/sbin/gate64-announce"))
        ns.spawn("sh", folder / "announce", log=folder / "announce.log",
                 env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))


def test_several_gateways_and_one_that_dies(lab, gate64):
    """Each translates for its own prefix; when one does not serve, the other has both."""
    gate64.stop()
    ns = second_gateway(lab)
    beside = types.SimpleNamespace(ground=Beside(lab.ground), gateway=ns, root_hints=lab.root_hints)

    def seen(prefix):
        return lab.server6.run("curl", "-sS", "--max-time", "5", f"http://[{prefix}c000:250]/",
                               check=False).stdout

    def wait_seen(prefix, address):
        wait_for(lambda: seen(prefix) == f"hello {address}\n", f"{prefix} is at {address}",
                 timeout=60, step=0.2)

    with GatewayA(lab), GatewayB(beside) as second:
        text = block("several-gateways.md", "/etc/bird/bird.conf on a")
        bird(lab, lab.gateway, text, announce=True)
        bird(lab, ns, as_b(text), announce=True)
        bird(lab, lab.router6, block("several-gateways.md", "/etc/bird/bird.conf on the router"))
        wait_seen(PREF_A, GATEWAY4)
        wait_seen(PREF_B, GATEWAY2_4)
        answer = ask(lab.server6, GATEWAY6, "web.example.net", "AAAA")
        assert {r.address for rr in answer.answer for r in rr} == {f"{PREF_A}c000:250",
                                                                   f"{PREF_B}c000:250"}
        page = lab.client4.run("curl", "-sS", "--max-time", "20", "--cacert", lab.ca, "--resolve",
                               f"{WWW}:443:{GATEWAY2_4}", f"https://{WWW}/").stdout
        assert page == f"hello {SEEN_B}\n"
        second.kill()
        wait_seen(PREF_B, GATEWAY4)
        second.start()
        wait_seen(PREF_B, GATEWAY2_4)
