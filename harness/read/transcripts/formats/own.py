"""Our formats, in the order in which they are tried: the ones that are told most surely first."""

from __future__ import annotations

from harness.read.transcripts.formats import (
    Format,
    editors,
    messages,
    responses,
    sessions,
    trajectories,
)
from harness.read.transcripts.formats.aider import AIDER
from harness.read.transcripts.formats.base import Refused
from harness.read.transcripts.formats.inspect_log import INSPECT
from harness.read.transcripts.formats.neutral import NEUTRAL, RECORD
from harness.read.transcripts.parsed import mapping, sequence

SKILL_CREATOR = Refused(
    "skill-creator-grading",
    lambda given: any(
        {"text", "passed"} <= set(mapping(one))
        for one in sequence(given.members.get("expectations"))
    ),
    "this is a grading.json of skill-creator: it says what somebody thought of an answer and is no "
    "answer. Give the transcript or the files of that run",
)

OWN: tuple[Format, ...] = (
    NEUTRAL,
    INSPECT,
    SKILL_CREATOR,
    trajectories.ATIF,
    trajectories.MINI,
    trajectories.SWE_AGENT,
    trajectories.OPENHANDS,
    sessions.CURSOR,
    sessions.CLAUDE_CODE,
    sessions.COPILOT,
    sessions.GEMINI,
    sessions.PI,
    sessions.OPENCODE,
    editors.VSCODE,
    responses.CODEX,
    responses.CODEX_EXEC,
    responses.RESPONSES,
    messages.RESPONSE,
    editors.CLINE,
    messages.LANGCHAIN,
    messages.SHAREGPT,
    messages.CLAUDE_AI,
    messages.PYDANTIC_AI,
    messages.AI_SDK,
    messages.GEMINI_API,
    messages.BEDROCK,
    messages.ANTHROPIC,
    messages.OPENAI,
    RECORD,
    AIDER,
)
