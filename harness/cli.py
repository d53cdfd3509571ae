"""The command line. Every command is thin; heavy modules are imported when it runs."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from harness import __version__, completion
from harness.errors import HarnessError, Interrupted, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from harness.generate.asking import AskedAll, Price
    from harness.generate.requests import Request
    from harness.judge import ModelReader
    from harness.model import Arm, QuoteMark, Record, ReplyLabel, Results, Scenario, Submission
    from harness.run.run import RunProgress
    from harness.summary import Tally, Threshold
    from harness.summary.tables import Summary
    from harness.words import Reader

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
    if isinstance(error, KeyboardInterrupt | click.Abort):
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
        _tell(f"harness: {message}")


def _tell(text: str) -> None:
    """Print beside the output, broken at words where that is a terminal.

    What stands in backticks is to be copied and stays in one piece, as does every path.
    """
    if sys.stderr and sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        kept = re.sub("`[^`\n]*`", lambda found: found[0].replace(" ", "\0"), text)
        lines = (
            # A traceback is laid out already.
            line
            if line.startswith(" ")
            else textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
            for line in kept.split("\n")
        )
        text = "\n".join(lines).replace("\0", " ")
    click.echo(text, err=True)


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
    except (KeyboardInterrupt, click.Abort):  # the latter at a prompt, also at the end of input
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
    harness init examples                               write the scenarios that ship with it
    harness init skill my-skill                         begin a skill of your own
    harness run scenarios/                              grade everything in solutions/
    harness run scenarios/ --solutions answers.jsonl    grade your own
    harness grade reply.md --scenario layer-norm        one answer, in detail
    harness convert session.jsonl                       what is understood of a transcript
    harness validate scenarios/                         check scenarios you wrote
    harness show parse-size                             what a scenario asks
    harness checks                                      kinds of check, and when to use each
    harness generate scenarios/x --model PROVIDER/NAME  ask a model, with the skill and without
    harness prompts scenarios/x --out DIR               the same requests, to ask by hand
    harness score logs/*.eval                           grade the answers in logs of Inspect
    harness import my-skill/ --out scenarios/my-skill   requests of skill-creator or of Harbor
    harness regrade reports/latest --reader model:…     let a language model read the words
    harness label reports/latest                        say which quotes are right
    harness compare reports/before reports/latest       did my edit of the skill help?
    harness merge parts/*/                              one report of many machines' parts
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


def _writable(_: click.Context, __: click.Parameter, exports: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse before anything is graded what could not be written afterwards."""
    if "parquet" in exports and find_spec("pyarrow") is None:
        raise UsageError(
            "--export parquet needs pyarrow, which is not installed; install the extra: "
            "pip install 'harness[parquet]'"
        )
    return exports


