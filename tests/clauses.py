#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""RFC clause -> test. Reads tests/clauses, and what each test says that it shows: the
comment above a C function test_x(), the docstring of a Python one.

  clauses.py           write tests/lab/README.md; exit status 1 where a clause has no test
  clauses.py --check   write nothing; also 1 where the file is not as it would be written
"""

import ast
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parent
TABLE = TESTS / "lab/README.md"

C_TEST = re.compile(r"(?:/\*((?:(?!\*/).)*)\*/\s*)?static void (test_\w+)\(void \*\*\w+\)\s*\{",
                    re.DOTALL)
# "RFC 7915 4, 4.1 and 5; 6146 3.4": the first has the word, others may leave it out.
CLAUSE = r"\d{1,2}(?:\.\d+)*(?![\d.]*\d)"
NAMED = re.compile(rf"RFC (\d{{3,5}}) ({CLAUSE})")
MORE = re.compile(rf"(?:[,;]? and|[,;]| to)? (?:(?:RFC )?(\d{{4}}) )?({CLAUSE})")
HEAD = """\
# What is shown, and by which test

Written by `tests/clauses.py` from [tests/clauses](../clauses) and from what the tests say of
themselves; do not edit it. `unit` is a function in `tests/unit/NAME_test.c`, `lab` one in
`tests/lab/test_NAME.py`.
"""


def words(text):
    """Text of a comment on one line."""
    return re.sub(r"[\s*]+", " ", text or "").strip()


def clauses_in(text):
    """The clauses that a text names by number: {"RFC 7915 4.1", ...}."""
    found = set()
    for first in NAMED.finditer(text):
        rfc, at = first.group(1), first.end()
        found.add(f"RFC {rfc} {first.group(2)}")
        while more := MORE.match(text, at):
            rfc, at = more.group(1) or rfc, more.end()
            found.add(f"RFC {rfc} {more.group(2)}")
    return found


def tests():
    """Every test: (its name "icmp.test_x", how the table shows it, what it says)."""
    for file in sorted(TESTS.glob("unit/*_test.c")):
        name = file.stem.removesuffix("_test")
        for comment, function in C_TEST.findall(file.read_text()):
            yield f"{name}.{function}", f"unit {name}: {function[5:]}", words(comment)
    for file in sorted(TESTS.glob("lab/test_*.py")):
        name = file.stem.removeprefix("test_")
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield (f"{name}.{node.name}", f"lab {name}: {node.name[5:]}",
                       words(ast.get_docstring(node)))


def listed():
    """The lines of tests/clauses: a heading, or [clause, title, tests by hand]."""
    for line in (TESTS / "clauses").read_text().splitlines():
        if line.startswith("## "):
            yield line
        elif line and not line.startswith("#"):
            fields = [field.strip() for field in line.split("|")]
            yield fields + [""] * (3 - len(fields))


def is_number(clause):
    """Is it a clause as a whole, "RFC 7915 4.2", and no part of one?"""
    return bool(re.fullmatch(rf"RFC \d+ {CLAUSE}", clause))


def nearest(named, clauses):
    """The clause of the list that a clause named by a test falls under, or None."""
    while named not in clauses and "." in named:
        named = named.rpartition(".")[0]
    return named if named in clauses else None


def shows(clause, fallen, text):
    """Does a test that says `text` show this clause?

    fallen: the clauses of the list that it names by number. A part of a clause is shown by
    its own words only, and "by RFC n", a decision about a trap, by whom the list names.
    """
    if is_number(clause):
        return clause in fallen
    return bool(re.search(rf"{re.escape(clause)}(?!\w)", text))


def build():
    """The text of the table, and what is wrong."""
    lines = list(listed())
    clauses = {line[0] for line in lines if not isinstance(line, str)}
    every = [(name, label, text, {nearest(named, clauses) for named in clauses_in(text)})
             for name, label, text in tests()]
    labels = {name: label for name, label, _text, _fallen in every}
    out, wrong = [HEAD], []
    for line in lines:
        if isinstance(line, str):
            out.append(f"\n{line}\n\n| Clause | In short | Tests |\n|---|---|---|\n")
            continue
        clause, title, by_hand = line
        found = [label for _name, label, text, fallen in every
                 if shows(clause, fallen, text)]
        for name in by_hand.split():
            if name not in labels:
                wrong.append(f"{clause}: there is no test {name}")
            elif labels[name] not in found:
                found.append(labels[name])
        if not found:
            wrong.append(f"{clause}: no test ({title})")
        out.append(f"| {clause} | {title} | {'<br>'.join(found)} |\n")
    return "".join(out), wrong


def main():
    """Write or check; say what is wrong."""
    text, wrong = build()
    if sys.argv[1:] == ["--check"]:
        if not TABLE.exists() or TABLE.read_text() != text:
            wrong.append(f"{TABLE.relative_to(TESTS.parent)} is not up to date: "
                         "run tests/clauses.py")
    else:
        TABLE.write_text(text)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
