"""harness tells, by running code, whether an agent's skill holds under pressure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.library import CheckFailed, Report, check

__all__ = ["CheckFailed", "Report", "__version__", "check"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # They need torch, which `import harness` must not wait for.
    if name in ("CheckFailed", "Report", "check"):
        from harness import library

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
