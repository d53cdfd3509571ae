"""What replies with the skill still get wrong, and what its guide says of that."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from harness.model import Outcome, Question, Record, Rule, Scenario, Skill, Trap


@dataclass(frozen=True)
class ProposedRow:
    """A row for the guide's table of excuses."""

    # In the words of the reply.
    excuse: str
    # What is really so, and what to do instead, of the scenario's trap.
    truth: str
    counter: str

    @property
    def markdown(self) -> str:
        """As a row of a Markdown table with two columns."""
        says = " ".join(filter(None, (self.truth, self.counter)))
        cells = (" ".join(one.replace("|", "\\|").split()) for one in (self.excuse, says))
        return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True)
class StillWrong:
    """What one or more submissions with the skill broke, and what shows that in the first."""

    # Id of the first such submission, its scenario and arm.
    id: str
    scenario: str
    arm: str
    submitter: str
    # Which questions it broke; none where it declined.
    broke: tuple[Question, ...]
    # What shows it: an excuse, a failed check, a red flag, what it did to verify itself, or that
    # it handed over nothing and said why.
    by: Literal["trap", "check", "flag", "verification", "declined"]
    # Id of the trap or flag, kind of the check, level of verification; else empty.
    name: str
    # What was found, in one sentence.
    message: str
    # Verbatim words or code of the submission, and the line they start on; ``None`` where none.
    quote: str | None
    line: int | None
    # Sentence of the guide that is nearest in words to ``sought``, so that it was probably meant to
    # prevent it; ``None`` where none is near.
    guide_sentence: str | None
    # What was looked for in the guide; empty where nothing says what could have prevented it.
    sought: str
    # ``None`` where no excuse was made.
    proposed: ProposedRow | None
    # File it came from, and the command that asks for this scenario again.
    path: str
    retry: str
    # How many submissions broke the same on this scenario in this arm for the same reason.
    times: int = 1


@dataclass(frozen=True)
class GuideText:
    """What a guide says."""

    # Of its tables of two columns: an excuse, and what is so.
    rows: tuple[tuple[str, str], ...] = ()
    sentences: tuple[str, ...] = ()


_TABLE: Final = re.compile(r"^\|.*\|\s*\n\|[ \t:|-]+\|\s*\n((?:\|.*\|[ \t]*(?:\n|\Z))+)", re.M)
_NO_PROSE: Final = re.compile(r"\A---\n.*?^---$|^```.*?^```|^#.*?$|^\|.*?$", re.M | re.S)


def read_guide(file: Path | None) -> GuideText:
    """The text of a guide; nothing where it cannot be read."""
    try:
        text = "" if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return GuideText()
    lines = [line for table in _TABLE.findall(text) for line in table.splitlines()]
    rows = [[c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]
    prose = re.sub(r"^\s*(?:[-*+]|\d+\.)\s+|\*\*", "", _NO_PROSE.sub("", text), flags=re.M)
    return GuideText(
        tuple((row[0], row[1]) for row in rows if len(row) == 2),
        tuple(one.strip() for one in re.split(r"(?<=[.!?])\s+|\n+|·", prose) if one.strip()),
    )


# Words in common below this cosine are chance.
_ALIKE: Final = 0.3
# Say nothing of what a sentence is about.
_SMALL_WORDS: Final = re.compile(
    r"""\b(?:a|all|an|and|are|as|at|be|been|but|by|can|cannot|do|does|for|from|had|has|have|i|if|in
    |into|is|it|its|my|no|not|of|on|one|only|or|so|than|that|the|their|them|then|there|they|this
    |to|too|was|were|will|with|would|you|your)\b""",
    re.X,
)


def answer_to(trap: Trap, guide: GuideText) -> str | None:
    """What the guide's table says of this excuse: of the row that is most alike in words."""
    best = _most_alike(
        f"{trap.excuse} {trap.truth}", [f"{excuse} {says}" for excuse, says in guide.rows]
    )
    return None if best is None else guide.rows[best][1]


def sentence_on(words: str, guide: GuideText) -> str | None:
    """The sentence of the guide that is most alike in words; ``None`` where none is alike."""
    best = _most_alike(words, guide.sentences)
    return None if best is None else guide.sentences[best]


def sentence_for(check: str, scenario: Scenario, guide: GuideText) -> tuple[str | None, str]:
    """The sentence of the guide on what a check of this kind asks, and the words it is nearest to.

    These are words of ours for the kind, and those of the scenario: its lines of expected
    behaviour and its excuses that name the kind as their evidence.
    """
    rule = Rule("check", check)
    asked = [_GUIDES_SAY.get(check, check.replace("_", " "))]
    asked += [
        line
        for line, rules in scenario.rules_of_lines()
        if rule in (*rules.shown_by, *rules.refuted_by)
    ]
    asked += [trap.counter for trap in scenario.traps if rule in trap.upheld_by]
    alike, sentence, words = max(
        (
            (_cosine(_words(words), _words(one)), one, words)
            for words in asked
            for one in guide.sentences
        ),
        default=(0.0, "", ""),
    )
    return (sentence, words) if alike >= _ALIKE else (None, asked[0])


def _most_alike(words: str, among: Sequence[str]) -> int | None:
    wanted = _words(words)
    alike = [_cosine(wanted, _words(one)) for one in among]
    best = max(alike, default=0.0)
    return alike.index(best) if best >= _ALIKE else None


def _words(text: str) -> Counter[str]:
    """Stems of the words that carry meaning."""
    found = re.findall(r"[a-z0-9]+", _SMALL_WORDS.sub("", text.lower()))
    return Counter(re.sub(r"(?:ing|ed|es|s)$", "", word) for word in found)


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    length = math.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))
    return sum(n * other[word] for word, n in one.items()) / length if length else 0.0


