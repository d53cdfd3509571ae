"""Detectors of red flags in the YAML format: how each kind is written, and what it means."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Tag, model_validator
from pydantic.functional_validators import PlainValidator
from pydantic.json_schema import WithJsonSchema

from harness import model
from harness.read.document import YamlDocument
from harness.read.field import HAS_WORD, IDENTIFIER, Identifier, by_key, unexpected
from harness.read.problem import KeyPath

_MODULE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?$"
_DOTTED = rf"^\.[A-Za-z_]\w*$|{_MODULE}"
_EXCEPTION = r"^[A-Za-z_][\w.]*$"


def _one_or_more(pattern: str, expected: str, remedy: str) -> PlainValidator:
    """One string or several, as a tuple."""

    def read(value: object) -> tuple[str, ...]:
        every: list[Any] = value if isinstance(value, list) else [value]
        if not every or not all(isinstance(one, str) and re.search(pattern, one) for one in every):
            raise unexpected(expected, remedy)
        return tuple(every)

    return PlainValidator(read)


def _schema(pattern: str) -> WithJsonSchema:
    one = {"type": "string", "pattern": pattern}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})


Dotted = Annotated[
    Any,
    _one_or_more(
        _DOTTED,
        "a dotted name or a list of them",
        "Write it as it is imported, such as torch.nan_to_num; .nan_to_num for that of anything, "
        "random.* for all of a module.",
    ),
    _schema(_DOTTED),
]
Modules = Annotated[
    Any,
    _one_or_more(
        _MODULE,
        "the name of a module, or of what is in one, or a list of them",
        "Write it as it is imported: pickle, unittest.mock, or random.* for all of a module.",
    ),
    _schema(_MODULE),
]
Caught = Annotated[
    Any,
    _one_or_more(
        _EXCEPTION,
        "bare, the name of an exception or a list of them",
        "Write bare for a handler without a name, or for example Exception.",
    ),
    _schema(_EXCEPTION),
]
Words = Annotated[
    Any,
    _one_or_more(
        HAS_WORD,
        "a phrasing or a list of them, each with at least one word",
        "Write words as an agent says them; … stands for up to eight others, a final * for any "
        "ending.",
    ),
    _schema(HAS_WORD),
]
Keywords = Annotated[
    Any,
    _one_or_more(IDENTIFIER, "the name of a keyword or a list of them", "Write it bare: timeout."),
    _schema(IDENTIFIER),
]
Within = Literal["answer", "tests", "anywhere"]
Constant = bool | int | float | str | None


class _Detector(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _InCode(_Detector):
    key: ClassVar[Literal["calls", "attributes", "imports", "excepts"]]

    within: Within = Field(
        "answer",
        description="Code to look at: the answer without its tests, its tests, or anywhere.",
    )

    def value(self, where: str) -> model.Detector:
        return model.CodePattern(self.key, getattr(self, self.key), within=self.within)


class CallsModel(_InCode):
    """A call, through whatever name it was imported or assigned to."""

    key = "calls"
    calls: Dotted = Field(description="What is called; .name is a method of anything.")
    without: Keywords = Field((), description="Only where none of these is given as a keyword.")
    given: dict[Identifier, Constant] = Field(
        {},
        description="Only where these are given as keywords, with these constants.",
    )

    def value(self, where: str) -> model.Detector:
        return model.CodePattern("calls", self.calls, self.without, self.given, within=self.within)


class AttributesModel(_InCode):
    """A mention of something: an attribute that is read, a name that was imported."""

    key = "attributes"
    attributes: Dotted = Field(description="What is mentioned; .data is that of anything.")


class ImportsModel(_InCode):
    """An import."""

    key = "imports"
    imports: Modules = Field(description="A module, or what is imported from one.")


class ExceptsModel(_InCode):
    """A handler of an exception that does not raise again at its end."""

    key = "excepts"
    excepts: Caught = Field(description="bare, or the name of an exception.")
    silent: bool = Field(False, description="Only where the handler does nothing.")

    def value(self, where: str) -> model.Detector:
        return model.CodePattern("excepts", self.excepts, silent=self.silent, within=self.within)


class SaysModel(_Detector):
    """Words that the reply says as its own: not quoted, not denied."""

    says: Words = Field(description="Phrasings, as in rationalizations.")

    def value(self, where: str) -> model.Detector:
        return model.SaidPattern(self.says)


class OutcomeModel(_Detector):
    """What came of a kind of check."""

    check: Identifier = Field(description="Kind of check, e.g. pure.")
    outcome: Literal["failed", "passed"] = Field("failed", description="What came of it.")
    entry_points: list[Identifier] = Field([], description="Those it counts of; left out, any.")

    def value(self, where: str) -> model.Detector:
        return model.CheckOutcome(self.check, self.outcome, tuple(self.entry_points), where)


class DeedModel(_Detector):
    """Something that the steps of a transcript show; one key, and ``answer`` or ``tests``."""

    wrote: Literal["answer", "tests"] | None = Field(None, description="First written.")
    changed: Literal["answer"] | None = Field(None, description="First changed once written.")
    ran: Literal["tests"] | None = Field(None, description="First run, whatever came of it.")
    passed: Literal["tests"] | None = Field(None, description="First run that passed.")
    failed: Literal["tests"] | None = Field(None, description="First run that failed.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self._deeds()) != 1:
            raise unexpected(
                "one of the keys wrote, changed, ran, passed or failed",
                "Write for example wrote: answer, and before: {ran: tests}.",
            )
        return self

    def _deeds(self) -> list[model.Deed]:
        return [
            model.Deed(did, what)
            for did in ("wrote", "changed", "ran", "passed", "failed")
            if (what := getattr(self, did)) is not None
        ]

    @property
    def deed(self) -> model.Deed:
        return self._deeds()[0]


class OrderModel(DeedModel):
    """By the time of a deed, another had not been done."""

    before: DeedModel = Field(description="What had not been done by then.")

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.deed == self.before.deed:
            raise unexpected("two deeds, found one twice", "Change one of the two.")
        return self

    def value(self, where: str) -> model.Detector:
        return model.DeedOrder(self.deed, self.before.deed)


class PluginModel(BaseModel):
    """A detector that a package adds; the other keys are its options."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    detector: Identifier = Field(description="Its name in the group harness.flags.")

    def value(self, where: str) -> model.Detector:
        return model.PluginDetector(self.detector, dict(self.model_extra or {}), where)


DetectorKinds = Annotated[
    Annotated[CallsModel, Tag("<calls>")]
    | Annotated[AttributesModel, Tag("<attributes>")]
    | Annotated[ImportsModel, Tag("<imports>")]
    | Annotated[ExceptsModel, Tag("<excepts>")]
    | Annotated[SaysModel, Tag("<says>")]
    | Annotated[OutcomeModel, Tag("<check>")]
    | Annotated[OrderModel, Tag("<before>")]
    | Annotated[PluginModel, Tag("<detector>")],
    # An order is told by its ``before``.
    by_key("detector", "calls", "attributes", "imports", "excepts", "says", "check", "before"),
]


def detectors(document: YamlDocument, key: KeyPath, found: list[Any]) -> tuple[model.Detector, ...]:
    """The values of the detectors under ``key``, each with its line."""
    return tuple(
        one.value(f"{document.path}:{document.line((*key, number))}")
        for number, one in enumerate(found)
    )
