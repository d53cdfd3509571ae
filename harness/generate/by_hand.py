"""The very same requests as files, for those who ask by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.generate.requests import Request

_README = """\
# Requests to ask by hand

One folder per arm and scenario. `system.md` is the system message (the baseline has none),
`user-1.md` the user's message, `user-2.md` and on what the user says after each answer. Use a new
conversation for each folder, with nothing else in its context, and change no word.

Save each answer as it is:

* `solutions/<arm>/<model>/<scenario>/1.md`: one answer; further samples are `2.md` and so on.
* `solutions/<arm>/<model>/<scenario>/1.json`: of an arm that ends in `-pushed`, the whole
  conversation: `{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}`.

Copy `arms.yaml` to `solutions/arms.yaml`, then `harness run scenarios/`.
"""
_LENGTHS = "\n%s has %d words, the placebo %d.\n"


def write_requests(asked: Sequence[Request], out: Path) -> None:
    """Write every request into ``out``. Raises ``UsageError`` where something is there."""
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"--out {out}: is not empty; choose a new folder")
    for request in asked:
        folder = out / request.arm.name / request.scenario.id
        folder.mkdir(parents=True, exist_ok=True)
        if request.system:
            (folder / "system.md").write_text(request.system + "\n", encoding="utf-8")
        for number, said in enumerate(request.turns, start=1):
            (folder / f"user-{number}.md").write_text(said + "\n", encoding="utf-8")
    guides = dict.fromkeys(request.guides for request in asked)
    lengths = [_LENGTHS % (one.skill_path, *one.lengths) for one in guides if one.placebo]
    (out / "README.md").write_text("".join([_README, *lengths]), encoding="utf-8")
