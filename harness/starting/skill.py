"""A new skill: its guide, its table of excuses and a file for its oracles."""

from __future__ import annotations

from pathlib import Path

from harness.starting.writing import refuse_name, rendered, write_new


def write_skill(name: str, into: Path) -> list[Path]:
    """Write the skill ``name`` below ``into``; returns its files. Raises ``UsageError``."""
    refuse_name(name, "skill", "careful-parsing")
    folder = into / "scenarios" / name
    title = name.replace("-", " ").capitalize()
    files = {
        into / "skills" / name / "SKILL.md": "SKILL.md.j2",
        folder / "skill.yaml": "skill.yaml.j2",
        folder / "oracles.py": "oracles.py.j2",
    }
    write_new({path: rendered(file, name=name, title=title) for path, file in files.items()})
    return list(files)
