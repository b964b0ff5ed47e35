# SPDX-License-Identifier: GPL-2.0-or-later
"""What ops.metrics shows by HTTP, while traffic runs, and to whom it does not. Threads that hang
are in tests/unit/web_test.c: nothing outside can stop a single one."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import time

import pytest
import yaml
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics)
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from gateway import PROJECT
from netns import wait_for
from test_sni_drain import Session
from topology import GATEWAY4, GATEWAY6, INTERNET4

PORT = 9464
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# As Prometheus 2 asks
ACCEPT = ("application/openmetrics-text;version=1.0.0;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
SETTINGS = {"snid": {"limits": {"drain": "20s"}}}


class Answer:
    """What one request got, read until the other side closed."""

    def __init__(self, wire):
        head, _, self.content = wire.partition(b"\r\n\r\n")
        self.line, *fields = head.decode().split("\r\n")
        self.fields = {name.lower(): value.strip() for name, _, value in
                       (field.partition(":") for field in fields)}
        self.status = int(self.line.split()[1]) if self.line else 0

    @property
    def text(self):
        return self.content.decode()


def read_answer(sock):
    wire = b""
    while chunk := sock.recv(65536):
        wire += chunk
    return Answer(wire)


def ask(lab, wire, address=("127.0.0.1", PORT)):
    """Send `wire`, from the gateway itself."""
    with lab.gateway.connect(address, timeout=30) as sock:
        sock.sendall(wire)
        return read_answer(sock)


def get(lab, path, accept=None, method="GET", address=("127.0.0.1", PORT)):
    more = f"Accept: {accept}\r\n" if accept else ""
    return ask(lab, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode(), address)


def parsed(answer):
    """Every sample: {(name, ((label, value), ..)): number}."""
    assert answer.status == 200
    read = read_openmetrics if answer.fields["content-type"] == OPENMETRICS else read_prometheus
    samples = [sample for family in read(answer.text) for sample in family.samples]
    result = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}
    assert len(result) == len(samples), "a sample is there twice"
    return result


def scrape(lab, accept=None):
    return parsed(get(lab, "/metrics", accept))


def test_a_scrape_follows_traffic(lab, gate64):
    """Each room's counters rise by what it did, and agree with `gate64 status --json`."""
    before = scrape(lab)

    def rose(name, **labels):
        key = (name, tuple(sorted(labels.items())))
        return scrape(lab)[key] - before[key]
    page = lab.server6.run("curl", "-sS", "--max-time", "20", "http://web.example.net/").stdout
    assert page == f"hello {GATEWAY4}\n"
    assert lab.fetch_by_name().stdout == "hello 64:ff9b:1::cb00:7107\n"
    # What is shown may be a quarter of a second old.
    wait_for(lambda: rose("gate64_sni_relayed_total") == 1, "the connection is counted")
    # The server's last words may find a client that has closed, and is reset by it.
    wait_for(lambda: rose("gate64_sni_duration_seconds_count", end="closed") +
             rose("gate64_sni_duration_seconds_count", end="reset") == 1, "so is its end")
    assert rose("gate64_dns_queries_total", transport="udp") >= 1
    assert rose("gate64_dns_replies_total", rcode="noerror") >= 1
    assert rose("gate64_dns_synthesised_total") >= 1
    assert rose("gate64_dns_reply_seconds_count", path="miss") >= 1
    assert rose("gate64_nat64_sessions_created_total") >= 1
    assert (rose("gate64_nat64_packets_total", direction="out") +
            rose("gate64_nat64_fast_path_packets_total", direction="out")) >= 4
    assert rose("gate64_sni_opening_seconds_count", step="connect") == 1
    wait_for(lambda: rose("process_cpu_seconds_total") > 0, "the time that it takes is counted")
    assert rose("gate64_http_requests_total", path="metrics") > 1

    time.sleep(0.3)		# until both are made anew
    shown, status = scrape(lab), json.loads(get(lab, "/status.json").text)
    assert shown[("gate64_build_info", (("version", status["version"]),))] == 1
    rooms, counters = status["rooms"], status["rooms"]["nat64"]["counters"]
    assert shown[("gate64_nat64_sessions_created_total", ())] == counters["sessions_created"]
    assert sum(n for (name, _), n in shown.items()
               if name == "gate64_nat64_sessions") == rooms["nat64"]["sessions"]
    assert shown[("gate64_nat64_sessions", (("proto", "tcp"),))] >= 1
    for proto, ports in rooms["nat64"]["pool4"][0]["ports"].items():
        assert shown[("gate64_nat64_pool4_ports",
                      (("address", GATEWAY4), ("proto", proto)))] == ports["size"]
    assert shown[("gate64_sni_connections_limit", ())] == rooms["snid"]["connections_max"]
    assert shown[("gate64_dns_cache_limit_bytes", ())] == rooms["dns64"]["cache_bytes_max"]
    assert shown[("process_open_fds", ())] < shown[("process_max_fds", ())]


