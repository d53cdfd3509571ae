"""One question to a language model over HTTP, in the protocol of OpenAI or that of Anthropic.

Chat completions is what nearly every provider and local server offers; Anthropic's messages are the
other one. Both are one POST of JSON, so no client library is needed.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final, Literal, NamedTuple

from harness.errors import ReaderError
from harness.judge.answer import Malformed
from harness.judge.message import SCHEMA, Messages

# Bytes of an answer beyond which the rest is not waited for.
_MOST_BYTES: Final = 4 << 20
# Tokens of an answer, which Anthropic's protocol wants to be told.
_MOST_TOKENS: Final = 8_192
# Longest wait between two tries, in seconds, whatever a server asks for.
_LONGEST_WAIT_S: Final = 60.0


class Provider(NamedTuple):
    """Where a provider answers, and the variable that holds its key."""

    base: str
    # ``None`` where none is needed.
    key: str | None
    protocol: Literal["openai", "anthropic"] = "openai"


PROVIDERS: Final[Mapping[str, Provider]] = {
    "anthropic": Provider("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", "anthropic"),
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
    """One model; may be asked from several threads at once."""

    def __init__(
        self, model: str, *, api_base: str | None = None, patience: Patience | None = None
    ) -> None:
        """``model`` is ``provider/name``; with ``api_base`` the provider may be any word.

        Raises ``ReaderError`` for a name that is none or a missing key.
        """
        provider, slash, name = model.partition("/")
        if not (provider and slash and name):
            raise ReaderError(
                f"--reader is 'model:{model}', expected model:provider/name such as "
                "model:openai/gpt-4.1-mini"
            )
        known = PROVIDERS.get(provider)
        if known is None and api_base is None:
            raise ReaderError(
                f"--reader names the provider {provider!r}, known are {', '.join(PROVIDERS)}; "
                "for another one say with --api-base URL where it answers"
            )
        base = api_base or (known.base if known else "")
        if not base.startswith(("http://", "https://")):
            raise ReaderError(
                f"--api-base is {base!r}, expected a URL such as http://127.0.0.1:8000/v1"
            )
        variable = known.key if known else "READER_API_KEY"
        key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not key and api_base is None:
            raise ReaderError(
                f"{variable} is not set; put the key of {provider} there, or name a server that "
                "needs none with --api-base URL"
            )
        # As rates and reports name it, and with its address, as answers are kept.
        self.reader = f"model:{model}"
        self.name = model if api_base is None else f"{model} at {api_base}"
        self._patience = patience or Patience()
        self._speaks = known.protocol if known else "openai"
        self._url = base.rstrip("/") + _PATHS[self._speaks]
        self._headers = {"Content-Type": "application/json", **_credentials(self._speaks, key)}
        self._model = name
        # Niceties that a server may not know; one that is refused is left out from then on.
        self._further: dict[str, Any] = {"temperature": 0}
        if self._speaks == "openai":
            form = {"name": "reading", "strict": True, "schema": SCHEMA}
            self._further["response_format"] = {"type": "json_schema", "json_schema": form}

    def ask(self, asked: Messages, understand: Callable[[str], None]) -> ModelReply:
        """The answer to one question; asked again where it fails or ``understand`` refuses it.

        ``understand`` raises ``Malformed``. Raises ``ReaderError`` where no question at all could
        be answered: the key is not valid, or there is no such model.
        """
        tries = self._patience.tries
        for number in range(1, tries + 1):
            try:
                text = _text_of(self._speaks, self._answer(asked))
                understand(text)
                return ModelReply(text)
            except Malformed as error:
                failed = _Failed(f"its answer is malformed: {error}")
            except _Failed as error:
                failed = error
            if failed.status in _BAD_REQUEST:
                return ModelReply(None, failed.why, failed.lasting)
            if number < tries and not failed.lasting:
                time.sleep(min(_LONGEST_WAIT_S, failed.wait_s or 0.5 * 2 ** (number - 1)))
        return ModelReply(None, f"{failed.why} ({tries} times)", failed.lasting)

    def _answer(self, asked: Messages) -> Any:
        """The JSON of one answer, asked for without what a server says that it does not know."""
        while True:
            further = dict(self._further)
            try:
                return self._post(_body(self._speaks, self._model, asked) | further)
            except _Failed as failed:
                known = {k: v for k, v in further.items() if k not in failed.said}
                if failed.status not in _BAD_REQUEST or known == further:
                    raise
                self._further = known

    def _post(self, body: Mapping[str, Any]) -> Any:
        """Raises ``Malformed``, ``_Failed`` or ``ReaderError``."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._url, data, self._headers, method="POST")
        limit = self._patience.timeout_s
        try:
            with urllib.request.urlopen(request, timeout=limit) as response:
                return json.loads(_received(response, time.monotonic() + limit))
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            late = isinstance(reason, TimeoutError)
            said = f"no answer within {limit:g} s" if late else f"no connection: {reason}"
            raise _Failed(f"it could not be asked: {_line(said)}", lasting=False) from None
        except ValueError:
            raise Malformed("what came back is not JSON") from None

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        """What an HTTP status means."""
        with error:
            data = error.read(_MOST_BYTES)
        try:
            said = str(json.loads(data)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            said = data.decode("utf-8", "replace") or error.reason
        said = f"status {error.code}: {_line(said)}"
        if error.code in (401, 403, 404):
            return ReaderError(
                f"{self.name} cannot be asked: {said}. See that the key is valid, that it may use "
                "this model, and that the model's name is right."
            )
        why, wait_s = f"it could not be asked: {said}", _wait_s(error.headers)
        return _Failed(why, said, lasting=False, status=error.code, wait_s=wait_s)


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


def _received(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body of a response; the time-out of a connection is for each part of it alone."""
    data = b""
    while len(data) < _MOST_BYTES and (more := response.read1(1 << 16)):
        data += more
        if time.monotonic() > deadline:
            raise TimeoutError
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and len(data) < int(length):
        raise ConnectionError("it was cut")
    return data


_PATHS: Final = {"openai": "/chat/completions", "anthropic": "/messages"}


def _credentials(protocol: str, key: str) -> dict[str, str]:
    if protocol == "anthropic":
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"Authorization": f"Bearer {key or 'none'}"}


def _body(protocol: str, model: str, asked: Messages) -> dict[str, Any]:
    user = {"role": "user", "content": asked.user}
    if protocol == "anthropic":
        limit = {"max_tokens": _MOST_TOKENS}
        return {"model": model, "system": asked.system, "messages": [user], **limit}
    return {"model": model, "messages": [{"role": "system", "content": asked.system}, user]}


def _text_of(protocol: str, answered: Any) -> str:
    """What the model said. Raises ``Malformed`` or ``_Failed``."""
    text: object
    refusal: object = None
    try:
        if protocol == "anthropic":
            ended = answered["stop_reason"]
            parts = [part["text"] for part in answered["content"] if part["type"] == "text"]
            text = "".join(parts)
        else:
            choice = answered["choices"][0]
            ended, message = choice.get("finish_reason"), choice["message"]
            text, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Malformed("what came back is not in the provider's protocol") from None
    if refusal or ended in ("content_filter", "refusal"):
        said = str(refusal or text or "a filter stopped it")
        raise _Failed(f"it refused: {_line(said)}")
    if ended in ("length", "max_tokens"):
        raise Malformed("it was cut off by a limit on its length")
    if not isinstance(text, str) or not text:
        raise Malformed("it is empty")
    return text


def _wait_s(headers: Message) -> float:
    """Seconds that a busy server asks to wait for; 0 where it does not say, or says a date."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, TypeError, ValueError):
            continue
    return 0.0


def _line(words: str) -> str:
    """The words of others in one line."""
    return " ".join(words.split())[:300].rstrip(".")
