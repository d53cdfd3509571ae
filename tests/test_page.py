"""The report in a real browser: read, reached by keys, searched, sorted, linked to, printed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from made_results import crossed_results, quick, real_results

from harness.report import write_reports
from harness.summary.tables import summarise

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

THEMES = ("light", "dark")
# Each width and each theme; every other pair of them takes long, too.
LOOKS = [
    (360, "light"),
    (768, "dark"),
    (1280, "light"),
    *(
        pytest.param(width, theme, marks=pytest.mark.slow)
        for width, theme in ((360, "dark"), (768, "light"), (1280, "dark"))
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium or google-chrome on the path to open the report in")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'"
    )
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = crossed_results()
    return write_reports(made, summarise(made), tmp_path_factory.mktemp("report")).as_uri()


@pytest.fixture
def page(browser: Browser, report: str) -> Iterator[Page]:
    """The report, opened; no error is on the console and nothing was asked for, before or after."""
    yield from opened(browser, report)


def opened(
    browser: Browser, address: str, width: int = 1280, theme: str = "light"
) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=theme,  # type: ignore[arg-type]
    )
    found = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.on("request", lambda request: asked.append(request.url))
    found.goto(address)
    yield found
    context.close()
    assert said == []
    assert {url.partition("#")[0] for url in asked} == {address.partition("#")[0]}


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_an_audit_of_accessibility_finds_nothing_and_the_page_never_scrolls_sideways(
    browser: Browser, report: str, width: int, theme: str
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python is not installed: pip install -e '.[dev]'",
    ).Axe()
    for page in opened(browser, report, width, theme):
        page.locator("details.submission").first.evaluate("one => one.open = true")
        page.locator("details.quotes").first.evaluate("one => one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_an_audit_finds_nothing_in_a_report_on_two_skills_and_in_two_answers_side_by_side(
    browser: Browser, tmp_path: Path
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python is not installed: pip install -e '.[dev]'",
    ).Axe()
    one = crossed_results()
    skills = (*one.skills, replace(one.skills[0], id="other", name="Another skill"))
    scenarios = (*one.scenarios[:2], *(replace(s, skill="other") for s in one.scenarios[2:]))
    two = replace(one, skills=skills, scenarios=scenarios)
    address = write_reports(two, summarise(two), tmp_path).as_uri()
    for page in opened(browser, address, 360, "dark"):
        assert page.locator("a.verdict").count() == 2
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("button", name="compare two answers").press("Enter")
        row = page.locator(".matrix tbody tr", has_text="memory-relu")
        row.locator("a.cell").nth(0).press("Enter")
        row.locator("a.cell").nth(1).press("Enter")
        assert page.get_by_role("dialog").is_visible()
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_the_page_follows_light_and_dark(browser: Browser, report: str) -> None:
    shades = []
    for theme in THEMES:
        for page in opened(browser, report, theme=theme):
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades.append(sum(int(part) for part in paper[4:-1].split(",")))
    light, dark = shades
    assert light > 600 > 200 > dark


@pytest.mark.parametrize(
    "name",
    ["skill-model-memory-relu-1", "skill/model/memory-relu/1", "skill-model-memory-relu-1-line-2"],
)
def test_a_link_to_a_submission_or_a_line_opens_it(
    browser: Browser, report: str, name: str
) -> None:
    for page in opened(browser, f"{report}#{name}"):
        assert page.locator("details.submission[open]").count() == 1
        assert page.locator("#skill-model-memory-relu-1").is_visible()
        assert page.evaluate("scrollY") > 0


def test_submissions_are_filtered_by_state_by_arm_and_by_words(page: Page) -> None:
    shown = page.locator("details.submission:visible")
    total = shown.count()
    page.get_by_role("button", name="broke").click()
    broke = shown.count()
    assert 0 < broke < total
    assert {one.get_attribute("data-state") for one in shown.all()} == {"broke"}
    page.locator(".filter select").select_option("agreeable")
    assert shown.count() == 3
    page.keyboard.press("/")
    page.keyboard.type("in-place is the way")
    assert shown.count() == 1
    assert page.locator("#submissions output").inner_text() == f"1 of {total} shown"


def test_a_link_opens_a_submission_that_a_filter_hides(page: Page) -> None:
    page.get_by_role("button", name="broke").click()
    page.evaluate("location.hash = '#skill-model-memory-relu-1'")
    page.wait_for_selector("#skill-model-memory-relu-1", state="visible")


def test_a_heading_sorts_its_table_and_says_how(page: Page) -> None:
    column = page.locator("#excuses th", has_text="agreeable").first
    column.get_by_role("button").press("Enter")
    assert column.get_attribute("aria-sort") == "descending"
    at = column.evaluate("head => head.cellIndex")
    values = [
        float(row.locator("th, td").nth(at).get_attribute("data-sort") or "")
        for row in page.locator("#excuses table").first.locator("tbody tr").all()
    ]
    assert values == sorted(values, reverse=True)
    column.get_by_role("button").press("Enter")
    assert column.get_attribute("aria-sort") == "ascending"


def test_two_answers_to_one_scenario_are_shown_side_by_side(page: Page) -> None:
    page.get_by_role("button", name="compare two answers").press("Enter")
    row = page.locator(".matrix tbody tr", has_text="memory-relu")
    row.locator("a.cell").nth(0).press("Enter")
    row.locator("a.cell").nth(1).press("Enter")
    pair = page.get_by_role("dialog")
    assert pair.is_visible()
    assert pair.locator(".who").all_inner_texts()[0].startswith("baseline/model/memory-relu/1")
    boxes = [one.bounding_box() for one in pair.locator(".columns > div").all()]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] < boxes[1]["x"]
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    page.keyboard.press("Escape")
    assert not pair.is_visible()


def test_everything_that_can_be_used_is_reached_by_the_tab_key_with_a_visible_focus(
    page: Page,
) -> None:
    usable = page.evaluate(
        """() => {
            const all = "a[href], button, summary, input, select, [tabindex='0']";
            window.waiting = new Set([...document.querySelectorAll(all)].filter(
                (one) => one.checkVisibility({contentVisibilityAuto: true})
            ));
            return window.waiting.size;
        }"""
    )
    assert usable > 100
    for _ in range(usable + 5):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "window.waiting.delete(document.activeElement)"
            " && getComputedStyle(document.activeElement).outlineStyle"
        )
        assert outline != "none"
    assert page.evaluate("[...window.waiting].map(one => one.outerHTML)") == []


def test_the_page_can_be_read_without_its_script(browser: Browser, report: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{report}#excuses")
    assert page.locator("#excuses table").first.is_visible()
    assert not page.locator(".filter").first.is_visible()
    page.locator("details.submission summary").first.click()
    assert page.locator("details.submission .body").first.is_visible()
    context.close()


def test_a_printed_report_has_pages_and_leaves_out_what_cannot_be_used_on_paper(
    page: Page, tmp_path: Path
) -> None:
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    page.emulate_media(media="print")
    assert not page.locator(".filter").first.is_visible()
    assert not page.locator("nav").is_visible()


def test_a_link_to_a_submission_of_a_large_run_leads_to_the_file_that_holds_it(
    browser: Browser, tmp_path: Path
) -> None:
    one = real_results()
    many = replace(one, records=tuple(quick("layer-norm", sample=n) for n in range(1, 251)))
    first = one.submissions[0]
    sent = tuple(replace(first, id=record.id, sample=record.sample) for record in many.records)
    many = replace(many, submissions=sent)
    address = write_reports(many, summarise(many), tmp_path).as_uri()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}#baseline/model/layer-norm/250")
    page.wait_for_selector("#baseline-model-layer-norm-250", state="visible")
    assert "submissions/0003.html" in page.url
    context.close()