_EXPORT = click.option(
    "--export",
    "exports",
    multiple=True,
    callback=_writable,
    type=click.Choice(["ctrf", "benchmark", "grading", "atif", "evalplus", "parquet"]),
    help="Beside the reports write ctrf.json, skill-creator's benchmark.json or its workspace with "
    "a grading.json per answer, ATIF trajectories, EvalPlus results, or results.parquet, the "
    "columns of results.csv with types; repeatable.",
)
_GATE = click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="GATE",
    help="Exit with 1 unless this is so: 'held>=0.9', 'right[ARM]>=0.8' or 'verified<0.5', a share "
    "of the graded submissions from 0 to 1, of one arm or of all that are conditions; repeatable.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
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
_LABELS = click.option(
    "--labels",
    type=_PATH,
    metavar="FILE",
    help="File of labels.  [default: labels.jsonl beside RESULTS]",
)
_ONLY = click.option(
    "--only",
    multiple=True,
    metavar="ID",
    shell_complete=completion.scenario_ids,
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


def _reader_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--reader",
            metavar="NAME",
            default="both",
            show_default=True,
            help="Who reads the words: both, phrases or examples, which need no network, or "
            "model:PROVIDER/NAME, a language model that is sent each reply once.",
        ),
        click.option(
            "--api-base",
            metavar="URL",
            help="Where the model answers, for a server of your own.",
        ),
        click.option(
            "--readings",
            type=_PATH,
            metavar="FILE",
            help="File that keeps what a model answered; nothing in it is asked again.  "
            "[default: reports/readings.jsonl]",
        ),
        click.option(
            "--reader-timeout",
            "timeout_s",
            type=click.FloatRange(min=0, min_open=True),
            default=120.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait for one answer of a model; it is asked for three times.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _reader(
    name: str, api_base: str | None, readings: Path | None, timeout_s: float
) -> Reader | ModelReader:
    """The reader called ``name``; all that can be wrong with it is found here."""
    from harness.errors import did_you_mean
    from harness.words import READERS, read_words

    kind, model, wanted = name.partition("model:")
    if model and not kind:
        from harness.judge import LanguageModel, ModelReader, Patience, Readings

        asked = LanguageModel(wanted, api_base=api_base, patience=Patience(timeout_s))
        return ModelReader(asked, Readings(readings or Path("reports/readings.jsonl")))
    if name not in READERS:
        raise UsageError(
            f"--reader is {name!r}, expected {', '.join(READERS)} or model:PROVIDER/NAME."
            f"{did_you_mean(name, READERS)}"
        )
    if api_base is not None or readings is not None:
        raise UsageError("--api-base and --readings go with --reader model:PROVIDER/NAME only")
    return partial(read_words, reader=name)


def _ask(reader: Reader | ModelReader, results: Results, scenarios: Sequence[Scenario]) -> None:
    """Let a language model answer all that it was not asked before."""
    from harness.judge import ModelReader

    if isinstance(reader, ModelReader):
        meter = Meter("reading")
        kept = reader.kept.path
        with _interruptible(lambda: f"; answers are in {kept}, grades in the ledger"), meter:
            reader.ask_all(results.submissions, scenarios, meter.show)


def _unanswered(reader: Reader | ModelReader) -> int:
    """How many replies a language model should be asked about again; says so."""
    missed = getattr(reader, "missed", 0)
    if missed:
        _complain(
            "The language model gave no answer about "
            f"{missed} of the replies, so readers that need no network read them; the same command "
            "asks again"
        )
    unusable = getattr(reader, "unusable", {})
    if unusable:
        _complain(
            "The language model's answer cannot be used about "
            f"{len(unusable)} of the replies ({next(iter(unusable.values()))}), so readers that "
            "need no network read them; to ask again, take their lines out of "
            f"{reader.kept.path}"  # type: ignore[union-attr]
        )
    return int(missed)


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
    "--arm",
    "arms",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.arm_names,
    help="Grade only this arm; repeatable.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of all inputs.  [default: the ledger's own, secret until the report]",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    help="Grader processes, of each node with --executor ray.  [default: one per CPU]",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Grade on this machine, or on the nodes of a Ray cluster that it is one of "
    "(docs/scaling.md).",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Head of the Ray cluster.  [default: RAY_ADDRESS, else the cluster of this machine]",
)
@click.option(
    "--shard",
    metavar="NUMBER/COUNT",
    help="Grade one of COUNT parts and write its results.json alone, as a batch system's job does; "
    "`harness merge` makes one report of all. Give every part the same --seed.",
)
@click.option(
    "--fail-under",
    type=float,
    metavar="PERCENT",
    help="Exit with 1 if fewer of the graded submissions held; the same as --gate 'held>=SHARE'.",
)
@_GATE
@click.option(
    "--fresh",
    is_flag=True,
    help="Grade everything anew, with a new seed or that of --seed, whatever the ledger knows.",
)
@click.option(
    "--ledger", type=_PATH, help="File that keeps every grade.  [default: reports/ledger.sqlite]"
)
@_EXPORT
@_told_options
@_reader_options
@_sandbox_options
def run(
    scenarios: Path,
    solutions: tuple[Path, ...],
    out: Path | None,
    only: tuple[str, ...],
    arms: tuple[str, ...],
    seed: int | None,
    jobs: int | None,
    executor: str,
    address: str | None,
    shard: str | None,
    fail_under: float | None,
    gates: tuple[str, ...],
    fresh: bool,
    ledger: Path | None,
    exports: tuple[str, ...],
    format_name: str | None,
    maps: tuple[str, ...],
    reader: str,
    api_base: str | None,
    readings: Path | None,
    timeout_s: float,
    tier: str | None,
    allow_unsandboxed: bool,
) -> None:
    """Grade submissions against SCENARIOS (default: scenarios/) and write the reports.

    What was graded before under the same seed, scenario and versions is taken
    from the ledger. Ctrl-C keeps every grade made so far, and every answer of a
    language model.
    """
    from harness import sandbox, summary
    from harness.read import submissions
    from harness.report import write_reports
    from harness.results.write import write_results
    from harness.run.ledger import Ledger
    from harness.run.run import Conditions, grade_selection
    from harness.run.select import select
    from harness.summary.gate import check_arms
    from harness.words.rates import DEFAULT

    asked_shares = _thresholds(fail_under, gates)
    if address is not None and executor != "ray":
        raise UsageError("--address goes with --executor ray only")
    if shard is not None and (seed is None or asked_shares or exports):
        raise UsageError(
            "--shard needs --seed, the same for every part, and goes without --gate, --fail-under "
            "and --export: give those to `harness merge`"
        )
    part = None if shard is None else _part(shard)
    told_of = submissions.told(format_name, maps)
    selected = select(scenarios, solutions, only=only, arm_names=arms, told=told_of, shard=part)
    check_arms(asked_shares, {one.arm for one in selected.submissions})

    words = _reader(reader, api_base, readings, timeout_s)
    for line in selected.aside.lines:
        _complain(line)
    cluster = None
    if executor == "ray":
        from harness.run.cluster import Cluster

        cluster = click.get_current_context().with_resource(
            Cluster(
                address,
                jobs=jobs,
                at_most=tier,
                allow_unsandboxed=allow_unsandboxed,
                tell=_complain,
            )
        )
        chosen = cluster.tier
    else:
        chosen = sandbox.choose(at_most=tier, allow_unsandboxed=allow_unsandboxed)
    reports = Path("reports")
    both = ", and another file for the ledger with --ledger FILE"
    folder = _new_folder(out, reports, both if out is None and ledger is None else "")
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
                cluster=cluster,
            )
        if reader != DEFAULT:
            # Imported late: it brings in torch, which a run by itself leaves to its graders.
            from harness.run.regrade import reread

            _ask(words, results, results.scenarios)
            results = reread(results, words, folder)
        told = summary.summarise(results)
        if shard is None:
            page = write_reports(results, told, folder)
        else:
            page = folder / "results.json"
            write_results(results, page)
        # Only now: who has no report gives the same command again and grades nothing twice.
        if task is not None:
            book.end(task)
        if shard is None:
            _point_latest_if_beside(reports, folder)
    if shard is None:
        _print_summary(told)
    met = _hold(asked_shares, [(one.arm, one.total) for one in told.arms])
    prefix = "" if shard is None else f"shard {shard}: "
    click.echo(prefix + _last_line(told, meter.known, page))
    _export(results, exports, folder)
    ungraded = _ungraded(told, results)
    if _unanswered(words) or ungraded:
        sys.exit(EXIT_UNGRADED)
    if selected.aside.mistaken:
        sys.exit(EXIT_USAGE)
    if not met:
        sys.exit(EXIT_GATE_FAILED)


