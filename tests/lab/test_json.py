# SPDX-License-Identifier: GPL-2.0-or-later
"""Every document that a command prints is as its schema in ops/schema says; and
`gate64 config --effective` tells what really holds."""

import json

import jsonschema
import pytest

from gateway import PROJECT, Gate64
from topology import GATEWAY4, INSIDE, PREF64, SERVER6, WEB4, WWW
from wire import WhoAmI, client_hello, udp_flow

SCHEMAS = PROJECT / "ops/schema"
SETTINGS = {"inside": "auto", "snid": {"limits": {"connections": 5000}},
            "nat64": {"static": [{"proto": "tcp", "outside": 2222, "inside": f"[{SERVER6}]:22"}]},
            "dns64": {"zones": [{"name": "dead.example", "upstream": ["192.0.2.99"]}]}}

# Of each schema, the command lines that print such documents, and their exit status (None:
# as it happens)
DOCUMENTS = {
    "version": [("version", 0)],
    "check": [("check -c {config}", 0), ("check -c {broken}", 1), ("check -c {nowhere}", 1),
              ("check -c {odd}", 1)],
    "config": [("config -c {config}", 0), ("config --effective", 0),
               ("config --effective -c {config}", 0), ("config --effective -c {other}", 0)],
    "status": [("status", 0)],
    "flows": [("flows", 0), ("flows --proto icmp", 0), ("flows --port 1", 0)],
    "bindings": [("bindings", 0)],
    "connections": [("connections", 0)],
    "trace": [(f"trace {WEB4} --port 80", 0), ("trace 10.0.0.1 --proto icmp", 0),
              ("trace git.example.net", 0)],
    "dns-lookup": [("dns lookup git.example.net", 0), ("dns lookup git.example.net A --dnssec", 0),
                   ("dns lookup nobody.example.net", 0), (f"dns lookup {PREF64}{WEB4}", 0),
                   ("dns lookup 127.0.0.1 --no-cache", 0)],
    "dns-flush": [("dns flush", 0), ("dns flush git.example.net --below", 0)],
    "dns-top": [("dns top", 0)],
    "metrics": [("metrics", 0)],
    "top": [("top -n 2 -d 1", 0)],
    "doctor": [("doctor --quick", None)],
    "reload": [("reload", 0)],
    "setup": [("setup --dry-run -c {nowhere}", None), ("setup --undo --dry-run -c {nowhere}", 0)],
}
LINES = [(name, line, status) for name, lines in DOCUMENTS.items() for line, status in lines]
DESCRIPTORS = 6000
OFFLINE = ("version", "check")
OPEN = {"counters", "labels"}
BY_HTTP = {"activity": "/activity.json"}	# no command prints it


@pytest.fixture(scope="module")
def gate64(lab):
    """On a host that does not let it have as many connections as it may."""
    gate64 = Gate64(lab, SETTINGS)
    gate64.descriptors = DESCRIPTORS
    with gate64:
        yield gate64


