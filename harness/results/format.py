"""The keys of ``results.json``, taken from the dataclasses that hold the same facts.

The first half (``schema_version``, ``run``, ``submissions``) is what other programs rely on, and
the source of ``docs/schema/results.schema.json``. The second (``arms``, ``skills``, ``scenarios``,
``sources``) holds what a report needs to be made again from the file alone.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from harness import model
from harness.model import (
    Arm,
    BehaviourFinding,
    Dose,
    Finding,
    Grade,
    Guide,
    HostInfo,
    Identity,
    Opinion,
    ReadBy,
    Record,
    RedFlagFinding,
    RunInfo,
    SandboxInfo,
    Scenario,
    ShardInfo,
    Skill,
    Submission,
    TrapFinding,
    UnlookedFlag,
)

SCHEMA_VERSION: Final = 1


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _AnyTrapEntry(_Entry):
    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, entry: Any) -> Any:
        """Files of earlier versions took every excuse that was made for one that was upheld."""
        if not isinstance(entry, dict) or "upheld" in entry:
            return entry
        names = {"fell": "made", "resisted": "answered"}
        state = str(entry.get("state"))
        return {**entry, "state": names.get(state, state), "upheld": state == "fell"}


def _arm_of_earlier_versions(entry: Any) -> Any:
    """Arms once said whether they had the skill and whether they were pressed."""
    if not isinstance(entry, dict) or not {"skill", "pressured"} & entry.keys():
        return entry
    guide = {True: Guide.WITH, False: Guide.WITHOUT}.get(entry.get("skill", ""))
    dose = {True: Dose.PRESSURED, False: Dose.CALM}.get(entry.get("pressured", ""))
    kept = {name: value for name, value in entry.items() if name not in ("skill", "pressured")}
    return {"guide": guide, "dose": dose, **kept}


class VersionsEntry(_Entry):
    """What graded."""

    # Further components may name their version beside these.
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    __pydantic_extra__: dict[str, str]

    harness: Annotated[str, Field(description="Version of the harness.")]
    torch: Annotated[str, Field(description="Version of PyTorch.")]
    python: Annotated[str, Field(description="Version of Python.")]


# What of a finding, and of a grade, stands among the sources.
EXPLAINING: Final = ("fault", "quantity", "diagnosis", "snippet", "picture")


BESIDE: Final = ("verification_reason", "claims", "events")


# What files of earlier versions may lack, and what it is then.
_LATER: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("behaviour", "explanations", "claims", "events", "hosts", "unlooked"), ()),
    **dict.fromkeys(("fault", "quantity")),
    **dict.fromkeys(("faults_tried", "faults_noticed"), 0),
    "opinion": None,
    "shard": None,
    "turn": None,
    "empty_handed": False,
    "read_by": lambda: _read_by(),
}


@cache
def _comments() -> Mapping[str, Mapping[str, str]]:
    """Per class of ``model`` the comment above each field."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    owner = comment = ""
    for line in inspect.getsource(model).splitlines():
        if begun := re.match(r"class (\w+)", line):
            owner = begun[1]
        elif comment and (field := re.match(r"    (\w+): ", line)):
            found[owner][field[1]] = comment.strip().replace("None", "null").replace("``", "")
        comment = f"{comment} {line[6:]}" if line.startswith("    # ") else ""
    return found


def _entry_of(
    name: str,
    taken: Mapping[type, Iterable[str]],
    about: str | None = None,
    base: type[_Entry] = _Entry,
    **types: Any,
) -> Any:
    """A class of entries with some fields of dataclasses, described by the comments above them.

    ``types`` are those of what is another thing in the file than it is in the dataclass.
    """
    keys: dict[str, Any] = {}
    for kind, names in taken.items():
        hints, told = get_type_hints(kind), _comments()[kind.__name__]
        keys |= {key: (hints[key], told.get(key)) for key in names}
    keys |= {key: (kind, keys.get(key, (None, None))[1]) for key, kind in types.items()}
    defined: dict[str, Any] = {
        key: (
            kind,
            Field(default_factory=later, description=words)
            if callable(later)
            else Field(later, description=words),
        )
        for key, (kind, words) in keys.items()
        for later in [_LATER.get(key, ...)]
    }
    return create_model(name, __base__=base, __doc__=about or next(iter(taken)).__doc__, **defined)


def _all_of(kind: type, *without: str) -> dict[type, list[str]]:
    """The fields that ``kind`` itself declares, but for some."""
    return {kind: [name for name in kind.__annotations__ if name not in without]}


def _list_of(entry: Any) -> Any:
    return tuple[entry, ...]


_RUN: Final = _entry_of(
    "RunEntry",
    _all_of(RunInfo),
    versions=VersionsEntry,
    sandbox=_entry_of("SandboxEntry", _all_of(SandboxInfo)),
    hosts=_list_of(_entry_of("HostEntry", _all_of(HostInfo))),
    shard=_entry_of("ShardEntry", _all_of(ShardInfo)) | None,
)


_READ_BY: Final = _entry_of("ReadByEntry", _all_of(ReadBy))


def _read_by() -> Any:
    """Who read the words in files of earlier versions."""
    return _READ_BY(**vars(ReadBy()))


FINDING: Final = _entry_of("FindingEntry", _all_of(Finding, *EXPLAINING))


SUBMISSION: Final = _entry_of(
    "SubmissionEntry",
    {**_all_of(Identity), **_all_of(Grade, *BESIDE)},
    Record.__doc__,
    findings=_list_of(FINDING),
    traps=_list_of(_entry_of("TrapEntry", _all_of(TrapFinding), base=_AnyTrapEntry)),
    red_flags=_list_of(_entry_of("RedFlagEntry", _all_of(RedFlagFinding))),
    behaviour=_list_of(
        _entry_of(
            "BehaviourEntry",
            _all_of(BehaviourFinding),
            opinion=_entry_of("OpinionEntry", _all_of(Opinion)) | None,
        )
    ),
    read_by=_READ_BY,
    unlooked=_list_of(_entry_of("UnlookedFlagEntry", _all_of(UnlookedFlag))),
)


_EXPLANATION: Final = _entry_of(
    "ExplanationEntry",
    {Finding: EXPLAINING},
    "What more is known of the finding at a place among those of a submission.",
    finding=int,
)


SOURCE: Final = _entry_of(
    "SourceEntry",
    {Identity: ["id"], Grade: BESIDE, **_all_of(Submission, "transcript", "tests", "unread")},
    "What was submitted, and what of a record is not part of the documented half.",
    explanations=_list_of(_EXPLANATION),
)


Document: Final = create_model(
    "Document",
    __base__=_Entry,
    __doc__="A results file of the harness. Rely on schema_version, run and submissions only.",
    schema_version=(Literal[1], Field(description="Version of this format.")),
    run=(_RUN, Field(description="What all submissions have in common.")),
    submissions=(_list_of(SUBMISSION), Field(description="What came of each submission.")),
    arms=(
        tuple[Annotated[Arm, BeforeValidator(_arm_of_earlier_versions)], ...],
        Field(description="Where the submissions come from."),
    ),
    skills=(tuple[Skill, ...], Field(description="The skills that the scenarios belong to.")),
    scenarios=(tuple[Scenario, ...], Field(description="The scenarios that were asked.")),
    sources=(_list_of(SOURCE), Field(description="What was submitted.")),
)


def schema() -> dict[str, Any]:
    """The JSON Schema of ``results.json``, as published in ``docs/schema``."""
    generated = Document.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **generated,
        "title": "results.json",
    }
