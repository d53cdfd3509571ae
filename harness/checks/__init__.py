"""Checks: the one kind of plug-in. A scenario names kinds; ``build`` makes checks of them.

A check is a frozen dataclass whose fields are its YAML keys. Packages add kinds through the
entry-point group ``harness.checks``.
"""

from harness.checks.context import (
    Bench,
    Check,
    InteractiveCheck,
    Judgement,
    SubmissionContext,
    Trial,
)
from harness.checks.registry import build, kinds

__all__ = [
    "Bench",
    "Check",
    "InteractiveCheck",
    "Judgement",
    "SubmissionContext",
    "Trial",
    "build",
    "kinds",
]