def validator(name):
    """Of a schema, which may refer to its neighbours."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    resolver = jsonschema.RefResolver(f"{SCHEMAS.as_uri()}/", schema)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def broken_in(document, validates):
    """Every object of the document in turn with one key more: (the key's path, validity)."""
    def walk(value, path):
        if isinstance(value, dict):
            value["no such key"] = "x"
            yield path, validates.is_valid(document)
            del value["no such key"]
            for key in list(value):
                yield from walk(value[key], (*path, key))
        elif isinstance(value, list):
            for item in value[:1]:
                yield from walk(item, (*path, 0))
    yield from walk(document, ())


def documents(text):
    """Those that stand in what was printed: one, or one a line."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        document, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        found.append(document)
    assert found
    return found


@pytest.fixture(scope="module")
def traffic(lab, gate64):
    """A session of each protocol, a connection, a query: so that no list is empty."""
    hello = client_hello(WWW)
    with WhoAmI(lab.internet4, WEB4, 8000), udp_flow(lab, lab.internet4, WEB4, 7200), \
            lab.server6.connect((f"{PREF64}{WEB4}", 8000)) as sock, \
            lab.client4.connect((GATEWAY4, 443)) as joined, \
            lab.client4.connect((GATEWAY4, 443)):
        sock.sendall(b"who\n")
        assert sock.recv(100)
        joined.sendall(hello)
        assert joined.recv(1)
        lab.server6.run("ping", "-c1", "-W5", f"{PREF64}{WEB4}")
        yield


@pytest.fixture
def command(gate64, tmp_path):
    """A command line of DOCUMENTS with its files and socket."""
    files = {"config": gate64.config, "nowhere": tmp_path / "nowhere.yaml"}
    # What is quoted of the odd one is cut within a character.
    for name, text in (("broken", "nat64: {fast: 1}\n"), ("other", "uplink: up0\n"),
                       ("odd", f"{'a' * 59}\u00e9: 1\n")):
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(text)

    def words(line):
        argv = line.format(**files).split()
        return argv if argv[0] in OFFLINE or "-c" in argv and "--effective" not in argv else \
            [*argv, "-s", gate64.control]
    return words


def test_every_schema_has_documents():
    """A new document is checked too."""
    assert {file.stem for file in SCHEMAS.glob("*.json")} == {*DOCUMENTS, *BY_HTTP}


@pytest.mark.parametrize("name,line,status", LINES)
def test_documents_are_as_their_schema(gate64, traffic, command, name, line, status):
    done = gate64.command(*command(line), "--json", check=False)
    assert status in (None, done.returncode), done.stdout + done.stderr
    validates = validator(name)
    for document in documents(done.stdout):
        validates.validate(document)
        assert not validates.is_valid(dict(document, schema=0))
        # Open are the sets that tables in the program make.
        opened = {path for path, valid in broken_in(document, validates) if valid}
        assert not {path for path in opened if not OPEN & set(path)}, opened


@pytest.mark.parametrize("name,path", BY_HTTP.items())
def test_documents_of_the_listener_are_as_their_schema(gate64, traffic, name, path):
    done = gate64.ns.run("curl", "-sS", "-f", "-m", "30", f"http://127.0.0.1:9464{path}")
    validates = validator(name)
    document = json.loads(done.stdout)
    validates.validate(document)
    assert document["clients"]["nat64"] and document["clients"]["snid"], "rows are there to check"
    assert not validates.is_valid(dict(document, schema=0))
    assert not {path for path, valid in broken_in(document, validates) if valid}


def test_metrics_are_the_same_in_each_format(gate64):
    """Every family and sample that Prometheus gets is in the document, and no other."""
    document = json.loads(gate64.command("metrics", "--json", "-s", gate64.control).stdout)
    lines = gate64.command("metrics", "-s", gate64.control).stdout.splitlines()
    assert [family["name"] for family in document["families"]] == \
        [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert [sample["name"] + ("{" + ",".join(f'{key}="{value}"' for key, value in
                                             sample["labels"].items()) + "}"
                              if sample["labels"] else "")
            for family in document["families"] for sample in family["samples"]] == \
        [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")]
    both = gate64.command("metrics", "--json", "--openmetrics", "-s", gate64.control, check=False)
    assert both.returncode == 2 and "two formats" in both.stderr


@pytest.mark.parametrize("name", ["flows", "bindings", "connections"])
def test_lists_are_not_empty(gate64, traffic, name):
    """Or their rows would have been checked in vain."""
    document = json.loads(gate64.command(name, "--json", "-s", gate64.control).stdout)
    assert document[name]


# ---- config --effective ------------------------------------------------------------------


def effective(gate64, *argv):
    """The document of `gate64 config --effective`."""
    done = gate64.command("config", "--effective", "--json", *argv)
    return json.loads(done.stdout)


def test_what_a_running_gateway_works_by(gate64, tmp_path):
    """Values as status has them; the text is a configuration with the same."""
    document = effective(gate64, "-s", gate64.control)
    status = gate64.status()
    settings, origins = document["settings"], document["origins"]
    assert document["running"] and document["file"] == str(gate64.config)
    assert settings["uplink"] == status["network"]["uplink"] == "up0"
    assert settings["inside"] == status["network"]["inside"] and INSIDE in settings["inside"]
    [pool] = settings["nat64"]["pool4"]
    assert pool["address"] == GATEWAY4 and 2222 not in pool["ports"], "a static port is nobody's"
    for path in ("uplink", "inside", "nat64.pool4"):
        assert origins[path]["from"] == "detected"
    lines = gate64.config.read_text().splitlines()
    given = {path: origin for path, origin in origins.items() if origin["from"] == "file"}
    for path, origin in given.items():
        assert lines[origin["line"] - 1].split(":")[0].strip() == path.split(".")[-1]
    assert given.keys() >= {"ops.user", "snid.listen", "nat64.static", "dns64.dnssec"}
    assert settings["snid"]["limits"]["connections"] == DESCRIPTORS // 2
    lowered = origins["snid.limits.connections"]
    assert lowered["from"] == "detected" and f"{DESCRIPTORS} descriptors" in lowered["note"]
    assert lines[lowered["line"] - 1].strip() == "connections: 5000"
    file = tmp_path / "again.yaml"
    file.write_text(gate64.command("config", "--effective", "-s", gate64.control).stdout)
    gate64.command("check", "-c", file)
    again = json.loads(gate64.command("config", "--json", "-c", file).stdout)
    assert again["settings"] == settings


def test_what_a_file_would_mean_here(gate64, tmp_path):
    """Another file than the gateway's: what the host gives it is found out all the same."""
    file = tmp_path / "other.yaml"
    file.write_text("nat64:\n  pool4: [{address: auto, ports: 61000-61010}]\n")
    document = effective(gate64, "-s", gate64.control, "-c", file)
    assert not document["running"] and document["file"] == str(file)
    assert document["settings"]["uplink"] == "up0"
    assert INSIDE in document["settings"]["inside"]
    assert document["settings"]["nat64"]["pool4"] == [{"address": GATEWAY4,
                                                       "ports": ["61000-61010"]}]
    assert document["origins"]["nat64.pool4"]["line"] == 2
