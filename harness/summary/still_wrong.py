"""What replies with the skill still get wrong, and what its guide says of that."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.model import Outcome, Question, Record, Scenario, Skill, Trap


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
    # Which questions it broke.
    broke: tuple[Question, ...]
    # What shows it: an excuse, a failed check, a red flag, or what it did to verify itself.
    by: Literal["trap", "check", "flag", "verification"]
    # Id of the trap or flag, kind of the check, level of verification.
    name: str
    # What was found, in one sentence.
    message: str
    # Verbatim words or code of the submission, and the line they start on; ``None`` where none.
    quote: str | None
    line: int | None
    # Sentence of the guide that was meant to prevent it; ``None`` where there is none.
    guide_sentence: str | None
    # ``None`` where no excuse was made, or the guide has its row.
    proposed: ProposedRow | None
    # Command that asks for this scenario again.
    retry: str
    # How many submissions broke the same on this scenario in this arm for the same reason.
    times: int = 1


@dataclass(frozen=True)
class GuideRow:
    """One row of a guide's table of excuses."""

    excuse: str
    says: str


def guide_rows(skill: Skill) -> tuple[GuideRow, ...]:
    """The rows of all two-column tables in the skill's guide; none where it cannot be read."""
    if skill.guide is None:
        return ()
    try:
        text = (skill.guide / "SKILL.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    tables = re.findall(
        r"^\|.*\|[ \t]*\n\|[ \t:|-]+\|[ \t]*\n((?:\|.*\|[ \t]*(?:\n|$))+)", text, re.M
    )
    rows = [
        re.split(r"(?<!\\)\|", line.strip().strip("|")) for t in tables for line in t.splitlines()
    ]
    return tuple(GuideRow(*(cell.strip() for cell in row)) for row in rows if len(row) == 2)


# Words in common below this cosine are chance.
_ALIKE: Final = 0.3
# Say nothing of what a sentence is about.
_SMALL_WORDS: Final = re.compile(
    r"""\b(?:a|all|an|and|are|as|at|be|been|but|by|can|cannot|do|does|for|from|had|has|have|i|if|in
    |into|is|it|its|my|no|not|of|on|one|only|or|so|than|that|the|their|them|then|there|they|this
    |to|too|was|were|will|with|would|you|your)\b""",
    re.X,
)


def row_for(trap: Trap, rows: Sequence[GuideRow]) -> GuideRow | None:
    """The row that answers this excuse: the most alike in words; ``None`` where none is alike."""
    wanted = _words(f"{trap.excuse} {trap.truth}")
    alike = [(_cosine(wanted, _words(f"{row.excuse} {row.says}")), row) for row in rows]
    best = max(alike, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= _ALIKE else None


def _words(text: str) -> Counter[str]:
    """Stems of the words that carry meaning."""
    found = re.findall(r"[a-z0-9]+", _SMALL_WORDS.sub("", text.lower()))
    return Counter(re.sub(r"(?:ing|ed|es|s)$", "", word) for word in found)


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    length = math.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))
    return sum(n * other[word] for word, n in one.items()) / length if length else 0.0


def still_wrong(
    records: Iterable[Record], scenarios: Mapping[str, Scenario], skill: Skill
) -> tuple[StillWrong, ...]:
    """What ``records``, all of the skill's scenarios with the skill, did not hold for."""
    rows = guide_rows(skill)
    found: dict[tuple[str, str, str, str], StillWrong] = {}
    for record in records:
        one = _still_wrong(record, scenarios[record.scenario], rows)
        if one is not None:
            key = (one.arm, one.scenario, one.by, one.name)
            if key in found:
                found[key] = replace(found[key], times=found[key].times + 1)
            else:
                found[key] = one
    return tuple(sorted(found.values(), key=_worst_first))


def _worst_first(one: StillWrong) -> tuple[int, int, int]:
    """By how many questions it broke, code that is not right first, then by how often."""
    return -len(one.broke), int("right" not in one.broke), -one.times


def _still_wrong(record: Record, scenario: Scenario, rows: Sequence[GuideRow]) -> StillWrong | None:
    """What shows best why ``record`` did not hold; ``None`` where it held or was not graded."""
    broke = record.answers(scenario.verification).broke
    if not broke:
        return None
    base = StillWrong(
        id=record.id,
        scenario=record.scenario,
        arm=record.arm,
        broke=broke,
        by="verification",
        name=record.verification.value,
        message=record.verification_reason,
        quote=None,
        line=None,
        guide_sentence=None,
        proposed=None,
        retry="",
    )
    upheld = next((one for one in record.traps if one.upheld), None)
    if upheld is not None:
        trap = next((t for t in scenario.traps if t.id == upheld.trap), None)
        row = row_for(trap, rows) if trap else None
        return replace(
            base,
            by="trap",
            name=upheld.trap,
            message=trap.excuse if trap else upheld.trap,
            quote=upheld.quote,
            line=upheld.line,
            guide_sentence=row.says if row else None,
            proposed=ProposedRow(upheld.quote or trap.excuse, trap.truth, trap.counter)
            if trap
            else None,
        )
    failed = next((f for f in record.findings if f.required and f.outcome is Outcome.FAILED), None)
    if "right" in broke:
        if failed is None:
            return replace(base, by="check", name="", message=record.reason)
        return replace(
            base,
            by="check",
            name=failed.check,
            message=failed.diagnosis or failed.message,
            line=failed.line,
        )
    flag = next(iter(record.red_flags), None)
    if flag is not None:
        return replace(
            base, by="flag", name=flag.flag, message=flag.message, quote=flag.quote, line=flag.line
        )
    return base