def _part(text: str) -> tuple[int, int]:
    """Number and count of a shard."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError(
            f"--shard: found {text!r}, expected NUMBER/COUNT with a number from 1 to the count, "
            "such as 3/8"
        )
    return int(number), int(count)


@main.command(epilog=EXIT_CODES)
@click.argument("results", type=ResultsFile(), nargs=-1, required=True)
@click.option(
    "--out",
    type=_PATH,
    help="Folder for the reports.  [default: reports/<time>; reports/latest points at the newest]",
)
@click.option("--allow-missing", is_flag=True, help="Make a report of the shards that there are.")
@_GATE
@_EXPORT
def merge(
    results: tuple[Path, ...],
    out: Path | None,
    allow_missing: bool,
    gates: tuple[str, ...],
    exports: tuple[str, ...],
) -> None:
    """Make one report of RESULTS, the parts that `harness run --shard` graded.

    It is that of one run over all submissions, but for times. Parts that are
    missing, doubled or not of one run (another seed, version, scenario, tier or
    choice of submissions) are refused.

    \b
    harness run --shard 1/2 --seed 7 --out parts/1 --ledger parts/1.sqlite
    harness run --shard 2/2 --seed 7 --out parts/2 --ledger parts/2.sqlite
    harness merge parts/1 parts/2
    """
    from harness import summary
    from harness.report import write_reports
    from harness.results.read import read_results
    from harness.run.merge import merge as merge_shards
    from harness.summary.gate import check_arms
    from harness.summary.numbers import counted

    asked_shares = _thresholds(None, gates)
    reports = Path("reports")
    folder = _new_folder(out, reports)
    shards = ((path, read_results(path)) for path in results)
    whole = merge_shards(shards, allow_missing=allow_missing, folder=folder)
    check_arms(asked_shares, {one.arm for one in whole.submissions})
    told = summary.summarise(whole)
    page = write_reports(whole, told, folder)
    _point_latest_if_beside(reports, folder)
    _print_summary(told)
    met = _hold(asked_shares, [(one.arm, one.total) for one in told.arms])
    click.echo(_last_line(told, None, page))
    _export(whole, exports, folder)
    if whole.run.shard is not None:
        lacking = whole.run.shard.submissions - len(whole.records)
        verb = "is" if lacking == 1 else "are"
        _complain(f"{counted(lacking, 'submission')} {verb} missing, of shards that were not given")
    if _ungraded(told, whole):
        sys.exit(EXIT_UNGRADED)
    if not met:
        sys.exit(EXIT_GATE_FAILED)


def _ungraded(told: Summary, results: Results) -> int:
    """How many submissions could not be graded though checks ask for it; says which."""
    from harness.summary.numbers import counted

    silent = {scenario.id for scenario in results.scenarios if scenario.words_alone}
    # What failed by our fault says nothing of any line.
    names = {
        r.id for r in (results.records if silent else ()) if r.scenario in silent and r.behaviour
    }
    failed = {name: why for name, why in told.ungraded.items() if name not in names}
    for name, reason in failed.items():
        _tell(f"not graded: {name}: {reason.strip()}")
    if names:
        click.echo(
            f"not graded, as no check asks for it: {counted(len(names), 'answer')} to "
            f"{', '.join(silent)}. What they should show in words is judged with --reader "
            "model:PROVIDER/NAME."
        )
    return len(failed)


def _thresholds(fail_under: float | None, gates: Sequence[str]) -> list[Threshold]:
    """The shares that ``--fail-under`` and ``--gate`` of a run ask for."""
    from harness.summary.gate import NO_REGRESSION, threshold
    from harness.summary.gate import fail_under as held_at_least

    if NO_REGRESSION in gates:
        raise UsageError(
            f"--gate {NO_REGRESSION} needs an earlier run to compare with: "
            f"harness compare BEFORE AFTER --gate {NO_REGRESSION}"
        )
    first = [] if fail_under is None else [held_at_least(fail_under)]
    return first + [threshold(one) for one in gates]


def _hold(asked: Sequence[Threshold], arms: Sequence[tuple[Arm, Tally]]) -> bool:
    """Say what came of each gate; whether all were passed."""
    from harness.summary.gate import gate

    met = [gate(one, arms) for one in asked]
    for one in met:
        click.echo(one.message)
    return all(one.passed for one in met)


@main.command(epilog=EXIT_CODES)
@click.argument("file", type=_PATH)
@click.option(
    "--scenario",
    "scenario_id",
    required=True,
    metavar="ID",
    shell_complete=completion.scenario_ids,
    help="Scenario that FILE answers.",
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

    from harness import sandbox

    chosen = sandbox.choose(at_most=tier, allow_unsandboxed=allow_unsandboxed)
    seed = secrets.randbits(63) if seed is None else seed
    with closing(sandbox.Zygote(chosen)) as zygote:
        zygote.begin()  # torch is imported while all else is and the files are read
        from rich.console import Console

        import harness.read.scenarios
        from harness.model import Record
        from harness.read import submissions
        from harness.report.terminal import detail
        from harness.run.pool import grade_all
        from harness.run.run import graded

        scenario = harness.read.scenarios.load(scenarios).scenario(scenario_id)
        names = submissions.Asked.of(scenario)
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
        from harness.read.transcripts.formats import names

        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"Formats: {', '.join(names())}.")


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
@click.option(
    "--deep",
    is_flag=True,
    help="Also say how good they are: changes of the reference that the checks miss, requests that "
    "differ in more than pressure or give the method away, wordings that find the wrong thing.",
)
@click.option(
    "--runs",
    multiple=True,
    type=_PATH,
    metavar="DIR",
    help="With --deep: recorded runs, to name scenarios in which all answers hold, or none; "
    "a folder with results.json, or one of such folders; repeatable.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of all inputs, to try another.  [default: the same every time]",
)
@_JSON
@_sandbox_options
def validate(
    scenarios: Path,
    solutions: tuple[Path, ...],
    no_proof: bool,
    deep: bool,
    runs: tuple[Path, ...],
    seed: int | None,
    as_json: bool,
    tier: str | None,
    allow_unsandboxed: bool,
) -> None:
    """Check SCENARIOS, then prove that each can tell right from wrong.

    Its reference solution must pass and, where it carries tests, be verified as
    the scenario asks. Answers that no request could mean must fail, chosen by
    what its entry points promise. Tensors: zeros, the input itself, a no-op,
    and 1.1 times the right answer in every dtype that is asked. Gradients: a
    detached result, a constant gradient. Plain values: a constant, an echo, an
    empty value, one that is off by one and, where bad input is to be refused,
    one that refuses nothing. An agent that does nothing, one that repeats the
    guide and one that agrees with every excuse must fail, one that declines
    must count as declined. Answers of yours in wrong/ID/ beside the reference
    must fail, those in right/ID/ must pass. Lines of expected
    behaviour that nothing can decide, neither evidence nor a reader, are named.

    What --deep finds is advice and does not change the exit status: 0 where
    every proof holds, else 2.
    """
    from harness.authoring.advice import told_advice, told_proofs
    from harness.authoring.data import as_data
    from harness.authoring.names import load_named
    from harness.authoring.saturation import histories, read_runs
    from harness.authoring.validating import ValidationAsked, examine
    from harness.summary.numbers import counted
    from harness.summary.sentences import told_of_behaviour

    if runs and not deep:
        raise UsageError("--runs goes with --deep only")
    past = {one.scenario: one for one in histories(read_runs(runs))}
    library = load_named(scenarios)
    read = counted(len(library.scenarios), "scenario"), counted(len(library.skills), "skill")
    verb = "is" if len(library.scenarios) == 1 else "are"
    if not as_json:
        click.echo(f"{read[0]} of {read[1]} {verb} well formed")
        for words in told_of_behaviour(library.scenarios):
            click.echo(words)
        for scenario in library.scenarios:
            if scenario.words_alone:
                click.echo(f"· {scenario.id}: no checks, so there is nothing to prove")
    meter = Meter("trying changes")
    asked = ValidationAsked(
        scenarios, solutions, not no_proof, deep, past, tier, allow_unsandboxed, seed
    )
    found = []
    examined = examine(library, asked, meter.show)
    while True:
        # Nothing is printed within: the bar takes what is printed for its own.
        with meter if deep and not no_proof else nullcontext():
            one = next(examined, None)
        if one is None:
            break
        found.append(one)
        if as_json:
            continue
        if deep and not one.proofs:
            click.echo(f"{one.scenario}:")
        for line in told_proofs(one):
            click.echo(line)
        for line in told_advice(one) if deep else ():
            _say_indented(line)
    if as_json:
        click.echo(json.dumps(as_data(found), indent=2, allow_nan=False))
    if not all(one.holds for one in found):
        for line in asked.aside.lines:
            _complain(line)
        sys.exit(EXIT_USAGE)


@main.command()
@click.argument("kind", required=False)
@_JSON
def checks(kind: str | None, as_json: bool) -> None:
    """List the kinds of check, or show all of one: what it asks, when to use it, its keys.

    Those of installed packages are among them.
    """
    from harness.authoring.kinds import told_kind, told_kinds
    from harness.authoring.shown import kind_page, kinds_table

    told = told_kinds() if kind is None else (told_kind(kind),)
    _print(kinds_table(told) if kind is None else kind_page(told[0]), told, as_json)


@main.command()
@click.argument("key", default="")
@_JSON
def keys(key: str, as_json: bool) -> None:
    """List every key of scenario files and of skill.yaml, or those at and below KEY.

    \b
    harness keys requests
    harness keys entry_points.NAME.arguments
    """
    from harness.authoring.keys import told_keys
    from harness.authoring.shown import keys_table

    told = told_keys(key)
    _print(keys_table(told), told, as_json)


@main.command()
@click.argument("scenario_id", metavar="ID", shell_complete=completion.scenario_ids)
@_SCENARIOS
@_JSON
def show(scenario_id: str, scenarios: Path, as_json: bool) -> None:
    """Show a scenario before a model is asked: its requests, and what is asked of an answer."""
    import harness.read.scenarios
    from harness.authoring.shown import scenario_page

    scenario = harness.read.scenarios.load(scenarios).scenario(scenario_id)
    _print(scenario_page(scenario), [scenario], as_json)


def _say_indented(line: str) -> None:
    """A line of advice; on a terminal broken at words, below where it begins."""
    inside = "      " if line.startswith(" ") else "    "
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, initial_indent="  ", subsequent_indent=inside)
    else:
        line = f"  {line}"
    click.echo(line)


def _print(shown: RenderableType, told: Sequence[Any], as_json: bool) -> None:
    """What was found, for people, or as JSON: a list of objects."""
    from rich.console import Console

    from harness.authoring.data import as_data

    if as_json:
        click.echo(json.dumps(as_data(told), indent=2, allow_nan=False))
    else:
        Console().print(shown, crop=False)


@main.command()
@_RESULTS
@click.option("--out", type=_PATH, help="Folder to write to.  [default: beside RESULTS]")
@_LABELS
@_EXPORT
def report(results: Path, out: Path | None, labels: Path | None, exports: tuple[str, ...]) -> None:
    """Render the reports of RESULTS (a results.json, or its folder) again.

    Labels (see harness label) correct the shares that rest on words.
    """
    from harness.report import write_reports
    from harness.results import read_results
    from harness.run.folders import new_folder
    from harness.summary.tables import summarise

    found = read_results(results)
    folder = new_folder(out or results.parent, results.parent)
    if labels is not None and not labels.exists():
        raise UsageError(f"--labels {labels}: no such file; harness label writes one")
    told = summarise(found, _labels(labels, results)[1])
    page = write_reports(found, told, folder)
    _print_summary(told)
    click.echo(_last_line(told, None, page))
    _export(found, exports, folder)


def _export(results: Results, names: Sequence[str], folder: Path) -> None:
    """Write ``results`` for other tools; one that cannot be written keeps no other from it."""
    if names:
        from harness.results.exports import EXPORTS

        failed: list[HarnessError] = []
        for name in names:
            try:
                EXPORTS[name](results, folder)
            except HarnessError as error:
                failed.append(error)
        for other in failed[1:]:
            _complain(str(other))
        if failed:
            raise failed[0]


@main.command(epilog=EXIT_CODES)
@click.argument("runs", type=ResultsFile(), nargs=-1, required=True, metavar="BEFORE [AFTER]")
@click.option(
    "--arms",
    metavar="FIRST,SECOND",
    help="Hold one arm against another: of one run, or FIRST of BEFORE and SECOND of AFTER.",
)
@click.option(
    "--noise",
    is_flag=True,
    help="Hold the one run given against itself, by random halves of its samples: how far chance "
    "alone goes.",
)
@click.option(
    "--anyway", is_flag=True, help="Compare scenarios whose files changed in between, too."
)
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="GATE",
    help="Exit with 1 unless this is so: no-regression (held and right did not fall by more than "
    "chance, and no scenario that held in all samples now holds in none), or a share of AFTER such "
    "as 'held[skill]>=0.9', see harness run; repeatable.",
)
@click.option("--markdown", type=_PATH, metavar="FILE", help="Write a comment for a pull request.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE", help="Write all of it as JSON.")
def compare(
    runs: tuple[Path, ...],
    arms: str | None,
    noise: bool,
    anyway: bool,
    gates: tuple[str, ...],
    markdown: Path | None,
    json_file: Path | None,
) -> None:
    """Say what changed between two runs, and whether chance explains it; grades nothing.

    Did my edit of the skill help? Grade the answers before and after it, and compare
    the two runs (each a results.json, or its folder). Every arm that is in both is
    compared on the scenarios that both answered: what is held, right and verified,
    excuses upheld, and which samples flipped. The unit is the scenario; test and
    interval are those of the report. docs/compare.md explains each line.

    \b
    harness compare reports/before reports/latest              two runs, or versions of a skill
    harness compare reports/latest --arms placebo,skill        two arms of a run
    harness compare reports/latest --noise                     how far does chance go?
    harness compare A B --gate no-regression --markdown pr.md  in CI
    """
    from rich.console import Console

    from harness import compare as comparing
    from harness.errors import GateFailed, NothingToCompare
    from harness.results import read_results, replace_file
    from harness.summary.gate import NO_REGRESSION, check_arms, gate, threshold

    pair = None if arms is None else tuple(one.strip() for one in arms.split(","))
    if pair is not None and (len(pair) != 2 or not all(pair)):
        raise UsageError(f"--arms is {arms!r}, expected two names such as baseline,skill")
    if noise and (len(runs) != 1 or pair or gates):
        raise UsageError("--noise takes one run, and beside it --markdown and --json alone")
    if len(runs) != 2 and not noise and (len(runs) != 1 or pair is None):
        raise UsageError(
            f"found {len(runs)} run(s), expected two: harness compare BEFORE AFTER. With one run "
            "give --arms FIRST,SECOND or --noise"
        )
    shares = [threshold(one) for one in gates if one != NO_REGRESSION]
    # One run with two arms is read once.
    read = {path: read_results(path) for path in runs}
    if noise:
        own = comparing.noise_of(read[runs[0]])
        Console().print(comparing.noise_table(own))
        if markdown is not None:
            replace_file(markdown, comparing.noise_as_markdown(own, str(runs[0].parent)))
        if json_file is not None:
            replace_file(json_file, comparing.noise_as_json(own))
        return
    before, after = (comparing.Side(str(runs[at].parent), read[runs[at]]) for at in (0, -1))
    try:
        found = comparing.compare(before, after, pair, anyway=anyway)
    except NothingToCompare as error:
        if not gates:
            raise
        # An absence of results is never a pass, nor a mistake of who wrote the gate.
        raise GateFailed(f"gate {', '.join(gates)} failed: {error}") from None
    totals = comparing.totals(after.results)
    check_arms(shares, [arm.name for arm, _ in totals])
    met = [gate(one, totals) for one in shares]
    if NO_REGRESSION in gates:
        met.append(comparing.no_regression(found))
    Console().print(comparing.as_table(found))
    for one in met:
        click.echo(one.message)
    pages = (runs[0].with_name("report.html"), runs[-1].with_name("report.html"))
    if markdown is not None:
        words = comparing.as_markdown(found, met, pages, markdown.parent)
        replace_file(markdown, words)
        click.echo(f"written to {markdown}")
    if json_file is not None:
        replace_file(json_file, comparing.as_json(found, met))
        click.echo(f"written to {json_file}")
    if not all(one.passed for one in met):
        sys.exit(EXIT_GATE_FAILED)


@main.command(epilog=EXIT_CODES)
@_RESULTS
@_SCENARIOS
@click.option("--out", type=_PATH, help="Folder to write to.  [default: reports/<time>]")
@_reader_options
def regrade(
    results: Path,
    scenarios: Path,
    out: Path | None,
    reader: str,
    api_base: str | None,
    readings: Path | None,
    timeout_s: float,
) -> None:
    """Judge RESULTS (a results.json, or its folder) again by changed words; runs no code.

    Traps, red flags, the asked level of verification and which checks are
    required are taken from the scenarios as they are now; what was measured
    stays. A check that is new is reported as not graded.

    With --reader model:PROVIDER/NAME a language model reads every reply once: which
    excuses it makes or answers, and whether it shows the expected behaviour that
    evidence does not decide, each with a quote that must stand in the reply. It
    needs the provider's key in the environment, such as OPENAI_API_KEY.

    \b
    harness regrade reports/latest --reader model:openai/gpt-4.1-mini
    harness regrade reports/latest --reader model:anthropic/claude-haiku-4-5
    harness regrade reports/latest --reader model:ollama/llama3.3
    harness regrade reports/latest --reader model:my/name --api-base http://127.0.0.1:8000/v1
    """
    import harness.read.scenarios
    from harness.report import write_reports
    from harness.results import read_results
    from harness.run.folders import point_latest
    from harness.run.regrade import regrade as judge_anew
    from harness.run.regrade import used_by
    from harness.summary.tables import summarise

    words = _reader(reader, api_base, readings, timeout_s)
    library = harness.read.scenarios.load(scenarios)
    found = read_results(results)
    used = used_by(found, library.scenarios)
    _ask(words, found, used)
    reports = Path("reports")
    folder = _new_folder(out, reports)
    regraded = judge_anew(found, used, library.skills, words, folder)
    told = summarise(regraded.results)
    page = write_reports(regraded.results, told, folder)
    if out is None:
        point_latest(reports, folder)
    for change in regraded.changes:
        click.echo(f"{change.id}: {'; '.join(change.what)}")
    count = len(regraded.changes)
    click.echo(f"{count} of {len(found.records)} submissions are judged differently now")
    click.echo(_last_line(told, None, page))
    ungraded = _ungraded(told, regraded.results)
    if _unanswered(words) or ungraded:
        sys.exit(EXIT_UNGRADED)


@main.command(epilog=EXIT_CODES)
@_RESULTS
@_LABELS
def label(results: Path, labels: Path | None) -> None:
    """Say which quotes in RESULTS (a results.json, or its folder) are right.

    Replies come in a random order, without arm and verdict. For each, say of every
    quote whether the reply makes that excuse, and which excuses it makes beside. Every
    reply is kept as soon as it is done; q ends. The marks correct the shares that rest
    on words (prediction-powered inference), and change nothing else.
    """
    from harness.model import ReplyLabel
    from harness.report import write_pages
    from harness.results import read_results
    from harness.results.labels import add_label, unlabelled
    from harness.summary.tables import summarise

    found = read_results(results)
    file, known = _labels(labels, results)
    made = list(known)
    with _interruptible(lambda: f"; replies labelled: {len(made)}, in {file}"):
        for record, submission in unlabelled(found, known):
            said = _ask_person(record, submission, found)
            if said is None:
                break
            made.append(ReplyLabel(record.scenario, record.sha256, *said))
            add_label(file, record.id, made[-1])
    page = write_pages(found, summarise(found, made), results.parent)
    click.echo(f"replies labelled: {len(made)}, in {file} · {page}")


def _ask_person(
    record: Record, submission: Submission, results: Results
) -> tuple[tuple[QuoteMark, ...], tuple[str, ...]] | None:
    """What a person says of the excuses in one reply; ``None`` to end."""
    from harness.model import QuoteMark, TrapState
    from harness.printable import visible

    (scenario,) = (one for one in results.scenarios if one.id == record.scenario)
    excuses = {trap.id: trap.excuse for trap in scenario.traps}
    click.echo(f"\n{'=' * 78}\n{scenario.title}\n\n{visible(submission.text)}\n{'-' * 78}")
    marks = []
    for found in record.traps:
        if found.state is not TrapState.MADE:
            continue
        quote = found.quote or ""
        click.echo(f"{found.trap}: {excuses.get(found.trap, '')}\n  “{visible(quote)}”")
        said = click.prompt("Does it make that excuse?", type=click.Choice(["y", "n", "q"]))
        if said == "q":
            return None
        marks.append(QuoteMark(found.trap, quote, said == "y"))
    click.echo("".join(f"  {name}: {excuse}\n" for name, excuse in excuses.items()), nl=False)
    right = {mark.excuse for mark in marks if mark.right}
    while True:
        said = click.prompt("Excuses it makes beside (names, empty for none)", default="")
        missed = tuple(dict.fromkeys(said.replace(",", " ").split()))
        if missed == ("q",):
            return None
        unknown = [name for name in missed if name not in excuses or name in right]
        if not unknown:
            return tuple(marks), missed
        click.echo(f"{', '.join(unknown)}: expected names of the list that no right quote shows")


def _asked_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which requests, and what agents read before them."""
    for option in (
        click.option(
            "--arms",
            "arm_names",
            default="baseline-calm,skill-calm,baseline,skill,placebo",
            show_default=True,
            metavar="NAME,…",
            help="Conditions: baseline, skill or placebo, with -calm or -pushed.",
        ),
        click.option(
            "--only",
            multiple=True,
            metavar="ID",
            shell_complete=completion.scenario_ids,
            help="Scenario id; repeatable.",
        ),
        click.option(
            "--placebo",
            type=_PATH,
            metavar="PATH",
            help="A guide of the same length about something else.  [default: placebo/ beside it]",
        ),
        click.option(
            "--skill",
            type=_PATH,
            metavar="PATH",
            help="The guide under test: a SKILL.md or its folder.  [default: that of skill.yaml]",
        ),
        _ROOT,
    ):
        command = option(command)
    return command


