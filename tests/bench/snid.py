#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""snid beside Debian's nginx (ssl_preread) and haproxy, two workers each, in one run.

    client --(1500)-- gateway --(1500)-- server
    203.0.113.1-32    203.0.113.254      2001:db8:1::7
    2001:db8:2::10    2001:db8:2::1
                      2001:db8:1::1

  snid.py [idle|short|bulk]...    all if not given

On gateway, all three listen, each on a port of its own, and connect to the one server. gate64
asks the DNS for the name (nsd, in client), the others have it in their configuration. gate64
and nginx connect from the client's address within 64:ff9b:1::/96 (NAT46), haproxy from the
gateway's. tests/bench/snid_load.c is the clients and the server. Each round measures all, one
after the other; what counts are the ratios of a round, since the machine's speed drifts.
Printed are medians.

  short   connections of a ClientHello and a short answer: how many a second, and the CPU time
          of the proxy for one
  bulk    one connection and eight, up and down; also routed, without a proxy
  idle    memory of 20,000 connections that do nothing (fewer, where the machine does not
          allow a process two descriptors for each): the proxy's own, and the kernel's

Exit status 1 where a connection failed, or a bound (below) is missed.
"""

import contextlib
import json
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

import peers					# noqa: E402
from gateway import PROJECT, Gate64		# noqa: E402
from netns import Ground, handle_signals, run, wait_for	# noqa: E402

ROUNDS = 5
SHORT_SECONDS, BULK_SECONDS = 3, 2
AT_ONCE, IDLE = 64, 20000
DESCRIPTORS, OTHERS = 65536, 1000	# of a process; what it needs besides connections
RATE_MIN, CPU_MAX = 1.0, 0.9		# of nginx's
BULK_MIN, BULK_MIN_DIRECT = 1.1, 0.7	# of nginx's, of routed
FAILED_MAX = 0.001, 0			# of the others' connections (nginx loses some), of ours
IDLE_MAX = 4096				# bytes of our own for a connection

# Kernel memory for a socket; the number of dentries is that of inodes, others have them too.
SLABS = {name: name for name in ("TCP", "TCPv6", "sock_inode_cache", "filp", "eventpoll_epi")}
SLABS["dentry"] = "sock_inode_cache"
SETTLE_SECONDS = 2

LOAD = PROJECT / "build/release/bench/snid_load"
CLIENT6, SERVER6, GATEWAY4 = "2001:db8:2::10", "2001:db8:1::7", "203.0.113.254"
SOURCES = [f"203.0.113.{n}" for n in range(1, 33)]
NAME = "www.bench.example"
ZONES = {
    ".": f"""\
        @ SOA ns.bench.example. ns.bench.example. 1 3600 600 86400 30
        @ NS ns.bench.example.
        ns.bench.example. 3600 A {SOURCES[0]}
        {NAME}. 3600 AAAA {SERVER6}
        """,
}
NGINX = """\
load_module modules/ngx_stream_module.so;
daemon off; user root; worker_processes 2; worker_rlimit_nofile {descriptors};
pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
events {{ worker_connections 65536; }}
stream {{
    map $ssl_preread_server_name $backend {{ {name} [{server}]:443; }}
    server {{
        listen {gateway}:{port} reuseport;
        ssl_preread on;
        proxy_bind [64:ff9b:1::$remote_addr]:$remote_port transparent;
        proxy_pass $backend;
    }}
}}
"""
HAPROXY = """\
global
    nbthread 2
    maxconn {connections}
    maxpipes 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    option splice-auto
frontend tls
    bind {gateway}:{port} shards by-thread
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req_ssl_hello_type 1 }}
    use_backend server if {{ req_ssl_sni -i {name} }}
backend server
    server server [{server}]:443
