"""Reports for people: HTML, Markdown, the terminal.

Templates only loop and print. Whatever they print passes through one function that makes
hidden characters visible and escapes the rest, so a template cannot forget to.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.model import Results
from harness.printable import visible
from harness.report.view import Page, details, page
from harness.results.csv import write_csv
from harness.results.files import replace_file, together
from harness.results.junit import write_junit
from harness.results.write import write_results
from harness.summary.numbers import percent
from harness.summary.sentences import detection_of, reader_words, words_of
from harness.summary.tables import Summary, summarise

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_html", "render_markdown", "write_pages", "write_reports"]

_FOLDER: Final = Path(__file__).parent


def render_html(results: Results) -> str:
    """The report as HTML that needs no network, and no script to be readable.

    All in one file, but for a run so large that its submissions are in files of their own:
    see ``write_pages``.
    """
    return "".join(_html("report.html.j2", page=page(results, summarise(results))))


def _render_parts(whole: Page) -> Iterator[tuple[str, Iterator[str]]]:
    """Name and text of each further file of a large run; take the one before asking for more."""
    parts = whole.parts
    rest = details(whole.results, whole.summary) if parts else iter(())
    for place, part in enumerate(parts):
        yield (
            part.href,
            _html(
                "part.html.j2",
                part=part,
                before=parts[place - 1] if place else None,
                after=parts[place + 1] if place + 1 < len(parts) else None,
                details=islice(rest, part.last - part.first + 1),
            ),
        )


def _html(template: str, **values: object) -> Iterator[str]:
    """The page in pieces, each made when it is asked for."""
    from markupsafe import Markup

    style = (_FOLDER / "style.css").read_text(encoding="utf-8")
    script = (_FOLDER / "templates" / "page.js.j2").read_text(encoding="utf-8")
    return (
        _environment(_visible)
        .get_template(template)
        .generate(
            values,
            style=Markup(style),
            script=Markup(script),
            # The browser runs and applies these two and nothing that a reply may smuggle in.
            policy=(
                "default-src 'none'; base-uri 'none'; form-action 'none'; "
                f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
            ),
        )
    )


def render_markdown(results: Results) -> str:
    """The same in short as GitHub-flavoured Markdown, e.g. for a job summary."""
    return _markdown_of(page(results, summarise(results)))


def _markdown_of(whole: Page) -> str:
    template = _environment(_markdown).get_template("report.md.j2")
    text = template.render(page=whole, fenced=_fenced)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write_reports(results: Results, summary: Summary, folder: str | os.PathLike[str]) -> Path:
    """Write every format into ``folder``, all or none; the path of ``report.html``."""
    with together(Path(folder)) as draft:
        write_results(results, draft / "results.json")
        write_csv(results, draft / "results.csv")
        write_junit(results, summary, draft / "junit.xml")
        _write_pages(results, summary, draft)
    return Path(folder) / "report.html"


def write_pages(results: Results, summary: Summary, folder: Path) -> Path:
    """Write what people read, all or none; the path of ``report.html``."""
    with together(folder) as draft:
        _write_pages(results, summary, draft)
    return folder / "report.html"


def _write_pages(results: Results, summary: Summary, folder: Path) -> None:
    whole = page(results, summary)
    replace_file(folder / "report.md", _markdown_of(whole))
    for name, text in _render_parts(whole):
        replace_file(folder / name, text)
    replace_file(folder / "report.html", _html("report.html.j2", page=whole))


def _environment(prepare: Callable[[object], object]) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=prepare,
    )
    environment.filters["percent"] = percent
    environment.globals["words_of"] = words_of
    environment.globals["reader_words"] = reader_words
    environment.globals["detection_of"] = detection_of
    return environment


def _visible(value: object) -> object:
    """What a template prints, before it is escaped for HTML."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(str(value))
    return value


# What means something to GitHub inside a line; the last three also keep mentions and links away.
_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]#|~!<>&$@]|(?<=:)//|(?<=www)\.|(?<=WWW)\.")


def _markdown(value: object) -> object:
    """What a template prints, as one line of inert Markdown."""
    from markupsafe import Markup

    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    line = " ".join(visible(str(value)).split())
    return Markup(_MARKDOWN.sub(_inert, line))


def _fenced(code: str, language: str = "python") -> object:
    """A block of code that nothing in it can end."""
    from markupsafe import Markup

    code = visible(code).strip("\n")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", code)), default=2))
    return Markup(f"{ticks}{language}\n{code}\n{ticks}")


def _inert(found: re.Match[str]) -> str:
    text = found[0]
    if text in "<>&@$":
        return f"&#{ord(text)};"
    if text in ("//", "."):
        return "".join(f"&#{ord(c)};" for c in text)
    return f"\\{text}"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