def test_the_form_is_negotiated(lab, gate64):
    """RFC 9110 12.5.1: OpenMetrics for who prefers it; else the older text. Both hold the same,
    and whoever reads them strictly finds nothing wrong."""
    for accept, wanted in ((None, PROMETHEUS), ("*/*", PROMETHEUS), ("text/html", PROMETHEUS),
                           (ACCEPT, OPENMETRICS), ("application/openmetrics-text", OPENMETRICS),
                           ("application/openmetrics-text;q=0.1, text/plain", PROMETHEUS)):
        assert get(lab, "/metrics", accept).fields["content-type"] == wanted, accept
    plain, strict = scrape(lab), scrape(lab, ACCEPT)

    def names(samples):		# a bound is "1" to one and "1.0" to the other
        return {(name, tuple((k, str(float(v)) if k == "le" else v) for k, v in labels))
                for name, labels in samples}
    assert names(plain) == names(strict)
    families = list(read_openmetrics(get(lab, "/metrics", ACCEPT).text))
    assert all(family.documentation for family in families)
    assert {family.name: family.unit for family in families}["gate64_dns_reply_seconds"] == \
        "seconds"


def test_the_command_prints_the_same(lab, gate64):
    """`gate64 metrics`, and with --openmetrics"""
    for options, accept in (((), None), (("--openmetrics",), ACCEPT)):
        printed = gate64.command("metrics", *options, "-s", gate64.control).stdout
        names = re.compile(r"^([^#].*) \S+$", re.MULTILINE)
        assert names.findall(printed) == names.findall(get(lab, "/metrics", accept).text)


def test_methods_and_paths(lab, gate64):
    """RFC 9110 9.3.2, 15.5.5, 15.5.6: HEAD is as GET without content; nothing can be changed;
    what is not there is told what is."""
    for path in ("/metrics", "/healthz", "/readyz", "/status.json", "/"):
        whole, head = get(lab, path), get(lab, path, method="HEAD")
        assert (whole.status, head.status) == (200, 200), path
        assert len(whole.content) == int(whole.fields["content-length"])
        assert head.content == b""
        assert head.fields["content-type"] == whole.fields["content-type"]
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        refused = get(lab, "/metrics", method=method)
        assert refused.status == 405 and refused.fields["allow"] == "GET, HEAD"
    missing = get(lab, "/metrics/")
    assert missing.status == 404 and "/metrics" in missing.text
    assert get(lab, "/x" * 5000).status == 414


def test_others_are_kept_out(lab, gate64):
    """By default nobody but the gateway itself can connect; RFC 9110 15.5.20: nor can a page of
    somebody else's, in a browser here, whose name leads to 127.0.0.1."""
    for host, address in ((lab.internet4, GATEWAY4), (lab.server6, GATEWAY6)):
        with pytest.raises(ConnectionRefusedError):
            host.connect((address, PORT), timeout=5)
    assert ask(lab, b"GET /metrics HTTP/1.1\r\nHost: a.example\r\n\r\n").status == 421


def test_silent_and_slow_ones_keep_nobody_out(lab, gate64):
    """RFC 9112 9.8: three times as many connections as there may be, half of them within a
    request; a scrape is answered all the while, and they give way."""
    with gate64.counting() as rose:
        socks = []
        try:
            for i in range(384):
                socks.append(lab.gateway.connect(("127.0.0.1", PORT)))
                if i % 2:
                    socks[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: loc")
                if i % 32 == 0:
                    assert get(lab, "/healthz").text == "ok\n"
            assert scrape(lab)
        finally:
            for sock in socks:
                sock.close()
    assert rose["ops.http_refused.gave_way"] >= 384 - 128


def test_ready_or_not(lab, gate64):
    """Not while the uplink has no IPv4 address; healthy all the same."""
    assert (get(lab, "/readyz").status, get(lab, "/readyz").text) == (200, "ready\n")
    lab.gateway.run("ip", "address", "del", f"{GATEWAY4}/24", "dev", "up0")
    try:
        wait_for(lambda: get(lab, "/readyz").status == 503, "it is not ready any more")
        assert get(lab, "/readyz").text == "not ready: the uplink has no IPv4 address\n"
        assert get(lab, "/healthz").status == 200
        assert scrape(lab)[("gate64_uplink_up", ())] == 0
    finally:
        lab.gateway.run("ip", "address", "add", f"{GATEWAY4}/24", "dev", "up0")
        lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)
    wait_for(lambda: get(lab, "/readyz").status == 200, "it is ready again")


