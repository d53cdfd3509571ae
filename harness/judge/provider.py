"""One question to a language model, asked through the model layer of Inspect (extra ``inspect``).

Inspect knows the providers, their protocols and what can be asked again; here it is decided how
often, and what counts as no answer.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from harness.errors import ReaderError
from harness.judge.answer import Malformed, ModelAnswer
from harness.judge.message import Messages

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelOutput

# Longest wait between two tries, in seconds, whatever a server asks for.
_LONGEST_WAIT_S: Final = 60.0
# Other names of Inspect's providers.
_ALSO: Final = {"gemini": "google"}
# Providers that a server of one's own is not asked as: they have a protocol of their own.
_OWN_PROTOCOL: Final = frozenset({"anthropic", "google", "mockllm"})
# Inspect would start a server for a model of vllm; whoever has one running wants that one.
_LOCAL: Final = {"vllm": "http://127.0.0.1:8000/v1"}
# Providers whose client asks again by itself, which would come on top of our tries.
_REPEATS: Final = frozenset({"openai", "openai-api", "anthropic"})


@dataclass(frozen=True)
class Patience:
    """How long and how often a model is asked one question."""

    # Seconds until an answer must be there.
    timeout_s: float = 120.0
    # Requests that may fail, and answers that may be of no use, before it is given up.
    tries: int = 3


@dataclass(frozen=True)
class ModelReply:
    """What came of one question."""

    # ``None`` where there is no answer in the form asked for.
    text: str | None
    # Why there is none.
    why: str = ""
    # Whether asking again would give the same; not so after a time-out.
    lasting: bool = True


class LanguageModel:
    """One model; may be asked several questions at once."""

    def __init__(
        self, model: str, *, api_base: str | None = None, patience: Patience | None = None
    ) -> None:
        """``model`` is ``provider/name``; with ``api_base`` the provider may be any word.

        Raises ``ReaderError`` for a name that is none, a missing key or a missing package.
        """
        provider, slash, name = model.partition("/")
        if not (provider and slash and name):
            raise ReaderError(
                f"--reader is 'model:{model}', expected model:provider/name such as "
                "model:openai/gpt-4.1-mini"
            )
        if api_base is not None and not api_base.startswith(("http://", "https://")):
            raise ReaderError(
                f"--api-base is {api_base!r}, expected a URL such as http://127.0.0.1:8000/v1"
            )
        # As rates and reports name it, and with its address, as answers are kept.
        self.reader = f"model:{model}"
        self.name = model if api_base is None else f"{model} at {api_base}"
        self._patience = patience or Patience()
        self._asked = _ALSO.get(provider, provider), name, api_base or _LOCAL.get(provider)
        self._model = _model(*self._asked)
        # Niceties that a server may not know, by the word with which it refuses them; one that is
        # refused is left out from then on.
        self._further: dict[str, Any] = {"temperature": 0.0}
        if provider != "anthropic":
            self._further["response_format"] = _form()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Ask within this: connections belong to one event loop and are closed at the end."""
        async with _model(*self._asked) as self._model:
            yield

    async def ask(self, asked: Messages, understand: Callable[[str], None]) -> ModelReply:
        """The answer to one question; asked again where it fails or ``understand`` refuses it.

        ``understand`` raises ``Malformed``. Raises ``ReaderError`` where no question at all could
        be answered: the key is not valid, or there is no such model.
        """
        tries = self._patience.tries
        for number in range(1, tries + 1):
            try:
                text = _text_of(await self._answer(asked))
                understand(text)
                return ModelReply(text)
            except Malformed as error:
                failed = _Failed(f"its answer is malformed: {error}")
            except _Failed as error:
                failed = error
            if failed.status in _BAD_REQUEST:
                return ModelReply(None, failed.why, failed.lasting)
            if number < tries and not failed.lasting:
                await asyncio.sleep(min(_LONGEST_WAIT_S, failed.wait_s or 0.5 * 2 ** (number - 1)))
        return ModelReply(None, f"{failed.why} ({tries} times)", failed.lasting)

    async def _answer(self, asked: Messages) -> ModelOutput:
        """One answer, asked for without what a server says that it does not know."""
        while True:
            further = dict(self._further)
            try:
                return await self._generate(asked, further)
            except _Failed as failed:
                known = {k: v for k, v in further.items() if k not in failed.said}
                if failed.status not in _BAD_REQUEST or known == further:
                    raise
                self._further = known

    async def _generate(self, asked: Messages, further: Mapping[str, Any]) -> ModelOutput:
        """Raises ``Malformed``, ``_Failed`` or ``ReaderError``."""
        from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig
        from tenacity import RetryError

        config = GenerateConfig(
            max_retries=0,
            temperature=further.get("temperature"),
            response_schema=further.get("response_format"),
        )
        limit = self._patience.timeout_s
        try:
            async with asyncio.timeout(limit):
                return await self._model.generate(
                    [ChatMessageSystem(content=asked.system), ChatMessageUser(content=asked.user)],
                    config=config,
                )
        except TimeoutError:
            late = f"it could not be asked: no answer within {limit:g} s"
            raise _Failed(late, lasting=False) from None
        except RetryError as error:
            reason = error.last_attempt.exception() or error
        except Exception as error:  # each provider's client raises its own
            reason = error
        raise self._meaning(reason) from None

    def _meaning(self, error: BaseException) -> BaseException:
        """What an error of a provider's client means; a fault of ours means itself."""
        if hasattr(error, "provider_message"):  # Inspect's, around that of a client
            error = error.__cause__ or error
        status = getattr(error, "status_code", None)
        if status is None:
            if isinstance(error, ValueError):  # of JSON, or of the fields in it
                return Malformed("what came back is not in the provider's protocol")
            if not self._model.api.should_retry(cast(Exception, error)):
                return error
            root = error
            while root.__cause__ or root.__context__:
                root = cast(BaseException, root.__cause__ or root.__context__)
            return _Failed(
                f"it could not be asked: {_line(str(root) or repr(root))}", lasting=False
            )
        response = getattr(error, "response", None)
        said = f"status {status}: {_line(_said(response) or str(error))}"
        if status in (401, 403, 404):
            return ReaderError(
                f"{self.name} cannot be asked: {said}. See that the key is valid, that it may use "
                "this model, and that the model's name is right."
            )
        why, wait_s = f"it could not be asked: {said}", _wait_s(getattr(response, "headers", {}))
        return _Failed(why, said, lasting=False, status=status, wait_s=wait_s)


