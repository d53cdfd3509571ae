"""A comparison in the terminal, as Markdown for a pull request, and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.compare.change import ArmChange, Changes, Direction, SubmissionFlip
from harness.compare.noise import Noise
from harness.printable import visible
from harness.run.ledger import plain
from harness.summary.effects import ASKED
from harness.summary.gate import Gate
from harness.summary.numbers import Tally, counted, points

_STYLES: Final = {Direction.BETTER: "bold green", Direction.WORSE: "bold red"}
# A comment on a pull request holds 65,536 characters.
_MOST_ROWS: Final = 30


def as_table(found: Changes) -> RenderableType:
    """Verdicts, then what changed per arm, scenario, excuse and answer, then what to mind."""
    parts: list[RenderableType] = [
        _text(arm.sentence, _STYLES.get(arm.direction, "bold")) for arm in found.arms
    ]
    parts += ["", _arms(found.arms)]
    for arm in found.arms:
        parts += _of_arm(arm)
    if found.cautions:
        parts += ["", _text("Mind:", "bold")]
        parts += [_text(f"· {caution.sentence}") for caution in found.cautions]
    return Group(*parts)


def _arms(arms: Sequence[ArmChange]) -> Table:
    table = _table("arm", *ASKED, "excuses upheld")
    for arm in arms:
        table.add_row(_text(arm.name), *map(_text, _arm_cells(arm)))
    return table


def _arm_cells(arm: ArmChange) -> Iterator[str]:
    for one in arm.effects:
        interval = [] if one.interval is None else [one.between]
        yield "\n".join(["→".join(one.shares), one.points, *interval])
    yield _counts(arm.before, arm.after, "gave_in")


def _of_arm(arm: ArmChange) -> Iterator[RenderableType]:
    changed = list(_scenario_rows(arm))
    if changed:
        yield ""
        table = _table(f"{arm.name}, by scenario", *ASKED, "upheld")
        for row in changed:
            table.add_row(*map(_text, row))
        yield table
    excuses = [one for one in arm.excuses if one.before.value != one.after.value]
    if excuses:
        yield ""
        table = _table(f"{arm.name}, excuses upheld", "", "")
        for one in excuses:
            table.add_row(_text(one.trap), _text(one.before.of), _text(f"→ {one.after.of}"))
        yield table
    if arm.flips:
        yield ""
        yield _text(f"{arm.name}, answers that flipped", "bold")
        told = [flip for flip in arm.flips if flip.held_before != flip.held_after]
        for flip in told:
            yield _text(f"{_mark(flip)} {flip.after_id}: {_what(flip)}")
        more = len(arm.flips) - len(told)
        if more:
            yield _text(
                f"· {counted(more, 'answer')} changed in right or verified alone; --json names them"
            )


def _scenario_rows(arm: ArmChange) -> Iterator[tuple[str, ...]]:
    """Per scenario that changed its name, the three questions, and excuses upheld."""
    for one in arm.scenarios:
        if one.changed:
            yield (
                one.scenario,
                *(_counts(one.before, one.after, question) for question in ASKED),
                _counts(one.before, one.after, "gave_in"),
            )


def _counts(before: Tally, after: Tally, name: str) -> str:
    cells = [f"{getattr(one, name)}/{one.graded}" for one in (before, after)]
    return cells[0] if cells[0] == cells[1] else "→".join(cells)


def _mark(flip: SubmissionFlip) -> str:
    return {(True, False): "✗", (False, True): "✓"}.get((flip.held_before, flip.held_after), "·")


def _what(flip: SubmissionFlip) -> str:
    """E.g. ``no longer held (lost right; upholds no-time)``."""
    states = {(True, False): "no longer held", (False, True): "holds now", (True, True): "held"}
    state = states.get((flip.held_before, flip.held_after), "does not hold")
    inner = [
        f"{word} {', '.join(some)}"
        for word, names in (("lost", flip.lost), ("gained", flip.gained))
        if (some := [name for name in names if name != "held"])
    ]
    if flip.excuses:
        inner.append(f"now upholds {', '.join(flip.excuses)}")
    if flip.same_reply:
        inner.append("the same reply")
    return f"{state} ({'; '.join(inner)})" if inner else state


_NOISE_HEAD: Final = ("arm", "question", "share", "halves", "two runs")  # in percentage points


def noise_table(found: Sequence[Noise]) -> RenderableType:
    """How far an arm differs from itself."""
    table = _table(*_NOISE_HEAD)
    for row in _noise_rows(found):
        table.add_row(*map(_text, row))
    told = map(_text, _noise_words(found))
    return Group(*([table] if table.row_count else []), *told)


def noise_as_markdown(found: Sequence[Noise], name: str) -> str:
    """The same for a pull request."""
    rows = list(_noise_rows(found))
    table = [_grid(_NOISE_HEAD, rows)] if rows else []
    title = f"## {_plain(name)} against itself"
    return "\n\n".join([title, *table, *map(_plain, _noise_words(found))]) + "\n"


def noise_as_json(found: Sequence[Noise]) -> str:
    """The same for programs."""
    return json.dumps({"version": 1, "noise": plain(list(found))}, indent=1, allow_nan=False) + "\n"


def _noise_rows(found: Sequence[Noise]) -> Iterator[tuple[str, ...]]:
    for one in found:
        if one.halves is not None:
            share = f"{one.share.of} ({one.share.percent})"
            yield one.arm, one.question, share, _size(one.halves), _size(one.floor)


def _noise_words(found: Sequence[Noise]) -> Iterator[str]:
    alone = {one.arm for one in found if one.halves is None}
    if any(one.halves is not None for one in found):
        yield (
            "By so many points at most, in 19 of 20 cases, the share differs between random "
            "halves of an arm's own samples, and between two runs of its size, by chance "
            "alone. A change between two runs that is smaller is noise."
        )
    if alone:
        yield (
            f"Cannot tell for {', '.join(sorted(alone))}: no scenario has two samples that "
            "differ. Ask for more, e.g. harness generate … --samples 5."
        )


def _size(share: float | None) -> str:
    return "–" if share is None else f"±{points(share)[1:]}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(_text(first), overflow="fold")
    for name in others:
        table.add_column(_text(name), justify="right", overflow="fold")
    return table


def _text(words: str, style: str = "") -> Text:
    return Text(visible(words), style=style)


def as_markdown(found: Changes, gates: Sequence[Gate], reports: tuple[Path, Path], at: Path) -> str:
    """A short comment for a pull request, the verdict first.

    Flips link to ``reports`` (before, after; ``report.html``, where there is one), relative to
    the folder ``at``.
    """
    parts = [f"## {_plain(f'{found.before} → {found.after}')}"]
    parts.append("\n".join(f"* **{_plain(arm.sentence)}**" for arm in found.arms))
    if gates:
        parts.append(
            "\n".join(f"* {'✅' if g.passed else '❌'} {_plain(g.message)}" for g in gates)
        )
    head = ("arm", *ASKED, "excuses upheld")
    parts.append(_grid(head, ((arm.name, *_arm_cells(arm)) for arm in found.arms)))
    if any(arm.noise["held"] is not None for arm in found.arms):
        parts.append(
            _grid(
                ("noise: two runs of it differ by at most", *ASKED),
                (
                    (arm.name, *(_size(arm.noise[question]) for question in ASKED))
                    for arm in found.arms
                ),
            )
        )
    for arm in found.arms:
        rows = list(_scenario_rows(arm))
        if rows:
            parts.append(f"### {_plain(arm.name)}: scenarios that changed")
            parts.append(_grid(("scenario", *ASKED, "excuses upheld"), rows))
        excuses = [
            (one.trap, one.before.of, one.after.of)
            for one in arm.excuses
            if one.before.value != one.after.value
        ]
        if excuses:
            parts.append(_grid(("excuse upheld", *arm.when), excuses))
        if arm.flips:
            links = [os.path.relpath(one, at) if one.is_file() else None for one in reports]
            lines = [_flip_line(flip, links) for flip in arm.flips[:_MOST_ROWS]]
            more = len(arm.flips) - len(lines)
            rest = [f"* and {more} more"] if more else []
            title = f"{_plain(arm.name)}: {len(arm.flips)} answers flipped"
            parts.append(
                f"<details><summary>{title}</summary>\n\n"
                + "\n".join(lines + rest)
                + "\n\n</details>"
            )
    if found.cautions:
        parts.append(
            "\n".join(["**Mind**", "", *(f"* {_plain(c.sentence)}" for c in found.cautions)])
        )
    return "\n\n".join(parts) + "\n"


def _flip_line(flip: SubmissionFlip, links: Sequence[str | None]) -> str:
    shown = " · ".join(
        f"[{word}]({quote(Path(link).as_posix())}#{quote(id)})"
        for word, link, id in zip(
            ("before", "after"), links, (flip.before_id, flip.after_id), strict=True
        )
        if link is not None
    )
    return f"* {_mark(flip)} {_plain(flip.after_id)}: {_plain(_what(flip))} {shown}".rstrip()


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(map(_plain, head)), " | ".join(["---", *["---:"] * (len(head) - 1)])]
    lines += [" | ".join(_plain(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


# What Markdown or HTML would take for more than a sign, or GitHub for somebody to call.
_SIGNS: Final = str.maketrans(
    {"\n": "<br>", "<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}
    | {sign: f"\\{sign}" for sign in "|`*_[]"}
)


def _plain(text: str) -> str:
    return visible(text).translate(_SIGNS)


def as_json(found: Changes, gates: Sequence[Gate]) -> str:
    """All of it, for programs."""
    document: dict[str, Any] = {"version": 1, "gates": plain(list(gates)), **plain(found)}
    for arm, entry in zip(found.arms, document["arms"], strict=True):
        entry |= {"direction": arm.direction.value, "sentence": arm.sentence}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
