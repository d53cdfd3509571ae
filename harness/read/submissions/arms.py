"""``arms.yaml``: what is known about the conditions that submissions were produced under."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import SubmissionError, did_you_mean
from harness.model import Arm, Submission
from harness.printable import printable


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    description: str = ""
    skill: bool | None = None
    pressured: bool | None = None


def arms(paths: Sequence[Path], submissions: Sequence[Submission]) -> tuple[Arm, ...]:
    """The arms that occur in ``submissions``: those of ``arms.yaml`` first, in its order."""
    known: dict[str, Arm] = {}
    for file in dict.fromkeys(f for path in paths for f in _candidates(path)):
        for arm in _load(file):
            if known.setdefault(arm.name, arm) != arm:
                raise SubmissionError(
                    f"{printable(str(file))}: arm {arm.name!r} is described differently in "
                    "another arms.yaml of this run; make them agree"
                )
    present = {submission.arm for submission in submissions}
    named = [arm for name, arm in known.items() if name in present]
    return (*named, *(Arm(name) for name in sorted(present - set(known))))


def _candidates(path: Path) -> list[Path]:
    here = path.resolve()
    # A path may be the root, an arm, a submitter, a scenario folder or a file in any of them.
    folders = [here, *here.parents][:5]
    return next(([f / "arms.yaml"] for f in folders if (f / "arms.yaml").is_file()), [])


def _load(file: Path) -> list[Arm]:
    where = printable(str(file))
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise SubmissionError(f"{where}: not readable as YAML: {error}") from None
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise SubmissionError(
            f"{where}:{node.start_mark.line + 1}: found a {_kind(node)}, expected a mapping of arm "
            "names to {description, skill, pressured}"
        )
    found: dict[str, Arm] = {}
    for key, value in node.value:
        line = f"{where}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            raise SubmissionError(
                f"{line}: found {getattr(key, 'value', '')!r} as the name of an arm, "
                "expected text; quote it"
            )
        if key.value in found:
            raise SubmissionError(f"{line}: arm {key.value!r} is given twice; keep one")
        found[key.value] = _arm(key.value, _construct(value, line), line)
    return list(found.values())


def _kind(node: yaml.Node) -> str:
    return "list" if isinstance(node, yaml.SequenceNode) else "single value"


def _construct(node: yaml.Node, line: str) -> Any:
    try:
        return yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SubmissionError(f"{line}: not readable as YAML: {error}") from None


def _arm(name: str, value: Any, line: str) -> Arm:
    try:
        entry = _Entry.model_validate({} if value is None else value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the entry"
        hint = "" if key in _Entry.model_fields else did_you_mean(key, _Entry.model_fields)
        raise SubmissionError(
            f"{line}: arm {name!r}: {key}: {first['msg']}, found {first['input']!r}.{hint} "
            f"Expected keys: {', '.join(_Entry.model_fields)}"
        ) from None
    return Arm(printable(name), entry.skill, entry.pressured, entry.description)
