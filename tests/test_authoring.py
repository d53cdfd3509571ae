"""What an author is told about checks, keys and scenarios, before any model is asked."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from harness.authoring import asked
from harness.authoring.data import as_data
from harness.authoring.keys import told_keys
from harness.authoring.kinds import in_words, told_kind, told_kinds
from harness.authoring.shown import kind_page, kinds_table, scenario_page
from harness.checks import registry
from harness.cli import main
from harness.errors import UsageError
from harness.model import CheckSpec, DomainKind, EntryPoint, PlainDomain, Rules, ValueArgument
from harness.read.scenarios import Library
from harness.read.scenarios.schema import PUBLISHED


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def shown(renderable: Any, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=False).print(renderable, crop=False)
    return file.getvalue()


def test_each_kind_says_what_it_asks_when_to_use_it_and_what_its_keys_mean() -> None:
    for told in told_kinds():
        assert told.asks.endswith("."), told.kind
        assert told.about, told.kind
        assert told.about[0].startswith("Use it"), told.kind
        for option in told.options:
            assert option.about.endswith("."), (told.kind, option.name)


@dataclass(frozen=True)
class Rounded:
    """Money has two decimals.

    Use it where sums are paid.
    """

    # Digits that are kept.
    digits: int
    kind: ClassVar[str] = "rounded"
    plain: ClassVar[bool] = True

    def fits(self, entry: EntryPoint) -> bool:
        return True

    def run_session(self, bench: Any, entry: EntryPoint, session: Any) -> None: ...


@dataclass(frozen=True)
class Silent(Rounded):
    # Inherited ones are told, too.
    more: float = 0.5
    kind: ClassVar[str] = "silent"


def test_a_kind_of_a_package_is_told_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {**registry.kinds(), "rounded": Rounded, "silent": Silent}
    monkeypatch.setattr("harness.authoring.kinds.kinds", lambda: found)
    told = told_kind("rounded")
    assert (told.plain, told.origin, told.asks) == (True, __name__, "Money has two decimals.")
    (digits,) = told.options
    assert (digits.type, digits.default, digits.about) == ("integer", None, "Digits that are kept.")
    silent = told_kind("silent")
    assert silent.asks == ""
    assert [option.about for option in silent.options] == [
        "Digits that are kept.",
        "Inherited ones are told, too.",
    ]
    assert "{kind: rounded, digits: …}" in shown(kind_page(told), 60)


def test_an_unknown_kind_or_key_names_the_nearest() -> None:
    for command, said in (
        (["checks", "gradchek"], "Did you mean 'gradcheck'?"),
        (["keys", "entry_point"], "Did you mean 'entry_points'?"),
        (["keys", "parameters"], "Did you mean 'entry_points.NAME.parameters'?"),
        (["show", "layernorm"], "Did you mean 'layer-norm'?"),
    ):
        done = run(*command)
        assert (done.exit_code, said in done.output) == (2, True), done.output
    assert {told.file for told in told_keys("skill.yaml")} == {"skill.yaml"}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int, library: Library) -> None:
    for page in (kinds_table(told_kinds()), *map(scenario_page, library.scenarios)):
        assert max(map(len, shown(page, width).splitlines())) <= width


def test_every_key_of_the_models_is_told_with_what_it_means() -> None:
    told = told_keys()
    for file, model in zip(("<id>.yaml", "skill.yaml"), PUBLISHED.values(), strict=True):
        assert set(model.model_fields) <= {one.key for one in told if one.file == file}
    assert len(set(told)) == len(told)
    assert [one.key for one in told if not one.about] == []
    by_name = {one.key: one for one in told}
    assert by_name["requests.follow_ups"].type == "list of text"
    assert by_name["phase"].needed
    assert by_name["phase"].type == "red or pressure"
    # An argument is of one kind among many, and lists of lists come to an end.
    assert by_name["entry_points.NAME.arguments.NAME.tensor"].about.startswith("any")
    assert "entry_points.NAME.arguments.NAME.list_of" in by_name
    assert {one.key for one in told_keys("requests")} == {
        "requests",
        "requests.neutral",
        "requests.pressured",
        "requests.follow_ups",
    }
    with pytest.raises(UsageError):
        told_keys("request.neutral")


def test_what_a_scenario_asks_is_said_in_full(library: Library) -> None:
    scenario = library.scenario("checkpointed-block")
    text = " ".join(shown(scenario_page(scenario), 80).split())
    for part in (
        *(" ".join(said.split()) for said in (scenario.neutral, scenario.pressured)),
        *(" ".join(said.split()) for said in scenario.follow_ups),
        *(trap.id for trap in scenario.traps),
        "checkpointed_block(x, *layers)",
        "saved_memory",
        *scenario.expected_behaviour,
    ):
        assert part in text
    unknown = replace(scenario, checks=(CheckSpec("not_there", False),))
    assert list(asked.told_checks(unknown)) == [("not_there, advisory", "There is no such kind.")]


def test_arguments_of_plain_values_are_said_in_words() -> None:
    whole = PlainDomain(DomainKind.INTEGER, 0, 9, edges=(0,), bad=(-1,))
    pair = PlainDomain(DomainKind.TUPLE, parts=(whole, PlainDomain(DomainKind.BOOLEAN)))
    many = PlainDomain(DomainKind.LIST, 0, 4, parts=(pair,), optional=True)
    assert asked.told_domain(many) == (
        "a list of 0 to 4 items, each a tuple of an integer from 0 to 9, True or False, or None"
    )
    number = ValueArgument("n", whole, has_default=True, default=3, keyword_only=True)
    assert asked.told_argument(number) == (
        "an integer from 0 to 9; always asked: 0; to be refused: -1"
    )
    entry = EntryPoint("f", (ValueArgument("xs", many), number), differentiable=False)
    assert asked.signature(entry) == "f(xs, *, n=3)"
    assert asked.told_rules(Rules(by_words=False)) == "nothing decides it"


def test_json_holds_all_that_is_shown(library: Library) -> None:
    told = json.loads(run("checks", "--json").output)
    assert [one["kind"] for one in told] == [one.kind for one in told_kinds()]
    (scenario,) = json.loads(run("show", "layer-norm", "--json").output)
    assert scenario["neutral"] == library.scenario("layer-norm").neutral
    domain = PlainDomain(DomainKind.REAL, edges=(float("nan"), b"\x00"))
    assert json.loads(json.dumps(as_data(domain), allow_nan=False))["edges"] == ["nan", r"b'\x00'"]


def test_types_are_said_as_in_yaml() -> None:
    words = {str | None: "text or null", tuple[int, ...]: "list of integer", object: "object"}
    assert {hint: in_words(hint) for hint in words} == words
