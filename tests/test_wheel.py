"""The wheel and the sdist as somebody uses them who never saw the repository.

With ``HARNESS_WHEEL=full`` the wheel is also installed as it is for a new user, with every
dependency from constraints.txt, and grades all that ships; that takes minutes and the network.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.starting.examples import FOLDERS

ROOT = Path(__file__).parent.parent
# The modules that are imported are those of the wheel, whatever the tests are run with.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
BUILD = "import sys; from setuptools import build_meta; build_meta.{}(sys.argv[1])"


def sh(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=ENVIRONMENT | more,
        capture_output=True,
        text=True,
        check=False,
    )


def built(what: str, tree: Path, to: Path) -> Path:
    """What the build backend's ``build_wheel`` or ``build_sdist`` makes of ``tree``."""
    done = sh(sys.executable, "-c", BUILD.format(what), to, cwd=tree)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = to.iterdir()
    return file


def shipped_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@dataclass(frozen=True)
class Dist:
    wheel: Path
    sdist: Path
    # Built from the sdist, by which the files of the repository came to it.
    wheel_of_sdist: Path


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Dist:
    """All three, from a copy of what is in the repository."""
    folder = tmp_path_factory.mktemp("dist")
    tree = folder / "tree"
    tree.mkdir()
    for path in ROOT.iterdir():
        if path.name in ("harness", "tests", *FOLDERS):
            shutil.copytree(path, tree / path.name)
        elif path.is_file():
            shutil.copy(path, tree)
    # What is left of an earlier build, and of a file that has been removed since.
    stale = tree / "build/lib/harness/shipped/skills/gone/SKILL.md"
    stale.parent.mkdir(parents=True)
    stale.touch()
    for name in ("wheel", "sdist", "second"):
        (folder / name).mkdir()
    wheel = built("build_wheel", tree, folder / "wheel")
    sdist = built("build_sdist", tree, folder / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    return Dist(wheel, sdist, built("build_wheel", unpacked, folder / "second"))


def content(wheel: Path) -> Mapping[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_wheel_holds_all_that_ships_and_nothing_else(dist: Dist) -> None:
    files = content(dist.wheel)
    assert {name for name in files if name.startswith("harness/shipped/")} == {
        f"harness/shipped/{name}" for name in shipped_files()
    }
    assert all(
        files[f"harness/shipped/{name}"] == (ROOT / name).read_bytes() for name in shipped_files()
    )
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "harness").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    rest = {name for name in files if not name.startswith("harness/shipped/")}
    assert {name for name in rest if ".dist-info/" not in name} == modules


def test_a_wheel_of_the_sdist_is_the_same(dist: Dist) -> None:
    assert content(dist.wheel_of_sdist) == content(dist.wheel)


@pytest.fixture(scope="module")
def venv(dist: Dist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, with the dependencies of the running one."""
    folder = tmp_path_factory.mktemp("venv")
    assert not sh(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder).returncode
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    Path(paths["purelib"], "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet")
    done = sh(*pip, dist.wheel_of_sdist, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


# Reads what ships with the harness from where it is installed, if that can be done.
CHEAT = """
import sys
from pathlib import Path

import torch

found = []
for folder in sys.path:
    for path in Path(folder).rglob("harness*/**/clipped-gradient.py"):
        found.append(path.read_text())
if not found:
    raise LookupError("nothing to copy from")
exec(found[0])
"""


@pytest.fixture(scope="module")
def examples(venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which ``harness init examples`` was called."""
    folder = tmp_path_factory.mktemp("empty")
    done = sh(venv / "harness", "init", "examples", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "next: harness run scenarios/"
    return folder


def test_init_examples_writes_what_ships(examples: Path) -> None:
    written = {
        path.relative_to(examples).as_posix()
        for folder in FOLDERS
        for path in (examples / folder).rglob("*")
        if path.is_file()
    }
    assert written == shipped_files()


def test_an_installed_harness_grades_and_keeps_its_solutions_from_a_candidate(
    venv: Path, examples: Path
) -> None:
    place = examples / "solutions" / "cheat" / "me" / "clipped-gradient.py"
    place.parent.mkdir(parents=True)
    place.write_text(CHEAT)
    site = next((venv.parent / "lib").glob("python*/site-packages"))
    assert list(site.rglob("harness*/**/clipped-gradient.py"))  # it is there
    arms = ("--arm", "cheat", "--arm", "reference", "--arm", "naive")
    asked = ("--only", "clipped-gradient", "--only", "focal-loss")
    done = sh(venv / "harness", "run", *arms, *asked, "--seed", "1", "--out", "out", cwd=examples)
    assert done.returncode == 0, done.stdout + done.stderr
    with (examples / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["arm"], row["scenario"]): row["outcome"] for row in rows} == {
        ("reference", "clipped-gradient"): "passed",
        ("reference", "focal-loss"): "passed",
        ("naive", "clipped-gradient"): "failed",
        ("cheat", "clipped-gradient"): "failed",
    }
    report = (examples / "out" / "report.md").read_text()
    assert "nothing to copy from" in report


# --------------------------------------------------------------------------
# What is there already


def init_examples(folder: Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["init", "examples", str(folder)])
    return done.exit_code, done.stdout, done.stderr


def test_init_examples_overwrites_nothing_and_says_what_it_left(tmp_path: Path) -> None:
    folder = tmp_path / "my work"
    mine = folder / "skills" / "placebo" / "SKILL.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    link = folder / "solutions" / "arms.yaml"
    link.parent.mkdir()
    link.symlink_to("nowhere")
    status, told, complaint = init_examples(folder)
    assert (status, mine.read_text(), link.is_symlink()) == (0, "mine", True)
    assert f"left as they are, for they differ from those that ship: {mine}, {link}." in complaint
    assert "move yours away and give the same command again" in complaint
    assert told.splitlines()[-1] == f"next: cd '{folder}' && harness run scenarios/"
    mine.unlink()
    link.unlink()
    (folder / "scenarios" / "custom-autograd-functions" / "oracles.py").unlink()
    status, told, complaint = init_examples(folder)
    assert (status, complaint) == (0, "")
    for name in ("scenarios", "skills", "solutions"):
        assert f"1 file in {folder / name}/\n" in told
    assert f"{len(shipped_files()) - 3} files were there already, as shipped\n" in told
    status, told, _ = init_examples(folder)
    assert "as shipped, so nothing was written" in told


@pytest.mark.parametrize("name", ["scenarios", "scenarios/custom-autograd-functions"])
def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("gone") if "/" in name else (tmp_path / name).touch()
    status, _, complaint = init_examples(tmp_path)
    assert status == 2
    assert f"{tmp_path / name}: found a file, expected a folder or nothing" in complaint


def test_a_run_without_scenarios_says_how_to_get_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run"])
    assert done.exit_code == 2
    assert "scenarios: found no such file or folder" in done.stderr
    assert "`harness init examples`" in done.stderr