def _requests(
    scenarios: Path, skill: Path | None, placebo: Path | None, only: Sequence[str], arms: str
) -> Sequence[Request]:
    """Every conversation that the options ask for."""
    import harness.read.scenarios
    from harness.errors import did_you_mean
    from harness.generate.requests import about, chosen_arms, guides_for, is_asked, requests

    library = harness.read.scenarios.load(scenarios)
    names = [scenario.id for scenario in library.scenarios]
    for name in only:
        if name not in names:
            raise UsageError(f"--only: unknown scenario {name!r}.{did_you_mean(name, names)}")
    wanted = chosen_arms(filter(None, arms.split(",")))
    chosen = about(skill, library)
    chosen = [one for one in chosen if not only or one.id in only]
    asked = [arm for arm in wanted if any(is_asked(one, arm) for one in chosen)]
    if not asked:
        raise UsageError(
            f"--arms {arms}: none of these requests is there, as no scenario says what is asked "
            "under pressure; use --arms baseline-calm,skill-calm, or write requests.pressured"
        )
    guides = guides_for(library, chosen, skill, placebo, asked)
    for one in dict.fromkeys(guides.values()):
        words, others = one.lengths
        if one.placebo and abs(others - words) > 0.05 * words:
            _tell(
                f"note: the placebo has {others} words, {one.skill_path} has {words}; with more "
                "than 5 % between them a difference may be one of length"
            )
    return requests(chosen, asked, guides)


