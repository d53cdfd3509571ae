"""Answers on disk, each with its origin beside it. Nothing that is there is ever overwritten.

The origin is written before the answer that it describes, so that an answer without one is
somebody's own, and one whose answer is missing was cut short and is asked for again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from harness.errors import UsageError
from harness.generate.requests import Request
from harness.generate.separation import separation
from harness.model import Arm, Dose, Guide
from harness.read.submissions.arms import described

ENDING: Final = ".provenance.yaml"


@dataclass(frozen=True)
class Settings:
    """With what a model was asked."""

    model: str
    # Where it answers; ``None`` where its provider says.
    api_base: str | None = None
    # Of the provider's own names: temperature, max_tokens, seed; only those that were given.
    given: Mapping[str, Any] = field(default_factory=dict)
    # What Inspect was given for the model, without what may be secret.
    model_args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The submitter's folder; a slash is none of its characters."""
        return self.model.replace("/", "--")


@dataclass(frozen=True)
class ModelTurn:
    """One answer of a model."""

    text: str
    # ``stop``, ``max_tokens``, ``content_filter``, … as Inspect calls it.
    finish_reason: str
    input_tokens: int
    output_tokens: int
    # In US dollars; ``None`` where the price is not known.
    cost: float | None
    # ISO 8601 with offset.
    asked_at: str


@dataclass(frozen=True)
class ReplyPlace:
    """Where the answers to one request lie."""

    out: Path
    settings: Settings
    request: Request
    sample: int

    @property
    def folder(self) -> Path:
        """Of all samples of a scenario."""
        scenario = self.request.scenario.id
        return self.out / self.request.arm.name / self.settings.folder / scenario

    @property
    def reply(self) -> Path:
        """A Markdown file, or a transcript of what was pushed back on."""
        kind = "json" if self.request.arm.dose is Dose.PUSHED_BACK else "md"
        return self.folder / f"{self.sample}.{kind}"

    @property
    def name(self) -> str:
        """Under which it is told of, as submissions are."""
        return str(self.reply.relative_to(self.out).with_suffix(""))

    @property
    def origin(self) -> Path:
        """The file beside it."""
        return self.folder / f"{self.sample}{ENDING}"

    @property
    def expected(self) -> dict[str, Any]:
        """What the origin of an answer to just this request says."""
        return {
            "arm": self.request.arm.name,
            "scenario": self.request.scenario.id,
            "sample": self.sample,
            "model": self.settings.model,
            "api_base": self.settings.api_base,
            "settings": dict(self.settings.given),
            **({"model_args": dict(args)} if (args := self.settings.model_args) else {}),
            "request_sha256": self.request.sha256,
        }


def answered(place: ReplyPlace) -> bool:
    """Whether the answer is there, to the same request with the same settings.

    Raises ``UsageError`` where another one is in its place.
    """
    if not place.origin.exists():
        if place.reply.exists():
            raise UsageError(
                f"{place.reply}: is there without {place.origin.name}, so it is not known what was "
                "asked; move it away, or choose another folder with --out"
            )
        return False
    told = read_origin(place.origin)
    differs = different(told, place.expected)
    if differs:
        raise UsageError(
            f"{place.origin}: was asked otherwise ({'; '.join(differs)}). Nothing is overwritten: "
            "choose another folder with --out, or move the old answers away"
        )
    if not place.reply.exists():
        return False  # cut short between the two files
    if sha256(place.reply.read_bytes()) != told.get("reply_sha256"):
        raise UsageError(
            f"{place.reply}: is not the answer that {place.origin.name} describes; it was changed. "
            "Put it back, or move both away and it is asked for again"
        )
    return True


