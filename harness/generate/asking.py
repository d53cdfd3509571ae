"""Puts the requests to a model, through Inspect's model layer, and keeps what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import AnswerError, GenerateError, HarnessError
from harness.generate.replies import (
    ModelTurn,
    ReplyPlace,
    Settings,
    answered,
    first_answer,
    keep,
)
from harness.generate.requests import Request, arm_of, interleaved
from harness.model import Dose, Guide

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, Model

# Conversations in a row that came to nothing, after which the model is not asked on.
_IN_VAIN: Final = 8


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


@dataclass(frozen=True)
class AskingLimits:
    """How a model is asked."""

    # Of one answer.
    max_tokens: int = 8_192
    # Conversations at once.
    jobs: int = 4
    # Requests that may fail before an answer is given up, and seconds until one must be there.
    retries: int = 5
    timeout_s: int = 600
    # US dollars that must not be exceeded; ``None`` without a limit.
    budget: float | None = None


@dataclass
class Account:
    """What was spent, and what the conversations under way may still cost at most."""

    limit: float | None
    spent: float = 0.0
    reserved: float = 0.0
    under_way: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def reserve(self, worst: float) -> bool:
        """Set aside what a conversation may cost; ``False`` where that is not there.

        Waits for those under way, which mostly cost less than they might.
        """
        async with self._changed:
            while self.limit is not None and self.spent + self.reserved + worst > self.limit:
                if not self.under_way:
                    return False
                await self._changed.wait()
            self.reserved += worst
            self.under_way += 1
            return True

    async def settle(self, worst: float, cost: float) -> None:
        """Take what it cost, and give back the rest."""
        async with self._changed:
            self.reserved -= worst
            self.under_way -= 1
            self.spent += cost
            self._changed.notify_all()


@dataclass
class AskedAll:
    """What came of asking."""

    # Conversations that were known before, and that were had now.
    known: int = 0
    had: int = 0
    # Id of a conversation -> why it came to nothing; the same command asks again.
    missed: dict[str, str] = field(default_factory=dict)
    # Conversations that were not begun, as they might have exceeded the budget.
    unaffordable: int = 0
    # US dollars; ``None`` where the price is not known.
    spent: float | None = 0.0
    # Whether the model was given up.
    stopped: bool = False


def price_of(model: str) -> Price | None:
    """The price that Inspect knows of a model."""
    from inspect_ai.model import get_model_info

    info = get_model_info(model)
    return None if info is None or info.cost is None else Price(info.cost.input, info.cost.output)


def worst_case(request: Request, price: Price, limits: AskingLimits) -> float:
    """What a conversation costs at most, in US dollars.

    A token has at least a byte; every answer is as long as it may be, and read again in each
    later turn.
    """
    told = len((request.system or "").encode())
    total = 0.0
    for said in request.turns:
        told += len(said.encode())
        total += price.of(told, limits.max_tokens)
        told += limits.max_tokens
    return total


class Asking:
    """One model and what it is asked."""

    def __init__(
        self,
        settings: Settings,
        out: Path,
        limits: AskingLimits,
        price: Price | None,
        model_args: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises ``GenerateError`` where the model cannot be asked at all."""
        self.settings = settings
        self.out = out
        self.limits = limits
        self.price = price
        self.model = _model(settings, limits, model_args or {})
        self._account = Account(limits.budget)
        # Per guide, scenario and sample, whether the answer under pressure is there or given up.
        self._settled: dict[tuple[Guide | None, str, int], asyncio.Event] = {}
        self._vain = 0
        # Why an answer could not be kept.
        self._fault: OSError | HarnessError | None = None

    def place(self, request: Request, sample: int) -> ReplyPlace:
        """Where an answer is kept."""
        return ReplyPlace(self.out, self.settings, request, sample)

    def estimate(self, new: Sequence[ReplyPlace]) -> tuple[int, float | None]:
        """The calls that conversations take, and what they cost at most."""
        asked, price = [place.request for place in new], self.price
        worst = None if price is None else sum(worst_case(o, price, self.limits) for o in asked)
        return sum(len(one.turns) for one in asked), worst

    def missing(
        self, asked: Sequence[Request], samples: int, seed: int = 0
    ) -> Sequence[ReplyPlace]:
        """Where the answers that are not there yet will lie, in the order in which to ask.

        Reads every answer that is there. Raises ``UsageError`` where one was asked otherwise.
        """
        every = (self.place(one, sample) for sample, one in interleaved(asked, samples, seed))
        return [place for place in every if not answered(place)]

    def ask_all(
        self,
        new: Sequence[ReplyPlace],
        known: int,
        on_progress: Callable[[int, int, str], None] = lambda *_: None,
    ) -> AskedAll:
        """Have every conversation that is ``missing``, beside those ``known``.

        Each answer is kept as it comes. Raises ``AnswerError`` where one cannot be: then no other
        conversation is begun, and those under way are ended and kept if they can be.
        """
        told, total = AskedAll(known=known), known + len(new)

        def show() -> None:
            done = told.known + told.had + len(told.missed)
            cost = "" if self.price is None else f"${self._account.spent:.2f}"
            on_progress(done, total, cost)

        show()
        self._have_all(new, told, show)
        if self._fault is not None:
            raise AnswerError(
                f"{_unkept(self._fault)} {told.known + told.had} answers are kept in {self.out}; "
                "the same command asks for the others, and for nothing twice"
            ) from self._fault
        told.spent = None if self.price is None else self._account.spent
        return told

    def _have_all(
        self, new: Sequence[ReplyPlace], told: AskedAll, show: Callable[[], None]
    ) -> None:
        asyncio.run(self._ask(new, told, show))

    async def _ask(
        self, new: Sequence[ReplyPlace], told: AskedAll, show: Callable[[], None]
    ) -> None:
        for place in new:
            if place.request.arm.dose is Dose.PRESSURED:
                self._settled[_sample_of(place)] = asyncio.Event()
        waiting = iter(new)
        async with self.model, asyncio.TaskGroup() as group:
            for _ in range(self.limits.jobs):
                group.create_task(self._work(waiting, told, show))

    async def _work(
        self, waiting: Iterator[ReplyPlace], told: AskedAll, show: Callable[[], None]
    ) -> None:
        for place in waiting:
            request = place.request
            settled = self._settled.get(_sample_of(place))
            if settled and request.arm.dose is Dose.PUSHED_BACK:
                await settled.wait()
            if self._vain >= _IN_VAIN or self._fault is not None:
                told.stopped = self._fault is None
                for event in self._settled.values():
                    event.set()
                return
            worst = 0.0 if self.price is None else worst_case(request, self.price, self.limits)
            if not await self._account.reserve(worst):
                told.unaffordable += 1
            else:
                cost = 0.0
                try:
                    cost = await self._have(place, told)
                except (OSError, HarnessError) as error:
                    self._fault = error
                await self._account.settle(worst, cost)
            if settled and request.arm.dose is Dose.PRESSURED:
                settled.set()
            show()

    async def _have(self, place: ReplyPlace, told: AskedAll) -> float:
        """Have one conversation and keep it; what it cost."""
        turns: list[ModelTurn] = []
        before, continues = self._first(place)
        if continues is not None and before is None:
            told.missed[place.name] = "the answer under pressure, which it continues, is missing"
            return 0.0
        try:
            await self._converse(place.request, before, turns)
        except Exception as error:
            # Whatever a provider's client raises: the others are asked all the same.
            self._vain += 1
            told.missed[place.name] = (
                f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            )
        else:
            self._vain = 0
            keep(place, turns, continues)
            told.had += 1
        return sum(turn.cost or 0.0 for turn in turns)

    def _first(self, pushed: ReplyPlace) -> tuple[str | None, Path | None]:
        """The first answer of a conversation that goes on from one, and where it is kept."""
        request = pushed.request
        if request.arm.dose is not Dose.PUSHED_BACK:
            return None, None
        assert request.arm.guide is not None
        arm = arm_of(request.arm.guide, Dose.PRESSURED)
        first = replace(request, arm=arm, turns=request.turns[:1])
        place = self.place(first, pushed.sample)
        asked_too = _sample_of(pushed) in self._settled
        text = first_answer(place)
        return text, place.reply if asked_too or text is not None else None

    async def _converse(self, request: Request, first: str | None, turns: list[ModelTurn]) -> None:
        from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

        said: list[ChatMessage] = []
        if request.system:
            said.append(ChatMessageSystem(content=request.system))
        for number, words in enumerate(request.turns):
            said.append(ChatMessageUser(content=words))
            if number == 0 and first is not None:
                turns.append(ModelTurn(first, "stop", 0, 0, 0.0, _now()))
            else:
                turns.append(await self._turn(said))
            said.append(ChatMessageAssistant(content=turns[-1].text))

    async def _turn(self, said: Sequence[ChatMessage]) -> ModelTurn:
        begun = _now()
        output = await self.model.generate(list(said))
        if output.error:
            raise GenerateError(output.error)
        usage = output.usage
        read, written = (usage.input_tokens, usage.output_tokens) if usage else (0, 0)
        cost = usage.total_cost if usage else None
        if cost is None and self.price is not None:
            cost = self.price.of(read, written)
        reason = output.choices[0].stop_reason if output.choices else "unknown"
        return ModelTurn(output.completion, reason, read, written, cost, begun)