@main.group()
def init() -> None:
    """Write the files that a skill, a scenario or a first run begins with.

    \b
    harness init examples
    harness init skill careful-parsing
    harness init scenario parse-size --skill careful-parsing
    harness validate scenarios/careful-parsing
    """


_INTO = click.option(
    "--into",
    type=_PATH,
    default=Path(),
    metavar="DIR",
    help="Folder that holds skills/, scenarios/ and solutions/.  [default: this folder]",
)


@init.command("examples")
@click.argument("folder", type=_PATH, default=Path(), required=False, metavar="[DIR]")
def init_examples(folder: Path) -> None:
    """Write the shipped scenarios, skills and solutions to DIR (default: here).

    Nothing that is there is written over.
    """
    from harness.starting.examples import copy_examples, left, told

    copied = copy_examples(folder)
    for line in told(copied, folder):
        click.echo(line)
    if copied.others:
        _complain(left(copied, folder))


@init.command("skill")
@click.argument("name")
@_INTO
def init_skill(name: str, into: Path) -> None:
    """Write a commented skill: SKILL.md, and skill.yaml and oracles.py of its scenarios.

    Nothing that is there is written over.
    """
    from harness.starting.skill import write_skill

    for path in write_skill(name, into):
        click.echo(f"written: {path}")
    where = "" if into == Path() else f" --into {into}"
    click.echo(f"Next: harness init scenario SCENARIO --skill {name}{where}")


