"""The site is built without a warning, and lacks no command, no key and no kind of check."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from bs4 import BeautifulSoup

from harness.checks import kinds
from harness.cli import main

ROOT = Path(__file__).parent.parent
SCHEMAS = ("scenario", "skill", "transcript", "results")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; it is an error if there is a warning."""
    folder = tmp_path_factory.mktemp("site")
    build = ("sphinx", "--fail-on-warning", "--keep-going", "--nitpicky", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", *build, ROOT / "docs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def page(site: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((site / "reference" / f"{name}.html").read_text(), "html.parser")


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")


def test_every_command_and_option_is_on_its_page(site: Path) -> None:
    cli = page(site, "cli")
    for path, command in commands(main, "harness"):
        section = cli.find("section", id=path.replace(" ", "-"))
        assert section is not None, path
        told = section.get_text()
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[-1] in told, f"{path} {parameter.opts[-1]}"


def objects(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object of a format that has keys, with its name; of the results the documented half."""
    whole = schema.get("$defs", {})
    waiting, seen = ["submissions", "run"], set[str]()
    if schema["title"] == "results.json":
        queue: list[Any] = [schema["properties"][key] for key in waiting]
    else:
        yield "", schema
        queue = [schema["properties"]]
    while queue:
        match queue.pop():
            case {"$ref": str(ref)} if ref not in seen:
                seen.add(ref)
                name = ref.rpartition("/")[2]
                queue.append(whole[name])
                if "properties" in whole[name]:
                    yield name, whole[name]
            case dict(inner):
                queue.extend(inner.values())
            case list(items):
                queue.extend(items)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_on_its_page_with_a_meaning(site: Path, name: str) -> None:
    schema = json.loads((ROOT / "docs" / "schema" / f"{name}.schema.json").read_text())
    told = page(site, name)
    for owner, about in objects(schema):
        place = told.find(id=f"{name}-{owner.lower()}") if owner else told.find("section")
        assert place is not None, owner
        heading = place if place.name == "section" else place.find_next("section")
        table = heading.find("table")
        rows = {row.find("td").get_text(): row.find_all("td") for row in table.select("tbody tr")}
        assert set(rows) == set(about["properties"])
        for key, cells in rows.items():
            assert cells[3].get_text().strip(), f"{owner}.{key} has no description"


def test_every_kind_of_check_and_option_is_on_its_page(site: Path) -> None:
    told = page(site, "checks")
    for kind, check in kinds().items():
        section = told.find("section", id=kind.replace("_", "-"))
        assert section is not None, kind
        first = check.__doc__.split("\n")[0].split("``")[0]
        assert first in " ".join(section.get_text().split())
        rows = {row.find("td").get_text(): row.find_all("td") for row in section.select("tbody tr")}
        assert set(rows) == {field.name for field in fields(check)}
        assert all(cells[3].get_text().strip() for cells in rows.values()), kind


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 90
