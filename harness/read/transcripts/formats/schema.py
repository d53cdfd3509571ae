"""The neutral format as a schema, which is published in docs/schema."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_STRICT = ConfigDict(extra="forbid", strict=True)


class EditModel(BaseModel):
    """One replacement in a file."""

    model_config = _STRICT

    old: str = Field("", description="Text that is replaced; empty for an insertion.")
    new: str = Field("", description="Text that stands there afterwards.")
    everywhere: bool = Field(False, description="Whether every place is replaced, not the first.")
    after_line: int | None = Field(
        None, ge=0, description="Line, from 1, after which `new` is inserted; 0 is the beginning."
    )


class StepModel(BaseModel):
    """One thing that happened, in order."""

    model_config = _STRICT

    kind: Literal[
        "said", "thought", "user said", "wrote", "edited", "removed", "showed", "ran", "result",
        "looked", "called",
    ] = Field(
        description="`said`: the agent to whoever asked. `thought`: to itself. `wrote`: a whole "
        "file. `showed`: a whole file as a tool showed it. `ran`: a shell command or Python. "
        "`result`: what a tool gave back. `looked`: a call that changes and runs nothing. "
        "`called`: a call that is not understood, its name in `text`."
    )  # fmt: skip
    text: str = Field("", description="Words, content of a file, command, or what came back.")
    path: str | None = Field(None, description="File that was written, edited, shown or removed.")
    edits: list[EditModel] = Field([], description="What an edit replaces, in order.")
    language: Literal["shell", "python"] = Field("shell", description="Of what was run.")
    output: str | None = Field(None, description="What a run printed; null if not recorded.")
    exit_code: int | None = Field(None, description="Exit status of a run; null if not recorded.")
    failed: bool | None = Field(None, description="Error state of a call; null if not recorded.")
    ending: Literal["finished", "started", "stopped", "refused"] | None = Field(
        None, description="What became of a run: it may have gone on in the background, have been "
        "stopped before its end, or never have begun."
    )  # fmt: skip
    before: str | None = Field(None, description="The whole file before an edit.")
    moved_to: str | None = Field(None, description="Where an edit moved the file to.")
    record: int | None = Field(
        None, ge=0, description="Line or message of the original; the step's number by default."
    )


class SampleModel(BaseModel):
    """One conversation."""

    model_config = _STRICT

    steps: list[StepModel] = Field(description="What happened, in order.")
    task_id: str | None = Field(None, description="Id of the scenario that it answers.")
    model: str | None = Field(None, description="Model that spoke.")
    sample: int | None = Field(None, ge=1, description="Number of the sample.")
    arm: str | None = Field(None, description="Condition that it was produced under.")
    source: str = Field("", description="Format that it was converted from.")
    skipped: dict[str, int] = Field({}, description="What was not taken over, counted by name.")


class TranscriptFile(BaseModel):
    """Recorded conversations in the neutral form of the harness."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Transcript")

    format: Literal["harness-transcript"] = Field(description="Always this.")
    version: Literal[1] = Field(description="Of the format.")
    samples: list[SampleModel] = Field(description="One or more conversations.")


PUBLISHED: dict[str, type[BaseModel]] = {"transcript.schema.json": TranscriptFile}
