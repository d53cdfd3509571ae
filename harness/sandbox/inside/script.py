"""Runs of a submission's own tests: a file as a script, and what pytest or unittest finds in it.

Nothing is on disk: pytest is given the module itself, without plug-ins, settings or a cache.
"""

import doctest
import importlib
import inspect
import io
import linecache
import os
import random
import sys
import traceback
import types
import unittest
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from . import spoiling

FILE_NAME = "solution.py"
MESSAGE_CHARACTERS = 600
# Of what a file writes to its standard output, the last part.
PRINTED_BYTES = 2000
# Stands for every option of a gradcheck that a message cannot hold, such as atol=inf.
LARGEST_OPTION = 1e15
Json = dict[str, Any]

# Nothing of these is of use without a disk, and some take long.
PYTEST = [
    *("--rootdir=/", "-c/dev/null", "-q", "--no-header", "--capture=no", "--assert=plain"),
    "--tb=native",
    *(
        f"-pno:{name}"
        for name in (
            *("cacheprovider", "unraisableexception", "threadexception", "faulthandler"),
            *(
                "junitxml",
                "pastebin",
                "doctest",
                "setuponly",
                "setupplan",
                "debugging",
                "legacypath",
            ),
        )
    ),
]
# What may follow these is text of a choice of tests.
CHOICES = ("-k", "-m")


def import_pytest() -> None:
    """pytest and what it imports when it is first run."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with suppress(ImportError):
        module = types.ModuleType("warm")
        exec("def test_nothing():\n    pass", vars(module))
        with quiet():
            by_pytest(module, "warm.py", first_only=False, skip=(), skipped=[], lenient=False)


def import_hypothesis() -> None:
    """hypothesis, and settings with which it is the same at every run and needs no disk."""
    with suppress(ImportError):
        import hypothesis

        hypothesis.settings.register_profile(
            "sandbox",
            derandomize=True,
            database=None,
            deadline=None,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("sandbox")
        # Of the modules that are nobody else's it reads the source for constants to draw: here that
        # would be all of torch, as a library cannot be told by its folder.
        providers: Any = importlib.import_module("hypothesis.internal.conjecture.providers")
        providers.is_local_module_file = lambda _: False


class Tail(io.RawIOBase):
    """Keeps the last bytes that are written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.kept = (self.kept + bytes(data)[-PRINTED_BYTES:])[-PRINTED_BYTES:]
        return len(data)


@contextmanager
def quiet() -> Iterator[Tail]:
    """Standard output into memory."""
    tail = Tail()
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(tail), encoding="utf-8", errors="replace", write_through=True
    )
    try:
        yield tail
    finally:
        with suppress(Exception):
            sys.stdout.flush()
        sys.stdout = before


class Scripts:
    """The runs of the files of tests of one submission."""

    def __init__(self) -> None:
        # The gradchecks of the first run of each file.
        self.passed: dict[str, list[Json]] = {}
        # Names of the modules that these files were.
        self.modules = {"__main__"}

    def run(self, header: Json) -> Json:
        """Run ``source`` and the tests in it; watch its gradchecks.

        ``main`` says whether it is ``__main__``; ``collect`` what finds the tests then: nothing,
        ``functions`` (those named in ``tests``), ``pytest``, ``unittest`` or ``doctest``. ``spoil``
        says which backward is spoiled. In a run after the first one, gradchecks that passed and
        have nothing to do with it are not made again, and the first test that fails ends it.
        """
        name = header["file"]
        spoiler = spoiling.Spoiler(**header.get("spoil", {}))
        watch = Watch(spoiler, self.passed.get(name, []))
        if "hypothesis" in header["source"]:
            import_hypothesis()
        torch.default_generator.manual_seed(0)
        random.seed(0)
        torch.set_default_dtype(torch.float32)
        argv, sys.argv = sys.argv, [name, *header["arguments"]]
        error = None
        skipped: list[str] = []
        with quiet() as printed:
            try:
                with watch, spoiler:
                    error = self._run(header, spoiler, skipped)
            except SystemExit as leaving:
                if leaving.code not in (None, 0):
                    error = {**described(leaving), "message": f"it exited with {leaving.code!r}"}
            except BaseException as failure:
                error = described(failure)
        sys.argv = argv
        if "spoil" not in header:
            self.passed[name] = watch.seen
        return {
            "error": error,
            "gradchecks": watch.seen[:200],
            "functions": spoiler.seen(),
            "printed": printed.kept.decode(errors="replace"),
            "skipped": len(skipped),
        }

    def _run(self, header: Json, spoiler: spoiling.Spoiler, skipped: list[str]) -> Json | None:
        """What went wrong in a test, where that did not raise; those left out go to ``skipped``."""
        name = header["file"]
        stem = "__main__" if header["main"] else Path(name).stem
        if stem in sys.modules and stem not in self.modules:
            stem = f"{stem}_in_tests"
        self.modules.add(stem)
        module = types.ModuleType(stem)
        module.__file__ = name
        sys.modules[stem] = module
        remember_source(name, header["source"])
        how: Json = {
            "first_only": "spoil" in header,
            "skip": header["skip"],
            "skipped": skipped,
        }

        def called(args: Any = None, plugins: Any = None) -> int:
            found = by_pytest(module, name, **how, lenient=False, args=args, plugins=plugins)
            return 1 if found is not None else 0

        failed: list[Json] = []

        def examples(*_: Any, optionflags: int = 0, **__: Any) -> Any:
            found = by_doctest(module, name, optionflags)
            if found.failed:
                told = f"{found.failed} of {found.attempted} examples failed"
                failed.append({"type": "doctest", "message": told, "line": None})
            return found

        code = compile(header["source"], name, "exec")
        with (
            _called_itself("pytest", "main", called, header["source"]),
            _called_itself("doctest", "testmod", examples, header["source"]),
        ):
            try:
                if spoiler.value is None:
                    exec(code, vars(module))
                else:
                    exec(code, vars(module), spoiling.Names(vars(module), spoiler))
            except BaseException as left:
                # As pytest and unittest do with a file that skips itself.
                if header["main"] or type(left).__name__ not in ("Skipped", "SkipTest"):
                    raise
                skipped.append(name)
                return None
            match header["collect"]:
                case "functions":
                    for test in header["tests"]:
                        getattr(module, test)()
                case "pytest":
                    return by_pytest(module, name, **how, lenient=header["lenient"])
                case "unittest":
                    return by_unittest(module, **how)
                case "doctest":
                    examples()
        return failed[0] if failed else None