# Asking again would be refused again.
_BAD_REQUEST: Final = (400, 413, 422)


@dataclass
class _Failed(Exception):
    """There is no answer."""

    why: str
    # What the server said.
    said: str = ""
    # As in ``ModelReply``.
    lasting: bool = True
    # Of HTTP, where a server answered.
    status: int | None = None
    # Seconds that the server asks to wait for; 0 where it does not say.
    wait_s: float = 0.0


def _model(provider: str, name: str, base: str | None) -> Model:
    """Inspect's model of that name. Raises ``ReaderError``."""
    try:
        from inspect_ai._util.error import PrerequisiteError
        from inspect_ai.model import get_model
    except ModuleNotFoundError as error:
        raise ReaderError(
            f"--reader model:{provider}/{name} needs the package {error.name}, which is not "
            "installed; install the extra: pip install 'harness[inspect]'"
        ) from None
    from rich.text import Text

    key = None
    if base is not None:
        key = next(
            (
                value
                for variable in (f"{provider.upper().replace('-', '_')}_API_KEY", "READER_API_KEY")
                if (value := os.environ.get(variable, "").strip())
            ),
            "none",
        )
        if provider not in _OWN_PROTOCOL:
            provider, name = "openai-api", f"{provider}/{name}"
    further: dict[str, Any] = {"max_retries": 0} if provider in _REPEATS else {}
    try:
        return get_model(f"{provider}/{name}", base_url=base, api_key=key, memoize=False, **further)
    except PrerequisiteError as error:
        said = Text.from_markup(str(error.message)).plain.removeprefix("ERROR: ")
    except ValueError as error:
        said = str(error)
    raise ReaderError(
        f"--reader is model:{provider}/{name}, which cannot be asked: {_line(said)}. Set what is "
        "missing, or say with --api-base URL where a server of your own answers"
    )


def _form() -> Any:
    """The form of an answer, as Inspect tells it to a provider."""
    from inspect_ai.model import ResponseSchema
    from inspect_ai.util import json_schema

    return ResponseSchema(name="reading", json_schema=json_schema(ModelAnswer), strict=True)


def _text_of(output: ModelOutput) -> str:
    """What the model said. Raises ``Malformed`` or ``_Failed``."""
    if not output.choices:
        raise Malformed("what came back is not in the provider's protocol")
    content = output.choices[0].message.content
    refused = not isinstance(content, str) and any(getattr(c, "refusal", None) for c in content)
    text, ended = str(output.completion), output.stop_reason
    if refused or ended == "content_filter":
        raise _Failed(f"it refused: {_line(text or 'a filter stopped it')}")
    if ended in ("max_tokens", "model_length"):
        raise Malformed("it was cut off by a limit on its length")
    if not text:
        raise Malformed("it is empty")
    return text


def _said(response: Any) -> str:
    """What a server says of a request that it refuses."""
    text = str(getattr(response, "text", ""))
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _wait_s(headers: Mapping[str, str]) -> float:
    """Seconds that a busy server asks to wait for; 0 where it does not say, or says a date."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return 0.0


def _line(words: str) -> str:
    """The words of others in one line."""
    return " ".join(words.split())[:300].rstrip(".")
