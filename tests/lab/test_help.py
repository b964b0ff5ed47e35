# SPDX-License-Identifier: GPL-2.0-or-later
"""Manual pages and shell completion: whole, and as the program's own tables have it."""

import json
import re
import subprocess

import pytest

from gateway import PROJECT, binary

PAGES = ("gate64.8", "gate64.yaml.5")


def gate64(*argv):
    """What the command prints."""
    return subprocess.run([binary(), *map(str, argv)], capture_output=True, text=True,
                          timeout=20, check=True).stdout


def commands():
    """Every command, as --help lists them."""
    listed = gate64("--help").split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  ((?:\S+ )?\S+)  +[A-Z]", listed, re.MULTILINE)


def options(command):
    """Long and short options of a command."""
    return re.findall(r"^ +(?:-(\w), )?--([\w-]+)(?: ([A-Z]+))?", gate64(*command.split(), "--help"),
                      re.MULTILINE)


def settings():
    """The path of every setting, as --effective names them."""
    printed = gate64("config", "--effective", "--json", "-c", PROJECT / "ops/gate64.yaml")
    return list(json.loads(printed)["origins"])


# ---- manual ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Both pages, made twice, by differently built programs: (their files, their texts)."""
    folders = [tmp_path_factory.mktemp("man"), PROJECT / "build/release"]
    for folder, flags in zip(folders, (["CFLAGS=-O0", "HARDEN=-fPIE"], [])):
        subprocess.run(["make", "-C", PROJECT, "--silent", "-j2", "man", f"O={folder}", *flags],
                       check=True, capture_output=True)
    texts = {page: [(folder / "man" / page).read_bytes() for folder in folders] for page in PAGES}
    return {page: folders[0] / "man" / page for page in PAGES}, texts


def render(page):
    """A page as people see it, without overstriking."""
    shown = subprocess.run(["mandoc", "-Tascii", "-Owidth=200", page], capture_output=True, text=True,
                           check=True).stdout
    return re.sub(".\b", "", shown)


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_clean_and_the_same_each_time(pages, page):
    """mandoc has nothing to say, but of other manuals that are not installed here."""
    files, texts = pages
    assert texts[page][0] == texts[page][1]
    said = subprocess.run(["mandoc", "-Tlint", files[page]], capture_output=True, text=True,
                          check=False)
    about = [line for line in (said.stdout + said.stderr).splitlines()
             if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
    assert not about


def test_every_command_and_option_has_its_place_in_the_manual(pages):
    text = render(pages[0]["gate64.8"])
    described = text.split("\nCOMMANDS\n")[1].split("\nOPTIONS\n")[0]
    explained = text.split("\nOPTIONS\n")[1].split("\nSIGNALS\n")[0]
    assert len(commands()) > 12
    for command in commands():
        assert re.search(rf"^     {command}\b", described, re.MULTILINE), command
        for _letter, option, _value in options(command):
            assert re.search(rf"^     .*--{option}\b", explained, re.MULTILINE), option


def test_every_setting_has_its_place_in_the_manual(pages):
    text = render(pages[0]["gate64.yaml.5"])
    listed = text.split("\nSETTINGS\n")[1].split("\nFILES\n")[0]
    assert re.findall(r"^     ([a-z][\w.]*)\b", listed, re.MULTILINE) == settings()
    assert listed.count("Default:") == listed.count("Takes:") == len(settings())
    assert 'Default: ["64:ff9b::/96"].' in listed, "quotes are shown"


def test_examples_of_the_manual_are_configurations(tmp_path):
    """Each display of gate64.yaml(5) below EXAMPLES."""
    text = (PROJECT / "ops/man/gate64.yaml.5.in").read_text().split(".Sh EXAMPLES")[1]
    examples = re.findall(r"^\.Bd .*?\n(.*?)^\.Ed", text, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 4
    for number, example in enumerate(examples):
        file = tmp_path / f"{number}.yaml"
        file.write_text(example)
        gate64("check", "-c", file)


# ---- completion ------------------------------------------------------------------------------


HARNESS = """
source <("$0" completion bash) || exit
[[ $(complete -p gate64) == 'complete -F _gate64 gate64' ]] || exit
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_gate64
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words, folder="/"):
    """What bash offers when TAB is pressed in the last of these words."""
    done = subprocess.run(["bash", "-uc", HARNESS, binary(), "gate64", *words], cwd=folder,
                          capture_output=True, text=True, timeout=20, check=True)
    assert not done.stderr
    return [line for line in done.stdout.splitlines() if line]


def test_commands_and_options_are_completed():
    """Every one that --help lists, and no other."""
    assert set(offered("")) == {command.split()[0] for command in commands()}
    groups = {command.split()[0] for command in commands() if " " in command}
    assert "dns" in groups
    for group in groups:
        assert {f"{group} {word}" for word in offered(group, "")} == \
            {command for command in commands() if command.startswith(f"{group} ")}
    for command in commands():
        given = options(command)
        assert set(offered(*command.split(), "-")) == \
            {f"--{name}" for _, name, _ in given} | {f"-{letter}" for letter, _, _ in given if letter}


@pytest.mark.parametrize("line, words", [
    ("sta", ["status"]),
    ("--", ["--help", "--version"]),
    ("dns l", ["lookup"]),
    ("flows --pro", ["--proto"]),
    ("flows --proto ", ["tcp", "udp", "icmp"]),
    ("flows --proto = t", ["tcp"]),
    ("flows --proto =", ["tcp", "udp", "icmp"]),
    ("flows --proto tcp --state v4-f", ["v4-fin", "v4-fin-v6-fin"]),
    ("flows 192.0.2.1 --json --st", ["--state"]),
    ("connections --stage half", ["half-closed"]),
    ("connections --name ", []),
    ("dns lookup example.net AAA", ["AAAA"]),
    ("dns lookup exam", []),
    ("dns nonsense ", []),
    ("completion ", ["bash"]),
    ("help dns t", ["top"]),
    ("help stat", ["status"]),
    ("run now ", []),
])
def test_words_are_completed(line, words):
    assert offered(*line.split(" ")) == words


def test_files_are_completed(tmp_path):
    """Where a file is meant, whatever its name, and nowhere else."""
    for name in ("gate64.yaml", "gate 64.yaml", "jool.conf"):
        (tmp_path / name).touch()
    for line in ("run -c g", "check --config g", "check --config = g", "status -c g --json -c g"):
        assert sorted(offered(*line.split(), folder=tmp_path)) == ["gate 64.yaml", "gate64.yaml"]
    assert offered("config", "--from-jool", "", folder=tmp_path).count("jool.conf") == 1
    assert offered("flows", "g", folder=tmp_path) == []
