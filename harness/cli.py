"""The command line. Every command is thin; heavy modules are imported when it runs."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from harness import __version__
from harness.errors import HarnessError, Interrupted, JudgeError, ScenarioError, UsageError

if TYPE_CHECKING:
    from harness.run.run import RunProgress
    from harness.summary.tables import Summary

EXIT_GATE_FAILED, EXIT_USAGE, EXIT_UNGRADED, EXIT_INTERRUPTED = 1, 2, 3, 130
EXIT_CODES = """
\b
Exit status: 0 graded and gates met, 1 a gate failed, 2 usage or invalid scenario,
3 something could not be graded or written, 4 nothing selected, 130 interrupted.
"""


class CommandGroup(click.Group):
    """Decides the exit status: whatever ends a command comes through here."""

    def main(self, *args: Any, **extra: Any) -> Any:
        with _readers_may_leave():
            try:
                status = super().main(*args, **{**extra, "standalone_mode": False})
            except click.ClickException as error:
                error.show()
                status = error.exit_code
            except (click.Abort, KeyboardInterrupt):  # before or after the command itself
                status = _explain(KeyboardInterrupt())
            except SystemExit as leaving:
                status = leaving.code
        if not args and not extra:  # called as a program, whose status is decided
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        sys.exit(status)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, SystemExit):
            raise
        except BaseException as error:
            ctx.exit(_explain(error))


def _explain(error: BaseException) -> int:
    """Say what ended a command, in one message; returns the exit status."""
    if isinstance(error, HarnessError):
        _complain(str(error))
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _complain("interrupted")
        return EXIT_INTERRUPTED
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    if isinstance(error, OSError) and error.errno in full:
        # Where nothing nearer to the fault had words for it, above all our own output.
        _drop(sys.stdout)
        _complain(
            f"{error.filename or 'the output of this command'}: cannot be written: "
            f"{error.strerror}. Make room and give the same command again; grades in the "
            "ledger are not worked out twice."
        )
        return EXIT_UNGRADED
    _complain(
        f"internal error: {type(error).__name__}: {error}. This is a fault of the harness, not "
        "of a submission; what was graded is kept in the ledger. Please report what follows.\n"
        + "".join(traceback.format_exception(error))
    )
    return EXIT_UNGRADED


def _complain(message: str) -> None:
    with suppress(OSError):  # the exit status says it, too
        click.echo(f"harness: {message}", err=True)


class _Output:
    """A stream whose reader may leave: what is written after that is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            _drop(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            _drop(self._stream)


@contextmanager
def _readers_may_leave() -> Iterator[None]:
    """Let ``harness … | head`` end as it would have without ``head``."""
    kept = sys.stdout, sys.stderr
    # A stream is None where the caller has closed its descriptor.
    sys.stdout, sys.stderr = (cast(TextIO, _Output(one)) if one else one for one in kept)
    try:
        yield
    finally:
        for one in (sys.stdout, sys.stderr):
            if one:
                with suppress(OSError):
                    one.flush()
        sys.stdout, sys.stderr = kept


def _drop(stream: TextIO) -> None:
    """Send what ``stream`` holds, and whatever follows, to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _interruptible(kept: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C ends what is done within; ``kept`` says what was done until then."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted{kept()}, the same command goes on from there") from None


class ResultsFile(click.Path):
    """A ``results.json``, or the folder it is in."""

    def convert(self, *given: Any) -> Any:
        path = Path(os.fsdecode(super().convert(*given)))
        return path / "results.json" if path.is_dir() else path


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="harness")
def main() -> None:
    """Tell, by running code, whether an agent's skill holds under pressure.

    Scenarios (YAML) describe pressured requests; solutions are what agents
    answered. Each answer's code runs in a sandbox, its autograd Functions are
    graded against trusted references, its words are searched for excuses, and
    the report says whether the skill helped.

    \b
    harness run scenarios/                              grade everything in solutions/
    harness run scenarios/ --solutions answers.jsonl    grade your own
    harness grade reply.md --scenario layer-norm        one answer, in detail
    harness convert session.jsonl                       what is understood of a transcript
    harness validate scenarios/                         check scenarios you wrote
    harness judge reports/latest --model PROVIDER/NAME  ask a language model, too
    """


def _sandbox_options(command: Callable[..., Any]) -> Callable[..., Any]:
    unconfined = click.option(
        "--allow-unsandboxed",
        is_flag=True,
        help="Run even where untrusted code cannot be confined (tiers C and D).",
    )
    tier = click.option(
        "--tier",
        type=click.Choice(["A", "B", "C", "D"]),
        help="Use at most this sandbox tier; by default the strongest there is.",
    )
    return tier(unconfined(command))


# A file or a folder.
_PATH = click.Path(path_type=Path)
_RESULTS = click.argument("results", type=ResultsFile())
_ROOT = click.argument("scenarios", type=_PATH, default=Path("scenarios"), required=False)
_SCENARIOS = click.option(
    "--scenarios",
    type=_PATH,
    default=Path("scenarios"),
    show_default=True,
    help="Where the scenarios are.",
)
_ONLY = click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Scenario id, or a pattern over submission ids such as 'skill/*'; repeatable.",
)


_FORMAT = click.option(
    "--format",
    "format_name",
    metavar="NAME",
    help="Format of transcripts that do not tell it; `harness convert --help` names them.",
)


def _told_options(command: Callable[..., Any]) -> Callable[..., Any]:
    mapped = click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="FIELD=PLACE",
        help="Where a field of our records is in JSON Lines of another shape, such as "
        "task_id=doc.task_id,completion=resps.0.0, or which scenario a name means, such as "
        "Name/0=layer-norm; repeatable.",
    )
    return _FORMAT(mapped(command))


@main.command(epilog=EXIT_CODES)
@_ROOT
@click.option(
    "--solutions",
    multiple=True,
    type=_PATH,
    help="Folder, file or JSON Lines file of submissions; may be given several times.  "
    "[default: solutions/ beside the scenarios]",
)
@click.option(
    "--out",
    type=_PATH,
    help="Folder for the reports.  [default: reports/<time>; reports/latest points at the newest]",
)
@_ONLY
@click.option(
    "--arm", "arms", multiple=True, metavar="NAME", help="Grade only this arm; repeatable."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of all inputs.  [default: the ledger's own, secret until the report]",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Grader processes.  [default: one per CPU]"
)
@click.option(
    "--fail-under",
    type=float,
    metavar="PERCENT",
    help="Exit with 1 if fewer of the graded submissions held.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Grade everything anew, with a new seed or that of --seed, whatever the ledger knows.",
)
@click.option(
    "--ledger", type=_PATH, help="File that keeps every grade.  [default: reports/ledger.sqlite]"
)
@_told_options
@_sandbox_options
def run(
    scenarios: Path,
    solutions: tuple[Path, ...],
    out: Path | None,
    only: tuple[str, ...],
    arms: tuple[str, ...],
    seed: int | None,
    jobs: int | None,
    fail_under: float | None,
    fresh: bool,
    ledger: Path | None,
    format_name: str | None,
    maps: tuple[str, ...],
    tier: str | None,
    allow_unsandboxed: bool,
) -> None:
    """Grade submissions against SCENARIOS (default: scenarios/) and write the reports.

    What was graded before under the same seed, scenario and versions is taken
    from the ledger. Ctrl-C keeps every grade made so far.
    """
    from harness import sandbox, summary
    from harness.read import submissions
    from harness.report import write_reports
    from harness.run.folders import point_latest
    from harness.run.ledger import Ledger
    from harness.run.run import Conditions, grade_selection
    from harness.run.select import select

    if fail_under is not None and not 0 <= fail_under <= 100:
        raise UsageError(f"--fail-under is {fail_under:g}, expected a percentage from 0 to 100")
    told_of = submissions.told(format_name, maps)
    selected = select(scenarios, solutions, only=only, arm_names=arms, told=told_of)
    for line in selected.aside.lines:
        _complain(line)
    chosen = sandbox.choose(at_most=tier, allow_unsandboxed=allow_unsandboxed)
    reports = Path("reports")
    folder = _new_folder(out, reports)
    ledger = ledger or reports / "ledger.sqlite"
    _make_parent(ledger)
    meter = Meter()
    total = len(selected.submissions)
    with (
        _interruptible(lambda: f" after {meter.done} of {total}; their grades are in {ledger}"),
        Ledger.open(ledger) as book,
    ):
        asked = (*only, *(f"--map {one}" for one in maps), f"--format {format_name or ''}")
        task = _task(scenarios, solutions, asked, arms, seed, chosen.name) if fresh else None
        begun = None if task is None else book.begun(task)
        if begun is not None:
            seed = begun
            _complain("going on with a fresh run that was interrupted")
        elif seed is None:
            seed = book.renew_seed() if fresh else book.seed
        with meter:
            results = grade_selection(
                selected,
                Conditions(seed, chosen, jobs or len(os.sched_getaffinity(0))),
                book,
                folder=folder,
                fresh=task,
                on_progress=meter.show,
            )
        told = summary.summarise(results)
        page = write_reports(results, told, folder)
        # Only now: who has no report gives the same command again and grades nothing twice.
        if task is not None:
            book.end(task)
        if out is None or out.resolve().parent == reports.resolve():
            point_latest(reports, folder)
    _print_summary(told)
    gate = summary.gate(told, fail_under)
    if fail_under is not None:
        click.echo(gate.message)
    click.echo(_last_line(told, meter.known, page))
    for name, reason in told.ungraded.items():
        click.echo(f"not graded: {name}: {reason.strip()}", err=True)
    if told.ungraded:
        sys.exit(EXIT_UNGRADED)
    if selected.aside.mistaken:
        sys.exit(EXIT_USAGE)
    if not gate.passed:
        sys.exit(EXIT_GATE_FAILED)


@main.command(epilog=EXIT_CODES)
@click.argument("file", type=_PATH)
@click.option(
    "--scenario", "scenario_id", required=True, metavar="ID", help="Scenario that FILE answers."
)
@_SCENARIOS
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all inputs.  [default: random]")
@_told_options
@_sandbox_options
def grade(
    file: Path,
    scenario_id: str,
    scenarios: Path,
    seed: int | None,
    format_name: str | None,
    maps: tuple[str, ...],
    tier: str | None,
    allow_unsandboxed: bool,
) -> None:
    """Grade one answer and show every check.

    FILE is a .py file, a Markdown reply or a recorded conversation. Of a file
    of several answers to the scenario each is graded. Exit status 0 if the
    answer is right, 1 if it is wrong.
    """
    import secrets

    from rich.console import Console

    import harness.read.scenarios
    from harness import sandbox
    from harness.model import Record
    from harness.read import submissions
    from harness.report.terminal import detail
    from harness.run.pool import grade_all
    from harness.run.run import graded

    chosen = sandbox.choose(at_most=tier, allow_unsandboxed=allow_unsandboxed)
    seed = secrets.randbits(63) if seed is None else seed
    with closing(sandbox.Zygote(chosen)) as zygote:
        zygote.begin()  # torch is imported while the files are read
        scenario = harness.read.scenarios.load(scenarios).scenario(scenario_id)
        names = tuple(entry.name for entry in scenario.entry_points)
        told_of = submissions.told(format_name, maps)
        found = submissions.read_every(file, scenario.id, names, told_of)
        pairs = [(submission, scenario) for submission in found]
        answers = grade_all(pairs, seed=seed, tier=chosen, jobs=1, zygote=zygote)
        with closing(answers):
            records = {one.id: Record.of(one, graded(answer)) for one, answer in answers}
    for submission in found:
        record = records[submission.id]
        Console().print(detail(record, submission, scenario), crop=False)
        click.echo(f"seed {seed} · sandbox tier {chosen.name} · {record.wall_s:.2f} s")
    outcomes = {record.outcome for record in records.values()}
    if "ungraded" in outcomes:
        sys.exit(EXIT_UNGRADED)
    sys.exit(0 if outcomes == {"passed"} else EXIT_GATE_FAILED)


class _ConvertCommand(click.Command):
    """Names the formats in its help, those of installed packages among them."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from harness.read.transcripts.formats import known

        formatter.write_paragraph()
        with formatter.indentation():
            names = ", ".join(sorted(one.format.name for one in known()))
            formatter.write_text(f"Formats: {names}.")


@main.command(cls=_ConvertCommand)
@click.argument("file", type=_PATH)
@_FORMAT
@click.option("--out", type=_PATH, metavar="FILE", help="Write the neutral format to this file.")
def convert(file: Path, format_name: str | None, out: Path | None) -> None:
    """Show what is understood of FILE, a recorded conversation; nothing is run.

    Shown are its steps, the Python files at the end, what was run with what
    became of it, and what was left out. With --out the same is written in the
    neutral format (docs/schema/transcript.schema.json).
    """
    from harness.read.submissions.converting import convert as convert_file
    from harness.results.files import replace_file

    text, neutral = convert_file(file, format_name)
    click.echo(text, nl=False)
    if out is not None:
        replace_file(out, neutral)
        click.echo(f"written to {out}")


@main.command()
@_ROOT
@click.option(
    "--solutions",
    multiple=True,
    type=_PATH,
    help="Where the reference solutions (arm 'reference') are.  [default: solutions/ beside]",
)
@click.option("--no-proof", is_flag=True, help="Only check the files; run nothing.")
@_sandbox_options
def validate(
    scenarios: Path,
    solutions: tuple[Path, ...],
    no_proof: bool,
    tier: str | None,
    allow_unsandboxed: bool,
) -> None:
    """Check SCENARIOS, then prove that each can tell right from wrong.

    Its reference solution must pass; zeros, the input itself, a detached
    result, a constant gradient and a no-op must fail, and so must 1.1 times
    the right answer in every dtype that is asked.
    """
    import harness.read.scenarios

    library = harness.read.scenarios.load(scenarios)
    click.echo(
        f"{len(library.scenarios)} scenarios of {len(library.skills)} skill(s) are well formed"
    )
    if no_proof:
        return
    import torch

    from harness import sandbox
    from harness.read import submissions
    from harness.run.prove import prove, reference_of
    from harness.run.select import default_solutions

    # One thread: the reference is small, and a second one would spin beside the sandbox.
    torch.set_num_threads(1)
    chosen = sandbox.choose(at_most=tier, allow_unsandboxed=allow_unsandboxed)
    paths = list(solutions) or [default_solutions(scenarios)]
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    aside = submissions.Aside(harness.read.scenarios.ids_beside(scenarios))
    found = submissions.discover(paths, names, aside)
    broken = 0
    with sandbox.Zygote(chosen) as zygote:
        for scenario in library.scenarios:
            reference = reference_of(scenario, found)
            try:
                if reference is None:
                    raise ScenarioError(f"no reference solution in {', '.join(map(str, paths))}")
                proofs = list(prove(scenario, reference, zygote.address))
            except ScenarioError as error:
                click.echo(f"✗ {scenario.id}: {error}")
                broken += 1
                continue
            bad = [proof for proof in proofs if not proof.holds]
            broken += bool(bad)
            well = f": the reference passes, {len(proofs) - 1} wrong answers fail"
            click.echo(f"✗ {scenario.id}" if bad else f"✓ {scenario.id}{well}")
            for proof in bad:
                verdict = "fails" if proof.answer == "reference" else "is accepted"
                click.echo(f"    {proof.answer} {verdict}: {proof.reason or 'no check objects'}")
    if broken:
        for line in aside.lines:
            _complain(line)
        sys.exit(EXIT_USAGE)


@main.command()
@_RESULTS
@click.option("--out", type=_PATH, help="Folder to write to.  [default: beside RESULTS]")
def report(results: Path, out: Path | None) -> None:
    """Render the reports of RESULTS (a results.json, or its folder) again."""
    from harness.judge import judging
    from harness.report import write_reports
    from harness.results import read_results
    from harness.run.folders import new_folder
    from harness.summary.tables import summarise

    found = read_results(results)
    folder = new_folder(out or results.parent, results.parent)
    heard = None
    try:
        heard = judging.read(results.parent, found)
    except JudgeError as error:
        _complain(str(error))
    told = summarise(found)
    page = write_reports(found, told, folder, heard)
    _print_summary(told)
    click.echo(_last_line(told, None, page))


@main.command(epilog=EXIT_CODES)
@_RESULTS
@_SCENARIOS
@click.option("--out", type=_PATH, help="Folder to write to.  [default: reports/<time>]")
def regrade(results: Path, scenarios: Path, out: Path | None) -> None:
    """Judge RESULTS (a results.json, or its folder) again by changed words; runs no code.

    Traps, red flags, the asked level of verification and which checks are
    required are taken from the scenarios as they are now; what was measured
    stays. A check that is new is reported as not graded.
    """
    import harness.read.scenarios
    from harness.report import write_reports
    from harness.results import read_results
    from harness.run.regrade import regrade as judge_anew
    from harness.summary.tables import summarise

    library = harness.read.scenarios.load(scenarios)
    found = read_results(results)
    regraded = judge_anew(found, library.scenarios, library.skills)
    folder = _new_folder(out, Path("reports"))
    told = summarise(regraded.results)
    page = write_reports(regraded.results, told, folder)
    for change in regraded.changes:
        click.echo(f"{change.id}: {'; '.join(change.what)}")
    count = len(regraded.changes)
    click.echo(f"{count} of {len(found.records)} submissions are judged differently now")
    click.echo(_last_line(told, None, page))
    if told.ungraded:
        sys.exit(EXIT_UNGRADED)


@main.command(epilog=EXIT_CODES)
@_RESULTS
@click.option(
    "--model",
    required=True,
    metavar="PROVIDER/NAME",
    help="Model to ask, such as openai/gpt-4.1-mini or ollama/llama3.3.",
)
@click.option(
    "--api-base",
    metavar="URL",
    help="Where it answers, for a server of your own.  [default: the provider's address]",
)
@click.option(
    "--labels",
    type=_PATH,
    metavar="FILE",
    help="JSON Lines of what people say, to hold the judge and the rules against.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Ask at most N new questions, a fair sample; what is known costs nothing.",
)
@_ONLY
@click.option(
    "--opinions",
    type=_PATH,
    metavar="FILE",
    help="File that keeps every opinion; runs may share one.  [default: opinions.jsonl beside]",
)
@click.option("--fresh", is_flag=True, help="Ask again what is known.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Questions under way at once.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for one answer; it is asked for three times.",
)
def judge(
    results: Path,
    model: str,
    api_base: str | None,
    labels: Path | None,
    limit: int | None,
    only: tuple[str, ...],
    opinions: Path | None,
    fresh: bool,
    jobs: int,
    timeout_s: float,
) -> None:
    """Ask a language model what RESULTS (a results.json, or its folder) show.

    Every reply is held against every line of its scenario's expected
    behaviour, with a quote for each opinion. Opinions are shown in a section of
    their own, with their agreement with the rules and with labels, and change
    no verdict. No code is run. Needs pip install 'harness[judge]', and the
    provider's key in the environment, such as OPENAI_API_KEY.

    \b
    harness judge reports/latest --model openai/gpt-4.1-mini --limit 20
    harness judge reports/latest --model ollama/llama3.3
    harness judge reports/latest --model my/model --api-base http://127.0.0.1:8000/v1
    harness judge reports/latest --model openai/gpt-4.1-mini --labels labels.jsonl

    A line of labels is {"submission": "skill/me/layer-norm/1", "expected": 2,
    "met": true}, where expected is the number of the line or its words.
    """
    from harness.judge import judging
    from harness.judge.cache import OpinionCache
    from harness.judge.label import read_labels
    from harness.judge.provider import LanguageModel, Patience
    from harness.report import write_pages
    from harness.results import read_results

    found = read_results(results)
    # All that can be wrong is found before anything is asked.
    labelled = None if labels is None else read_labels(labels, found)
    book = OpinionCache(opinions or results.parent / "opinions.jsonl")
    order = judging.Order(only, limit, jobs, fresh)
    meter = Meter("judging")
    with (
        _interruptible(lambda: f"; what was heard is in {book.path}"),
        LanguageModel(model, api_base=api_base, patience=Patience(timeout_s)) as asked,
        meter,
    ):
        heard, unasked = judging.hear(found, asked, book, order, meter.show)
    told = judging.judge_report(asked.name, heard, unasked, found, labelled)
    page = write_pages(found, results.parent, told)
    for line in judging.sentences(told):
        click.echo(line)
    click.echo(
        f"{len(heard)} opinions ({meter.known} questions known, "
        f"{meter.done - meter.known} asked now), {unasked} not asked · {page}"
    )
    if any(not one.opinion.lasting for one in heard):
        _complain("some questions got no answer; the same command asks again")
        sys.exit(EXIT_UNGRADED)


@main.command()
def doctor() -> None:
    """Show what this machine offers for the sandbox, layer by layer.

    Each mechanism is tried, a candidate is started and asked to compute. Where
    something is missing, the kernel's answer stands there, and what to do about it.
    Exit status 0 if untrusted code can be confined and run, else 3.
    """
    from harness import sandbox
    from harness.sandbox.doctor import examine

    found = sandbox.probe()
    tier = found.tier
    well = tier.confines
    for sign in examine(found):
        mark = {True: "✓", False: "✗", None: "·"}[sign.good]
        click.echo(f"{mark} {sign.about + ':':12} {sign.found}")
        if sign.advice:
            click.echo(click.wrap_text(sign.advice, 92, " " * 15, " " * 15))
        well = well and (sign.good is not False or sign.about in found.problems)
    click.echo(f"\ntier {tier.name}: {', '.join(tier.layers)}")
    if not tier.confines:
        click.echo("untrusted code is not run here without --allow-unsandboxed")
    if not well:
        sys.exit(EXIT_UNGRADED)


def _task(
    scenarios: Path,
    solutions: tuple[Path, ...],
    only: tuple[str, ...],
    arms: tuple[str, ...],
    seed: int | None,
    tier: str,
) -> str:
    """What a fresh run is asked to grade; two commands with the same one are the same command."""
    places = [str(path.resolve()) for path in (scenarios, *solutions)]
    return json.dumps([places, sorted(only), sorted(arms), seed, tier])


def _new_folder(out: Path | None, reports: Path) -> Path:
    """``run.folders.new_folder``; one named by the time is not left behind empty."""
    from harness.run.folders import new_folder

    folder = new_folder(out, reports)
    if out is None:
        click.get_current_context().call_on_close(partial(_remove_if_empty, folder))
    return folder


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _make_parent(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot make {file.parent} for the ledger: {error.strerror}; "
            "name another file with --ledger FILE"
        ) from None


def _print_summary(summary: Summary) -> None:
    from rich.console import Console

    from harness.report.terminal import summary_table

    Console().print(summary_table(summary))


def _last_line(summary: Summary, known: int | None, page: Path) -> str:
    counted = summary.total
    total = counted.graded + counted.ungraded
    wrong = counted.graded - counted.right
    source = "" if known is None else f" ({known} from the ledger, {total - known} graded now)"
    ungraded = f", {counted.ungraded} NOT GRADED" if counted.ungraded else ""
    graded = f"{total} submission{'s' * (total != 1)}{source}"
    right = f"{counted.right} right, {wrong} wrong{ungraded}, {counted.held} held"
    return f"{graded}: {right} · {page}"


class Meter:
    """A progress bar on a terminal, a line now and then elsewhere."""

    def __init__(self, doing: str = "grading") -> None:
        self._doing = doing
        self.done = 0
        self.known = 0
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> Meter:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn(self._doing),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, at: RunProgress) -> None:
        """Take note of how far the run, or the judge, is."""
        self.done, self.known = at.done, at.known
        self._progress.update(self._task, completed=at.done, total=at.total, description=at.last)


if __name__ == "__main__":
    main()