def _unkept(fault: OSError | HarnessError) -> str:
    if isinstance(fault, HarnessError):
        return f"{fault}."
    where = fault.filename or "an answer"
    return f"{where}: cannot be written: {fault.strerror or fault}. Make room where it lies."


def _sample_of(place: ReplyPlace) -> tuple[Guide | None, str, int]:
    """What a conversation that is pushed back on has in common with its first answer."""
    return place.request.arm.guide, place.request.scenario.id, place.sample


def _model(settings: Settings, limits: AskingLimits, model_args: Mapping[str, Any]) -> Model:
    try:
        from inspect_ai.model import GenerateConfig, get_model
    except ModuleNotFoundError:
        raise GenerateError(
            "harness generate asks models through Inspect, which is not installed; install it with "
            "pip install 'harness[inspect]' (and the package of your provider, such as openai), or "
            "ask by hand: harness prompts writes the same requests"
        ) from None
    try:
        return get_model(
            settings.model,
            base_url=settings.api_base,
            config=GenerateConfig(
                **{"max_tokens": limits.max_tokens, **settings.given},
                max_retries=limits.retries,
                attempt_timeout=limits.timeout_s,
                max_connections=limits.jobs,
            ),
            memoize=False,
            **model_args,
        )
    except Exception as error:
        # Inspect and each provider have exceptions of their own for a wrong name or a missing key.
        raise GenerateError(
            f"{settings.model} cannot be asked: {' '.join(str(error).split())}. --model is "
            "PROVIDER/NAME as Inspect calls it, such as openai/gpt-4.1-mini; its key stands in the "
            "environment, such as OPENAI_API_KEY"
        ) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
