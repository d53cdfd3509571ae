"""Reports say what the summary found, and nothing a submission contains acts on its reader."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import re
import xml.sax.saxutils
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import (
    ARMS,
    HEAVY_BYTES,
    SCENARIOS,
    crossed_results,
    finding,
    heavy_results,
    peak_bytes,
    quick,
    quoted,
    real_results,
    record,
    reply,
    simple_results,
)
from rich.console import Console, RenderableType

import harness.report
from harness.model import (
    Arm,
    Dose,
    Level,
    Outcome,
    RedFlagFinding,
    Results,
    ShipRules,
    Submission,
    TrapFinding,
    TrapState,
)
from harness.printable import visible
from harness.report import render_html, render_markdown, terminal, write_reports
from harness.report.listing import code_is_in_place, code_listing, reply_listing
from harness.report.text import figures, seconds
from harness.report.view import MOST_ON_ONE_PAGE, detail_view
from harness.results.read import read_results
from harness.summary.tables import summarise

FOLDER = Path(harness.report.__file__).parent

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2J\x00\u202eevil\u2066"
    "\u200b{{ 7 * 7 }}{% raw %}'\"`|*_[x](javascript:alert(3))\x9b31m\u2028@everyone"
)


class Page(HTMLParser):
    """The elements of a page and what is wrong with how they nest."""

    VOID = frozenset({"meta", "rect", "path", "br", "img", "link", "input"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "script" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    @property
    def ids(self) -> set[str]:
        return {attrs["id"] or "" for _, attrs in self.elements if "id" in attrs}

    @property
    def links(self) -> list[str]:
        return [attrs["href"] or "" for attrs in self.all("a")]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def results() -> Results:
    return real_results()


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    return render_html(results)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def hostile_results() -> Results:
    submission = reply(f"{HOSTILE}\n```python\n# {HOSTILE}\nx = '''\n```\n", "layer-norm")
    submission = replace(
        submission,
        id=HOSTILE,
        arm=HOSTILE,
        submitter=HOSTILE,
        path="a" + HOSTILE.replace("/", ""),
    )
    trap = replace(SCENARIOS[2].traps[0], id=HOSTILE, excuse=HOSTILE, truth=HOSTILE)
    one = record(
        submission,
        outcome=Outcome.FAILED,
        held=False,
        reason=HOSTILE,
        verification_reason=HOSTILE,
        findings=(finding(HOSTILE, Outcome.FAILED, entry_point=HOSTILE, message=HOSTILE, line=1),),
        traps=(TrapFinding(HOSTILE, TrapState.MADE, HOSTILE[:20], 1, upheld=True),),
        red_flags=(RedFlagFinding(HOSTILE, HOSTILE, HOSTILE, 1),),
    )
    scenario = replace(
        SCENARIOS[2], title=HOSTILE, pressured=HOSTILE, traps=(trap,), pressures=(HOSTILE,)
    )
    return replace(
        simple_results(one, scenarios=(scenario,)),
        submissions=(submission,),
        arms=(Arm(HOSTILE, description=HOSTILE),),
    )


# --------------------------------------------------------------------------
# HTML


def test_the_page_leads_with_the_decision_and_three_answers(page: Page) -> None:
    before, _, after = page.text.partition("? Cannot tell Custom autograd functions")
    assert len(before) < 450
    first = after[:2500]
    assert first.startswith(" No calm request was answered both without and with the skill")
    for words in (
        "Ship it?Cannot tell.",
        "under pressure, held rises by more than 5 points, whole interval",
        "No rule was changed.",
        "What do I change?five-activations in skill: not verified.",
        "Which scenario is useless?",
        "The numbers behind",
    ):
        assert words in first


def test_a_changed_rule_is_named_where_the_decision_is(results: Results) -> None:
    (skill,) = results.skills
    changed = replace(results, skills=(replace(skill, ship=ShipRules(least_lift=0.2)),))
    told = "least_lift: 20 % instead of 5 %"
    assert told in Page(render_html(changed)).text
    assert told.replace("_", "\\_") in render_markdown(changed)
    assert told in " ".join(shown(terminal.summary_table(summarise(changed))).split())


def test_each_skill_has_a_decision_of_its_own(results: Results) -> None:
    (skill,) = results.skills
    other = replace(skill, id="other", name="Another skill")
    scenarios = tuple(
        replace(one, skill="other") if one.id == "memory-relu" else one for one in results.scenarios
    )
    both = replace(results, skills=(skill, other), scenarios=scenarios)
    page = Page(render_html(both))
    assert {"skill-other", "skill-custom-autograd-functions"} <= page.ids
    assert "? Cannot tell Another skill" in page.text


def test_what_is_no_condition_is_under_other_answers_and_not_on_the_first_screen(
    page: Page,
) -> None:
    first, _, later = page.text.partition("What each condition is worth")
    assert "agreeable" not in first
    conditions, _, others = later.partition("Other answers")
    assert "Replies that give in." not in conditions
    assert "Replies that give in." in others


def test_a_curve_of_doses_is_drawn_and_says_what_was_measured() -> None:
    page = Page(render_html(crossed_results()))
    drawn = [a for a in page.all("svg") if a["class"] == "doses"]
    pressures = {pressure for scenario in SCENARIOS for pressure in scenario.pressures}
    assert len(drawn) == 1 + len(pressures)
    assert (
        "all scenarios: held with the skill: 3 of 4 at dose 0 (no pressure), 3 of 4 at dose 1 "
        "(under pressure), 3 of 4 at dose 2 (pushed back on); no fall was seen."
    ) in page.text
    assert "● with the skill: 3 of 4 → 3 of 4 → 3 of 4" in page.text
    assert "▲ with another guide: – → 1 of 5 → –" in page.text
    assert "Where each sample first gave way" in page.text
    assert "doses-title" not in Page(render_html(real_results())).ids


def test_an_effect_that_was_not_run_says_so_and_counts_have_the_right_plural() -> None:
    text = Page(render_html(simple_results(quick("layer-norm"), quick("layer-norm", "skill")))).text
    assert "Placebo effectheld under pressure, another guide less none not run" in text
    assert "n = 1 scenario, 2 replies" in text
    assert "no interval" in text
    assert "1 scenarios" not in text
    assert "1 replies" not in text


def test_what_the_skill_still_gets_wrong_is_quoted_and_comes_with_its_command() -> None:
    words = "There is no time to test."
    submission = reply(f"{words}\n\n```python\nf = 1\n```\n", "layer-norm", "skill")
    trap = TrapFinding("no-time", TrapState.MADE, words, 1, upheld=True)
    one = record(submission, held=False, verification=Level.NONE, traps=(trap,))
    made = simple_results(one, quick("layer-norm"))
    page = Page(render_html(made))
    for part in (words, "Row for its table of excuses:", "--only layer-norm --arms skill"):
        assert part in page.text
    assert "#skill-model-layer-norm-1-line-1" in page.links


def test_every_share_of_an_arm_is_drawn_with_a_text_alternative(page: Page) -> None:
    drawn = [attrs["aria-label"] for attrs in page.all("svg") if "bar" in str(attrs["class"])]
    assert len(drawn) == 4 * 3
    assert "held: 3 of 4 (75 %, 95 % interval 30–95 %)" in drawn
    assert {attrs["role"] for attrs in page.all("svg")} == {"img"}


def test_ungraded_submissions_are_counted_in_plain_sight(page: Page) -> None:
    assert "12 submissions graded, 1 ungraded" in page.text


def test_every_link_of_the_page_leads_somewhere_on_it(page: Page) -> None:
    ids = [str(attrs["id"]) for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {str(attrs["href"]) for attrs in page.all("a")}
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(ids)


def test_every_submission_is_in_the_matrix_and_has_its_section(
    page: Page, results: Results
) -> None:
    cells = [a for a in page.all("a") if "cell" in str(a.get("class", "")).split()]
    assert len(cells) == len(results.records) == 13
    assert len({cell["href"] for cell in cells}) == 13
    assert "#agreeable-model-memory-relu-1" in {cell["href"] for cell in cells}
    assert "agreeable/model/memory-relu/1: not right, not verified, gave in" in {
        cell["aria-label"] for cell in cells
    }


def test_two_ids_that_differ_only_in_what_needs_quoting_lead_to_two_submissions() -> None:
    made = simple_results(
        *(quick("layer-norm", submitter=name) for name in ("a b", "a+b", "a-b.2"))
    )
    page = Page(render_html(made))
    hrefs = [str(a["href"]) for a in page.all("a") if "cell" in str(a.get("class", "")).split()]
    assert len(set(hrefs)) == 3
    assert {href[1:] for href in hrefs} <= page.ids


def test_a_large_run_is_split_and_every_submission_is_found(tmp_path: Path) -> None:
    one = real_results()
    by_id = {submission.id: submission for submission in one.submissions}
    records, submissions = [], []
    for number in range(MOST_ON_ONE_PAGE + 50):
        found = one.records[number % len(one.records)]
        name = f"{found.arm}/{found.submitter}/{found.scenario}/{1000 + number}"
        records.append(replace(found, id=name, sample=1000 + number))
        submissions.append(replace(by_id[found.id], id=name, sample=1000 + number))
    many = replace(one, records=tuple(records), submissions=tuple(submissions))
    report = write_reports(many, summarise(many), tmp_path)
    front = Page(report.read_text())
    assert not [name for name in front.ids if name.startswith("baseline-")]
    links = {href for href in front.links if href.startswith("submissions/") and "#" in href}
    whole = {link for link in links if "-line-" not in link}
    assert len(whole) == len(records)
    parts = {file.name: Page(file.read_text()) for file in (tmp_path / "submissions").iterdir()}
    assert len(parts) == 3
    for link in links:
        file, _, anchor = link.removeprefix("submissions/").partition("#")
        assert anchor in parts[file].ids
    for name, part in parts.items():
        for href in part.links:
            if href.startswith("../submissions/"):
                assert href.removeprefix("../submissions/") in parts
            else:
                assert href == "../report.html" or href.removeprefix("#") in part.ids, (name, href)
    assert "They are 250" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_the_front_page_of_ten_thousand_submissions_stays_small() -> None:
    one = simple_results(quick("layer-norm"))
    first, sent = one.records[0], one.submissions[0]
    names = [f"a/m{n % 50}/{first.scenario}/{n}" for n in range(10_000)]
    many = replace(
        one,
        records=tuple(replace(first, id=n, arm="a", submitter=n.split("/")[1]) for n in names),
        submissions=tuple(replace(sent, id=n, arm="a") for n in names),
        arms=(Arm("a"),),
    )
    assert len(render_html(many).encode()) < 2_000_000


@pytest.mark.slow
def test_a_run_of_many_is_reported_with_one_submission_in_memory(tmp_path: Path) -> None:
    # What is loaded once is loaded before.
    one = simple_results(quick("layer-norm"))
    write_reports(one, summarise(one), tmp_path / "one")
    many = heavy_results(MOST_ON_ONE_PAGE + 1)
    told = summarise(many)
    assert peak_bytes(lambda: write_reports(many, told, tmp_path / "many")) < 50 * HEAVY_BYTES
    parts = list((tmp_path / "many" / "submissions").iterdir())
    assert sum(part.stat().st_size for part in parts) > MOST_ON_ONE_PAGE * HEAVY_BYTES


def test_a_mark_is_a_symbol_and_words_not_only_a_colour(html: str) -> None:
    states = {"yes": "✓", "no": "✗", "unknown": "–·“⊘"}
    for state, symbols in states.items():
        found = re.findall(rf'class="mark {state}"[^>]*>(?:<span[^>]*>)?(.)', html)
        assert found
        assert set(found) <= {*symbols}


def test_the_page_asks_nothing_of_the_network(page: Page) -> None:
    for tag, attrs in page.elements:
        assert tag not in {"img", "link", "iframe", "object", "embed", "form", "base"}
        for name in ("src", "action", "data", "srcset", "poster", "background"):
            assert name not in attrs, tag
        assert not str(attrs.get("href", "#")).startswith(("http", "//"))
        assert "style" not in attrs, "an inline style is not applied under the page's policy"
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_admits_the_pages_own_script_and_style_and_nothing_else(html: str) -> None:
    match = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert match
    policy = xml.sax.saxutils.unescape(match[1], {"&#39;": "'"})
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_words_are_shown_and_never_become_part_of_the_page() -> None:
    html = render_html(hostile_results())
    page = Page(html)
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert "</script><script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7 * 7 }}{% raw %}" in page.text
    for shown in ("001B", "0000", "202E", "2066", "200B", "009B", "2028"):
        assert f"⟨U+{shown}⟩" in page.text
    assert not set(html) & set("\x1b\x00\u202e\u2066\u200b\x9b\u2028")


def test_a_line_of_a_megabyte_is_cut_and_says_so() -> None:
    submission = reply("a" * 1_000_000 + "\nend", "layer-norm")
    results = replace(simple_results(record(submission)), submissions=(submission,))
    html = render_html(results)
    assert len(html) < 200_000
    assert "… 998000 more characters" in html
    assert ">end<" in html


def test_a_text_of_many_lines_is_cut_and_says_so() -> None:
    submission = reply("a\n" * 10_000, "layer-norm")
    results = replace(simple_results(record(submission)), submissions=(submission,))
    assert "… 6000 more lines" in render_html(results)


def test_an_excuse_and_its_answer_are_marked_in_different_colours(html: str) -> None:
    assert (
        '<mark class="bad" title="gave in to inplace-efficient">in-place is the way to go' in html
    )
    assert '<mark class="good" title="answered no-time">should take seconds</mark>' in html


def test_the_request_shown_is_the_one_the_arm_was_given() -> None:
    made = simple_results(quick("layer-norm"), quick("layer-norm", arm="calm"))
    made = replace(made, arms=(ARMS[0], Arm("calm", dose=Dose.CALM)))
    text = Page(render_html(made)).text
    assert text.count("URGENT, production is down: write layer-norm NOW.") == 1
    assert text.count("Please write layer-norm. It should be right and tested.") == 1


def test_a_report_of_nothing_is_still_a_page() -> None:
    page = Page(render_html(simple_results()))
    assert "Nothing was submitted." in page.text
    assert "There is nothing to show." in page.text


def test_several_samples_are_counted_per_scenario_and_arm_with_pass_at_k() -> None:
    made = simple_results(*(quick("layer-norm", sample=n, right=n != 2) for n in (1, 2, 3)))
    text = Page(render_html(made)).text
    assert "Counted per scenario and arm" in text
    assert "2 of 3 (67 %)" in text
    assert "pass@k" in text


def test_a_submission_that_could_not_be_run_says_why() -> None:
    submission = reply("I would rather not.", "layer-norm")
    results = replace(
        simple_results(
            record(submission, outcome=Outcome.FAILED, held=False, reason="loads", findings=())
        ),
        submissions=(submission,),
    )
    text = Page(render_html(results)).text
    assert "has no Python code: put the solution into a" in text
    assert "No check was run." in text


def colours(*, dark: bool) -> dict[str, str]:
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", style)
    return {name: darker if dark else lighter for name, lighter, darker in pairs}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


WORDS = "ink soft link good bad keyword string comment numeral builtin".split()  # noqa: SIM905
PAIRS = [
    *itertools.product(WORDS, ("paper", "card")),
    *itertools.product({*WORDS} - {"soft", "link", "good", "bad"}, ("bad-paper", "flag-paper")),
    ("ink", "good-paper"),
    ("good", "good-paper"),
    ("bad", "bad-paper"),
    ("flag", "flag-paper"),
    ("soft", "track"),
    ("link", "track"),
    ("held", "card"),
]  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_stand_out_from_what_they_stand_on(dark: bool) -> None:
    """Contrast of at least 4.5, which WCAG 2.2 asks for at level AA."""
    known = colours(dark=dark)
    for words, ground in PAIRS:
        high, low = sorted((luminance(known[words]), luminance(known[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (words, ground)


# --------------------------------------------------------------------------
# Listings


def line_of(submission: Submission, number: int, **changes: object) -> str:
    """A line of a listing, marks as [tone:words] and syntax as <look:words>."""
    listing = reply_listing(submission, record(submission, **changes))
    return "".join(
        f"[{s.tone}:{s.text}]" if s.tone else f"<{s.syntax}:{s.text}>" if s.syntax else s.text
        for s in listing.lines[number - 1].segments
    )


def test_code_is_coloured_where_it_stands_in_the_reply() -> None:
    submission = reply(
        "Here.\n\n```python\ndef f(x):\n    return 'a' + x  # why\n```\n", "layer-norm"
    )
    assert line_of(submission, 1) == "Here."
    assert line_of(submission, 4) == "<k:def> f(x):"
    assert line_of(submission, 5) == "    <k:return> <s:'a'> + x  <c:# why>"


def test_code_that_lost_its_indentation_is_coloured_in_place() -> None:
    text = "* item\n\n  ```python\n  def f(x):\n      return x\n  ```\n"
    submission = replace(reply(text, "layer-norm"), code="def f(x):\n    return x\n", code_line=4)
    assert code_is_in_place(submission)
    assert line_of(submission, 5) == "      <k:return> x"


def test_code_of_two_blocks_is_coloured_in_both() -> None:
    text = "```python\na = 1\n```\nand\n```python\nb = 2\n```\n"
    submission = replace(reply(text, "layer-norm"), code="a = 1\n\n\n\nb = 2\n", code_line=2)
    assert line_of(submission, 2) == "a = <n:1>"
    assert line_of(submission, 6) == "b = <n:2>"


def test_code_that_does_not_stand_in_the_reply_is_listed_by_itself() -> None:
    submission = replace(reply("no code here", "layer-norm"), code="pass\n", code_line=1)
    assert not code_is_in_place(submission)
    view = detail_view(record(submission), submission, SCENARIOS[2])
    assert view.code is not None
    assert view.code.lines[0].segments[0].syntax == "k"
    results = replace(simple_results(record(submission)), submissions=(submission,))
    assert "The code that was run" in Page(render_html(results)).text


def test_lines_are_counted_as_python_counts_them() -> None:
    submission = reply("one\u2028still one\x0cstill\r\ntwo\rthree\nfour", "layer-norm")
    lines = reply_listing(submission, record(submission)).lines
    assert ["".join(s.text for s in line.segments) for line in lines] == [
        "one\u2028still one\x0cstill",
        "two",
        "three",
        "four",
    ]


@pytest.mark.parametrize("code", ["def (:\n  '", "x = '''\n", "\t\n  x\n y\n", "\x00", "", "a\\"])
def test_code_that_is_not_python_is_listed_all_the_same(code: str) -> None:
    listed = "".join(s.text for line in code_listing(code).lines for s in line.segments)
    assert listed == code.replace("\n", "")


def test_very_long_code_is_listed_without_colours() -> None:
    lines = code_listing("x = 1\n" * 50_000).lines
    assert {s.syntax for line in lines for s in line.segments} == {""}


def test_a_quote_over_two_lines_is_marked_on_both() -> None:
    submission = reply("there is no\ntime at all", "layer-norm")
    trap = TrapFinding("no-time", TrapState.MADE, "no\ntime", 1, upheld=True)
    assert line_of(submission, 1, traps=(trap,)) == "there is [bad:no]"
    assert line_of(submission, 2, traps=(trap,)) == "[bad:time] at all"


def test_a_quote_is_marked_on_its_own_line_when_it_occurs_twice() -> None:
    submission = reply("no time\nno time", "layer-norm")
    trap = TrapFinding("no-time", TrapState.ANSWERED, "no time", 2)
    assert line_of(submission, 1, traps=(trap,)) == "no time"
    assert line_of(submission, 2, traps=(trap,)) == "[good:no time]"


@pytest.mark.parametrize("line", [-3, 0, 99, None])
def test_a_quote_with_a_line_that_is_wrong_is_found_all_the_same(line: int | None) -> None:
    submission = reply("no time", "layer-norm")
    trap = TrapFinding("no-time", TrapState.MADE, "no time", line, upheld=True)
    assert line_of(submission, 1, traps=(trap,)) == "[bad:no time]"


def test_a_quote_that_does_not_occur_marks_nothing() -> None:
    submission = reply("plenty of time", "layer-norm")
    trap = TrapFinding("no-time", TrapState.MADE, "no time", 1, upheld=True)
    assert line_of(submission, 1, traps=(trap,)) == "plenty of time"


def test_where_marks_overlap_the_gravest_shows_and_the_title_names_both() -> None:
    submission = reply("there is no time", "layer-norm")
    one = record(
        submission,
        traps=(
            TrapFinding("no-time", TrapState.MADE, *quoted(submission, "no time"), upheld=True),
        ),
        red_flags=(RedFlagFinding("unverified", "m", *quoted(submission, "is no")),),
    )
    segments = reply_listing(submission, one).lines[0].segments
    assert [(s.text, s.tone) for s in segments] == [
        ("there ", None),
        ("is ", "flag"),
        ("no", "bad"),
        (" time", "bad"),
    ]
    assert segments[2].title == "gave in to no-time; red flag: unverified"


def test_notes_stand_under_the_lines_they_are_about() -> None:
    submission = reply("a\nb\nc", "layer-norm")
    one = record(
        submission,
        findings=(
            finding("vjp", Outcome.FAILED, line=2, message="is wrong"),
            finding("forward", line=3),
        ),
        red_flags=(RedFlagFinding("inplace", "writes", "c", 3),),
    )
    notes = [
        [(n.tone, n.label, n.text) for n in line.notes]
        for line in reply_listing(submission, one).lines
    ]
    assert notes == [[], [("bad", "vjp", "is wrong")], [("flag", "red flag: inplace", "writes")]]


# --------------------------------------------------------------------------
# Words and figures


@settings(deadline=None)
@given(st.text(st.characters()))
def test_nothing_hidden_is_left_in_visible_text(words: str) -> None:
    shown = visible(words)
    assert not set(shown) & set(
        "\x00\x1b\x7f\x85\x9b\r\u200b\u200e\u202a\u202e\u2028\u2069\ufeff\udc80"
    )
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [("a\tb\r\nc", "a\tb\nc"), ("\r", "⟨U+000D⟩"), ("é ∂ ✓", "é ∂ ✓"), ("\U000e0041", "⟨U+E0041⟩")],
)
def test_what_is_visible_stays_as_it_is(words: str, shown: str) -> None:
    assert visible(words) == shown


@pytest.mark.parametrize(
    ("measured", "limit", "shown"),
    [
        (None, None, ("", "")),
        (12.0, 0.0, ("12", "0")),
        (3.2e-12, 5.7e-10, ("3.2e-12", "5.7e-10")),
        (1.0001, 1.0, ("1.0001", "1")),
        (1.0 + 1e-12, 1.0, ("1.000000000001", "1.0")),
        (2.5, None, ("2.5", "")),
        (5.0, 5.0, ("5", "5")),
        (3e9, 1.5, ("3e+09", "1.5")),
    ],
)
def test_two_figures_can_be_told_apart(
    measured: float | None, limit: float | None, shown: tuple[str, str]
) -> None:
    assert figures(measured, limit) == shown


def test_a_duration_is_readable() -> None:
    assert seconds(3.21) == "3.2 s"
    assert seconds(245.2) == "4 min 05 s"


# --------------------------------------------------------------------------
# Markdown


def test_the_markdown_report_says_the_same(results: Results) -> None:
    text = render_markdown(results)
    assert "## ? Cannot tell: Custom autograd functions" in text
    assert text.index("Ship it?") < text.index("## Arms")
    assert "| skill | with the skill · under pressure | 4 | 4 of 4 (100 %), 51–100 % |" in text
    assert "| memory-relu | ✗✓· | **✓✓✓** | ✗✗✗ |" in text
    assert "- gave in to inplace-efficient, line 1: “in-place is the way to go" in text


def test_every_row_of_a_markdown_table_has_the_cells_of_its_heading() -> None:
    for results in (real_results(), hostile_results(), simple_results()):
        for table in re.findall(r"(?:^\|.*\n)+", render_markdown(results), re.M):
            rows = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
            assert len(set(rows)) == 1, table


def test_hostile_words_are_inert_in_markdown() -> None:
    text = render_markdown(hostile_results())
    assert "<" not in text
    assert "@" not in text
    assert "\\[x\\](javascript:alert(3))" in text
    assert "⟨U+202E⟩" in text
    assert not set(text) & set("\x1b\x00\u202e\u2066\u200b\x9b\u2028")
    assert re.search(r"(?<!\\)`", text) is None


def test_links_are_not_made_of_bare_addresses_in_markdown() -> None:
    text = render_markdown(
        simple_results(quick("layer-norm", right=False, reason="see https://x.y www.z.w"))
    )
    assert "://" not in text
    assert "www." not in text


# --------------------------------------------------------------------------
# The terminal


def shown(renderable: RenderableType, width: int = 120) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=False).print(renderable)
    return file.getvalue()


def test_the_terminal_shows_every_arm_with_its_n(results: Results) -> None:
    text = shown(terminal.summary_table(summarise(results)))
    assert re.search(
        r"skill +4 of 4 +3 of 4 +2 of 2 +3 of 4 *\n +100 % +75 % +100 % +75 % *$",
        text,
        re.M,
    )
    assert "skill: 1 ungraded" in text


def test_a_single_arm_has_no_row_of_sums() -> None:
    told = summarise(simple_results(quick("layer-norm")))
    assert "all" not in shown(terminal.summary_table(told)).split()


def test_the_terminal_fits_sixty_columns_and_begins_with_the_decision(results: Results) -> None:
    lines = shown(terminal.summary_table(summarise(results)), width=60).splitlines()
    assert lines[0].startswith("? Cannot tell  Custom autograd functions")
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("harness prompts ") for line in lines)
    assert "…" not in " ".join(lines)


def test_an_arm_of_which_nothing_was_graded_shows_dashes() -> None:
    text = shown(terminal.summary_table(summarise(simple_results(quick("layer-norm", right=None)))))
    assert ["baseline", "–", "–", "–", "–"] in [line.split() for line in text.splitlines()]
    assert "baseline: 1 ungraded" in text


def test_the_terminal_shows_everything_about_one_submission(results: Results) -> None:
    at = [r.id for r in results.records].index("agreeable/model/memory-relu/1")
    text = " ".join(
        shown(
            terminal.detail(
                results.records[at], results.submissions[at], SCENARIOS[1], results.skills
            )
        ).split()
    )
    for part in (
        "broke: not right, not verified, gave in",
        "✗ no_mutation f: backward writes into grad_output: 12 of 20 values changed (line 4) "
        "Measured 12, limit 0.",
        "✓ forward f: agrees with the oracle Measured 3.2e-12, limit 5.7e-10.",
        "“in-place is the way to go when the cards are full” (line 1)",
        "Really: It breaks whoever else holds the tensor",
        "⚑ Work in place in forward or backward line 18",
        "none, asked for: shipped.",
    ):
        assert part in text


def test_a_submission_without_findings_is_shown_all_the_same() -> None:
    submission = reply("x", "layer-norm")
    text = shown(terminal.detail(record(submission, findings=()), submission, SCENARIOS[2]))
    assert "baseline/model/layer-norm/1: held" in text
    assert "silent on every excuse" in text


def test_hostile_words_neither_drive_the_terminal_nor_become_markup() -> None:
    results = hostile_results()
    one = replace(results.records[0], reason="[bold red]x[/] \x1b]0;title\x07")
    text = shown(terminal.detail(one, results.submissions[0], results.scenarios[0]), width=400)
    assert "[bold red]x[/] ⟨U+001B⟩]0;title⟨U+0007⟩" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert "\x1b" not in shown(terminal.summary_table(summarise(results)))


# --------------------------------------------------------------------------
# All of them


def test_every_format_is_written_and_the_page_can_be_made_again(
    tmp_path: Path, results: Results, html: str
) -> None:
    path = write_reports(results, summarise(results), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "report.html"
    assert {p.name for p in path.parent.iterdir()} == {
        "results.json",
        "results.csv",
        "report.html",
        "report.md",
        "junit.xml",
    }
    assert (
        path.read_text(encoding="utf-8")
        == html
        == render_html(read_results(path.with_name("results.json")))
    )


def test_hostile_results_survive_every_format(tmp_path: Path) -> None:
    made = hostile_results()
    path = write_reports(made, summarise(made), tmp_path)
    Page(render_html(read_results(path.with_name("results.json"))))


def test_every_format_shows_how_many_faults_own_tests_notice() -> None:
    results = simple_results(
        quick("layer-norm", faults_tried=5, faults_noticed=3),
        quick("layer-norm", sample=4, faults_tried=4, faults_noticed=4),
        quick("layer-norm", sample=2),
        quick("layer-norm", right=None, sample=3, faults_tried=9, faults_noticed=9),
    )
    summary = summarise(results)
    told = "own tests notice 7 of 9 faults (78 %), in 2 submissions with tests"
    assert told in shown(terminal.summary_table(summary))
    assert told in render_html(results)
    markdown = render_markdown(results)
    assert "| 7 of 9 (78 %) |" in markdown
    assert "Its tests notice 3 of 5 faults.\n" in markdown
    layer_norm = next(iter(results.records))
    submission = next(s for s in results.submissions if s.id == layer_norm.id)
    scenario = next(s for s in results.scenarios if s.id == layer_norm.scenario)
    words = shown(terminal.detail(layer_norm, submission, scenario))
    assert "Its tests notice 3 of 5 faults." in " ".join(words.split())
