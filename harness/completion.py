"""What a shell offers for names: of scenarios, arms and skills, by the names of their files.

Nothing is read but folders, so that an answer comes at once, and a folder that is not there or may
not be read offers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click


def scenario_ids(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the scenarios that the command line names, else of those in ``scenarios/``."""
    root = _root(ctx)
    if root.suffix == ".yaml":
        return _beginning(incomplete, [root.stem])
    files = [*_glob(root, "*.yaml"), *_glob(root, "*/*.yaml")]
    return _beginning(incomplete, (file.stem for file in files if file.name != "skill.yaml"))


def skill_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of the skills in ``scenarios/``."""
    return _beginning(incomplete, (file.parent.name for file in _glob(_root(ctx), "*/skill.yaml")))


def arm_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of the arms in the solutions that the command line names, else in ``solutions/``."""
    roots = ctx.params.get("solutions") or [_root(ctx).parent / "solutions"]
    folders = (one for root in roots for one in _glob(Path(root), "*") if one.is_dir())
    return _beginning(incomplete, (folder.name for folder in folders))


def _root(ctx: click.Context) -> Path:
    # An option without its value, which is being typed, ends what is parsed: arguments are left.
    named = any(isinstance(p, click.Argument) and p.name == "scenarios" for p in ctx.command.params)
    if named and ctx.args:
        return Path(ctx.args[0])
    return Path(ctx.params.get("scenarios") or Path(ctx.params.get("into") or "") / "scenarios")


def _glob(folder: Path, pattern: str) -> list[Path]:
    found: list[Path] = []
    with suppress(OSError, ValueError):
        found += folder.glob(pattern)
    return found


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    shown = {name for name in names if name.startswith(incomplete) and not name.startswith(".")}
    return sorted(shown)
