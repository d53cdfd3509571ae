"""harness tells, by running code, whether an agent's skill holds under pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.library import CheckFailed, Report, check
    from harness.run.grader import Grader, Response

__all__ = ["CheckFailed", "Grader", "Report", "Response", "__version__", "check"]
__version__ = "0.1.0"

# `import harness` must not wait for torch and pydantic. A type checker knows what there is.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in ("CheckFailed", "Report", "check"):
            from harness import library

            return getattr(library, name)
        if name in ("Grader", "Response"):
            from harness.run import grader

            return getattr(grader, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