@contextlib.contextmanager
def held(lab, table):
    """The table `table` is somebody's who lets nobody else touch it (nft(8), flags owner)."""
    with open(lab.ground.path("nft"), "w") as log:
        owner = subprocess.Popen(["ip", "netns", "exec", lab.gateway.name, "nft", "-i"],
                                 stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)
        try:
            owner.stdin.write(f"delete table {table}; add table {table} {{ flags owner; }}\n")
            owner.stdin.flush()
            yield
        finally:
            owner.stdin.close()
            owner.wait(30)


def test_not_ready_without_rules(lab, gate64):
    """Issue 7: not ready either while something of the host cannot be put up; which, it says;
    so does the status, and ready again once it can be."""
    rules = {"xtables": "ip raw", "nft": "inet gate64"}[gate64.status()["network"]["rules"]]
    for table, what in (("ip6 gate64-nat46", "the guard of the NAT46 prefix"),
                        (rules, "the packet filter rules")):
        with held(lab, table):
            wait_for(lambda: get(lab, "/readyz").text == f"not ready: {what}: not in order\n",
                     f"it is not ready: {what}", 60)
            assert get(lab, "/readyz").status == 503
            assert get(lab, "/healthz").status == 200
            assert gate64.status()["network"]["problem"] == what
        wait_for(lambda: get(lab, "/readyz").text == "ready\n", "it is ready again", 60)


LATER4 = "192.0.2.77"


def test_an_address_that_comes_later(lab, gate64):
    """Issue 7, ops.metrics: that of a tunnel, say, which is not up yet keeps nobody from
    starting, and is answered as soon as it is there. Off the loopback, too, a name that is not
    this host's is refused: RFC 9110 15.5.20."""
    gate64.stop()
    gate64.configure({"ops": {"metrics": f"{LATER4}:{PORT}"}})
    try:
        gate64.start()
        assert "ops.metrics: its address is not one of this host's yet" in gate64.log()
        lab.gateway.run("ip", "address", "add", f"{LATER4}/32", "dev", "lo")
        try:
            assert get(lab, "/healthz", address=(LATER4, PORT)).text == "ok\n"
            stranger = ask(lab, b"GET /metrics HTTP/1.1\r\nHost: a.example\r\n\r\n",
                           (LATER4, PORT))
            assert stranger.status == 421
            literal = f"GET /readyz HTTP/1.1\r\nHost: {LATER4}:{PORT}\r\n\r\n".encode()
            assert ask(lab, literal, (LATER4, PORT)).status == 200
        finally:
            lab.gateway.run("ip", "address", "del", f"{LATER4}/32", "dev", "lo")
    finally:
        gate64.configure()
        if gate64.process:
            gate64.stop()
        gate64.start()


def test_a_reload_moves_it(lab, gate64):
    """To another port, to all addresses, away, and back; to a port that is taken it does not go,
    and the reload is refused with the reason."""
    def at(port, address="127.0.0.1"):
        try:
            return get(lab, "/healthz", address=(address, port)).text == "ok\n"
        except ConnectionRefusedError:
            return False
    try:
        gate64.reload({"ops": {"metrics": "127.0.0.1:9465"}})
        assert at(9465) and not at(PORT)
        gate64.reload({"ops": {"metrics": "0.0.0.0:9465"}})
        assert at(9465, GATEWAY4)
        gate64.reload({"ops": {"metrics": "[::]:9465"}})
        assert at(9465, GATEWAY6) and at(9465)
        gate64.reload({"ops": {"metrics": "off"}})
        assert not at(9465)
        with lab.gateway.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", 9466))
            holder.listen()
            gate64.reload()
            gate64.configure({"ops": {"metrics": "127.0.0.1:9466"}})
            refused = gate64.command("reload", "-s", gate64.control, check=False)
        assert refused.returncode == 1 and "Address already in use" in refused.stderr
        assert "ops.metrics: cannot listen on 127.0.0.1:9466" in gate64.log()
        assert at(PORT)
        assert scrape(lab)[("gate64_config_last_reload_success", ())] == 0
    finally:
        gate64.reload()
    wait_for(lambda: scrape(lab)[("gate64_config_last_reload_success", ())] == 1, "it is taken")


