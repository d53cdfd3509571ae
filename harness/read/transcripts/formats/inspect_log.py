"""Logs of Inspect: JSON, or an archive with a file per sample and epoch."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import SubmissionError
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats import Recorded
from harness.read.transcripts.formats.messages import tell
from harness.read.transcripts.parsed import clean, loads, mapping, parse, sequence

_ZIP, _ZSTD = b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
# Bytes of one file of an archive, of all of them, and files.
_MAX_BYTES, _MAX_TOTAL, _MAX_FILES = 64 << 20, 512 << 20, 10_000
_ATTACHED = re.compile(r"attachment://([0-9a-f]{16,64})")
# Why an answer ended, where it was for want of tokens.
_CUT_OFF = ("max_tokens", "model_length")
# Where a log says what was asked: of one that is finished, of one that is being written.
_HEADERS = ("header.json", "_journal/start.json")
_SAMPLE = re.compile(r"samples/.+\.json")
# What is wrong with a result, as far as it tells what became of the call.
_ERRORS = {"timeout": "timeout", "approval": "rejected"}


class InspectLog:
    """See ``Format``."""

    name = "inspect"

    def matches(self, head: bytes, path: Path | None) -> bool:
        """See ``Format``."""
        if head[:4] in (_ZIP, _ZSTD):
            return True
        whole = parse(head).members
        return isinstance(whole.get("eval"), dict) and "messages" not in whole

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        """See ``Format``."""
        if raw[:4] in (_ZIP, _ZSTD):
            about, samples = _unpack(raw, path)
        else:
            whole = parse(raw).members
            about, samples = mapping(whole.get("eval")), iter(sequence(whole.get("samples")))
        found = False
        for sample in samples:
            found = True
            yield recorded(mapping(sample), about)
        if not found:
            raise SubmissionError(
                "this Inspect log holds no sample; give one that was written with samples "
                "(`inspect eval` without --no-log-samples)"
            )


def recorded(sample: Mapping[str, Any], about: Mapping[str, Any]) -> Recorded:
    """The conversation of one sample; ``about`` is what the log says of all of them.

    It answers the scenario that its metadata name, or else that of its own name.
    """
    attachments = mapping(sample.get("attachments"))
    draft = Draft()
    for number, given in enumerate(sequence(sample.get("messages")), start=1):
        message = mapping(_attached(given, attachments, 0))
        kind = _ERRORS.get(clean(mapping(message.get("error")).get("type")))
        tell(draft, {**message, "status": kind} if kind else message, number)
    epoch, told = sample.get("epoch"), mapping(sample.get("metadata"))
    id = told.get("scenario") or sample.get("id")
    ends = sequence(mapping(sample.get("output")).get("choices"))
    return Recorded(
        draft.finish(InspectLog.name),
        model=clean(about.get("model")) or None,
        sample=epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None,
        task_id=str(id) if isinstance(id, int) else clean(id) or None,
        arm=clean(told.get("arm")) or None,
        cut_off=bool(ends) and mapping(ends[0]).get("stop_reason") in _CUT_OFF,
    )


def _attached(value: Any, attachments: Mapping[str, Any], depth: int) -> Any:
    """``value`` with long texts, which are kept apart, in their places."""
    if not attachments or depth > 20:
        return value
    if isinstance(value, str):
        found = _ATTACHED.fullmatch(value)
        return attachments.get(found[1], value) if found else value
    if isinstance(value, list):
        return [_attached(one, attachments, depth + 1) for one in value]
    if isinstance(value, dict):
        return {key: _attached(one, attachments, depth + 1) for key, one in value.items()}
    return value


def _unpack(raw: bytes, path: Path | None) -> tuple[Mapping[str, Any], Iterator[Any]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        names = [n for n in archive.namelist() if _SAMPLE.fullmatch(n)][:_MAX_FILES]
        header = next((one for one in _HEADERS if one in archive.namelist()), None)
        if header is None:
            raise SubmissionError(
                f"an archive, and no Inspect log: it holds no {' and no '.join(_HEADERS)}; "
                "expected a file that `inspect eval` wrote"
            )
        about = mapping(_json_in(archive, header)).get("eval") or {}
        return mapping(about), _samples_in(archive, sorted(names, key=_place))
    except (zipfile.BadZipFile, NotImplementedError, KeyError, RuntimeError) as error:
        return _with_inspect(path, error)


def _place(name: str) -> tuple[str, int]:
    """By sample and epoch; the tenth epoch comes after the ninth."""
    stem, _, epoch = name.removesuffix(".json").rpartition("_epoch_")
    return stem, int(epoch[:9]) if epoch.isdecimal() else 0


def _samples_in(archive: zipfile.ZipFile, names: list[str]) -> Iterator[Any]:
    room = _MAX_TOTAL
    for name in names:
        room -= archive.getinfo(name).file_size
        if room < 0:
            raise SubmissionError(
                f"this Inspect log is larger than {_MAX_TOTAL >> 20} MiB when it is unpacked; "
                "write smaller logs, e.g. with `inspect eval --sample-id`"
            )
        yield _json_in(archive, name)


def _json_in(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        with archive.open(name) as stream:
            words = stream.read(_MAX_BYTES + 1)
    except (NotImplementedError, RuntimeError):
        raise  # packed in a way that Inspect may know
    except Exception as error:
        # Whatever the library that unpacks it raises for damaged bytes.
        raise SubmissionError(
            f"this Inspect log is broken at {clean(name)[:80]}: {error}"
        ) from None
    if len(words) > _MAX_BYTES:
        raise SubmissionError(f"{clean(name)[:80]} in it has more than {_MAX_BYTES >> 20} MiB")
    return loads(words.decode(errors="replace"))


def _with_inspect(path: Path | None, error: Exception) -> tuple[Mapping[str, Any], Iterator[Any]]:
    """The same by Inspect's own reader, for a compression that Python does not know."""
    if isinstance(error, zipfile.BadZipFile):
        raise SubmissionError(f"this Inspect log is no archive ({error}); copy it again")
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        raise SubmissionError(
            "this Inspect log is packed in a way that inspect_ai alone can read, which is not "
            "installed; install the extra: pip install 'harness[inspect]', or give the log as "
            "JSON (`inspect log convert --to json`)"
        ) from None
    if path is None:
        raise SubmissionError("an Inspect log must be a file of its own")
    try:
        log = read_eval_log(str(path), resolve_attachments=True).model_dump(mode="json")
    except Exception as problem:
        # Whatever its version raises for what it cannot read.
        raise SubmissionError(
            f"inspect_ai cannot read it as a log ({str(problem)[:200]})"
        ) from None
    whole = mapping(log)
    return mapping(whole.get("eval")), iter(sequence(whole.get("samples")))


INSPECT = InspectLog()
