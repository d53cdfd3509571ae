"""Answers that are not graded: to scenarios that were not selected, or that cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from harness.errors import did_you_mean
from harness.printable import printable

# So many names are listed; the number is said of all.
_LISTED = 3


@dataclass
class Aside:
    """What was left aside while submissions were read; filled in by ``each``."""

    # Ids of scenarios that exist and were not selected.
    elsewhere: Collection[str] = ()
    # Scenario id -> how many submissions answer it.
    not_selected: Counter[str] = field(default_factory=Counter)
    # Name that no scenario has -> how many submissions answer it.
    unknown: Counter[str] = field(default_factory=Counter)
    # Such a name -> its first place, with the nearest id.
    hints: dict[str, str] = field(default_factory=dict)
    # What is wrong with files and lines that cannot be read as answers.
    unreadable: list[str] = field(default_factory=list)
    # Files that are no answers by their names and hold none that says what it answers.
    left: list[str] = field(default_factory=list)
    # Files that were not read, as their names are those of notes or of no kind of answer.
    passed: list[str] = field(default_factory=list)

    @property
    def mistaken(self) -> bool:
        """Whether something was left aside that somebody has to mend."""
        return bool(self.unknown or self.unreadable)

    def add(self, name: str, where: str, scenario_ids: Collection[str]) -> None:
        """Take note of an answer to ``name``, found at ``where``."""
        if name in self.elsewhere:
            self.not_selected[name] += 1
            return
        self.unknown[name] += 1
        if name not in self.hints:
            hint = did_you_mean(name, [*scenario_ids, *self.elsewhere])
            self.hints[name] = f"{where}: unknown scenario {printable(name)!r}.{hint}"

    @property
    def lines(self) -> Iterator[str]:
        """What to tell the user; nothing where nothing was left aside."""
        if self.not_selected:
            yield (
                f"{_counted(self.not_selected, 'not selected')} "
                f"({_listed(list(self.not_selected), ', ')}): left aside"
            )
        if self.unknown:
            yield (
                f"{_counted(self.unknown, 'unknown')}: left aside. Correct the names or "
                f"take the answers away; `harness grade FILE --scenario ID` grades a file whatever "
                f"its name. {_listed(list(self.hints.values()), ' ')}"
            )
        if self.unreadable:
            number = len(self.unreadable)
            yield (
                f"{number} answer{'s' * (number > 1)} cannot be read: left aside. "
                f"{_listed(self.unreadable, ' ')}"
            )
        if self.left:
            number = len(self.left)
            yield (
                f"{number} JSON file{'s' * (number > 1)} named after no scenario: left aside. "
                f"{_listed(self.left, ', ')}"
            )

    @property
    def not_read(self) -> Iterator[str]:
        """What to tell the user where no answer was found at all."""
        if self.passed:
            number = len(self.passed)
            yield (
                f"{number} file{'s' * (number > 1)} not read for the name: an answer is called "
                "after its scenario, or by its number in a folder of that name. "
                f"{_listed(self.passed, ', ')}"
            )


def _counted(names: Counter[str], what: str) -> str:
    number = names.total()
    if number == 1:
        return f"1 submission answers a scenario that was {what}"
    return f"{number} submissions answer scenarios that were {what}"


def _listed(names: list[str], between: str) -> str:
    return between.join([*names[:_LISTED], *["…"][: len(names) > _LISTED]])