# ---- what is built upon the metrics -------------------------------------------------------

DASHBOARD = json.loads((PROJECT / "ops/grafana/gate64.json").read_text())
RULES = yaml.safe_load((PROJECT / "ops/prometheus/gate64.rules.yml").read_text())
USE = re.compile(r"\b(gate64_\w+|process_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
FROM_PROMETHEUS = {"job", "instance"}


def expressions():
    """Every expression, and the labels that its texts name: (where, expression, labels)."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield (panel["title"], target["expr"],
                   set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])))
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"], set()
    for group in RULES["groups"]:
        for rule in group["rules"]:
            texts = " ".join(rule["annotations"].values())
            yield rule["alert"], rule["expr"], set(re.findall(r"\$labels\.(\w+)", texts))


def test_dashboard_and_alerts_name_what_there_is(lab, gate64):
    """Every metric, label and value that ops/grafana and ops/prometheus name is in a scrape."""
    samples = {}
    for name, labels in scrape(lab):
        samples.setdefault(name, []).append(dict(labels))
    for where, expression, named in expressions():
        assert expression.count("(") == expression.count(")"), where
        labels = set(FROM_PROMETHEUS)
        uses = USE.findall(GROUPING.sub("", expression))
        assert uses or expression == 'up{job="gate64"} == 0', where
        for name, matchers in uses:
            assert name in samples, f"{where}: there is no {name}"
            labels.update(*samples[name])
            for label, operator, value in MATCHER.findall(matchers):
                if label in FROM_PROMETHEUS:
                    continue
                wanted = value.split("|") if operator.endswith("~") else [value]
                for one in wanted:
                    assert any(sample.get(label) == one for sample in samples[name]), \
                        f"{where}: there is no {name}{{{label}=\"{one}\"}}"
        for group in GROUPING.findall(expression):
            named.update(word.strip() for word in group.split(","))
        assert named <= labels, f"{where}: {named - labels}"


def test_alerts_hold_for_what_they_are_about(lab, gate64):
    """Lines lost are told of whichever log lost them; ports run out by protocol, and identifiers
    of ICMP, which are 65,535 of an address, hide nothing."""
    alerts = {rule["alert"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"]}
    lost = {name for name, _ in scrape(lab) if name.endswith("_log_lost_total")}
    assert len(lost) == 3
    assert {name for name, _ in USE.findall(alerts["Gate64LogLost"])} == lost
    assert {matchers for _, matchers in USE.findall(alerts["Gate64PoolNearlyFull"])} == \
        {'proto!="icmp"'}


def test_dashboard_and_alerts_are_whole():
    """Panels have places of their own and one data source, a variable; alerts a severity, and
    words for who gets them."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    variables = {v["name"]: v["type"] for v in DASHBOARD["templating"]["list"]}
    assert variables["datasource"] == "datasource"
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["nat64", "dns64", "snid", "Drops and refusals", "Process"]
    taken = set()
    for panel in DASHBOARD["panels"]:
        pos = panel["gridPos"]
        cells = {(x, y) for x in range(pos["x"], pos["x"] + pos["w"])
                 for y in range(pos["y"], pos["y"] + pos["h"])}
        assert not cells & taken and pos["x"] + pos["w"] <= 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"
    alerts = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


def test_a_stop_is_told(lab, gate64):
    """While the last connections of snid end it is not ready, though it lives; then it ends."""
    with Session(lab) as session:
        assert session.ask()
        gate64.process.send_signal(signal.SIGTERM)
        wait_for(lambda: get(lab, "/readyz").text == "not ready: stopping\n", "it is told")
        assert get(lab, "/healthz").status == 200
        wait_for(lambda: scrape(lab)[("gate64_stopping", ())] == 1, "so say the metrics")
    wait_for(lambda: gate64.process.poll() is not None, "gate64 ends", 30)
    gate64.stop()
    gate64.start()
