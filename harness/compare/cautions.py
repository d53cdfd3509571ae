"""What a reader of a comparison must know, as what is compared is not alike in all else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from harness.compare.counts import distinct
from harness.model import Arm, Results

# What a sentence calls both: ``before`` and ``after``, or ``in baseline`` and ``in skill``.
When = tuple[str, str]
# The arms that answered, by name, of both.
Known = tuple[Mapping[str, Arm], Mapping[str, Arm]]


class CautionKind(StrEnum):
    """Why a comparison may mean less than it seems to."""

    CHANGED_SCENARIO = "changed_scenario"
    OTHER_SCENARIOS = "other_scenarios"
    OTHER_ARMS = "other_arms"
    OTHER_CONDITION = "other_condition"
    OTHER_SUBMITTERS = "other_submitters"
    OTHER_SEED = "other_seed"
    OTHER_VERSION = "other_version"
    OTHER_READER = "other_reader"
    SAME_ANSWERS = "same_answers"
    IDENTICAL_REPLIES = "identical_replies"
    UNGRADED = "ungraded"


@dataclass(frozen=True)
class Caution:
    """One thing that a reader of a comparison must know."""

    kind: CautionKind
    # In words, with the names.
    sentence: str


def changed_scenarios(before: Results, after: Results, answered: Set[str]) -> frozenset[str]:
    """Ids of those ``answered`` before whose file, oracle or skill is another one after."""
    was = {one.id: one.fingerprint for one in before.scenarios if one.id in answered}
    return frozenset(
        one.id for one in after.scenarios if was.get(one.id, one.fingerprint) != one.fingerprint
    )


def about_scenarios(
    first: pd.DataFrame, second: pd.DataFrame, changed: Set[str], anyway: bool, when: When
) -> Iterator[Caution]:
    if changed and anyway:
        yield Caution(
            CautionKind.CHANGED_SCENARIO,
            f"Compared though their files changed in between, so what changed may be the scenario: "
            f"{listed(changed)}.",
        )
    elif changed:
        yield Caution(
            CautionKind.CHANGED_SCENARIO,
            f"Left out, as their files changed in between: {listed(changed)}. Grade the earlier "
            "answers with the scenarios as they are now, or compare --anyway.",
        )
    was, now = set(first["scenario"]), set(second["scenario"])
    for some, where in zip((was - now, now - was), when, strict=True):
        if some:
            yield Caution(CautionKind.OTHER_SCENARIOS, f"Answered only {where}: {listed(some)}.")


def about_arms(known: Known) -> Iterator[Caution]:
    for here, there, when in ((known[0], known[1], "before"), (known[1], known[0], "after")):
        only = here.keys() - there.keys()
        if only:
            yield Caution(CautionKind.OTHER_ARMS, f"Arms only {when}: {listed(only)}.")
    both = [name for name in known[0] if name in known[1]]
    conditions = [name for name in both if known[1][name].is_condition]
    rest = [name for name in both if conditions and name not in conditions]
    if rest:
        yield Caution(
            CautionKind.OTHER_ARMS,
            f"Not compared, as they are no condition: {listed(rest)}. To compare one, give "
            f"--arms {rest[0]},{rest[0]}.",
        )
    for name in both:
        was, now = known[0][name], known[1][name]
        if (was.guide, was.dose) != (now.guide, now.dose):
            yield Caution(
                CautionKind.OTHER_CONDITION,
                f"The arm {name} is another condition after than before; see arms.yaml.",
            )


def about_runs(before: Results, after: Results) -> Iterator[Caution]:
    if before.run.seed != after.run.seed:
        yield Caution(
            CautionKind.OTHER_SEED,
            f"Inputs were drawn from another seed ({before.run.seed}, then {after.run.seed}): an "
            "answer that is wrong for few inputs may be found out in one run alone. Give both "
            "runs the same --seed.",
        )
    was, now = before.run.versions, after.run.versions
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield Caution(
                CautionKind.OTHER_VERSION,
                f"Graded with another version of {name} ({was.get(name, 'none')}, then "
                f"{now.get(name, 'none')}). Grade the earlier answers again.",
            )
    readers = [{record.read_by.reader for record in one.records} for one in (before, after)]
    if readers[0] != readers[1]:
        yield Caution(
            CautionKind.OTHER_READER,
            f"Words were read by another reader ({listed(readers[0])}, then "
            f"{listed(readers[1])}), so excuses may differ for that alone. Use harness regrade.",
        )


def about_answers(
    first: pd.DataFrame, second: pd.DataFrame, pairs: Sequence[tuple[str, str]], when: When
) -> Iterator[Caution]:
    was, now = set(first["submitter"]), set(second["submitter"])
    if was != now:
        yield Caution(
            CautionKind.OTHER_SUBMITTERS,
            f"Answers are of other models: {listed(was)} {when[0]}, {listed(now)} {when[1]}. "
            + (
                "Only those that answered a scenario in both count there."
                if was & now
                else "What changed may be due to the model alone."
            ),
        )
    for a, b in pairs:
        of_a, of_b = first[first["arm"] == a], second[second["arm"] == b]
        if same_replies(of_a, of_b):
            yield Caution(
                CautionKind.SAME_ANSWERS,
                f"The replies of {a} are the same in both, so what changed there is grading.",
            )
        repeated = [int(rows["graded"].sum()) - len(distinct(rows)) for rows in (of_a, of_b)]
        if any(repeated):
            yield Caution(
                CautionKind.IDENTICAL_REPLIES,
                "Replies that are the same as another of their arm and scenario count once in "
                f"tests and intervals: {repeated[0]} of {a} {when[0]}, {repeated[1]} of {b} "
                f"{when[1]}.",
            )
    ungraded = [int(rows["ungraded"].sum()) for rows in (first, second)]
    if any(ungraded):
        yield Caution(
            CautionKind.UNGRADED,
            f"Answers that could not be graded and count nowhere: {ungraded[0]} {when[0]}, "
            f"{ungraded[1]} {when[1]}.",
        )


def same_replies(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether every reply of one is one of the other, byte for byte."""
    keys = [sorted(rows["scenario"] + " " + rows["sha256"]) for rows in (first, second)]
    return keys[0] == keys[1]


def listed(names: Set[str] | Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"
