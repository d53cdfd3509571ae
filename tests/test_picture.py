"""Pictures show what was expected beside what came, small, safe and in words too."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from made_results import finding, quick, simple_results
from rich.console import Console

import harness
from harness.model import Outcome, Picture
from harness.report import render_html, render_markdown
from harness.report.picture import Drawing, draw
from harness.report.terminal import detail
from harness.results.read import read_results
from harness.results.write import write_results

CURVE = Picture(
    "curve",
    "the gradient of x",
    "x (33, 40)",
    tuple(i / 40 - 2 for i in range(160)),
    0,
    tuple((i / 40 - 2) ** 2 for i in range(160)),
    tuple(None if i == 7 else (i / 40 - 2) ** 3 for i in range(160)),
)
MAP = Picture(
    "map", "the gradient of w", "w (12, 16)", (), 16,
    tuple((-1.0) ** i * i / 192 for i in range(192)),
    tuple(None if i == 3 else i / 192 for i in range(192)),
)  # fmt: skip
# A kind that earlier versions made.
PAIRS = Picture("pairs", "the gradient of β", "4 cases", (), 0, (1.0, 2.0, -3.0, 4.0), (0.0,) * 4)
EVERY = pytest.mark.parametrize("picture", [CURVE, MAP], ids=lambda p: p.kind)


def drawn(picture: Picture) -> Drawing:
    drawing = draw(picture, "a")
    assert drawing is not None
    return drawing


def tree(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(drawn(picture).svg)


@EVERY
def test_a_picture_is_well_formed_small_and_says_the_same_in_words(picture: Picture) -> None:
    svg = drawn(picture).svg
    root = tree(picture)
    assert len(svg) <= 20_000
    title, description = root.find("title"), root.find("desc")
    assert title is not None
    assert title.text is not None
    assert picture.what in title.text
    assert description is not None
    assert "largest difference" in (description.text or "")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    # The page's policy forbids inline styles, and colours must follow light and dark.
    assert "style=" not in svg
    assert "#" not in svg


@EVERY
def test_everything_is_drawn_inside_the_frame(picture: Picture) -> None:
    root = tree(picture)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    starts = re.findall(r"M(-?[\d.]+) (-?[\d.]+)", drawn(picture).svg)
    assert starts
    assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in starts)


def test_values_that_are_not_finite_are_counted_in_words_and_crossed_out() -> None:
    assert "1 values are not finite" in drawn(MAP).svg
    assert 'class="cell none"' in drawn(MAP).svg


def test_a_negative_cell_differs_from_a_positive_one_without_colour() -> None:
    assert 'class="sign"' in drawn(MAP).svg


def test_one_wild_value_does_not_flatten_the_curve() -> None:
    got = tuple(1e9 if i == 5 else 1.0 for i in range(160))
    svg = drawn(replace(CURVE, got=got)).svg
    assert "1 beyond the frame" in svg


@pytest.mark.parametrize("value", [0.0, 1.0, -1e-300, 1e300])
@EVERY
def test_constant_pictures_can_be_drawn(picture: Picture, value: float) -> None:
    same = tuple(value for _ in picture.expected)
    assert drawn(replace(picture, expected=same, got=same)).svg


def test_a_picture_without_a_single_number_can_be_drawn() -> None:
    none = tuple(None for _ in CURVE.expected)
    for picture in (CURVE, replace(MAP, expected=none[:16], got=none[:16])):
        assert drawn(replace(picture, got=tuple(None for _ in picture.got))).svg


def test_words_of_a_submission_cannot_leave_the_picture() -> None:
    drawing = drawn(replace(CURVE, what='</svg><script>"', about="\u202e<b>"))
    ElementTree.fromstring(drawing.svg)
    assert "<script" not in drawing.svg


def test_reports_show_diagnosis_snippet_and_picture_and_files_keep_them(tmp_path: Path) -> None:
    shown = replace(
        finding("vjp"),
        outcome=Outcome.FAILED,
        diagnosis="The gradient of x is 2 times the right one everywhere.",
        snippet="import torch\n# ``` </pre><script>\nprint(1)\n",
        picture=CURVE,
    )
    results = simple_results(quick("layer-norm", findings=(shown,)))
    page = render_html(results)
    assert "The gradient of x is 2 times the right one everywhere." in page
    assert page.count('<svg class="picture"') == 1
    assert "&lt;/pre&gt;&lt;script&gt;" in page
    words = render_markdown(results)
    assert "**The gradient of x is 2 times the right one everywhere.**" in words
    assert "````python\nimport torch" in words
    write_results(results, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == results


def test_one_diagnosis_of_several_checks_is_told_once_before_them() -> None:
    said = "The gradient of x is 2 times the right one everywhere."
    snippet = f"x = torch.tensor([{', '.join(['1.25'] * 60)}])"
    found = tuple(
        replace(finding(kind), outcome=Outcome.FAILED, diagnosis=said, snippet=snippet)
        for kind in ("vjp", "dtypes", "layouts")
    )
    results = simple_results(quick("layer-norm", findings=found))
    page, words = render_html(results), render_markdown(results)
    for text in (page, words):
        assert text.count(said) == 1
        assert "found by vjp, dtypes, layouts" in text[text.index(said) :]
    console = Console(width=60, record=True, file=io.StringIO())
    record, submission = results.records[0], results.submissions[0]
    console.print(detail(record, submission, results.scenarios[0]), crop=False)
    shown = console.export_text()
    assert shown.count(said) == 1
    assert shown.index(said) < shown.index("✗ vjp")
    assert snippet in shown  # in one line, to be copied


def test_a_kind_that_is_not_drawn_is_kept_and_the_rest_is_shown(tmp_path: Path) -> None:
    failed = replace(
        finding("vjp"), outcome=Outcome.FAILED, diagnosis="It has the wrong sign.", picture=PAIRS
    )
    results = simple_results(quick("layer-norm", findings=(failed,)))
    write_results(results, tmp_path / "results.json")
    again = read_results(tmp_path / "results.json")
    assert again == results
    page = render_html(again)
    assert "It has the wrong sign." in page
    assert 'class="picture"' not in page


def test_a_failed_gradient_check_comes_with_its_picture() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return 2 * g * torch.cos(ctx.saved_tensors[0])

    with pytest.raises(harness.CheckFailed) as failed:
        harness.check(Doubled, lambda x: torch.sin(x), torch.linspace(-3, 3, 40).reshape(8, 5))
    picture = next(f.picture for f in failed.value.report.failures if f.check == "vjp")
    assert picture is not None
    assert picture.kind == "curve"
    for x, expected, got in zip(picture.across, picture.expected, picture.got, strict=True):
        assert expected == pytest.approx(float(torch.cos(torch.tensor(x))), abs=1e-4)
        assert got == pytest.approx(2 * (expected or 0.0), abs=1e-4)