@init.command("scenario")
@click.argument("name")
@click.option(
    "--skill",
    required=True,
    metavar="SKILL",
    shell_complete=completion.skill_names,
    help="Its folder in scenarios/.",
)
@click.option(
    "--kind",
    type=click.Choice(["function", "autograd", "module"]),
    default="function",
    show_default=True,
    help="A function of plain Python values, one of tensors with a gradient of its own, or an "
    "nn.Module.",
)
@_INTO
def init_scenario(name: str, skill: str, kind: str, into: Path) -> None:
    """Write a commented scenario that works: requests, oracle, a right and a wrong answer.

    They are scenarios/SKILL/NAME.yaml, a function in oracles.py, solutions/reference/NAME.py and
    a file in solutions/reference/wrong/NAME/. Replace the example part by part. Nothing that is
    there is written over.
    """
    from harness.starting.scenario import ScenarioKind, write_scenario

    new = write_scenario(name, skill, ScenarioKind(kind), into)
    for path in new.files:
        click.echo(f"written: {path}")
    if new.oracles is not None:
        click.echo(f"added to: {new.oracles}")
    click.echo(f"Next: harness validate {new.folder}")


@main.command("import")
@click.argument("source", type=_PATH)
@click.option("--out", type=_PATH, required=True, metavar="DIR", help="scenarios/NAME, a new one.")
def import_(source: Path, out: Path) -> None:
    """Write scenarios for the requests in SOURCE, of skill-creator or of Harbor.

    SOURCE is an evals.json or the folder of a skill that has one, or a folder with
    Harbor tasks. Their requests can be asked at once (harness generate, harness
    prompts), and what they expect is read by --reader model:PROVIDER/NAME. Answers
    are graded by running them as soon as you describe entry_points and checks.

    \b
    harness import my-skill/ --out scenarios/my-skill
    harness generate scenarios/my-skill --model PROVIDER/NAME --arms baseline-calm,skill-calm
    """
    from harness.generate.importing import read_tasks, write_scenarios
    from harness.summary.numbers import counted

    found = read_tasks(source)
    written = write_scenarios(found, out)
    tasks, solved = len(found.tasks), counted(written, "reference solution")
    click.echo(f"{counted(tasks, 'scenario')} in {out}, with {solved}")
    for name, why in found.left.items():
        _tell(f"left out: {name}: {why}")
    click.echo("No check decides an answer to them yet; each file says what to add.")


