"""Files of a new project: written from templates, and never over what is there."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.read.field import SLUG


def refuse_name(name: str, what: str, example: str) -> None:
    """Raise ``UsageError`` for a name that no skill or scenario can have."""
    if not re.match(SLUG, name):
        words = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
        hint = f" Did you mean {words!r}?" if words else ""
        raise UsageError(
            f"{name!r} cannot be the id of a {what}, expected lower-case words joined by hyphens, "
            f"such as {example}.{hint}"
        )


def function_name(name: str) -> str:
    """The name of a function that a scenario called ``name`` asks for."""
    plain = name.replace("-", "_")
    return plain if plain.isidentifier() and not keyword.iskeyword(plain) else f"solve_{plain}"


def class_name(name: str) -> str:
    """The name of a class that a scenario called ``name`` asks for: ``RmsNorm``."""
    joined = "".join(part.capitalize() for part in name.split("-"))
    return joined if joined.isidentifier() and not keyword.iskeyword(joined) else f"The{joined}"


def rendered(template: str, **values: Any) -> str:
    """The text of a template in ``templates/``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("harness.starting"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    return environment.get_template(template).render(**values)


def write_new(files: Mapping[Path, str]) -> None:
    """Write every file, or none where one is there already. Raises ``UsageError``."""
    there = [str(path) for path in files if path.exists()]
    if there:
        raise UsageError(
            f"{', '.join(there)}: already there, and nothing is written over; choose another name "
            "or take the file away"
        )
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be written: {error.strerror}; name another folder with --into DIR"
            ) from None
