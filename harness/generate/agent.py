"""The same requests to an agent with a shell; what it did is a log of Inspect, kept as its answer.

The guide is a folder in the agent's sandbox, not a part of its context, and a conversation that is
pushed back on has a first answer of its own: a sandbox cannot be gone on from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import GenerateError, HarnessError
from harness.generate.asking import AskedAll, Asking, Price
from harness.generate.replies import ReplyPlace, write_answer
from harness.generate.requests import Request
from harness.model import Guide

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

TOLD: Final = "Read guide/SKILL.md first. It applies to what you are asked next."


@dataclass(frozen=True)
class Shell:
    """Where an agent works, and how long."""

    # Inspect's: ``docker``, ``docker:compose.yaml``, or ``local``, which confines nothing.
    sandbox: str = "docker"
    # Seconds of one command.
    command_s: int = 180
    # Tokens of one conversation, read and written, and messages in it.
    tokens: int = 300_000
    messages: int = 100


@dataclass(frozen=True)
class AgentPlace(ReplyPlace):
    """Where the log of an agent lies: beside the answers of the same model without a shell."""

    shell: Shell = Shell()

    @property
    def folder(self) -> Path:
        """Of all samples of a scenario."""
        arm = self.out / self.request.arm.name
        return arm / f"{self.settings.folder}--agent" / self.request.scenario.id

    @property
    def reply(self) -> Path:
        """A log of Inspect, as JSON: whoever grades it needs no Inspect."""
        return self.folder / f"{self.sample}.json"

    @property
    def expected(self) -> dict[str, Any]:
        """What the origin of an answer to just this request says."""
        return {**super().expected, "shell": asdict(self.shell)}


class AskingAgents(Asking):
    """One model with a shell and what it is asked."""

    def __init__(self, *given: Any, shell: Shell) -> None:
        """Beside ``shell`` as ``Asking``. Raises ``GenerateError``."""
        super().__init__(*given)
        self.shell = shell

    def place(self, request: Request, sample: int) -> ReplyPlace:
        """Where the log of a conversation is kept."""
        return AgentPlace(self.out, self.settings, request, sample, self.shell)

    def worst_case(self) -> float | None:
        """What a conversation costs at most, in US dollars: its last answer may pass the limit."""
        if self.price is None:
            return None
        dearest = max(self.price.input, self.price.output)
        return dearest * (self.shell.tokens + self.limits.max_tokens) / 1e6

    def estimate(self, new: Sequence[ReplyPlace]) -> tuple[int, float | None]:
        """The calls that conversations take at most, and what they cost."""
        worst = self.worst_case()
        calls = len(new) * self.shell.messages // 2
        return calls, None if worst is None else len(new) * worst

    def _have_all(
        self, new: Sequence[ReplyPlace], told: AskedAll, show: Callable[[], None]
    ) -> None:
        """A few conversations at once; those are kept as they end."""
        waiting, worst, account = iter(new), self.worst_case(), self._account
        while some := list(islice(waiting, self.limits.jobs)):
            if account.limit is not None and worst is not None:
                most = max(0, int((account.limit - account.spent) / worst))
                told.unaffordable += len(some[most:])
                some = some[:most]
            for place, log in zip(some, _run(self, some), strict=True):
                try:
                    account.spent += _keep(place, log, self.price, told)
                except (OSError, HarnessError) as error:
                    self._fault = error
            show()
            if self._fault is not None:
                return


def _run(asking: AskingAgents, places: Sequence[ReplyPlace]) -> Sequence[EvalLog]:
    """Have a few conversations at once; a log of each."""
    if not places:
        return ()
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.agent import as_solver, react
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser
    from inspect_ai.solver import Generate, Solver, TaskState, solver
    from inspect_ai.tool import bash

    shell = asking.shell

    def conversation() -> Solver:
        agent = as_solver(react(prompt=None, tools=[bash(timeout=shell.command_s)], submit=False))

        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state = await agent(state, generate)
            for said in state.metadata["follow_ups"]:
                state.messages.append(ChatMessageUser(content=said))
                state = await agent(state, generate)
            return state

        return solve

    dataset = []
    for number, place in enumerate(places):
        files = _guide(place.request)
        said: list[ChatMessage] = [ChatMessageSystem(content=TOLD)] if files else []
        said.append(ChatMessageUser(content=place.request.turns[0]))
        about = {"follow_ups": list(place.request.turns[1:])}
        dataset.append(Sample(id=number, input=said, metadata=about, files=files))
    kind, _, setting = shell.sandbox.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        try:
            (log,) = evaluate(
                Task(
                    dataset,
                    solver=solver(conversation)(),
                    sandbox=(kind, str(Path(setting).resolve())) if setting else kind,
                ),
                model=asking.model,
                log_dir=folder,
                display="none",
                fail_on_error=False,
                token_limit=shell.tokens,
                message_limit=shell.messages,
                max_samples=len(places),
            )
        except Exception as error:
            # A conversation that fails is a part of the log; this is what keeps all from beginning.
            raise _cannot_begin(shell, str(error)) from None
        if log.status == "cancelled":
            raise KeyboardInterrupt
        found = {sample.id: sample for sample in log.samples or ()}
        if len(found) < len(places):
            raise _cannot_begin(shell, log.error.message if log.error else "it kept no sample")
        return [
            log.model_copy(
                update={"samples": [found[n].model_copy(update={"id": place.request.scenario.id})]}
            )
            for n, place in enumerate(places)
        ]


def _cannot_begin(shell: Shell, told: str) -> GenerateError:
    return GenerateError(
        f"--agent {shell.sandbox}: Inspect cannot begin with this sandbox: "
        f"{' '.join(told.split()).rstrip('.')}. docker takes a running Docker Engine with Compose; "
        "--agent local --allow-local takes none and confines nothing"
    )


def _guide(request: Request) -> dict[str, str]:
    """The files of a guide by their places in a sandbox; all of a skill's folder."""
    guide, guides = request.arm.guide, request.guides
    if guide is None or guide is Guide.WITHOUT:
        return {}
    file = guides.skill_path if guide is Guide.WITH else guides.placebo_path
    assert file is not None, "an arm that reads the placebo was asked without one"
    if file.name != "SKILL.md":
        return {"guide/SKILL.md": str(file.resolve())}
    return {
        f"guide/{one.relative_to(file.parent)}": str(one.resolve())
        for one in sorted(file.parent.rglob("*"))
        if one.is_file()
    }


def _keep(place: ReplyPlace, log: EvalLog, price: Price | None, told: AskedAll) -> float:
    """Keep one conversation; what it cost, in US dollars."""
    from inspect_ai.log import write_eval_log

    sample = (log.samples or [])[0]
    usage = sample.model_usage.values()
    read, written = sum(u.input_tokens for u in usage), sum(u.output_tokens for u in usage)
    cost = None if price is None else price.of(read, written)
    if sample.error is not None:
        told.missed[place.name] = sample.error.message[:300]
        return cost or 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.json"
        write_eval_log(log, str(file), format="json")
        data = file.read_bytes()
    # Its guide is a folder that it can read; the scan of its context counts it as if it had.
    origin = {
        "asked_at": str(sample.started_at or datetime.now(UTC).isoformat(timespec="seconds")),
        "finish_reason": "length" if sample.limit else str(sample.output.stop_reason),
        "input_tokens": read,
        "output_tokens": written,
        "cost_usd": None if cost is None else round(cost, 6),
    }
    write_answer(place, origin, data)
    told.had += 1
    return cost or 0.0