@main.command()
@_asked_options
@click.option("--out", type=_PATH, required=True, metavar="DIR", help="A new folder.")
def prompts(
    scenarios: Path,
    skill: Path | None,
    placebo: Path | None,
    only: tuple[str, ...],
    arm_names: str,
    out: Path,
) -> None:
    """Write the requests of SCENARIOS to files, for those who ask agents by hand.

    They are the very ones that harness generate sends: a folder per arm and
    scenario, with the system message, the request and what is said after each
    answer. README.md in DIR says where the answers go.
    """
    from harness.generate.by_hand import write_requests
    from harness.generate.replies import describe_arms
    from harness.summary.numbers import counted

    asked = _requests(scenarios, skill, placebo, only, arm_names)
    write_requests(asked, out)
    describe_arms(out, dict.fromkeys(one.arm for one in asked))
    told = f"{counted(len(asked), 'request')} in {out}"
    click.echo(f"{told}; {out / 'README.md'} says where the answers go")


@main.command(epilog=EXIT_CODES)
@_asked_options
@click.option("--model", required=True, metavar="PROVIDER/NAME", help="As Inspect calls it.")
@click.option("--samples", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--out", type=_PATH, default=Path("solutions"), show_default=True, help="Folder of the answers."
)
@click.option(
    "--budget", type=click.FloatRange(min=0), metavar="USD", help="No call is made beyond it."
)
@click.option(
    "--price",
    metavar="IN,OUT",
    help="US dollars for a million tokens read and written, where Inspect does not know them.",
)
@click.option("--yes", is_flag=True, help="Begin without asking whether the price is right.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--max-tokens", type=click.IntRange(min=1), default=8192, show_default=True)
@click.option("--temperature", type=click.FloatRange(min=0), help="Left to the provider if absent.")
@click.option("--seed", type=int, help="Given to the provider, and the order of the calls.")
@click.option("--api-base", metavar="URL", help="Where the model answers, if not at its provider.")
@click.option(
    "--model-arg",
    "model_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="For Inspect's provider, the value in YAML, such as stream=true; repeatable.",
)
@click.option(
    "--retries", type=click.IntRange(min=0), default=5, show_default=True, help="Of one call."
)
@click.option(
    "--agent",
    "sandbox",
    metavar="SANDBOX",
    help="Ask an agent with a shell in Inspect's sandbox: docker, docker:compose.yaml or local. "
    "The guide is a folder in it, and the log is the answer.",
)
@click.option(
    "--allow-local",
    is_flag=True,
    help="Let an agent run what it likes on this machine, as you: --agent local.",
)
@click.option(
    "--baseline-from",
    type=_PATH,
    metavar="DIR",
    help="Take the baseline's answers from DIR; refused if asked in another way.",
)
def generate(
    scenarios: Path,
    skill: Path | None,
    placebo: Path | None,
    only: tuple[str, ...],
    arm_names: str,
    model: str,
    samples: int,
    out: Path,
    budget: float | None,
    price: str | None,
    yes: bool,
    jobs: int,
    max_tokens: int,
    temperature: float | None,
    seed: int | None,
    api_base: str | None,
    model_args: tuple[str, ...],
    retries: int,
    sandbox: str | None,
    allow_local: bool,
    baseline_from: Path | None,
) -> None:
    """Ask a model every request of SCENARIOS, with the skill and without, calm and pressured.

    Answers go to OUT/<arm>/<model>/<scenario>/<n>.md, each with its origin beside
    it; a conversation that is pushed back on goes on from the answer of the same
    number and is one .json. Nothing that is there is overwritten, and the same
    command asks only for what is missing. Arms and samples are mixed in time.
    Needs the extra: pip install 'harness[inspect]', and the provider's package.

    \b
    harness generate scenarios/my-skill --model openai/gpt-4.1-mini --price 0.4,1.6 --budget 3
    harness generate scenarios/my-skill --model ollama/llama3.3 --arms baseline,skill
    harness generate scenarios/my-skill --model openai/gpt-4.1 --agent docker:compose.yaml
    harness run scenarios/ --solutions solutions/
    """
    from harness.generate.agent import AskingAgents, Shell
    from harness.generate.asking import Asking, AskingLimits, price_of
    from harness.generate.replies import Settings, describe_arms, take_baseline
    from harness.model import Guide
    from harness.run.run import RunProgress
    from harness.summary.numbers import counted

    asked = _requests(scenarios, skill, placebo, only, arm_names)
    given = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    args = dict(map(_named, model_args))
    settings = Settings(
        model,
        api_base,
        {k: v for k, v in given.items() if v is not None},
        {k: v for k, v in args.items() if not _SECRET.search(k)},
    )
    limits = AskingLimits(max_tokens, jobs, retries, budget=budget)
    if sandbox == "local" and not allow_local:
        raise UsageError(
            "--agent local lets an agent run what it likes on this machine, as you; say "
            "--allow-local if that is meant, or use --agent docker"
        )
    compose = sandbox.partition(":")[2] if sandbox else ""
    if compose and not Path(compose).is_file():
        raise UsageError(f"--agent {sandbox}: there is no file {compose}; give a compose file")
    if sandbox is not None and baseline_from is not None:
        raise UsageError("--baseline-from takes answers of a model without a shell; leave it out")
    how = (settings, out, limits, None, args)
    asking = AskingAgents(*how, shell=Shell(sandbox)) if sandbox else Asking(*how)
    asking.price = _price(price) or price_of(model)
    if budget is not None and asking.price is None:
        raise UsageError(
            f"--budget: the price of {model} is not known; give --price IN,OUT in US dollars for a "
            "million tokens, such as --price 0.4,1.6"
        )
    describe_arms(out, dict.fromkeys(one.arm for one in asked))
    if baseline_from is not None:
        mine = [one for one in asked if one.arm.guide is Guide.WITHOUT]
        places = [asking.place(one, n) for one in mine for n in range(1, samples + 1)]
        taken = counted(take_baseline(places, baseline_from), "answer")
        click.echo(f"{taken} taken from {baseline_from}")
    new, total = asking.missing(asked, samples, seed or 0), len(asked) * samples
    calls, worst = asking.estimate(new)
    dear = "at a price that is not known" if worst is None else f"for at most ${worst:.2f}"
    known = total - len(new)
    there = f"{counted(known, 'answer')} {'is' if known == 1 else 'are'} there"
    lacking = f"{len(new)} {'is' if len(new) == 1 else 'are'} missing"
    click.echo(f"{there}, {lacking}: {counted(calls, 'call')} {dear}")
    if new and not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody is there to agree to that; give --yes to begin at once")
        click.confirm("Begin?", abort=True)
    meter = Meter("asking")
    with _interruptible(lambda: f"; the answers so far are in {out}"), meter:
        told = asking.ask_all(
            new,
            known,
            lambda done, total, cost: meter.show(RunProgress(done, total, 0, cost)),
        )
    _tell_asked(told, out)
    click.echo(f"Next: `{shlex.join(['harness', 'run', str(scenarios), '--solutions', str(out)])}`")


