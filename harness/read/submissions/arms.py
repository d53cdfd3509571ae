"""``arms.yaml``: what is known about the conditions that submissions were produced under."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from harness.errors import SubmissionError
from harness.model import Arm, Dose, Guide, Submission
from harness.printable import printable
from harness.read.document import read
from harness.read.field import SkillRead
from harness.read.problem import refuse
from harness.read.validation import validate

_GUIDES: Final = {True: Guide.WITH, False: Guide.WITHOUT, "placebo": Guide.PLACEBO, None: None}
_DOSES: Final = {True: (1, 2), False: (0,)}


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    description: str = ""
    skill: SkillRead | None = None
    pressured: bool | None = None
    dose: Literal[0, 1, 2] | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, given: object) -> object:
        return {} if given is None else given

    @model_validator(mode="after")
    def _one_dose(self) -> Self:
        if self.pressured is not None and self.dose not in (None, *_DOSES[self.pressured]):
            raise ValueError(
                f"pressured is {str(self.pressured).lower()} and dose is {self.dose}; "
                "give one of them (0 calm, 1 pressured, 2 pushed back)"
            )
        return self

    def arm(self, name: str) -> Arm:
        """The arm of that name."""
        said = _DOSES[self.pressured] if self.pressured is not None else ()
        dose = next((Dose(d) for d in (self.dose, *said) if d is not None), None)
        return Arm(name, _GUIDES[self.skill], dose, self.description)


def arms(paths: Sequence[Path], submissions: Sequence[Submission]) -> tuple[Arm, ...]:
    """The arms that occur in ``submissions``: those of ``arms.yaml`` first, in its order."""
    known: dict[str, Arm] = {}
    for file in dict.fromkeys(f for path in paths for f in _candidates(path)):
        for arm in described(file):
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


def described(file: Path) -> list[Arm]:
    """The arms of one ``arms.yaml``, in its order. Raises ``SubmissionError``."""
    document, problems = read(file)
    if document is None or document.value is None:
        refuse(problems, SubmissionError)
        return []
    entries, problems = validate(document, dict[str, _Entry])
    refuse(problems, SubmissionError)
    return [entry.arm(printable(name)) for name, entry in (entries or {}).items()]
