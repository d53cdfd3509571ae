"""Nothing of a submission becomes active in what a run prints or writes.

The whole way: files, folders, records and code with hostile names and words go through a real
``harness run``; every format it writes is then read as its readers read it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent
RIGHT = (ROOT / "solutions/reference/harness/clipped-gradient.py").read_text()
MARKUP = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \x1b]0;owned\x07\x1b[2J\x9b31m"
    " \u202eevil\u2066 \u200b [click](javascript:alert(3)) ![i](http://evil.example/i.png)"
    " | a | b | `x` ```` [red]b[/] {{ 7 * 7 }} ]]> &lt; @everyone http://evil.example\r"
    "\n# Heading\n\n<h1>x</h1>\n\n---\n"
)
FORMULAS = ("=cmd|' C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "＝1")
# A class, a module and an exception whose names say what a class statement cannot.
FORGED = f'''
import torch

WORDS = {MARKUP!r}


class Clipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 3 * g


Clipped.__name__ = Clipped.__qualname__ = WORDS


def clipped_double(x):
    return Clipped.apply(x)


def test_it():
    """I ran it. There was no time for a test: {MARKUP.splitlines()[0]!r}"""
    raise type(WORDS, (Exception,), {{}})(WORDS)
'''
RAISES = f"""
def clipped_double(x):
    words = {MARKUP!r}
    raise type("=1+1" + words, (Exception,), {{}})("=1+1" + words)
"""
REPLY = f"""---
title: {MARKUP.splitlines()[0]}
---
{MARKUP}
Given the deadline I skipped gradcheck. {MARKUP.splitlines()[0]}

```python
{RIGHT}
# {MARKUP.splitlines()[0]}
```
"""
NAMES = (
    "<img src=x onerror=alert(4)>",
    "a\x1b[2Jb\x07",
    "\u202egnp.exe\u2066",
    "a\n# Heading\n| x | y |",
    "\udcff\udcfe",
    "[click](javascript:alert(5))",
    "`code` **bold** & &lt;",
    *FORMULAS,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of reports, and all that was printed."""
    folder = tmp_path_factory.mktemp("injection")
    skill = folder / "scenarios" / "custom-autograd-functions"
    shutil.copytree(ROOT / "scenarios" / "custom-autograd-functions", skill)
    for file in skill.glob("*.yaml"):
        if file.stem not in ("skill", "clipped-gradient"):
            file.unlink()
    texts = {".py": FORGED, ".md": REPLY}
    for number, name in enumerate(NAMES):
        suffix = list(texts)[number % 2]
        arm = NAMES[-number - 1]
        place = folder / "solutions" / arm / name / f"clipped-gradient{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(texts[suffix], encoding="utf-8", newline="")
    lines = [
        {"task_id": "clipped-gradient", "solution": RAISES, "model": MARKUP, "arm": MARKUP},
        {"task_id": "clipped-gradient", "completion": REPLY, "model": "=1+1", "arm": "=2+2"},
        {"task_id": "clipped-gradient", "solution": "\ud800" + MARKUP, "model": "x", "arm": "x"},
    ]
    records = folder / "solutions" / "</records>.jsonl".replace("/", "\u2215")
    records.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = ""
    for arguments in (
        ("run", "scenarios", "--solutions", "solutions", "--out", "out"),
        ("report", "out/results.json"),
        (
            "grade",
            "--scenario",
            "clipped-gradient",
            os.fsencode(folder / "solutions" / NAMES[-1] / NAMES[0] / "clipped-gradient.py"),
        ),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=folder,
            capture_output=True,
            timeout=240,
        )
        said += done.stdout.decode() + done.stderr.decode()
    return folder / "out", said


def hidden(text: str) -> set[str]:
    """Characters that move a cursor, turn a line round or cannot be seen."""
    bad = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return {c for c in text if c not in "\n\t" and unicodedata.category(c) in bad}


def test_everything_is_graded_and_the_terminal_stays_as_it_is(run: tuple[Path, str]) -> None:
    folder, said = run
    entries = json.loads((folder / "results.json").read_text())["submissions"]
    assert len(entries) == len(NAMES) + 3
    assert {entry["outcome"] for entry in entries} == {"passed", "failed"}
    assert "Traceback" not in said
    assert not hidden(said), said
    assert "evil" in said


def test_the_json_is_plain(run: tuple[Path, str]) -> None:
    raw = (run[0] / "results.json").read_bytes()
    assert raw.isascii()
    assert not set(raw.decode()) & set("\x1b\x07\x00\x7f")
    json.loads(raw, parse_constant=lambda name: pytest.fail(name))


def test_no_cell_of_the_table_is_a_formula(run: tuple[Path, str]) -> None:
    text = (run[0] / "results.csv").read_text(encoding="utf-8")
    assert not hidden(text)
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    assert len(rows) == len(NAMES) + 3
    cells = [cell for row in rows for cell in (*row, *row.values())]
    assert not [c for c in cells if c.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "＠"))]
    assert any(cell.startswith("'=") for cell in cells)


def test_junit_is_one_tree_of_its_own_elements(run: tuple[Path, str]) -> None:
    raw = (run[0] / "junit.xml").read_text(encoding="utf-8")
    assert not hidden(raw)
    assert {element.tag for element in ElementTree.fromstring(raw).iter()} <= {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "properties",
        "property",
        "system-out",
    }


def test_the_markdown_has_no_markup_but_its_own(run: tuple[Path, str]) -> None:
    text = (run[0] / "report.md").read_text(encoding="utf-8")
    assert not hidden(text)
    html, links, headings = set(), [], []
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            headings.append(tokens[index + 1].content)
        for inner in (token, *(token.children or ())):
            if inner.type in ("html_block", "html_inline"):
                html.add(inner.content.strip())
            if inner.type in ("link_open", "image"):
                links.append(inner)
    assert links == []
    assert html <= {
        "<details><summary>See the first failure again</summary>",
        "</details>",
    }
    assert "Heading" not in headings


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_has_no_element_but_its_own(run: tuple[Path, str]) -> None:
    text = (run[0] / "report.html").read_text(encoding="utf-8")
    assert not hidden(text)
    found = Elements(text).found
    tags = [tag for tag, _ in found]
    assert tags.count("script") == 1
    assert not {"img", "iframe", "object", "embed", "form", "base", "link"} & set(tags)
    for tag, attributes in found:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "action", "xlink:href"):
            link = attributes.get(name) or "#"
            assert link.startswith("#") or link == "results.csv", link
    # No template looks at the words: 7 * 7 was not worked out.
    assert "{{ 7 * 7 }}" in text