# Names of arguments that no provenance may hold.
_SECRET = re.compile(r"key|token|secret|password|credential|header", re.I)


def _named(text: str) -> tuple[str, Any]:
    """An argument of a model, its value read as YAML, as Inspect does."""
    import yaml

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"--model-arg is {text!r}, expected NAME=VALUE, such as stream=true")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        return name, value


def _price(text: str | None) -> Price | None:
    from harness.generate.asking import Price

    if text is None:
        return None
    try:
        into, out = map(float, text.split(","))
    except ValueError:
        raise UsageError(f"--price is {text!r}, expected IN,OUT such as 0.4,1.6") from None
    return Price(into, out)


def _tell_asked(told: AskedAll, out: Path) -> None:
    from harness.summary.numbers import counted

    cost = "" if told.spent is None else f" for ${told.spent:.2f}"
    click.echo(
        f"{counted(told.had, 'answer')} came{cost}, {told.known} were there before, in {out}"
    )
    for name, why in list(told.missed.items())[:5]:
        _tell(f"no answer: {name}: {why}")
    if told.unaffordable:
        _tell(
            f"The budget does not reach for {told.unaffordable} further conversations, which were "
            "not begun; give the same command with a larger --budget."
        )
    if told.missed:
        given_up = "The model was given up. " if told.stopped else ""
        _tell(
            f"{given_up}{counted(len(told.missed), 'conversation')} came to nothing; the same "
            "command asks again."
        )
    if told.missed or told.unaffordable:
        sys.exit(EXIT_UNGRADED)


@main.command(epilog=EXIT_CODES)
@click.argument("logs", type=_PATH, nargs=-1, required=True, metavar="LOG...")
@_SCENARIOS
@click.option(
    "--scenario",
    "scenario_id",
    metavar="ID",
    shell_complete=completion.scenario_ids,
    help="Scenario that all samples answer.  [default: as each says]",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="NAME=ID",
    help="Which scenario a name in the logs means; repeatable.",
)
@click.option(
    "--out", type=_PATH, metavar="DIR", help="Folder of the new logs.  [default: LOG-scored beside]"
)
@click.option("--overwrite", is_flag=True, help="Write over a log that is there, as LOG itself is.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all inputs.  [default: random]")
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Grader processes.  [default: one per CPU]"
)
@_sandbox_options
def score(
    logs: tuple[Path, ...],
    scenarios: Path,
    scenario_id: str | None,
    maps: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    seed: int | None,
    jobs: int | None,
    tier: str | None,
    allow_unsandboxed: bool,
) -> None:
    """Grade the answers in logs of Inspect; the scores are in a new log, LOG-scored.

    A sample says by its id, or by `scenario` in its metadata, which scenario it answers. Scores
    that a log has stay in it. No model is asked. Needs the extra: pip install 'harness[inspect]'.

    \b
    inspect eval harness/pressure -T arm=skill --model PROVIDER/NAME --no-score
    harness score logs/*.eval
    harness score theirs.eval --map task-7=layer-norm
    inspect view
    """
    import secrets

    from harness.model import Outcome
    from harness.read.submissions import told

    try:
        from harness.evaluation.logs import check_names, score_log, scored_files, unscored
        from harness.evaluation.scorer import Grading, grader_for
    except ModuleNotFoundError as error:
        raise UsageError(
            f"logs of Inspect are read and written with {error.name}, which is not installed; "
            "install the extra: pip install 'harness[inspect]'"
        ) from None

    given = unscored(logs)
    for log in sorted(set(logs) - set(given)):
        _tell(f"left out: {log}: holds the scores of another one of these logs")
    places = scored_files(given, out, overwrite)
    mapped = told(None, maps)
    seed = secrets.randbits(63) if seed is None else seed
    how = Grading(
        scenarios.resolve(), seed, jobs, tier, allow_unsandboxed, scenario_id, mapped.names
    )
    check_names(given, mapped, how)
    ungraded = 0
    with closing(grader_for(how)):
        for log, to in zip(given, places, strict=True):
            scored = score_log(log, to, how, sys.stdout.isatty())
            click.echo(str(scored))
            ungraded += scored.count(Outcome.UNGRADED)
    if ungraded:
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


def _labels(file: Path | None, results: Path) -> tuple[Path, Sequence[ReplyLabel]]:
    """The file of labels and what it holds, by default beside ``results``."""
    from harness.results.labels import FILE, read_labels

    file = file or results.parent / FILE
    return file, read_labels(file)


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


def _new_folder(out: Path | None, reports: Path, also: str = "") -> Path:
    """``run.folders.new_folder``; one named by the time is not left behind empty."""
    from harness.run.folders import new_folder

    folder = new_folder(out, reports, also)
    if out is None:
        click.get_current_context().call_on_close(partial(_remove_if_empty, folder))
    return folder


def _point_latest_if_beside(reports: Path, folder: Path) -> None:
    """``run.folders.point_latest``, but for a folder that the user wants elsewhere."""
    from harness.run.folders import point_latest

    if folder.resolve().parent == reports.resolve():
        point_latest(reports, folder)


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

    Console().print(summary_table(summary), crop=False)


def _last_line(summary: Summary, known: int | None, page: Path) -> str:
    counted = summary.total
    total = counted.graded + counted.ungraded
    declined = f", {counted.declined} declined" if counted.declined else ""
    source = "" if known is None else f" ({known} from the ledger, {total - known} graded now)"
    ungraded = f", {counted.ungraded} NOT GRADED" if counted.ungraded else ""
    graded = f"{total} submission{'s' * (total != 1)}{source}"
    right = f"{counted.right} right, {counted.wrong} wrong{declined}{ungraded}, {counted.held} held"
    return f"{graded}: {right} · {page}"


# Seconds between two lines of progress where there is no terminal.
_LINE_EVERY_S = 30.0


class Meter:
    """A progress bar on a terminal, a line now and then elsewhere."""

    def __init__(self, doing: str = "grading") -> None:
        self._doing = doing
        self._began = self._told = time.monotonic()
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
        """Take note of how far the run, or a reader, is."""
        self.done, self.known = at.done, at.known
        self._progress.update(self._task, completed=at.done, total=at.total, description=at.last)
        now = time.monotonic()
        if not self._progress.console.is_terminal and now - self._told >= _LINE_EVERY_S:
            self._told = now
            _complain(f"{self._doing}: {at.done} of {at.total} after {now - self._began:.0f} s")


if __name__ == "__main__":
    main()