@contextmanager
def _called_itself(where: str, name: str, run: Callable[..., Any], source: str) -> Iterator[None]:
    """A file that has its tests found has its own ones run, in whatever way it names itself."""
    try:
        module = importlib.import_module(where) if where in source else None
    except ImportError:
        module = None
    if module is None:
        yield
        return
    before = getattr(module, name)
    setattr(module, name, run)
    try:
        yield
    finally:
        setattr(module, name, before)


def by_pytest(
    module: types.ModuleType,
    name: str,
    *,
    first_only: bool,
    skip: Sequence[str],
    skipped: list[str],
    lenient: bool,
    args: Any = None,
    plugins: Any = None,
) -> Json | None:
    """Run the tests of ``module`` with pytest; what went wrong with the first one that failed.

    ``skip`` names tests that were run already. With ``lenient`` a function that is called like a
    test and asks for what no fixture gives is none.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest
    from _pytest.config import main

    class InMemory(pytest.Module):
        def _getobj(self) -> types.ModuleType:
            return module

    class Collecting:
        def __init__(self) -> None:
            self.error: Json | None = None

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection(self, session: Any) -> bool:
            found = list(session.genitems(InMemory.from_parent(session, path=Path("/", name))))
            session.items = [item for item in found if self._is_test(item)]
            session.config.pluginmanager.check_pending()
            session.config.hook.pytest_collection_modifyitems(
                session=session, config=session.config, items=session.items
            )
            session.testscollected = len(session.items)
            return True

        @staticmethod
        def _is_test(item: Any) -> bool:
            if item.nodeid.split("::", 1)[-1].split("[")[0].split("::")[0] in skip:
                return False
            info = getattr(item, "_fixtureinfo", None)
            if info is None or not lenient:
                return True
            given = getattr(getattr(item, "callspec", None), "params", {})
            return all(n in info.name2fixturedefs or n in given for n in info.argnames)

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.skipped and not hasattr(report, "wasxfail"):
                skipped.append(report.nodeid)

        def pytest_exception_interact(self, call: Any) -> None:
            self.error = self.error or described(call.excinfo.value)

    collecting = Collecting()
    options = [*PYTEST, *(["-x"] if first_only else []), *_choices(args)]
    status = int(main(options, plugins=[collecting, *(plugins or ())]))
    if status in (0, 5):  # 5: there is no test
        return None
    nothing = {"type": "pytest", "message": f"pytest ended with status {status}", "line": None}
    return collecting.error or nothing


def _choices(args: Any) -> list[str]:
    """Of the arguments of a command those that choose tests of a file."""
    given = (
        [str(one) for one in args] if isinstance(args, list | tuple) else str(args or "").split()
    )
    found = []
    for one, following in zip_longest(given, given[1:], fillvalue=""):
        if one in CHOICES:
            found += [one, following]
        elif one == "-x" or (one[:2] in CHOICES and len(one) > 2):
            found.append(one)
    return found


def by_doctest(module: types.ModuleType, name: str, flags: int = 0) -> Any:
    """Run the examples in the docstrings of ``module``; they print what failed."""
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(verbose=False, optionflags=flags)
    for about, text in _documented(module):
        test = parser.get_doctest(text, dict(vars(module)), about, name, 0)
        runner.run(test, out=sys.stdout.write)
    return doctest.TestResults(runner.failures, runner.tries)


def _documented(module: types.ModuleType) -> Iterator[tuple[str, str]]:
    """Name and docstring of the module and of the functions and classes that it defines."""
    todo: list[tuple[str, Any]] = [(module.__name__, module), *vars(module).items()]
    for name, value in todo:
        own = getattr(value, "__module__", None) == module.__name__
        if own and isinstance(value, type):
            todo += vars(value).items()
        if (own or value is module) and isinstance(value.__doc__, str):
            yield name, value.__doc__


def by_unittest(
    module: types.ModuleType, *, first_only: bool, skip: Sequence[str], skipped: list[str]
) -> Json | None:
    """Run the test cases of ``module``; what went wrong with the first one that failed."""

    class Result(unittest.TestResult):
        error: Json | None = None

        def _keep(self, error: Any) -> None:
            if error is not None:
                self.error = self.error or described(error[1])

        def addError(self, test: Any, err: Any) -> None:  # noqa: N802
            super().addError(test, err)
            self._keep(err)

        def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
            super().addFailure(test, err)
            self._keep(err)

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
            super().addSubTest(test, subtest, err)
            self._keep(err)

    result = Result()
    result.failfast = first_only
    for name, cases in list(vars(module).items()):
        if isinstance(cases, type) and issubclass(cases, unittest.TestCase) and name not in skip:
            unittest.defaultTestLoader.loadTestsFromTestCase(cases).run(result)
            if result.shouldStop:
                break
    skipped += [str(test) for test, _ in result.skipped]
    if result.wasSuccessful():
        return None
    unexpected = {"type": "unittest", "message": "a test passed unexpectedly", "line": None}
    return result.error or unexpected


def remember_source(name: str, source: str) -> None:
    """Let tracebacks and ``inspect`` find the text of code that is in no file."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def described(error: BaseException) -> Json:
    """An exception in data: type, message and the last line of the submission it passed."""
    line = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == FILE_NAME:
            line = number
    if line is None and isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        line = error.lineno
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be shown)"
    return {"type": type(error).__name__, "message": message[:MESSAGE_CHARACTERS], "line": line}


