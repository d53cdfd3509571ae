"""The wheel and the sdist as somebody uses them who never saw the repository.

With ``HARNESS_WHEEL=full`` the wheel is also installed as it is for a new user, with every
dependency from constraints.txt, and grades all that ships; that takes minutes and the network.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from harness.cli import main
from harness.results import read_results
from harness.run.select import select
from harness.starting.examples import FOLDERS

ROOT = Path(__file__).parent.parent
FULL = os.environ.get("HARNESS_WHEEL") == "full"
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
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--no-deps", "--quiet")
    done = sh(*pip, dist.wheel_of_sdist, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


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


# --------------------------------------------------------------------------
# What docs/install.md tells people to put into their repositories

GOOD = (ROOT / "solutions/reference/harness/clipped-gradient.py").read_text()
BAD = (ROOT / "solutions/naive/naive/clipped-gradient.py").read_text()


@pytest.fixture(scope="module")
def workflow() -> Mapping[str, Any]:
    """``docs/ci/skill.yml``."""
    document = yaml.safe_load((ROOT / "docs/ci/skill.yml").read_text())
    # By YAML 1.1 the key ``on`` is true.
    return {{True: "on"}.get(key, key): value for key, value in document.items()}


def test_the_workflow_is_one_by_the_published_schema(workflow: Mapping[str, Any]) -> None:
    schema = json.loads((ROOT / "tests/data/github-workflow-schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(workflow)
    assert not validator.is_valid({**workflow, "jobs": {"gate": {"steps": []}}})


@dataclass
class Runner:
    """Runs the ``run:`` steps of a workflow as a runner does."""

    workflow: Mapping[str, Any]
    temp: Path
    # Replaces what the workflow says.
    environment: Mapping[str, str]

    def run(self, repository: Path, first: str = "Install") -> tuple[str, str]:
        """The name of the step that failed, if one did, and the summary of the job."""
        summary, failed = self.temp / "summary.md", ""
        summary.unlink(missing_ok=True)
        steps = [step for step in self.workflow["jobs"]["gate"]["steps"] if "run" in step]
        for step in steps[[step["name"] for step in steps].index(first) :]:
            if failed and step.get("if") != "always()":
                continue
            done = sh(
                *("bash", "-e", "-c", step["run"]),
                cwd=repository,
                RUNNER_TEMP=str(self.temp),
                GITHUB_STEP_SUMMARY=str(summary),
                GITHUB_BASE_REF="main",
                **self.workflow["env"] | self.environment,
            )
            failed = failed or (step["name"] if done.returncode else "")
            print(done.stdout, done.stderr)
        return failed, summary.read_text() if summary.exists() else ""


def git(*arguments: str, at: Path) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e")
    assert not sh("git", *who, *arguments, cwd=at).returncode


# Looks for the answers that ship with the harness, and takes one.
CHEAT = """
import sys
from pathlib import Path

found = [f for folder in sys.path for f in Path(folder).glob("harness*/**/clipped-gradient.py")]
if not found:
    raise LookupError("nothing to copy from")
exec(found[0].read_text())
"""


def test_the_workflow_lets_a_pull_request_pass_or_fails_it(
    dist: Dist, venv: Path, examples: Path, workflow: Mapping[str, Any], tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    for folder in ("scenarios", "skills"):
        shutil.copytree(examples / folder, repository / folder)
    for arm, text in (("skill", GOOD), ("cheat", CHEAT)):
        answer = repository / "solutions" / arm / "me" / "clipped-gradient.py"
        answer.parent.mkdir(parents=True)
        answer.write_text(text)
    git("init", "-q", "-b", "main", at=repository)
    git("add", "-A", at=repository)
    git("commit", "-q", "-m", "base", at=repository)
    git("update-ref", "refs/remotes/origin/main", "main", at=repository)
    runner = Runner(
        workflow,
        tmp_path,
        {"HARNESS": str(dist.wheel), "TORCH_INDEX": "", "PATH": f"{venv}:{os.environ['PATH']}"},
    )
    failed, summary = runner.run(repository)
    assert failed == ""
    assert "no-regression" in summary
    # The answers are there, where the harness is installed, and out of a candidate's reach.
    site = next((venv.parent / "lib").glob("python*/site-packages"))
    assert list(site.glob("harness*/**/clipped-gradient.py"))
    report = (tmp_path / "before" / "report.md").read_text()
    assert "nothing to copy from" in report
    (repository / "solutions" / "skill" / "me" / "clipped-gradient.py").write_text(BAD)
    failed, summary = runner.run(repository, "Grade the answers of this pull request")
    assert failed == "Compare"
    assert "clipped-gradient" in summary


def test_the_pre_commit_hook_refuses_a_broken_scenario(venv: Path, examples: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == "harness-validate"
    scenario = examples / "scenarios" / "custom-autograd-functions" / "layer-norm.yaml"
    assert re.match(hook["files"], str(scenario.relative_to(examples)))
    program, *arguments = shlex.split(hook["entry"]) + hook["args"]
    good = sh(venv / program, *arguments, cwd=examples)
    assert (good.returncode, good.stderr) == (0, "")
    whole = scenario.read_text()
    scenario.write_text(whole + "chekcs: []\n")
    try:
        bad = sh(venv / program, *arguments, cwd=examples)
    finally:
        scenario.write_text(whole)
    assert bad.returncode == 2
    assert f"layer-norm.yaml:{len(whole.splitlines()) + 1}" in bad.stderr
    assert "Did you mean 'checks'?" in bad.stderr


# Types of other packages take mypy most of a minute; ours are what is looked at.
MYPY = """
[mypy]
strict = True
[mypy-torch.*,numpy.*,pandas.*,scipy.*,sympy.*,pydantic.*,hypothesis.*,pytest.*,_pytest.*,click.*,rich.*,jinja2.*,inspect_ai.*,ray.*,pyarrow.*]
follow_imports = skip
follow_imports_for_stubs = True
ignore_missing_imports = True
"""


def test_a_program_that_uses_the_public_names_is_type_checked(venv: Path, tmp_path: Path) -> None:
    """Wrong lines among the right ones are expected errors: without one, that is an error, too."""
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\n" if FULL else MYPY)
    shutil.copy(ROOT / "tests/data/consumer.py", tmp_path)
    mypy = (
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        config,
        "--cache-dir",
        tmp_path / "cache",
    )
    done = sh(*mypy, "--python-executable", venv / "python", "consumer.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


# --------------------------------------------------------------------------
# As a new user has it


@pytest.mark.skipif(not FULL, reason="takes minutes and the network: HARNESS_WHEEL=full")
def test_a_fresh_environment_grades_all_that_ships(dist: Dist, tmp_path: Path) -> None:
    assert not sh(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path).returncode
    binaries = tmp_path / "venv" / "bin"
    pip = (binaries / "python", "-m", "pip", "install", "--quiet")
    done = sh(*pip, "--constraint", ROOT / "constraints.txt", dist.wheel, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not sh(binaries / "harness", "init", "examples", cwd=tmp_path).returncode
    done = sh(binaries / "harness", "run", "--seed", "7", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    results = read_results(tmp_path / "out" / "results.json").frame()
    shipped = select(ROOT / "scenarios", [ROOT / "solutions"]).submissions
    assert set(results["id"]) == {one.id for one in shipped}
    assert set(results.loc[results["arm"] == "reference", "outcome"]) == {"passed"}


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
