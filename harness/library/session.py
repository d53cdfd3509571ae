"""Answers without a sandbox: this process computes them, and keeps where an error was raised."""

from __future__ import annotations

import gc
import linecache
import traceback
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch

from harness.library.subject import Function
from harness.numerics.oracles import importable
from harness.sandbox.inside import script, serve, wire
from harness.sandbox.inside.part import Parts
from harness.sandbox.session import Session

# Frames of an error that are shown: the author's own, innermost last.
MOST_FRAMES = 3
OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))


class InProcess:
    """A ``Session`` as far as ``put`` uses one, answered by this process."""

    def __init__(self, server: serve.Server) -> None:
        self.server = server

    def exchange(
        self, frames: Iterator[bytes]
    ) -> Iterator[tuple[dict[str, Any], list[torch.Tensor]]]:
        for frame in frames:
            header, tensors = wire.opened(frame)
            # Through the wire's own form, so that what is judged is what would have been sent.
            yield wire.opened(wire.encode(*self._answer(header, tensors)))

    def _answer(
        self, header: Mapping[str, Any], tensors: list[torch.Tensor]
    ) -> tuple[dict[str, Any], list[torch.Tensor]]:
        """Each call by itself, to see what it raises."""
        answers: list[dict[str, Any]] = []
        results: list[torch.Tensor] = []
        rest = iter(tensors)
        for call, count in zip(header["calls"], header["counts"], strict=True):
            answer, found = self._one(call, list(islice(rest, count)))
            answers.append(answer)
            results += found
        return {"answers": answers}, results

    def _one(
        self, call: Any, tensors: list[torch.Tensor]
    ) -> tuple[dict[str, Any], list[torch.Tensor]]:
        try:
            answer, parts = self._asked(call, tensors)
            serve.check_sendable(parts)
            found = serve.as_they_are_now(parts)
        except Exception as error:
            told = {**script.described(error), "frames": _frames(error)}
            return {"error": told}, []
        return {**answer, "parts": [str(name) for name, _ in parts]}, found

    def _asked(self, call: Any, tensors: list[torch.Tensor]) -> tuple[dict[str, Any], Parts]:
        ask = serve.ASKS[call["ask"]]
        if ask is serve.ask_released:
            with _older_objects_out_of_sight():
                answer, parts = ask(serve.Invocation(self.server.module, call, tensors))
            if answer["grown"] <= 0:
                return answer, parts
            # One that was there before may have gone in its place, so all are looked at.
        return ask(serve.Invocation(self.server.module, call, tensors))


def _frames(error: BaseException) -> list[str]:
    """Where it was raised, without the frames of torch and of the harness."""
    shown = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(OURS) or frame.filename.startswith("<frozen"):
            continue
        line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
        shown.append(f'File "{frame.filename}", line {frame.lineno}, in {frame.name}\n  {line}')
    return shown[-MOST_FRAMES:]


@contextmanager
def in_process(name: str, function: Function) -> Iterator[Session]:
    """A session that calls ``function`` under ``name``."""
    server = serve.Server()
    module = types.ModuleType(serve.MODULE_NAME)
    setattr(module, name, function)
    server.module = module
    # Sequences of calls look their function up there.
    with importable({serve.MODULE_NAME: module}):
        yield cast("Session", InProcess(server))


@contextmanager
def _older_objects_out_of_sight() -> Iterator[None]:
    """Whatever looks through all objects looks at new ones alone, of which there are few."""
    if gc.get_freeze_count():  # by the caller, whose freeze nobody here may end
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
