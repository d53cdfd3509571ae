"""What was noted beside a reply about how it was asked for and how it came to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.read.document import read

# Names that providers have for a reply that was cut off.
_CUT_OFF = frozenset({"length", "max_tokens", "model_length", "MAX_TOKENS", "incomplete"})


@dataclass(frozen=True)
class Provenance:
    """How ``harness generate`` asked for an answer."""

    # Folder of the arms.
    out: Path
    # PROVIDER/NAME, where it answers (``None``: where its provider says), and by which sandbox an
    # agent had a shell (``None`` without one).
    model: str
    api_base: str | None
    sandbox: str | None
    # By the names of options without dashes: ``max_tokens``, ``temperature``, ``seed``.
    settings: Mapping[str, Any]
    # For the model, without those that may be secret.
    model_args: Mapping[str, Any]
    # Files of the guide under test and of the placebo; ``None`` where that was not noted.
    skill: Path | None
    placebo: Path | None


def cut_off(reply: Path) -> bool:
    """Whether ``<n>.provenance.yaml`` beside the file ``<n>.md`` says that it was cut off."""
    return _noted(reply).get("finish_reason") in _CUT_OFF


def provenance(reply: Path) -> Provenance | None:
    """How an answer was asked for; ``None`` where nothing says so, or it was asked by hand."""
    told = _noted(reply)
    model = told.get("model")
    if not isinstance(model, str) or "/" not in model or len(reply.parents) < 4:
        return None
    read_from = _mapping(told, "read_from")
    return Provenance(
        out=reply.parents[3],
        model=model,
        api_base=told.get("api_base"),
        sandbox=_mapping(told, "shell").get("sandbox"),
        settings=_mapping(told, "settings"),
        model_args=_mapping(told, "model_args"),
        **{
            name: Path(read_from[name]) if read_from.get(name) else None
            for name in ("skill", "placebo")
        },
    )


def _noted(reply: Path) -> Mapping[str, Any]:
    beside = reply.with_name(f"{reply.stem}.provenance.yaml")
    document = read(beside)[0] if beside.is_file() else None
    return document.value if document is not None and isinstance(document.value, dict) else {}


def _mapping(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = told.get(key)
    return found if isinstance(found, dict) else {}
