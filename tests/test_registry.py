"""Check kinds are found by name, and a mistake in YAML says what would be right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import checks
from harness.errors import ScenarioError
from harness.model import CheckSpec, Scenario
from harness.scenarios import Library


@pytest.fixture
def scenario(library: Library) -> Scenario:
    return library.scenario("second-order")


@pytest.fixture
def _forgotten() -> Iterator[None]:
    checks.kinds.cache_clear()
    yield
    checks.kinds.cache_clear()


def spec(kind: str, **options: object) -> CheckSpec:
    return CheckSpec(kind, True, (), options, "file.yaml:7")


def test_every_check_of_the_shipped_scenarios_can_be_built(library: Library) -> None:
    for scenario in library.scenarios:
        for line in scenario.checks:
            _, entries = checks.build(line, scenario)
            assert entries, f"{line.where}: {line.kind} is asked of nothing"


def test_an_unknown_kind_is_named_with_its_line_and_the_nearest_one(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match=r"file\.yaml:7: check kind 'vpj'.*did you mean 'vjp'"):
        checks.build(spec("vpj"), scenario)


def test_an_unknown_key_is_named_with_the_keys_there_are(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="has no key 'sale'; did you mean 'scale'"):
        checks.build(spec("gradcheck", sale=2), scenario)


def test_a_value_that_a_check_refuses_is_explained(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="composition is 'perhaps', expected"):
        checks.build(spec("hand_written", composition="perhaps"), scenario)


def test_a_check_cannot_be_asked_of_an_entry_point_it_does_not_fit(scenario: Scenario) -> None:
    line = CheckSpec("vjp", True, ("hvp",), {}, "file.yaml:7")
    with pytest.raises(ScenarioError, match="cannot be asked of 'hvp'"):
        checks.build(line, scenario)


class Point:
    """Stands for an entry point of an installed distribution."""

    def __init__(self, name: str, loads: bool) -> None:
        self.name = name
        self.loads = loads
        self.dist = type("Distribution", (), {"name": "some-plug-in"})()

    def load(self) -> type:
        if not self.loads:
            raise ImportError("no module named nowhere")
        return type("Extra", (), {"kind": self.name})


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize(
    ("point", "words"),
    [
        (Point("vjp", True), "'vjp' of some-plug-in is already taken"),
        (Point("mine", False), "'mine' of some-plug-in does not load: no module named nowhere"),
    ],
)
def test_a_doubled_or_broken_plug_in_names_its_distribution(
    monkeypatch: pytest.MonkeyPatch, point: Point, words: str
) -> None:
    monkeypatch.setattr(checks, "entry_points", lambda group: [point])
    with pytest.raises(ScenarioError, match=words):
        checks.kinds()


@pytest.mark.usefixtures("_forgotten")
def test_a_plug_in_adds_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "entry_points", lambda group: [Point("mine", True)])
    assert "mine" in checks.kinds()
