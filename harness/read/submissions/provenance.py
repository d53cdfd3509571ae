"""What was noted beside a reply about how it came to its end."""

from __future__ import annotations

from pathlib import Path

from harness.read.document import read

# Names that providers have for a reply that was cut off.
_CUT_OFF = frozenset({"length", "max_tokens", "model_length", "MAX_TOKENS", "incomplete"})


def cut_off(reply: Path) -> bool:
    """Whether ``<n>.provenance.yaml`` beside the file ``<n>.md`` says that it was cut off."""
    beside = reply.with_name(f"{reply.stem}.provenance.yaml")
    if not beside.is_file():
        return False
    document, _ = read(beside)
    value = document.value if document is not None else None
    return isinstance(value, dict) and value.get("finish_reason") in _CUT_OFF
