"""Whether the words of a scenario do what they are for.

The neutral and the pressured request must differ in pressure alone, neither may give the method
away, and wordings of excuses must find what they are written for and nothing else.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.generate.separation import shared_words
from harness.model import Passage, Scenario, Submission, Trap, TrapState
from harness.words import in_context, says, sentences
from harness.words.reader import read_by_both

# --------------------------------------------------------------------------
# The two requests


class DiffSide(StrEnum):
    """Which request has some words."""

    BOTH = "both"
    NEUTRAL = "neutral"
    PRESSURED = "pressured"


@dataclass(frozen=True)
class DiffRun:
    """Words that both requests have, or one of them."""

    side: DiffSide
    text: str


class FactKind(StrEnum):
    """What is promised or asked in so many signs."""

    NUMBER = "number"
    CODE = "code"
    NAME = "name"


@dataclass(frozen=True)
class OneSidedFact:
    """A fact that one request has and the other lacks."""

    side: DiffSide
    kind: FactKind
    text: str


@dataclass(frozen=True)
class RequestDifference:
    """How the pressured request differs from the neutral one."""

    runs: tuple[DiffRun, ...]
    facts: tuple[OneSidedFact, ...]


_CODE: Final = re.compile(r"`([^`\n]+)`|```[^\n]*\n(.*?)```", re.S)
# With a sign where no letter or digit stands before it; 1e-4, 2 ** 10 as single numbers.
_NUMBER: Final = re.compile(r"(?<![\w.])[-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?\b")
_NAME: Final = re.compile(
    r"\b(?:[A-Za-z]\w*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w+|[A-Z]{2,}[A-Z0-9]*|\w+\.\w+(?:\.\w+)*)"
    r"(?:\(\))?"
)


def request_difference(scenario: Scenario) -> RequestDifference | None:
    """``None`` where the request is only ever put calmly."""
    if not scenario.is_pressured:
        return None
    neutral, pressured = scenario.neutral.split(), scenario.pressured.split()
    runs: list[DiffRun] = []
    matcher = difflib.SequenceMatcher(None, neutral, pressured, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            runs.append(DiffRun(DiffSide.BOTH, " ".join(neutral[i:j])))
            continue
        if i < j:
            runs.append(DiffRun(DiffSide.NEUTRAL, " ".join(neutral[i:j])))
        if k < m:
            runs.append(DiffRun(DiffSide.PRESSURED, " ".join(pressured[k:m])))
    mine, theirs = _facts(scenario.neutral, scenario), _facts(scenario.pressured, scenario)
    facts = [OneSidedFact(DiffSide.NEUTRAL, *fact) for fact in mine if fact not in theirs]
    facts += [
        OneSidedFact(DiffSide.PRESSURED, *fact)
        for fact in theirs
        # Who is in a hurry writes in capitals.
        if fact not in mine and not (fact[0] is FactKind.NAME and fact[1].isupper())
    ]
    return RequestDifference(tuple(runs), tuple(facts))


def _facts(text: str, scenario: Scenario) -> dict[tuple[FactKind, str], None]:
    """What a request states, in order: code, numbers, names."""
    names = [entry.name for entry in scenario.entry_points]
    code = [" ".join((a or b).split()) for a, b in _CODE.findall(text)]
    plain = _CODE.sub(" ", text)
    found = [(FactKind.CODE, one) for one in code]
    found += [(FactKind.NUMBER, one.lstrip("+")) for one in _NUMBER.findall(plain)]
    found += [(FactKind.NAME, one) for one in _NAME.findall(plain)]
    found += [(FactKind.NAME, name) for name in names if re.search(rf"\b{re.escape(name)}\b", text)]
    return dict.fromkeys(found)


# --------------------------------------------------------------------------
# What gives the method away


class LeakKind(StrEnum):
    """Where words of a request are from that say how it is to be done."""

    # Eight words in a row of the guide.
    GUIDE = "guide"
    # Eight words in a row of what only the grader knows: truths, counters, expected lines.
    KEY = "answer key"
    # A name that the guide writes as code.
    METHOD = "method"
    # A check of the scenario, or another word for verifying.
    VERIFYING = "verifying"


@dataclass(frozen=True)
class Leak:
    """Words of a request that may tell what the guide is there to teach."""

    # ``neutral``, ``pressured`` or ``follow-up 1``.
    where: str
    kind: LeakKind
    text: str


# Words for verifying, which a neutral request leaves to whoever answers it.
_VERIFYING: Final = re.compile(
    r"\b(?:unit[ -]?tests?|tests?|tested|testing|pytest|unittest|hypothesis|doctests?|asserts?|"
    r"verif(?:y|ies|ied|ication)|gradcheck|gradgradcheck|double[ -]check(?:ed)?)\b",
    re.I,
)


def leaks(scenario: Scenario, guide: str) -> Iterator[Leak]:
    """What the requests share with ``guide``, the text of a SKILL.md, and say of verifying.

    Under pressure a request may speak of tests in order to forbid them, so verifying is looked
    for in the neutral one alone.
    """
    requests = [("neutral", scenario.neutral)]
    if scenario.is_pressured:
        requests.append(("pressured", scenario.pressured))
    requests += [(f"follow-up {n}", text) for n, text in enumerate(scenario.follow_ups, start=1)]
    methods = _methods(guide, scenario)
    seen: set[str] = set()
    for where, text in requests:
        shared = shared_words(text, guide, scenario)
        if shared.guide:
            yield Leak(where, LeakKind.GUIDE, shared.guide)
        if shared.key:
            yield Leak(where, LeakKind.KEY, shared.key)
        words = set(re.findall(r"[A-Za-z_]\w*", text)) - seen
        for name in methods:
            if name in words:
                seen.add(name)
                yield Leak(where, LeakKind.METHOD, name)
    for found in dict.fromkeys(m[0].lower() for m in _VERIFYING.finditer(scenario.neutral)):
        yield Leak("neutral", LeakKind.VERIFYING, found)
    kinds = dict.fromkeys(spec.kind for spec in scenario.checks if "_" in spec.kind)
    for kind in kinds:
        if re.search(rf"\b{kind}\b", scenario.neutral):
            yield Leak("neutral", LeakKind.VERIFYING, kind)


def _methods(guide: str, scenario: Scenario) -> list[str]:
    """Names that the guide writes as code and that are not what the task is about."""
    _, _, body = guide.partition("\n---\n")
    head = guide[: len(guide) - len(body)] + (body.lstrip().splitlines() or [""])[0]
    about = set(re.findall(r"[A-Za-z_]\w*", head))
    entries = scenario.entry_points
    about |= {e.name for e in entries} | {a.name for e in entries for a in e.arguments}
    names = dict.fromkeys(
        name
        for code in _CODE.findall(body)
        for name in re.findall(r"[A-Za-z_]\w{3,}", "".join(code))
        # A plain English word in code says little.
        if "_" in name or not name.isalpha() or (name != name.lower() and name != name.title())
    )
    return [name for name in names if name not in about]


# --------------------------------------------------------------------------
# Wordings of excuses


class WordingFault(StrEnum):
    """What is wrong with a wording, or with a row of the table."""

    # A phrasing or an answer that does not find its own words.
    FINDS_NOTHING = "does not find its own words"
    # It finds something in a request, so whoever repeats the request makes the excuse.
    IN_REQUEST = "finds words of the request"
    # What is so, or the counter, is read as making the excuse.
    IN_TRUTH = "is found where the excuse is refuted"
    # The excuse, as the table words it, is not noticed.
    EXCUSE_MISSED = "no wording finds the excuse itself"


@dataclass(frozen=True)
class WordingFinding:
    """One wording that does not do what it is for."""

    # Id of the excuse.
    trap: str
    fault: WordingFault
    # The wording; of an excuse that is missed, the excuse.
    wording: str
    # The sentence it was tried on.
    sample: str


def tried_wordings(scenario: Scenario) -> Iterator[WordingFinding]:
    """Every wording of the scenario's excuses, tried on what its author wrote."""
    for trap in scenario.traps:
        for wording in (*trap.phrasings, *trap.answers):
            sample = _sample(wording)
            if not _says(sample, (wording,)):
                yield WordingFinding(trap.id, WordingFault.FINDS_NOTHING, wording, sample)
        for wording in trap.phrasings:
            request = _says(scenario.neutral, (wording,))
            if request:
                yield WordingFinding(trap.id, WordingFault.IN_REQUEST, wording, request)
        for sample in (trap.truth, trap.counter):
            if _read(sample, trap) is TrapState.MADE:
                wording = next((one for one in trap.phrasings if _says(sample, (one,))), "")
                yield WordingFinding(trap.id, WordingFault.IN_TRUTH, wording, sample)
        if trap.phrasings and _read(trap.excuse, trap) is None:
            yield WordingFinding(trap.id, WordingFault.EXCUSE_MISSED, trap.excuse, trap.excuse)


def _sample(wording: str) -> str:
    """A sentence that consists of a wording: gaps closed, any ending left out."""
    words = " ".join(re.sub(r"…|\.\.\.", " ", wording).replace("*", "").split())
    return f"{words[:1].upper()}{words[1:]}."


def _submission(text: str) -> Submission:
    return Submission(
        *("sample", "", "", "", 1, "", ""), text, "reply", None, prose=(Passage(text, 1),)
    )


def _says(text: str, wordings: Sequence[str]) -> str:
    """The first sentence of a text that says one of the wordings in its own voice, or nothing."""
    for sentence, following in in_context(sentences(_submission(text))):
        if says(sentence, following, wordings) is not None:
            return sentence.text
    return ""


def _read(text: str, trap: Trap) -> TrapState | None:
    """What the usual reader makes of a text about one excuse."""
    found = [
        reading.state
        for sentence, following in in_context(sentences(_submission(text)))
        if (reading := read_by_both(sentence, following, trap)) is not None
    ]
    return next((state for state in (TrapState.MADE, TrapState.ANSWERED) if state in found), None)
