"""Check kinds are found by name, and a mistake in YAML says what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from harness.checks import registry
from harness.checks.conformance import check_plugin
from harness.errors import ScenarioError
from harness.model import CheckSpec, Scenario
from harness.read.scenarios import Library


@pytest.fixture
def scenario(library: Library) -> Scenario:
    return library.scenario("second-order")


@pytest.fixture
def _forgotten() -> Iterator[None]:
    registry.kinds.cache_clear()
    yield
    registry.kinds.cache_clear()


def spec(kind: str, **options: object) -> CheckSpec:
    return CheckSpec(kind, True, (), options, "file.yaml:7")


def test_every_check_of_the_shipped_scenarios_can_be_built(library: Library) -> None:
    for scenario in library.scenarios:
        for line in scenario.checks:
            _, entries = registry.build(line, scenario)
            assert entries, f"{line.where}: {line.kind} is asked of nothing"


def test_an_unknown_kind_is_named_with_its_line_and_the_nearest_one(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match=r"file\.yaml:7: check kind 'vpj'.*Did you mean 'vjp'"):
        registry.build(spec("vpj"), scenario)


def test_an_unknown_key_is_named_with_the_keys_there_are(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match=r"has no key 'sale'\. Did you mean 'scale'"):
        registry.build(spec("gradcheck", sale=2), scenario)


def test_a_value_that_a_check_refuses_is_explained(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match="composition is 'perhaps', expected"):
        registry.build(spec("hand_written", composition="perhaps"), scenario)


def test_a_check_cannot_be_asked_of_an_entry_point_it_does_not_fit(scenario: Scenario) -> None:
    line = CheckSpec("vjp", True, ("hvp",), {}, "file.yaml:7")
    with pytest.raises(ScenarioError, match="cannot be asked of 'hvp'"):
        registry.build(line, scenario)


@dataclass(frozen=True)
class Mine:
    """A check of another package."""

    kind: ClassVar[str] = "mine"

    def fits(self, entry: Any) -> bool:
        return True

    def trials(self, bench: Any, entry: Any) -> tuple[Any, ...]:
        return ()

    def judge(self, bench: Any, entry: Any, trials: Any, answers: Any, context: Any) -> Any:
        return None


@dataclass(frozen=True)
class Talk:
    kind: ClassVar[str] = "mine"

    def fits(self, entry: Any) -> bool:
        return True

    def run_session(self, bench: Any, entry: Any, session: Any) -> Any:
        return None


class Plain(Mine):
    pass


@dataclass
class Changeable:
    kind: ClassVar[str] = "mine"
    fits, trials, judge = Mine.fits, Mine.trials, Mine.judge


@dataclass(frozen=True)
class Other(Mine):
    kind: ClassVar[str] = "other"


@dataclass(frozen=True)
class KindIsAKey:
    kind: str = "mine"
    fits, trials, judge = Mine.fits, Mine.trials, Mine.judge


@dataclass(frozen=True)
class NoJudge:
    kind: ClassVar[str] = "mine"
    fits, trials = Mine.fits, Mine.trials


@dataclass(frozen=True)
class FewerParameters(Mine):
    def judge(self, answers: Any) -> Any:  # type: ignore[override]
        return None


@dataclass(frozen=True)
class Both(Mine):
    def run_session(self, bench: Any, entry: Any, session: Any) -> Any:
        return None


class Point:
    """Stands for an entry point of an installed distribution."""

    def __init__(self, name: str, found: object) -> None:
        self.name = name
        self.value = "some_plug_in:Mine"
        self.found = found
        self.dist = type("Distribution", (), {"name": "some-plug-in"})()

    def load(self) -> object:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize(
    ("point", "words"),
    [
        (Point("vjp", Mine), "is already taken; rename it there"),
        (Point("mine", ImportError("no module named nowhere")), "does not load: no module named"),
        (Point("mine", Mine()), "found a value of type Mine, expected a class"),
        (Point("mine", Plain), "no dataclass, expected @dataclass(frozen=True)"),
        (Point("mine", Changeable), "can be changed, expected @dataclass(frozen=True)"),
        (Point("mine", Other), "found kind = 'other', expected 'mine', the name of its entry"),
        (Point("mine", KindIsAKey), "expected kind: ClassVar[str]"),
        (Point("mine", NoJudge), "found no method judge, expected judge(self, bench, entry, tri"),
        (Point("mine", FewerParameters), "found judge(self, answers: 'Any') -> 'Any', expected"),
        (Point("mine", Both), "found run_session beside trials or judge"),
    ],
)
def test_a_plug_in_that_is_no_check_is_refused_with_its_distribution(
    monkeypatch: pytest.MonkeyPatch, point: Point, words: str
) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(ScenarioError, match=re.escape(words)) as caught:
        registry.kinds()
    assert f"{point.name!r} of some-plug-in" in str(caught.value)
    assert "some_plug_in:Mine" in str(caught.value)


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("check", [Mine, Talk])
def test_a_plug_in_adds_its_kind(monkeypatch: pytest.MonkeyPatch, check: type) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point("mine", check)])
    assert registry.kinds()["mine"] is check


@pytest.mark.parametrize("check", registry.OWN, ids=lambda check: check.kind)
def test_our_own_checks_pass_what_is_asked_of_plug_ins(check: type) -> None:
    check_plugin(check)
