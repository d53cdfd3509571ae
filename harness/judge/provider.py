"""A language model as a judge, through the OpenAI client library and the protocol it speaks.

Chat completions is what nearly every provider and local server offers, so one client and a base
address reach them all. (LiteLLM was tried: its core needs a python-dateutil below 3, which cannot
be installed with the versions this project is tested with, and it brings an AWS client along.)
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harness.errors import JudgeError
from harness.judge.answer import Malformed, opinion, parse
from harness.judge.message import RESPONSE_FORMAT, messages
from harness.judge.opinion import Opinion, abstained

if TYPE_CHECKING:
    from openai import OpenAI

# Characters of a reply beyond which no model is asked: a part would not be the reply.
LONGEST: Final = 200_000
INSTALL: Final = "Install it with: pip install 'harness[judge]'"


class Provider(NamedTuple):
    """Where a provider answers, and the variable that holds its key."""

    base: str
    # ``None`` where none is needed.
    key: str | None


PROVIDERS: Final[dict[str, Provider]] = {
    "anthropic": Provider("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "ollama": Provider("http://127.0.0.1:11434/v1", None),
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "vllm": Provider("http://127.0.0.1:8000/v1", None),
}


@dataclass(frozen=True)
class Patience:
    """How long and how often a model is asked one question."""

    # Seconds until an answer must be there.
    timeout_s: float = 60.0
    # Requests that may fail, and answers that may be of no use, before it abstains.
    tries: int = 3


class LanguageModel:
    """Asks one model. Use as a context manager, which closes its connections."""

    def __init__(
        self, model: str, *, api_base: str | None = None, patience: Patience | None = None
    ) -> None:
        """``model`` is ``provider/name``; with ``api_base`` the provider may be any word.

        Raises ``JudgeError`` for a name that is none, a missing key or a missing extra.
        """
        provider, slash, name = model.partition("/")
        if not (provider and slash and name):
            raise JudgeError(
                f"--model is {model!r}, expected provider/name such as openai/gpt-4.1-mini"
            )
        known = PROVIDERS.get(provider)
        if known is None and api_base is None:
            raise JudgeError(
                f"--model names the provider {provider!r}, known are {', '.join(PROVIDERS)}; "
                "for another one say with --api-base URL where it answers"
            )
        base = api_base or (known.base if known else "")
        if not base.startswith(("http://", "https://")):
            raise JudgeError(
                f"--api-base is {base!r}, expected a URL such as http://127.0.0.1:8000/v1"
            )
        variable = known.key if known else "JUDGE_API_KEY"
        key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not key and api_base is None:
            raise JudgeError(
                f"{variable} is not set; put the key of {provider} there, or name a server that "
                "needs none with --api-base URL"
            )
        self.name = model if api_base is None else f"{model} at {api_base}"
        self._model = name
        self._patience = patience or Patience()
        # Niceties that a server may not know; one that is refused is left out from then on.
        self._further: dict[str, Any] = {"temperature": 0, "response_format": RESPONSE_FORMAT}
        self._client = _client(base, key or "none", self._patience)

    def __enter__(self) -> LanguageModel:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def judge(self, reply: str, expected: str) -> Opinion:
        """Ask the model, again where what comes back is no answer, and look its quote up."""
        import openai

        if len(reply) > LONGEST:
            return abstained(f"the reply is longer than {LONGEST} characters, so nobody was asked")
        why = ""
        for _ in range(self._patience.tries):
            try:
                return opinion(parse(self._ask(reply, expected)), reply)
            except Malformed as error:
                why = f"its answer is malformed: {error}"
            except _Refusal as error:
                why = f"it refused: {error}"
            except (
                openai.AuthenticationError,
                openai.PermissionDeniedError,
                openai.NotFoundError,
            ) as error:
                raise JudgeError(
                    f"{self.name} cannot be asked: {_said(error)}. See that the key is valid, "
                    "that it may use this model, and that the model's name is right."
                ) from None
            except openai.APITimeoutError:
                limit = f"{self._patience.timeout_s:g} s"
                return abstained(
                    f"no answer within {limit}, {self._patience.tries} times", lasting=False
                )
            except openai.OpenAIError as error:
                return abstained(f"it could not be asked: {_said(error)}", lasting=False)
        return abstained(f"{why} ({self._patience.tries} times)")

    def _ask(self, reply: str, expected: str) -> str:
        """The text of one answer. Raises ``Malformed``, ``_Refusal`` or an error of the client."""
        import openai

        asked = messages(reply, expected)
        while True:
            further = dict(self._further)
            try:
                answered = self._client.chat.completions.create(
                    model=self._model,
                    messages=[
                        {"role": "system", "content": asked.system},
                        {"role": "user", "content": asked.user},
                    ],
                    **further,
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                unknown = [name for name in further if name in str(error)]
                if not unknown:
                    raise
                self._further = {k: v for k, v in further.items() if k not in unknown}
                continue
            except json.JSONDecodeError:
                raise _NO_COMPLETION from None
            return _text(answered)


_NO_COMPLETION: Final = Malformed("what came back is no chat completion")


class _Refusal(Exception):
    """The model will not answer."""


def _text(answered: object) -> str:
    """What the model said; the client does not check that a server sent a chat completion."""
    choices = getattr(answered, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    if message is None:
        raise _NO_COMPLETION
    refusal, content = getattr(message, "refusal", None), getattr(message, "content", None)
    if refusal:
        raise _Refusal(" ".join(str(refusal).split())[:200])
    match getattr(choice, "finish_reason", None):
        case "content_filter":
            raise _Refusal("a content filter stopped it")
        case "length":
            raise Malformed("it was cut off by a limit on its length")
    if not isinstance(content, str) or not content:
        raise Malformed("it is empty")
    return content


def _client(base: str, key: str, patience: Patience) -> OpenAI:
    try:
        from openai import OpenAI
    except ImportError:
        raise JudgeError(f"the judge needs the package openai, which is missing. {INSTALL}") from (
            None
        )
    return OpenAI(
        api_key=key,
        base_url=base,
        timeout=patience.timeout_s,
        # The client waits between tries, as long as a server asks for or longer each time.
        max_retries=patience.tries - 1,
    )


def _said(error: Exception) -> str:
    """An error of the client in one line."""
    return " ".join(str(error).split())[:300].rstrip(".")
