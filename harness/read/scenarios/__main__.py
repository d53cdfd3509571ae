"""``python -m harness.read.scenarios [FOLDER]`` writes the JSON Schemas (default: docs/schema)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.read.scenarios.schema import PUBLISHED, json_schema
from harness.read.transcripts.formats import schema as transcripts


def main(arguments: list[str]) -> None:
    """Write one schema file per format into the folder."""
    folder = Path(arguments[0] if arguments else "docs/schema")
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in {**PUBLISHED, **transcripts.PUBLISHED}.items():
        text = json.dumps(json_schema(model), indent=2, allow_nan=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