def different(told: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Every key that is not as expected, with both values."""
    return [
        f"{key} is {_short(told.get(key))}, now {_short(value)}"
        for key, value in expected.items()
        if told.get(key) != value
    ]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:12] + "…"


def read_origin(file: Path) -> Mapping[str, Any]:
    """Raises ``UsageError`` where the file is none of ours."""
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{file}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(told, dict):
        raise UsageError(f"{file}: expected a mapping, found {type(told).__name__}; move it away")
    return told


def keep(
    place: ReplyPlace,
    turns: Sequence[ModelTurn],
    continues: Path | None = None,
) -> None:
    """Write an answer and its origin."""
    costs = [turn.cost for turn in turns]
    about = {
        "asked_at": turns[0].asked_at,
        "finish_reason": turns[-1].finish_reason,
        "finish_reasons": [turn.finish_reason for turn in turns],
        "input_tokens": sum(turn.input_tokens for turn in turns),
        "output_tokens": sum(turn.output_tokens for turn in turns),
        "cost_usd": None if None in costs else round(sum(c for c in costs if c is not None), 6),
        "continues": None if continues is None else str(continues.relative_to(place.out)),
    }
    data = _reply(place.request, turns).encode("utf-8", "backslashreplace")
    write_answer(place, about, data)


def write_answer(place: ReplyPlace, about: Mapping[str, Any], data: bytes) -> None:
    """Write an answer, and beside it its origin: what was asked, and what else is known."""
    request = place.request
    arm, guides = request.arm, request.guides
    origin = {
        **place.expected,
        "read_from": {"skill": str(guides.skill_path), "placebo": str(guides.placebo_path or "")},
        "guide": None if arm.guide is None else arm.guide.value,
        "dose": None if arm.dose is None else int(arm.dose),
        "guide_sha256": request.guide_sha256,
        "context": asdict(separation(request)),
        **about,
        "reply_sha256": sha256(data),
    }
    place.folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(origin, sort_keys=False, allow_unicode=True)
    _replace(place.origin, text.encode())
    _create(place.reply, data)


def _reply(request: Request, turns: Sequence[ModelTurn]) -> str:
    if request.arm.dose is not Dose.PUSHED_BACK:
        return turns[0].text
    said = [{"role": "system", "content": request.system}] if request.system else []
    for asked, turn in zip(request.turns, turns, strict=True):
        said += [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": turn.text},
        ]
    return json.dumps({"messages": said}, ensure_ascii=False, indent=1) + "\n"


def first_answer(place: ReplyPlace) -> str | None:
    """What was answered under pressure in the same sample; ``None`` where nothing usable is."""
    if not place.origin.exists() or not place.reply.exists():
        return None
    told = read_origin(place.origin)
    if different(told, place.expected):
        return None
    return place.reply.read_text(encoding="utf-8")


def _replace(file: Path, data: bytes) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from None


def _create(file: Path, data: bytes) -> None:
    """Raises ``UsageError`` where the file is there already."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        os.link(draft, file)  # unlike a rename it never replaces anything
    except FileExistsError:
        raise UsageError(
            f"{file}: was written by somebody else meanwhile; nothing is lost"
        ) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from None
    finally:
        draft.unlink(missing_ok=True)


def describe_arms(out: Path, arms: Iterable[Arm]) -> None:
    """Add to ``arms.yaml`` in ``out`` what it does not say yet. Raises ``UsageError``."""
    file = out / "arms.yaml"
    known = {arm.name: arm for arm in described(file)} if file.exists() else {}
    lines = []
    for arm in arms:
        told = known.get(arm.name)
        skill, dose = _in_yaml(arm)
        if told is None:
            lines.append(
                f"{arm.name}:\n  description: {arm.description}\n  skill: {skill}\n  dose: {dose}\n"
            )
        elif (told.guide, told.dose) != (arm.guide, arm.dose):
            was = _in_yaml(told)
            raise UsageError(
                f"{file}: {arm.name} has skill {was[0]} and dose {was[1]}, and its replies would "
                f"have skill {skill} and dose {dose}; correct it or choose another --out"
            )
    if lines:
        out.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8").rstrip("\n") + "\n" if file.exists() else ""
        _replace(file, (before.lstrip("\n") + "".join(lines)).encode())


def _in_yaml(arm: Arm) -> tuple[str, str]:
    """What ``arms.yaml`` says of the guide and the dose of an arm."""
    skill = {None: "null", Guide.WITHOUT: "false", Guide.WITH: "true", Guide.PLACEBO: "placebo"}
    return skill[arm.guide], "null" if arm.dose is None else str(int(arm.dose))


def take_baseline(places: Sequence[ReplyPlace], source: Path) -> int:
    """Copy the answers of the arms without the guide from another folder; the number of them.

    Raises ``UsageError`` where one is missing there, or was asked otherwise.
    """
    taken = 0
    for place in places:
        if answered(place):
            continue
        there = ReplyPlace(source, place.settings, place.request, place.sample)
        if not there.origin.exists():
            raise UsageError(
                f"--baseline-from {source}: has no {there.origin.relative_to(source)}; that "
                "baseline was asked with another model, other arms or fewer samples"
            )
        if not answered(there):  # raises where it was asked otherwise
            raise UsageError(f"--baseline-from {source}: {there.reply} is missing")
        place.folder.mkdir(parents=True, exist_ok=True)
        _replace(place.origin, there.origin.read_bytes())
        _create(place.reply, there.reply.read_bytes())
        taken += 1
    return taken


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