"""


def descriptors():
    """How many a process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def idle_number():
    """How many connections a proxy can have here."""
    return min(IDLE, (descriptors() - OTHERS) // 2)


class Hosts:
    """The namespaces; looks like a lab to Gate64."""

    def __init__(self, ground):
        self.ground = ground
        self.client, self.gateway, self.server = (
            ground.namespace(role) for role in ("client", "gateway", "server"))
        self._join(self.client, f"{CLIENT6}/64", "2001:db8:2::1/64", "a")
        self._join(self.server, f"{SERVER6}/64", "2001:db8:1::1/64", "c")
        for source in SOURCES:
            self.client.run("ip", "addr", "add", f"{source}/24", "dev", ground.interface("b"))
        self.gateway.run("ip", "addr", "add", f"{GATEWAY4}/24", "dev", ground.interface("a"))
        self.gateway.run("ip", "route", "add", "default", "via", SOURCES[0])
        self.gateway.sysctl("net/ipv6/conf/all/forwarding", 1)
        for host, router in ((self.client, "2001:db8:2::1"), (self.server, "2001:db8:1::1")):
            host.run("ip", "route", "add", "default", "via", router)
        for ns in (self.client, self.gateway, self.server):
            ns.sysctl("net/ipv4/ip_local_port_range", "10000 65000")
            ns.sysctl("net/ipv4/tcp_max_syn_backlog", 8192)
            ns.sysctl("net/core/somaxconn", 8192)
        self.root_hints = ground.path("root.hints")
        self.root_hints.write_text(f". 3600 NS ns.bench.example.\n"
                                   f"ns.bench.example. 3600 A {SOURCES[0]}\n")

    def _join(self, host, far, near, letter):
        ends = self.ground.interface(letter), self.ground.interface(chr(ord(letter) + 1))
        self.gateway.run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1],
                         "netns", host.name)
        for ns, name, address in ((self.gateway, ends[0], near), (host, ends[1], far)):
            ns.run("ip", "addr", "add", address, "dev", name)
            ns.run("ip", "link", "set", name, "up")

    def spawn(self, name, template, port, *argv):
        """A proxy, with its configuration in a file, which is its last argument."""
        config = self.ground.path(f"{name}.conf")
        config.write_text(template.format(folder=self.ground.folder, gateway=GATEWAY4, port=port,
                                          server=SERVER6, name=NAME, connections=idle_number(),
                                          descriptors=descriptors()))
        return self.gateway.spawn(*argv, config, log=self.ground.path(f"{name}.out"))


def settings():
    """gate64's, few clients being all clients here."""
    many = 10000000
    return {"inside": ["2001:db8:1::/64"], "uplink": "lo", "nat64": {"enabled": False},
            "dns64": {"enabled": False},
            "snid": {"limits": {"connections": 65536, "per_client": 65536, "opening": 65536,
                                "opening_per_client": 65536, "new_per_client": many}},
            "ops": {"log": {"level": "error"}}}


# ---- processes -----------------------------------------------------------------------

def family_of(pid):
    """A process and its children."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in task.joinpath("children").read_text().split():
            pids += family_of(int(child))
    return pids


def cpu_s(process):
    """CPU time of all threads of a process and its children, in seconds."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0])
               for pid in family_of(process.pid)
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def own_memory(process):
    """Bytes that are a process's and its children's own, not shared."""
    total = 0
    for pid in family_of(process.pid):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty")):
                total += int(line.split()[1]) * 1024
    return total


def kernel_memory():
    """Bytes of what sockets are made of, on the whole machine."""
    objects = {}
    for line in pathlib.Path("/proc/slabinfo").read_text().splitlines()[2:]:
        name, active, _all, size = line.split()[:4]
        objects[name] = int(active), int(size)
    return sum(objects[of][0] * objects[name][1] for name, of in SLABS.items())


class Target:
    """A proxy, or the server itself; measured from the client."""

    def __init__(self, hosts, name, process, port, address=GATEWAY4):
        self.hosts, self.name, self.process = hosts, name, process
        self.address, self.port = address, port
        self.sources = SOURCES if address == GATEWAY4 else []

    def arguments(self, mode, at_once, seconds):
        """The command of the load."""
        return [LOAD, mode, self.address, self.port, NAME, at_once, seconds, *self.sources]

    def load(self, mode, at_once, seconds):
        """Run the load. Return what it reports, and the CPU seconds of the proxy."""
        before = cpu_s(self.process)
        done = self.hosts.client.run(*self.arguments(mode, at_once, seconds),
                                     timeout=seconds + 60)
        took = cpu_s(self.process) - before
        report = json.loads(done.stdout)
        if report["failed"] > FAILED_MAX[self.name == "gate64"] * report["connections"]:
            sys.exit(f"{self.name}: {report['failed']} connections failed, "
                     f"{report['connections']} were well")
        return report, took

    def short(self):
        """Connections a second, in thousands; CPU microseconds of the proxy for one."""
        report, took = self.load("short", AT_ONCE, SHORT_SECONDS)
        number = report["connections"]
        return number / report["seconds"] / 1e3, took / number * 1e6

    def bulk(self, mode, at_once):
        """Gbit/s."""
        report, _took = self.load(mode, at_once, BULK_SECONDS)
        return report["bytes"] * 8 / report["seconds"] / 1e9

    def idle(self, number):
        """Bytes for one of many idle connections: the proxy's, the kernel's for all sockets."""
        log = self.hosts.ground.path(f"idle-{self.name}")
        mine, kernels = own_memory(self.process), kernel_memory()
        client = self.hosts.client.spawn(*self.arguments("idle", number, 600), log=log)
        wait_for(lambda: "ready" in log.read_text() or client.poll() is not None,
                 "all are connected", 60)
        if client.poll() is not None:
            sys.exit(f"{self.name}: {log.read_text()}")
        time.sleep(SETTLE_SECONDS)	# the last are joined
        grown = own_memory(self.process) - mine, kernel_memory() - kernels
        self.hosts.ground.stop(client)
        time.sleep(SETTLE_SECONDS)	# the kernel frees them later
        return [size / number for size in grown]


