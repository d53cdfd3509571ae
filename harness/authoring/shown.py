"""What the terminal shows an author. Sixty columns are enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from harness.authoring.keys import KeyTold
from harness.model import Scenario
from harness.printable import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from harness.authoring.kinds import KindTold, OptionTold


def kinds_table(told: Sequence[KindTold]) -> RenderableType:
    """Each kind with what it asks, when to use it and its options."""
    from rich.console import Group
    from rich.table import Table

    parts: list[RenderableType] = []
    for plain, some in groupby(told, key=lambda one: one.plain):
        asked = "plain values" if plain else "tensors"
        parts += [_text(f"Checks of functions of {asked}", "bold"), _text("")]
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        for one in some:
            words = [_text(one.asks), *(_text(text, "dim") for text in one.about[:1])]
            words += [_option(option) for option in one.options]
            table.add_row(_text(one.kind, "bold"), Group(*words, _text("")))
        parts.append(table)
    parts.append(_text("`harness checks KIND` says more of one; `--json` is for programs."))
    return Group(*parts)


def kind_page(told: KindTold) -> RenderableType:
    """All there is to know of one kind, and how it is written."""
    from rich.console import Group

    of = "plain values" if told.plain else "tensors"
    origin = f", from {told.origin}" if told.origin else ""
    parts = [_text(f"{told.kind}: of functions of {of}{origin}", "bold"), _text(told.asks)]
    for text in told.about:
        parts += [_text(""), _text(text)]
    if told.options:
        parts += [_text(""), _text("Keys:", "bold"), *(_option(one) for one in told.options)]
    parts += [_text(""), _text("In a scenario:", "bold"), _code(_written(told))]
    return Group(*parts)


def _written(told: KindTold) -> str:
    if not told.options:
        return f"checks:\n  - {told.kind}"
    keys = (
        f"{one.name}: {one.default if one.default is not None else '…'}" for one in told.options
    )
    return f"checks:\n  - {{kind: {told.kind}, {', '.join(keys)}}}"


def _option(one: OptionTold) -> Text:
    default = "needed" if one.default is None else f"default {one.default}"
    words = _text(f"{one.name}: ", "bold")
    words.append_text(_text(f"{one.type}, {default}. {one.about}".rstrip()))
    return words


def keys_table(told: Iterable[KeyTold]) -> RenderableType:
    """Each key with its type and what it means, file by file."""
    from rich.console import Group
    from rich.padding import Padding

    parts: list[RenderableType] = []
    for file, some in groupby(told, key=lambda one: one.file):
        parts += [*([_text("")] if parts else []), _text(file, "bold")]
        for one in some:
            name = _text(one.key, "bold")
            name.append_text(_text(f": {', '.join(_facts(one))}", "not bold dim"))
            parts += [name, Padding(_text(one.about), (0, 0, 0, 4))]
    return Group(*parts)


def _facts(one: KeyTold) -> Iterator[str]:
    yield one.type
    if one.needed:
        yield "needed"
    elif one.default is not None and one.default not in ("null", "[]", "{}"):
        yield f"default {one.default}"


def scenario_page(scenario: Scenario) -> RenderableType:
    """The requests, what they tempt into, and what is asked of an answer."""
    from rich.console import Group

    from harness.authoring import asked

    parts: list[RenderableType] = [
        _text(f"{scenario.id}: {scenario.title}", "bold"),
        _text(f"{scenario.path}, {scenario.phase}, of {scenario.skill}", "dim"),
    ]
    said = [("Neutral request", scenario.neutral)]
    if scenario.is_pressured:
        said.append((f"Pressured request ({', '.join(scenario.pressures)})", scenario.pressured))
    said += [
        (f"Follow-up {number} of {len(scenario.follow_ups)}", text)
        for number, text in enumerate(scenario.follow_ups, start=1)
    ]
    for title, text in said:
        parts += [_text(""), _text(title, "bold"), _text(text.strip())]
    parts += [_text(""), _text("Tempts into", "bold")]
    parts.append(_rows(asked.told_traps(scenario)) if scenario.traps else _text("Nothing."))
    for entry in scenario.entry_points:
        gradient = ", with gradients" if entry.differentiable else ""
        parts += [_text(""), _text(f"Defines {asked.signature(entry)}{gradient}", "bold")]
        parts.append(_rows(asked.told_arguments(entry)))
        if entry.usage is not None:
            calls = f"{entry.usage.least} to {entry.usage.most} calls of"
            parts += [_text(calls), _rows(asked.told_methods(entry))]
    if scenario.checks:
        parts += [_text(""), _text("Passes", "bold"), _rows(asked.told_checks(scenario))]
    parts += [_text(""), _text("Verifies itself", "bold"), _text(asked.told_verification(scenario))]
    parts += [_text(""), _text("Shows", "bold")]
    lines = scenario.rules_of_lines()
    parts += [_text(f"{line} ({asked.told_rules(rules)})") for line, rules in lines]
    parts += [_text(""), _text(asked.told_limits(scenario), "dim")]
    return Group(*parts)


def _rows(rows: Iterable[tuple[str, str]]) -> RenderableType:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    # A name longer than a third of the line is broken.
    table.add_column(max_width=24)
    table.add_column(ratio=1)
    for name, words in rows:
        table.add_row(_text(name), _text(words))
    return table


def _code(lines: str) -> Text:
    """Lines to copy: never broken, however narrow the terminal."""
    from rich.text import Text

    return Text(visible(lines), no_wrap=True, overflow="ignore")


def _text(words: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(visible(words), style=style)
