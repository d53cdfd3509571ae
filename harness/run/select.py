"""What to grade: which submissions, with which scenarios."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

from harness.errors import NothingSelected, SubmissionError, UsageError, did_you_mean
from harness.model import Arm, Scenario, ShardInfo, Skill, Submission
from harness.read import scenarios, submissions
from harness.read.submissions import Aside, Asked, Told
from harness.run.spool import Spool


@dataclass(frozen=True)
class Selection:
    """What to grade."""

    # All of a skill that was answered, but for what ``only`` leaves out.
    scenarios: tuple[Scenario, ...]
    skills: tuple[Skill, ...]
    submissions: Sequence[Submission]
    arms: tuple[Arm, ...]
    # Submissions to other scenarios, which are not graded.
    aside: Aside = field(default_factory=Aside)
    # Which part of what was selected the submissions are; ``None`` for all of it.
    shard: ShardInfo | None = None

    def scenario_of(self) -> dict[str, Scenario]:
        """The scenarios by their ids."""
        return {scenario.id: scenario for scenario in self.scenarios}


@dataclass(frozen=True)
class Pairs(Sequence[tuple[Submission, Scenario]]):
    """Some submissions with their scenarios, each read when it is looked at."""

    submissions: Sequence[Submission]
    # Which of them.
    places: Sequence[int]
    scenario_of: Mapping[str, Scenario]

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> tuple[Submission, Scenario]: ...
    @overload
    def __getitem__(self, index: slice) -> Pairs: ...
    def __getitem__(self, index: int | slice) -> tuple[Submission, Scenario] | Pairs:
        if isinstance(index, slice):
            return replace(self, places=self.places[index])
        submission = self.submissions[self.places[index]]
        return submission, self.scenario_of[submission.scenario]


def select(
    root: Path,
    solutions: Sequence[Path],
    *,
    only: Sequence[str] = (),
    arm_names: Sequence[str] = (),
    told: Told | None = None,
    shard: tuple[int, int] | None = None,
) -> Selection:
    """Load scenarios and submissions and apply the filters.

    ``only`` holds scenario ids or patterns over submission ids; ``arm_names``
    names arms; ``told`` says of files what they do not say themselves. A ``shard``
    ``(number, count)`` keeps that part of the submissions, and all else of the whole.
    Raises ``NothingSelected`` where nothing is left.
    """
    library = scenarios.load(root)
    paths = list(solutions) or [default_solutions(root)]
    entry_points = {scenario.id: Asked.of(scenario) for scenario in library.scenarios}
    chosen: Spool[Submission] = Spool()
    orders, known, found = [], set(), 0
    aside = Aside(scenarios.ids_beside(root))
    for submission in submissions.each(paths, entry_points, aside, told):
        found += 1
        known.add(submission.arm)
        if (not arm_names or submission.arm in arm_names) and (
            not only or any(_matches(submission, pattern) for pattern in only)
        ):
            orders.append((submissions.order(submission), len(chosen)))
            chosen.append(submission)
    for name in arm_names:
        if name not in known:
            raise UsageError(
                f"no submission is of arm {name!r}.{did_you_mean(name, known)} The arms are "
                f"{', '.join(sorted(known)) or 'none'}"
            )
    if not chosen:
        filters = [f"--only {pattern}" for pattern in only] + [
            f"--arm {name}" for name in arm_names
        ]
        if aside.mistaken and not filters:
            raise SubmissionError("\n".join(aside.lines))
        raise NothingSelected(
            f"no submission to grade in {', '.join(map(str, paths))}"
            + (f" with {' '.join(filters)}" if filters else "")
            + f"; {found} were found there."
            + "".join(_meant(pattern, entry_points, known) for pattern in only)
            + " Expected <arm>/<submitter>/<scenario>.py or .md"
            + "".join(f"\n{line}" for line in (*aside.lines, *([] if found else aside.not_read)))
        )
    chosen.arrange(place for _, place in sorted(orders))
    used = {scenario for (_, _, scenario, _), _ in orders}
    skills = {scenario.skill for scenario in library.scenarios if scenario.id in used}
    arms = submissions.arms(paths, chosen)
    return Selection(
        tuple(
            scenario
            for scenario in library.scenarios
            # That nobody answered one is said, too, where it was not left out on purpose.
            if scenario.id in used or (scenario.skill in skills and not only)
        ),
        library.skills,
        chosen,
        arms,
        aside,
        _keep(chosen, *shard) if shard else None,
    )


def _keep(chosen: Spool[Submission], number: int, of: int) -> ShardInfo:
    """Keep one part of the submissions; by their content, so that equal ones stay together."""
    from harness.run.run import harness_version

    digest, places, total = hashlib.sha256(), [], len(chosen)
    for place, submission in enumerate(chosen):
        digest.update(f"{submission.id}\0{submission.sha256}\0".encode("utf-8", "backslashreplace"))
        if int(submission.sha256, 16) % of == number - 1:
            places.append(place)
    chosen.arrange(places)
    return ShardInfo((number,), of, total, digest.hexdigest(), harness_version())


def default_solutions(root: Path) -> Path:
    """The ``solutions`` folder beside the scenarios."""
    for folder in (root, *root.resolve().parents):
        candidate = folder.parent / "solutions"
        if folder.name == "scenarios" and candidate.is_dir():
            return candidate
    raise UsageError(f"there is no solutions folder beside {root}; name one with --solutions PATH")


def _meant(pattern: str, scenario_ids: Collection[str], arms: Collection[str]) -> str:
    """What a pattern that nothing matches may have meant."""
    _, slash, rest = pattern.partition("/")
    return did_you_mean(pattern, [*scenario_ids, *(f"{one}/{rest}" for one in arms if slash)])


def _matches(submission: Submission, pattern: str) -> bool:
    return submission.scenario == pattern or fnmatch.fnmatchcase(submission.id, pattern)