class Watch:
    """Records the gradcheck calls of a script, and the Functions applied in each."""

    def __init__(self, spoiler: spoiling.Spoiler, before: list[Json]) -> None:
        self.spoiler = spoiler
        # Those of an earlier run, in order.
        self.before = before
        self.seen: list[Json] = []
        self.applied: list[str] | None = None
        self.originals: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> None:
        home = sys.modules["torch.autograd.gradcheck"]
        for name in ("gradcheck", "gradgradcheck"):
            observed = self._observed(name, getattr(home, name))
            self._put(home, name, observed)
            self._put(torch.autograd, name, observed)
        function: Any = torch.autograd.Function
        apply = function.apply.__func__

        def watched_apply(cls: type, *arguments: Any, **keywords: Any) -> Any:
            if self.applied is not None and cls.__name__ not in self.applied:
                self.applied.append(cls.__name__)
            return apply(cls, *arguments, **keywords)

        self._put(function, "apply", classmethod(watched_apply))

    def _put(self, home: Any, name: str, value: Any) -> None:
        self.originals.append((home, name, inspect.getattr_static(home, name)))
        setattr(home, name, value)

    def __exit__(self, *_: object) -> None:
        for home, name, value in reversed(self.originals):
            setattr(home, name, value)

    def _known(self, name: str) -> Json | None:
        """The same call in an earlier run, where it passed and would do so again."""
        place = len(self.seen)
        if self.applied is not None or place >= len(self.before):
            return None
        entry = self.before[place]
        again = entry["name"] == name and entry["passed"]
        return entry if again and not self.spoiler.concerns(entry["functions"]) else None

    def _observed(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        def gradcheck(func: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
            known = self._known(name)
            if known is not None:
                self.seen.append(known)
                return True
            tensors = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
            dtypes = {
                str(t.dtype).removeprefix("torch.")
                for t in tensors
                if isinstance(t, torch.Tensor) and t.requires_grad
            }
            bound = signature.bind(func, inputs, *arguments, **keywords)
            options = {
                key: value if -LARGEST_OPTION <= value <= LARGEST_OPTION else LARGEST_OPTION
                for key, value in bound.arguments.items()
                if isinstance(value, bool | int | float)
            }
            entry: Json = {
                "name": name,
                "dtypes": sorted(dtypes),
                "options": options,
                "passed": False,
                "error": None,
            }
            outer, self.applied = self.applied, []
            try:
                result = original(func, inputs, *arguments, **keywords)
                entry["passed"] = result is True
                return result
            except BaseException as error:
                entry["error"] = f"{type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]
                raise
            finally:
                entry["functions"], self.applied = self.applied, outer
                # gradgradcheck is itself made of a gradcheck; only the outer call counts.
                if outer is None:
                    self.seen.append(entry)

        return gradcheck
