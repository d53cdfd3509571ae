"""A red flag of an author's own is raised by what its detectors say, and by nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from test_recorded import edit, ran, use
from test_registry import Point

from harness.checks import registry as check_registry
from harness.code import source_of
from harness.errors import ScenarioError
from harness.flags import FlagEvidence, FlagsSeen, Seen, find_flags, registry
from harness.model import (
    Finding,
    Level,
    Outcome,
    Scenario,
    Verification,
)
from harness.read.scenarios import load
from harness.read.submissions import read_one

SKILL = """\
name: A skill
summary: What it teaches.
red_flags:
  - id: mine
    title: A sign
    why: Because.
    remedy: Do otherwise.
    seen_by: {}
"""
SCENARIO = """\
id: s
title: T
phase: red
asks_for_function: false
requests: {neutral: A.}
traps: []
expected_behaviour: [Works.]
verification: {level: none}
entry_points:
  f: {arguments: {x: {integer: [0, 9]}}}
checks: [equals]
"""


def asked(folder: Path, detectors: str) -> Scenario:
    """A scenario whose skill has one red flag, seen by ``detectors`` (a list in YAML)."""
    (folder / "skill.yaml").write_text(SKILL.replace("{}", detectors))
    (folder / "s.yaml").write_text(SCENARIO)
    (folder / "oracles.py").write_text("def f(x): return x\n")
    return load(folder).scenario("s")


def looked(
    folder: Path,
    detectors: str,
    answer: str | list[Any],
    findings: Sequence[Finding] = (),
    suffix: str = ".py",
) -> FlagsSeen:
    scenario = asked(folder, detectors)
    path = folder / ("answer.json" if isinstance(answer, list) else f"answer{suffix}")
    path.write_text(answer if isinstance(answer, str) else json.dumps({"messages": answer}))
    submission = read_one(path, "s", ("f",))
    verified = Verification(Level.RAN, "why")
    return find_flags(submission, scenario, source_of(submission), verified, (), findings)


def lines(found: FlagsSeen) -> list[int]:
    assert not found.unlooked
    return [flag.line for flag in found.raised]


SLEEP = "[{calls: time.sleep}]"
DATA = "[{attributes: .data}]"
BARE = "[{excepts: bare}]"
SILENT = "[{excepts: [bare, Exception], silent: true}]"
PICKLE = "[{imports: pickle}]"
MOCK = "[{imports: unittest.mock}]"
TIMEOUT = "[{calls: [requests.get, .get], without: timeout}]"
SHELL = "[{calls: subprocess.*, given: {shell: true}}]"
IN_TESTS = "[{calls: time.sleep, within: tests}]"

FOUND = {
    "a call": (SLEEP, "import time\ndef f(x):\n    time.sleep(1)\n", [3]),
    "under another name": (SLEEP, "import time as t\nt.sleep(1)\n", [2]),
    "imported from": (SLEEP, "from time import sleep as pause\ndef f(x): pause(x)\n", [2]),
    "everything imported": (SLEEP, "from time import *\nsleep(1)\n", [2]),
    "assigned": (SLEEP, "import time\nwait = time.sleep\ndef f(x):\n    wait(x)\n", [4]),
    "assigned twice over": (SLEEP, "import time\na = time\nb = a.sleep\nb(1)\n", [4]),
    "in a pair": (SLEEP, "import time\na, b = time.sleep, time.time\na(1)\n", [3]),
    "by its name as text": (SLEEP, "import time\ngetattr(time, 'sleep')(1)\n", [2]),
    "imported by a call": (SLEEP, "__import__('time').sleep(1)\n", [1]),
    "in a lambda": (SLEEP, "import time\nf = lambda x: time.sleep(x)\n", [2]),
    "in a comprehension": (SLEEP, "import time\nf = [time.sleep(x) for x in (1, 2)]\n", [2]),
    "in an f-string": (SLEEP, "import time\nprint(f'{time.sleep(1)}')\n", [2]),
    "prepared": (SLEEP, "import time, functools\ng = functools.partial(time.sleep, 1)\n", [2]),
    "a decorator": (
        "[{calls: functools.cache}]",
        "from functools import cache\n@cache\ndef f(x): ...\n",
        [2],
    ),
    "imported where it may fail": (
        SLEEP,
        "try:\n    from time import sleep\nexcept ImportError:\n    sleep = None\nsleep(1)\n",
        [5],
    ),
    "built in": ("[{calls: eval}]", "def f(x): return eval(x)\n", [1]),
    "of a module, all": (
        "[{calls: random.*}]",
        "import random\nrandom.seed(1)\nrandom.random()\n",
        [2, 3],
    ),
    "a method of anything": ("[{calls: .fill_}]", "def f(x): return (x + 1).fill_(0)\n", [1]),
    "an attribute": (DATA, "def f(x): return x.data\n", [1]),
    "an attribute of self": (DATA, "class A:\n    def g(self): return self.data\n", [2]),
    "mentioned, not called": (
        "[{attributes: os.environ}]",
        "from os import environ as e\nk = e['A']\n",
        [2],
    ),
    "without a name": (BARE, "try:\n    f()\nexcept:\n    f = None\n", [3]),
    "and silent": (SILENT, "try:\n    g()\nexcept Exception:\n    pass\n", [3]),
    "one of several": (
        SILENT,
        "try:\n    g()\nexcept (ValueError, Exception) as e:\n    ...\n",
        [3],
    ),
    "suppressed": (
        SILENT,
        "from contextlib import suppress as s\nwith s(Exception):\n    g()\n",
        [2],
    ),
    "an import": (PICKLE, "import os, pickle as p\n", [1]),
    "from a module": (PICKLE, "from pickle import loads\n", [1]),
    "in a function": (PICKLE, "def f(x):\n    import pickle\n", [2]),
    "a module in a package": (MOCK, "from unittest import mock\n", [1]),
    "of a module in a package": (MOCK, "from unittest.mock import patch\n", [1]),
    "loaded by name": (PICKLE, "import importlib\nm = importlib.import_module('pickle')\n", [2]),
    "without a keyword": (TIMEOUT, "import requests\nrequests.get('u', headers={})\n", [2]),
    "with a constant": (SHELL, "import subprocess\nsubprocess.run('ls', shell=True)\n", [2]),
    "in a test": (
        IN_TESTS,
        "import time\ndef f(x): time.sleep(1)\ndef test_f(): time.sleep(1)\n",
        [3],
    ),
    "either of two": ("[{calls: eval}, {calls: exec}]", "eval('1')\nexec('1')\n", [1, 2]),
}
NOT_FOUND = {
    "a string": (SLEEP, "import time\nprint('time.sleep(1)')\n"),
    "a comment": (SLEEP, "import time\n# time.sleep(1)\n"),
    "a docstring": (SLEEP, 'def f(x):\n    """Uses time.sleep(1)."""\n'),
    "another of that name": (SLEEP, "def sleep(x): pass\nsleep(1)\n"),
    "a method of that name": (SLEEP, "class Bear:\n    def sleep(self): ...\nBear().sleep()\n"),
    "a parameter": (SLEEP, "import time\ndef f(time): time.sleep(1)\n"),
    "handed in": (SLEEP, "import time\ndef f(x, sleep=time.sleep): sleep(x)\n"),
    "hidden by a loop": (
        SLEEP,
        "from time import sleep\ndef f(x):\n    for sleep in x: sleep(1)\n",
    ),
    "bound to something else": (SLEEP, "from time import sleep\ndef sleep(x): ...\nsleep(1)\n"),
    "a module of one's own": (SLEEP, "from .time import sleep\nsleep(1)\n"),
    "only mentioned": (SLEEP, "import time\nclock = time.sleep\n"),
    "another of the module": (SLEEP, "import time\ntime.monotonic()\n"),
    "a module's own": (DATA, "import torch.utils.data\ntorch.utils.data.DataLoader\n"),
    "an attribute that is set": (DATA, "def f(x): x.data = 1\n"),
    "one beginning so": (DATA, "def f(x): return x.dataset\n"),
    "with a name": (BARE, "try:\n    g()\nexcept ValueError:\n    pass\n"),
    "raised again": (BARE, "try:\n    g()\nexcept:\n    clean()\n    raise\n"),
    "not silent": (SILENT, "try:\n    g()\nexcept Exception as e:\n    print(e)\n"),
    "an exception of one's own": (
        SILENT,
        "class Exception_(ValueError): ...\ntry: g()\nexcept Exception_: pass\n",
    ),
    "for types only": (
        PICKLE,
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pickle\n",
    ),
    "beginning so": (PICKLE, "import pickletools\n"),
    "in the package itself": (MOCK, "import unittest\n"),
    "a file of one's own": (PICKLE, "from . import pickle\n"),
    "with the keyword": (TIMEOUT, "import requests\nrequests.get('u', timeout=3)\n"),
    "with what may be it": (TIMEOUT, "import requests\nrequests.get('u', **options)\n"),
    "another constant": (
        SHELL,
        "import subprocess\nsubprocess.run(['ls'], shell=False)\nsubprocess.run(['ls'], shell=1)\n",
    ),
    "a test, in the answer": (SLEEP, "import time\ndef f(x): ...\ndef test_f(): time.sleep(1)\n"),
    "the answer, in tests": (IN_TESTS, "import time\ndef f(x): time.sleep(1)\n"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_pattern_is_found(name: str, tmp_path: Path) -> None:
    detectors, code, wanted = FOUND[name]
    found = looked(tmp_path, detectors, code)
    assert lines(found) == wanted
    for flag in found.raised:
        assert flag.flag == "mine"
        assert flag.quote == code.splitlines()[flag.line - 1].strip() or "\n" in flag.quote


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_only_looks_like_a_pattern_is_not_found(name: str, tmp_path: Path) -> None:
    detectors, code = NOT_FOUND[name]
    assert lines(looked(tmp_path, detectors, code)) == []


def test_only_flags_that_the_skill_lists_are_raised(tmp_path: Path) -> None:
    # ``.data`` is a red flag of another skill, and here an attribute like any other.
    assert lines(looked(tmp_path, SLEEP, "def f(x): return x.data\n")) == []


SAYS = "[{says: [left … untested, no test* needed]}]"


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("I left the parser untested.\n", True),
        ("No tests needed here.\n", True),
        ("I have not left the parser untested.\n", False),
        ("> I left the parser untested.\n\nThat would be wrong.\n", False),
        ("It has tests.\n\n```python\nprint('left it untested')\n```\n", False),
    ],
)
def test_a_phrase_counts_where_the_agent_says_it(reply: str, found: bool, tmp_path: Path) -> None:
    text = f"{reply}\n```python\ndef f(x):\n    return x\n```\n"
    seen = looked(tmp_path, SAYS, text, suffix=".md")
    assert bool(lines(seen)) is found
    assert all(flag.quote in text for flag in seen.raised)


def test_the_outcome_of_a_check(tmp_path: Path) -> None:
    def of(outcome: Outcome, entry: str = "f") -> FlagsSeen:
        told = Finding("pure", entry, True, outcome, "It writes into x.", line=2)
        return looked(
            tmp_path, "[{check: pure, entry_points: [f]}]", "def f(x):\n    x.append(1)\n", [told]
        )

    assert [(flag.line, flag.quote) for flag in of(Outcome.FAILED).raised] == [(2, "x.append(1)")]
    assert lines(of(Outcome.PASSED)) == []
    for found, why in (
        (of(Outcome.UNGRADED), "the check `pure` came to no result"),
        (of(Outcome.FAILED, "g"), "no check `pure` was made of it"),
    ):
        assert [(one.flag, one.why) for one in found.unlooked] == [("mine", why)]
        assert not found.raised


CODE = "def f(x):\n    return x + 1\n"
STUB = "def f(x):\n    raise NotImplementedError\n"
TEST = "from answer import f\n\ndef test_f():\n    assert f(1) == 2\n"


def wrote(path: str, content: str) -> list[Any]:
    return use({"file_path": f"/w/{path}", "content": content}, "written")


def failing(command: str = "pytest -q") -> list[Any]:
    return ran(command, "1 failed in 0.1s\nE   NotImplementedError", True)


def passing(command: str = "pytest -q") -> list[Any]:
    return ran(command, "1 passed in 0.1s")


TEST_FIRST = "[{wrote: answer, before: {wrote: tests}}]"
RAN_FIRST = "[{wrote: answer, before: {ran: tests}}]"
SEEN_FAILING = "[{wrote: answer, before: {failed: tests}}]"
CODE_FIRST = [wrote("answer.py", CODE), wrote("test_answer.py", TEST), passing()]
TESTS_FIRST = [wrote("test_answer.py", TEST), failing(), wrote("answer.py", CODE), passing()]
WITH_STUB = [
    wrote("answer.py", STUB), wrote("test_answer.py", TEST), failing(),
    edit("raise NotImplementedError", "return x + 1", "answer.py"), passing(),
]  # fmt: skip
BY_HAND = [
    ran("python - <<'E'\nfrom answer import f\nassert f(1) == 2\nE", "ModuleNotFoundError", True),
    wrote("answer.py", CODE),
]
WITH_MAKE = [ran("make test", "…"), wrote("answer.py", CODE), passing()]
NO_TESTS = [wrote("answer.py", CODE), ran("python answer.py", "")]
TOGETHER = [
    ran(
        f"cat > answer.py <<'E'\n{CODE}E\ncat > test_answer.py <<'E'\n{TEST}E\npytest -q",
        "1 passed in 0.1s",
    )
]


@pytest.mark.parametrize(
    ("detector", "steps", "found"),
    [
        (TEST_FIRST, CODE_FIRST, True),
        (RAN_FIRST, CODE_FIRST, True),
        (SEEN_FAILING, CODE_FIRST, True),
        (TEST_FIRST, TESTS_FIRST, False),
        (RAN_FIRST, TESTS_FIRST, False),
        (SEEN_FAILING, TESTS_FIRST, False),
        (TEST_FIRST, WITH_STUB, False),
        (SEEN_FAILING, WITH_STUB, False),
        (TEST_FIRST, BY_HAND, False),
        (RAN_FIRST, BY_HAND, False),
        (RAN_FIRST, NO_TESTS, True),
        (TEST_FIRST, TOGETHER, False),
        (TEST_FIRST, WITH_MAKE, None),
        (RAN_FIRST, WITH_MAKE, None),
    ],
)
def test_an_order_of_deeds(
    detector: str, steps: list[Any], found: bool | None, tmp_path: Path
) -> None:
    seen = looked(tmp_path, detector, [m for step in steps for m in step])
    assert [one.flag for one in seen.unlooked] == (["mine"] if found is None else [])
    assert bool(seen.raised) is bool(found)
    if found:
        assert "the answer was written in step 1 before" in seen.raised[0].message
        assert seen.raised[0].quote


def test_without_a_transcript_no_order_is_looked_for(tmp_path: Path) -> None:
    found = looked(tmp_path, TEST_FIRST, CODE)
    assert not found.raised
    assert [one.why for one in found.unlooked] == ["there is no transcript, and so no order"]


def test_without_code_no_pattern_is_looked_for(tmp_path: Path) -> None:
    found = looked(tmp_path, SLEEP, "I cannot do that.\n", suffix=".md")
    assert [one.why for one in found.unlooked] == ["there is no code"]
    broken = looked(tmp_path, SLEEP, "def f(x:\n")
    assert "cannot be read" in broken.unlooked[0].why


@pytest.mark.parametrize(
    ("detectors", "words"),
    [
        (
            "[{calls: time sleep}]",
            "seen_by[0].calls: found 'time sleep' (a string), expected a dotted name",
        ),
        ("[{calls: []}]", "seen_by[0].calls: found [] (a list), expected a dotted name"),
        ("[{imports: .pickle}]", "expected the name of a module"),
        ("[{excepts: 3}]", "expected bare, the name of an exception or a list of them"),
        ("[{says: '…'}]", "expected a phrasing or a list of them, each with at least one word"),
        ("[{call: time.sleep}]", "Did you mean 'calls'?"),
        ("[{calls: f, where: tests}]", "found the unknown key 'where', expected"),
        ("[{calls: f, within: test}]", "Did you mean 'tests'?"),
        ("{calls: f}", "seen_by: found {'calls': 'f'} (a mapping), expected a list"),
        ("[{check: pure, outcome: fails}]", "expected failed or passed. Did you mean 'failed'?"),
        (
            "[{wrote: answer, before: {}}]",
            "seen_by[0].before: found {} (a mapping), expected one of the keys",
        ),
        (
            "[{wrote: answer, ran: tests, before: {ran: tests}}]",
            "expected one of the keys wrote, changed",
        ),
        ("[{ran: tests, before: {ran: tests}}]", "expected two deeds, found one twice"),
        (
            "[]",
            "red_flags[0].id: found 'mine' (a string), expected one of the red flags with a det",
        ),
    ],
)
def test_a_detector_that_is_none_is_refused(detectors: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        asked(tmp_path, detectors)
    message = str(caught.value)
    assert words in message
    assert "skill.yaml:" in message


@dataclass(frozen=True)
class Shouts:
    """A detector of another package."""

    kind: ClassVar[str] = "shouts"
    least: int = 1

    def look(self, evidence: FlagEvidence) -> list[Seen]:
        loud = [word for word in evidence.submission.text.split() if word.isupper()]
        return [Seen("shouts", 1)] if len(loud) >= self.least else []


class Mute(Shouts):
    kind: ClassVar[str] = "shouts"


@pytest.fixture
def _forgotten() -> Iterator[None]:
    registry.kinds.cache_clear()
    yield
    registry.kinds.cache_clear()


@pytest.mark.usefixtures("_forgotten")
def test_a_package_adds_a_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        check_registry,
        "entry_points",
        lambda group: [Point("shouts", Shouts)] if group == registry.GROUP else [],
    )
    line = "[{detector: shouts, least: 2}]"
    assert lines(looked(tmp_path, line, "# NO TESTS\ndef f(x): ...\n")) == [1]
    assert lines(looked(tmp_path, line, "# ONE test\ndef f(x): ...\n")) == []
    for wrong, words in {
        "[{detector: shout}]": "'shout' is not known. Did you mean 'shouts'?",
        "[{detector: shouts, most: 2}]": "detector 'shouts' has no key 'most'",
        "[{detector: shouts, least: many}]": "least is 'many', expected int",
        "[{check: puer}]": "check kind 'puer' is not known. Did you mean 'pure'?",
    }.items():
        with pytest.raises(ScenarioError) as caught:
            registry.check_detectors(asked(tmp_path, wrong))
        assert words in str(caught.value)
        assert "skill.yaml:8" in str(caught.value)


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("plugin", [Mute, object(), ImportError("gone")], ids=str)
def test_a_broken_detector_names_its_distribution(
    plugin: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_registry, "entry_points", lambda group: [Point("shouts", plugin)])
    with pytest.raises(ScenarioError, match="mend or uninstall some-plug-in"):
        registry.kinds()
