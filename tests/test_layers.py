"""A layer imports only from the layers below it, and the command line starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "harness"

# Lowest first; a module may import from its own layer and from those before it.
LAYERS = [
    ["errors", "model", "printable", "rows"],
    ["code"],
    ["read"],
    ["sandbox"],
    ["numerics"],
    ["checks"],
    ["diagnosis"],
    ["words"],
    ["verification"],
    ["flags"],
    ["grading", "library"],
    ["run"],
    ["summary"],
    ["results"],
    ["judge", "compare", "generate", "starting"],
    ["report"],
    ["evaluation", "authoring"],
    ["cli", "completion", "__main__", "pytest_plugin", "promptfoo"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """First name below ``harness`` of everything that ``path`` imports."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            parts = node.module.split(".")
            if parts[0] == "harness":
                found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "harness" and len(parts) > 1:
                    found.add(parts[1])
    return found - {"__version__"}


def test_every_module_has_a_layer() -> None:
    assert {layer_of(path) for path in modules()} == set(RANK)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_from_layers_below(path: Path) -> None:
    above = {name for name in imported(path) if RANK[name] > RANK[layer_of(path)]}
    assert not above


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "sandbox" / "inside").glob("*.py")), ids=lambda p: p.name
)
def test_the_candidates_side_imports_nothing_of_the_project(path: Path) -> None:
    assert not imported(path)


@pytest.mark.parametrize(
    "statement",
    [
        "import harness",
        "import harness.cli",
        "import harness.summary, harness.report, harness.results",
        "import harness.run.run, harness.run.select, harness.run.pool",
        "import harness.report.terminal, harness.judge, harness.authoring.shown",
    ],
)
def test_torch_is_not_imported_before_something_is_graded(statement: str) -> None:
    code = f"{statement}\nimport sys\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom harness.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'pandas', 'pydantic', 'scipy', 'jinja2', 'rich', 'numpy'}\n"
        "sys.exit(str(heavy & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert "harness run scenarios/" in done.stdout


def public_types() -> list[str]:
    """Names of all public classes of the package."""
    return [
        node.name
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


def test_no_two_public_types_have_one_name() -> None:
    names = public_types()
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