# ---- what is measured ----------------------------------------------------------------

class Verdicts:
    """Bounds, and whether all were kept."""

    def __init__(self):
        self.good = True

    def check(self, text, good):
        """One of them."""
        self.good &= good
        return text + ("" if good else " MISSED")


def compare(what, unit, targets, rows, bounds, verdicts):
    """One line: rows of figures, gate64's first; bounds by the other's name."""
    texts = []
    for i, target in enumerate(targets[1:], 1):
        ratio = statistics.median(row[0] / row[i] for row in rows)
        holds = bounds.get(target.name, lambda _ratio: True)
        texts.append(verdicts.check(f"{ratio:7.2f} of {target.name}", holds(ratio)))
    figures = ", ".join(f"{target.name} {statistics.median(column):.2f}"
                        for target, column in zip(targets, zip(*rows)))
    print(f"{what:28}{''.join(texts)}   ({figures} {unit})", flush=True)


def short(targets, verdicts):
    """New connections."""
    proxies = [target for target in targets if target.name != "routed"]
    for target in proxies:
        target.short()			# the first finds the server
    rows = [[target.short() for target in proxies] for _ in range(ROUNDS)]
    compare("connections", "k/s", proxies, [[rate for rate, _ in row] for row in rows],
            {"nginx": lambda ratio: ratio >= RATE_MIN}, verdicts)
    compare("CPU time of one", "us", proxies, [[cpu for _, cpu in row] for row in rows],
            {"nginx": lambda ratio: ratio <= CPU_MAX}, verdicts)


def bulk(targets, verdicts):
    """Transfers."""
    bounds = {"nginx": lambda ratio: ratio >= BULK_MIN,
              "routed": lambda ratio: ratio >= BULK_MIN_DIRECT}
    for at_once in (1, 8):
        for mode in ("up", "down"):
            rows = [[target.bulk(mode, at_once) for target in targets] for _ in range(ROUNDS)]
            compare(f"bulk {mode}, {at_once} at once", "Gbit/s", targets, rows, bounds, verdicts)


def idle(targets, verdicts):
    """Connections that do nothing."""
    number = idle_number()
    routed = next(target for target in targets if target.name == "routed")
    without = routed.idle(number)[1]
    for target in targets:
        if target is routed:
            continue
        mine, kernels = target.idle(number)
        text = f"{number} idle connections: {target.name} {mine:.0f} bytes of its own for one, "
        text += f"the kernel {kernels - without:.0f} for its two sockets"
        print(verdicts.check(text, target.name != "gate64" or mine <= IDLE_MAX), flush=True)


@contextlib.contextmanager
def running(hosts):
    """All that is measured, gate64 first."""
    peers.start_nsd(hosts.client, SOURCES[0], ZONES)
    server = hosts.server.spawn(LOAD, "server", 443, log=hosts.ground.path("server.out"))
    nginx = hosts.spawn("nginx", NGINX, 444, "nginx", "-c")
    haproxy = hosts.spawn("haproxy", HAPROXY, 445, "haproxy", "-db", "-f")
    with Gate64(hosts, settings()) as gate64:
        yield [Target(hosts, "gate64", gate64.process, 443), Target(hosts, "nginx", nginx, 444),
               Target(hosts, "haproxy", haproxy, 445),
               Target(hosts, "routed", server, 443, SERVER6)]


def versions():
    """Whom we compare with."""
    nginx = run("nginx", "-v").stderr.strip().rsplit("/", 1)[1]
    haproxy = run("haproxy", "-v").stdout.split()[2]
    print(f"nginx {nginx}, haproxy {haproxy}; medians of {ROUNDS} rounds", flush=True)


def raise_limits():
    """As many descriptors as a process may have, and more where that is allowed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(ValueError):	# without CAP_SYS_RESOURCE
        more = max(hard, DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, more))


def main():
    """All, unless some are named."""
    wanted = sys.argv[1:] or ["idle", "short", "bulk"]
    handle_signals()
    raise_limits()
    verdicts = Verdicts()
    versions()
    for what in wanted:		# each afresh: nginx cannot bind to ports that are in TIME_WAIT
        with Ground() as ground, running(Hosts(ground)) as targets:
            {"short": short, "bulk": bulk, "idle": idle}[what](targets, verdicts)
    return not verdicts.good


if __name__ == "__main__":
    sys.exit(main())
