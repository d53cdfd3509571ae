"""The submission's own tests: its file, run as a script in the sandbox."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from harness.checks.structure import functions_in
from harness.code import Source
from harness.grading.load import LOADS
from harness.grading.work import Work
from harness.model import ObservedGradcheck, OwnTests
from harness.numerics.question import Answer
from harness.sandbox import exclusive, shared
from harness.sandbox.inside import wire
from harness.sandbox.session import CandidateFault, Session


def begin_early(work: Work) -> Work:
    """Let them run while the answers are judged, where nothing is left to ask."""
    if work.settled:
        _begin(work.process, work)
    return work


def begin(work: Work) -> Work:
    """Let them run, unless they do already."""
    if not work.settled:
        _begin(work.process, work)
    return work


def end(work: Work) -> Work:
    """Wait for them; a process that does not live so long leaves them to ``run_apart``."""
    with suppress(CandidateFault):
        return replace(work, own_tests=_end(work.process, work.source))
    return work


def run_apart(work: Work) -> Work:
    """Run them in a process of their own where they did not pass beside the questions.

    There nothing that the questions did is in their way. What cannot be imported cannot test
    itself either.
    """
    loads = any(f.check == LOADS and f.entry_point is None for f in work.findings)
    own_tests = work.own_tests
    if not loads and (own_tests is None or not own_tests.passed):
        own_tests = _run_apart(work)
    if own_tests is None:
        return work
    used_by = {name: functions_in(answer) for name, answer in work.plain.items()}
    return replace(work, own_tests=replace(own_tests, used_by=used_by))


def _run_apart(work: Work) -> OwnTests:
    def run() -> OwnTests:
        with work.start_session() as session:
            modules = work.plan.bench.oracles.sources
            session.request({"do": "load", "source": "", "modules": modules, "entry_points": {}})
            _begin(session, work)
            return _end(session, work.source)

    try:
        with shared(work.address), suppress(CandidateFault):
            return run()
        # A fault is believed when it comes again, without neighbours.
        with exclusive(work.address):
            return run()
    except CandidateFault as fault:
        return OwnTests(False, str(fault), (), tuple(f.name for f in work.source.functions))


def _begin(session: Session, work: Work) -> None:
    session.renew()
    tests = [] if work.source.main_lines else _standalone_tests(work.source)
    script = {"do": "script", "source": work.submission.code, "tests": tests}
    with suppress(CandidateFault):  # which the end of it will meet again
        session.send(wire.encode(script, []))


def _end(session: Session, read: Source) -> OwnTests:
    """What the script did."""
    reply, _ = session.receive(0)
    error = reply.get("error")
    said = None
    if error is not None:
        said = Answer({}, {}, error).error_text() if isinstance(error, dict) else "unknown error"
    # What the process saw of itself counts only where the file has a call to be seen.
    observed = reply.get("gradchecks") if read.gradchecks else []
    gradchecks = tuple(
        found
        for entry in (observed if isinstance(observed, list) else [])
        if (found := _observed(entry)) is not None
    )
    return OwnTests(said is None, said, gradchecks, tuple(f.name for f in read.functions))


def _standalone_tests(read: Source) -> list[str]:
    """Test functions that take no arguments, in a file that does not run them itself."""
    return [
        name
        for name in read.tests
        if name in read.defs and not read.defs[name].args.args and name.startswith("test")
    ]


def _observed(entry: object) -> ObservedGradcheck | None:
    """One watched call as the candidate's side reported it; ``None`` where it makes no sense."""
    if not isinstance(entry, dict):
        return None
    options = entry.get("options")
    names, dtypes = entry.get("functions"), entry.get("dtypes")
    if not (isinstance(options, dict) and isinstance(names, list) and isinstance(dtypes, list)):
        return None
    error = entry.get("error")
    return ObservedGradcheck(
        name=str(entry.get("name")),
        functions=tuple(str(name) for name in names),
        dtypes=tuple(str(dtype) for dtype in dtypes),
        options={str(k): v for k, v in options.items() if isinstance(v, bool | int | float)},
        passed=entry.get("passed") is True,
        error=None if error is None else str(error),
    )