def still_wrong(
    records: Iterable[Record],
    scenarios: Mapping[str, Scenario],
    skill: Skill,
    guide: GuideText,
) -> tuple[StillWrong, ...]:
    """What ``records``, all of the skill's scenarios with the skill, did not hold for."""
    found: dict[tuple[str, str, str, str], StillWrong] = {}
    for record in records:
        one = _still_wrong(record, scenarios[record.scenario], skill, guide)
        first = found.setdefault((one.arm, one.scenario, one.by, one.name), one)
        if first is not one:
            found[one.arm, one.scenario, one.by, one.name] = replace(first, times=first.times + 1)
    return tuple(sorted(found.values(), key=_worst_first))


def _worst_first(one: StillWrong) -> tuple[int, int, int]:
    """By how many questions it broke, code that is not right first, then by how often."""
    return -len(one.broke), int("right" not in one.broke), -one.times


# What a guide says to those who did not verify, in words that any such sentence shares.
_VERIFY: Final = "run the check, gradcheck or tests, until it has passed, before it is handed over"
_VERIFY_VALUES: Final = "run the tests until they have passed, before it is handed over"
# The same to those whose answer fails a check of this kind.
_GUIDES_SAY: Final[Mapping[str, str]] = {
    "forward": "compare values with a plain reference",
    "vjp": "compare gradients with a plain reference, with a dense signed incoming gradient",
    "gradcheck": "run gradcheck in float64 until it has passed, before it is handed over",
    "gradgradcheck": "run gradgradcheck for second order, double backward",
    "gradcheck_must_fail": "where the gradient is changed on purpose, gradcheck must fail",
    "requires_grad": "any of the arguments may require grad; ask needs_input_grad",
    "dtypes": "try float32 as well as float64, and keep the dtype",
    "layouts": "try non-contiguous inputs, other strides and memory layouts",
    "shapes": "try a batch of one, empty and broadcast shapes",
    "edges": "try large, tiny and zero values, both sides of a kink and on it",
    "no_mutation": "never write in place into grad_output, an input or a saved tensor",
    "overwritten": "save tensors with save_for_backward, so that overwriting them is noticed",
    "released": "keep no tensors of a finished call on ctx or in globals",
    "in_graph": "never write into grad_output, which other branches of a graph share",
    "repeated_calls": "keep no state between calls",
    "training": "gradients of several training steps accumulate",
    "double_backward": "make double backward work, or let once_differentiable raise",
    "batched_grad": "let backward work under vmap, without item or if on values",
    "cost_growth": "use no loop over elements",
    "hand_written": "write a Function with forward and backward",
    "separate_functions": "several Functions: one at a time, each its own",
    "parameter_gradients": "the gradient of the input and of every parameter",
    "saved_memory": "recompute instead of saving, and measure the memory",
    "rng_replay": "recomputation has the same dropout mask and leaves the random generator",
    "log_calls": "log statistics once in forward and once in backward",
    "library_called": "wrap foreign code and use the library's own gradient",
    "autocast": "try it under autocast, in half precision",
    "equals": "compare values with a plain reference, for edges and drawn values",
    "raises": "raise for bad input",
    "pure": "leave arguments and globals alone",
    "deterministic": "the same call gives the same again",
    "true_error": "measure the error of an approximate gradient and state it",
}


def _still_wrong(record: Record, scenario: Scenario, skill: Skill, guide: GuideText) -> StillWrong:
    """What shows best why ``record``, which is graded and did not hold, did not."""
    base = StillWrong(
        id=record.id,
        scenario=record.scenario,
        arm=record.arm,
        submitter=record.submitter,
        broke=record.answers(scenario.verification).broke,
        by="verification",
        name=record.verification.value,
        message=record.verification_reason,
        quote=None,
        line=None,
        guide_sentence=None,
        sought="",
        proposed=None,
        path=record.path,
        retry="",
    )
    if record.outcome is Outcome.DECLINED:
        return replace(base, by="declined", name="", message=record.reason)
    upheld = next((one for one in record.traps if one.upheld), None)
    if upheld is not None:
        unknown = Trap(upheld.trap, upheld.trap, "", "")
        trap = next((one for one in scenario.traps if one.id == upheld.trap), unknown)
        return replace(
            base,
            by="trap",
            name=trap.id,
            message=trap.excuse,
            quote=upheld.quote,
            line=upheld.line,
            guide_sentence=answer_to(trap, guide),
            sought=trap.excuse,
            proposed=ProposedRow(upheld.quote or trap.excuse, trap.truth, trap.counter),
        )
    if "right" in base.broke:
        failed = [f for f in record.findings if f.required and f.outcome is Outcome.FAILED]
        for one in failed:
            told = one.diagnosis or one.message
            said, sought = sentence_for(one.check, scenario, guide)
            return replace(
                base,
                by="check",
                name=one.check,
                message=told,
                line=one.line,
                guide_sentence=said,
                sought=sought,
            )
        return replace(base, by="check", name="", message=record.reason)
    known = {flag.id: f"{flag.title} {flag.why} {flag.remedy}" for flag in skill.red_flags}
    for flag in record.red_flags:
        sought = known.get(flag.flag, flag.message)
        return replace(
            base,
            by="flag",
            name=flag.flag,
            message=flag.message,
            quote=flag.quote,
            line=flag.line,
            guide_sentence=sentence_on(sought, guide),
            sought=sought,
        )
    sought = _VERIFY if scenario.asks_for_gradients else _VERIFY_VALUES
    return replace(base, guide_sentence=sentence_on(sought, guide), sought=sought)
