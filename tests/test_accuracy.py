"""The benchmark of accuracy: its mutants, its variants, and a sample of both."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.read import scenarios

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def accuracy() -> Iterator[Any]:
    """The benchmark's program, as a module."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    threads = torch.get_num_threads()
    yield importlib.import_module("accuracy")
    torch.set_num_threads(threads)
    sys.path.remove(folder)


def test_a_sample_of_the_benchmark_has_no_survivor_and_no_false_alarm(
    accuracy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    amounts = ["--mutants", "14", "--variants", "6", "--seeds", "1", "--workers", "0"]
    given = ["--scenario", "clipped-gradient", *amounts, "--json", str(file)]
    assert accuracy.main(given) == 0
    figures = json.loads(file.read_text())
    assert figures["mutants"] == 14
    assert figures["of"] + figures["equivalent"] == 14
    assert figures["survivors"] == []
    assert figures["doubtful"] == []
    assert figures["killed"]["graders"] == figures["of"] > figures["killed"]["example gradcheck"]
    assert figures["variants"] == 6
    assert figures["alarms"] == []
    printed = capsys.readouterr().out
    assert "6 right solutions, 1 seeds: 0 of 6 grades are alarms" in printed
    assert "survivors: 0" in printed


def test_the_benchmark_names_the_scenarios_there_are_when_one_is_unknown(
    accuracy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accuracy.main(["--scenario", "layernorm"]) == 2
    assert "no scenario 'layernorm'; there are approximate-physics" in capsys.readouterr().err


def test_every_variant_and_every_mutant_is_code_that_compiles(accuracy: Any) -> None:
    library = scenarios.load(ROOT / "scenarios/custom-autograd-functions").scenarios
    entries = accuracy.variants.sample([s.id for s in library], 1000, 0)
    assert len(entries) >= 100
    assert {entry.scenario for entry in entries} == {s.id for s in library}
    assert len({(entry.scenario, entry.name) for entry in entries}) == len(entries)
    for entry in entries:
        compile(entry.source, entry.name, "exec")
    made = accuracy.originals([s for s in library if s.id == "memory-relu"])
    pool = accuracy.mutate.mutants(made["memory-relu"])
    assert len({mutant.source for mutant in pool}) == len(pool) > 60
    for mutant in pool:
        compile(mutant.source, mutant.operator, "exec")
