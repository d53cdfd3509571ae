"""Requests are put as they are promised, nothing is asked twice, and no budget is exceeded.

The model is Inspect's own mock, or a server on this machine that speaks OpenAI's protocol.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from made_results import quick, simple_results

from harness.cli import main
from harness.errors import AnswerError, GenerateError, UsageError
from harness.generate.asking import AskedAll, Asking, AskingLimits, Price
from harness.generate.replies import Settings
from harness.generate.requests import (
    ARMS,
    PREFACE,
    Guides,
    Request,
    chosen_arms,
    interleaved,
    read_guides,
    requests,
)
from harness.generate.separation import separation
from harness.model import Dose, Guide
from harness.read import scenarios
from harness.read.scenarios.library import Library
from harness.read.submissions import arms as arms_of
from harness.read.submissions import discover
from harness.read.submissions.provenance import provenance
from harness.summary import summarise

# Of the libraries that Inspect is made of.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOT = Path(__file__).parent.parent
SKILLS = ROOT / "skills"
SKILL = ROOT / "scenarios/custom-autograd-functions"
CODE = "```python\ndef layer_norm(x, eps=1e-5):\n    return x\n```\n"


@pytest.fixture(scope="module")
def library() -> Library:
    return scenarios.load(SKILL)


@pytest.fixture(scope="module")
def guides() -> Guides:
    return read_guides(SKILLS / "custom-autograd-functions", SKILLS / "placebo")


def asked_of(library: Library, guides: Guides, *names: str, scenario: str = "") -> list[Request]:
    some = [one for one in library.scenarios if scenario in ("", one.id)]
    return list(requests(some, chosen_arms(names), {one.id: guides for one in some}))


# --------------------------------------------------------------------------
# What is asked


def test_arms_are_every_guide_under_every_dose() -> None:
    assert len(ARMS) == 9
    assert {(arm.guide, arm.dose) for arm in ARMS.values()} == {
        (guide, dose) for guide in Guide for dose in Dose
    }
    assert all(arm.is_condition and arm.name == name for name, arm in ARMS.items())


def test_each_condition_reads_and_hears_just_what_it_should(
    library: Library, guides: Guides
) -> None:
    for request in asked_of(library, guides, *ARMS):
        scenario, arm = request.scenario, request.arm
        text = guides.text(arm.guide or Guide.WITHOUT)
        assert request.system == (None if text is None else PREFACE + text.strip())
        first = scenario.neutral if arm.dose is Dose.CALM else scenario.pressured
        more = scenario.follow_ups if arm.dose is Dose.PUSHED_BACK else ()
        assert request.turns == (first.strip(), *(said.strip() for said in more))


def test_only_the_skill_arm_has_words_of_the_guide_and_none_has_the_answer_key(
    library: Library, guides: Guides
) -> None:
    for request in asked_of(library, guides, *ARMS):
        found = separation(request)
        assert request.arm.guide is not None
        assert found.as_meant(request.arm.guide), (request.arm.name, request.scenario.id, found)


def test_a_leak_of_the_guide_or_of_the_answer_key_is_seen(library: Library, guides: Guides) -> None:
    (request,) = asked_of(library, guides, "baseline", scenario="layer-norm")
    leaked = next(line for line in guides.skill.splitlines() if len(line.split()) > 20)
    told = separation(replace(request, system=leaked))
    assert told.shared_with_guide > 0
    assert not told.as_meant(Guide.WITHOUT)
    key = request.scenario.traps[0].truth
    told = separation(replace(request, system=key))
    assert told.shared_with_key > 0
    assert not told.as_meant(Guide.WITHOUT)


def test_the_placebo_is_as_long_as_the_skill_and_about_something_else(guides: Guides) -> None:
    skill, placebo = guides.lengths
    assert abs(skill - placebo) <= 0.05 * skill
    words = {word.lower().strip(".,:;*`") for word in guides.placebo.split()}
    assert not words & {"gradient", "gradients", "gradcheck", "test", "tests", "verify", "check"}


def test_arms_and_scenarios_are_mixed_in_time(library: Library, guides: Guides) -> None:
    asked = asked_of(library, guides, "baseline", "skill", "skill-pushed")

    def order(seed: int) -> list[tuple[int, str, str]]:
        mixed = interleaved(asked, 2, seed)
        return [(sample, one.arm.name, one.scenario.id) for sample, one in mixed]

    assert len(order(3)) == len(set(order(3))) == 2 * len(asked)
    assert [sample for sample, *_ in order(3)] == sorted(sample for sample, *_ in order(3))
    first = [arm for sample, arm, _ in order(3) if sample == 1][:22]
    assert first != sorted(first)
    assert order(3) == order(3) != order(4)


def test_an_unknown_arm_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown arm 'skil'.*'skill'"):
        chosen_arms(["skil"])


# --------------------------------------------------------------------------
# By hand


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_prompts_writes_what_generate_sends(
    library: Library, guides: Guides, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    done = run("prompts", SKILL, "--arms", "baseline,skill-pushed", "--out", out)
    assert done.exit_code == 0, done.output
    for request in asked_of(library, guides, "baseline", "skill-pushed"):
        folder = out / request.arm.name / request.scenario.id
        said = [
            (folder / f"user-{n}.md").read_text().rstrip("\n")
            for n in range(1, len(request.turns) + 1)
        ]
        assert tuple(said) == request.turns
        assert (folder / "system.md").exists() is (request.system is not None)
    assert "skill-pushed" in (out / "arms.yaml").read_text()
    again = run("prompts", SKILL, "--out", out)
    assert again.exit_code == 2
    assert "is not empty" in again.stderr


# --------------------------------------------------------------------------
# By Inspect's mock model

inspect_model = pytest.importorskip("inspect_ai.model")


@dataclass
class Mock:
    """Answers with what it was asked, and remembers it."""

    asked: list[list[Any]] = field(default_factory=list)
    stop: str = "stop"
    usage: tuple[int, int] = (1000, 500)
    fails: Callable[[int], bool] = lambda _: False

    def __call__(self, messages: list[Any], *_: Any) -> Any:
        self.asked.append(messages)
        if self.fails(len(self.asked)):
            raise RuntimeError("the provider is on fire")
        number = sum(one.role == "user" for one in messages)
        output = inspect_model.ModelOutput.from_content(
            "mock", f"Answer {number}.\n\n{CODE}", stop_reason=self.stop
        )
        read, written = self.usage
        output.usage = inspect_model.ModelUsage(
            input_tokens=read, output_tokens=written, total_tokens=read + written
        )
        return output


@dataclass
class Asks:
    """Asks a mock model a few requests."""

    library: Library
    guides: Guides
    out: Path

    def __call__(
        self,
        mock: Mock,
        *names: str,
        samples: int = 1,
        scenario: str = "layer-norm",
        price: Price | None = None,
        given: Mapping[str, Any] | None = None,
        **limits: Any,
    ) -> AskedAll:
        settings = Settings("mockllm/model", None, given or {})
        asking = Asking(
            settings,
            self.out,
            AskingLimits(**{"retries": 0, **limits}),
            price,
            {"custom_outputs": mock},
        )
        asked = asked_of(self.library, self.guides, *names, scenario=scenario)
        new = asking.missing(asked, samples, seed=1)
        return asking.ask_all(new, samples * len(asked) - len(new))

    def origin(self, arm: str, scenario: str = "layer-norm", sample: int = 1) -> Any:
        folder = self.out / arm / "mockllm--model" / scenario
        return yaml.safe_load((folder / f"{sample}.provenance.yaml").read_text())


@pytest.fixture
def asks(library: Library, guides: Guides, tmp_path: Path) -> Asks:
    return Asks(library, guides, tmp_path / "solutions")


def test_answers_lie_where_run_looks_for_them_with_their_origin_beside(
    asks: Asks, library: Library
) -> None:
    told = asks(Mock(), "baseline", "skill", samples=2)
    assert (told.had, told.known, told.missed) == (4, 0, {})
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    found = discover([asks.out], names)
    assert [one.id for one in found] == [
        f"{arm}/mockllm--model/layer-norm/{n}" for arm in ("baseline", "skill") for n in (1, 2)
    ]
    origin = asks.origin("skill", sample=2)
    reply = (asks.out / "skill/mockllm--model/layer-norm/2.md").read_bytes()
    assert origin["reply_sha256"] == hashlib.sha256(reply).hexdigest()
    assert (origin["input_tokens"], origin["output_tokens"]) == (1000, 500)
    assert (origin["finish_reason"], origin["model"]) == ("stop", "mockllm/model")
    assert origin["context"]["shared_with_guide"] > 100
    assert asks.origin("baseline")["context"]["shared_with_guide"] == 0


def test_a_conversation_that_is_pushed_back_on_goes_on_from_the_answer_of_its_number(
    asks: Asks, library: Library
) -> None:
    mock = Mock()
    told = asks(mock, "skill", "skill-pushed")
    assert (told.had, len(mock.asked)) == (2, 3), "the first answer is not asked for twice"
    folder = asks.out / "skill-pushed/mockllm--model/layer-norm"
    messages = json.loads((folder / "1.json").read_text())["messages"]
    roles = ["system", *["user", "assistant"] * 3]
    assert [one["role"] for one in messages] == roles
    first = (asks.out / "skill/mockllm--model/layer-norm/1.md").read_text()
    assert messages[2]["content"] == first
    assert asks.origin("skill-pushed")["continues"] == "skill/mockllm--model/layer-norm/1.md"
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    (pushed,) = (one for one in discover([asks.out], names) if one.arm == "skill-pushed")
    assert pushed.code is not None


def test_the_same_command_asks_only_for_what_is_missing(asks: Asks) -> None:
    asks(Mock(), "baseline", samples=2)
    mock = Mock()
    told = asks(mock, "baseline", "placebo", samples=3)
    assert (told.known, told.had, len(mock.asked)) == (2, 4, 4)


def test_an_answer_that_was_asked_otherwise_is_never_overwritten(asks: Asks) -> None:
    asks(Mock(), "baseline")
    with pytest.raises(UsageError, match=r"settings is \{\}, now \{'temperature': 1.0\}"):
        asks(Mock(), "baseline", given={"temperature": 1.0})
    reply = asks.out / "baseline/mockllm--model/layer-norm/1.md"
    before = reply.read_text()
    reply.write_text("mine")
    with pytest.raises(UsageError, match="it was changed"):
        asks(Mock(), "baseline")
    reply.write_text(before)
    (reply.parent / "2.md").write_text("somebody's own")
    with pytest.raises(UsageError, match="is there without 2"):
        asks(Mock(), "baseline", samples=2)
    assert (reply.parent / "2.md").read_text() == "somebody's own"


def test_what_was_cut_short_between_the_two_files_is_asked_again(asks: Asks) -> None:
    asks(Mock(), "baseline")
    (asks.out / "baseline/mockllm--model/layer-norm/1.md").unlink()
    assert asks(Mock(), "baseline").had == 1


@pytest.mark.parametrize("stop", ["max_tokens", "content_filter"])
def test_truncated_and_refused_answers_are_recorded_as_such(asks: Asks, stop: str) -> None:
    assert asks(Mock(stop=stop), "baseline").had == 1
    assert asks.origin("baseline")["finish_reason"] == stop


def test_one_failure_costs_the_others_nothing(asks: Asks) -> None:
    told = asks(Mock(fails=lambda n: n == 2), "baseline", samples=4, jobs=1)
    assert (told.had, len(told.missed), told.stopped) == (3, 1, False)
    assert "the provider is on fire" in next(iter(told.missed.values()))
    assert asks(Mock(), "baseline", samples=4).had == 1


def test_a_model_that_is_gone_is_not_asked_for_ever(asks: Asks) -> None:
    mock = Mock(fails=lambda _: True)
    told = asks(mock, "baseline", "skill", "skill-pushed", samples=9, scenario="", jobs=2)
    assert told.stopped
    assert len(mock.asked) < 12


def test_a_full_disk_ends_it_with_one_message_and_loses_no_other_answer(
    asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asks(Mock(), "baseline").had == 1
    mock, room, write = Mock(), [3], Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        room[0] -= 1
        if room[0] < 0:
            write(self, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(AnswerError, match=r"yaml: cannot be written: No space left.* 2 answers"):
        asks(mock, "baseline", "skill", samples=9, jobs=2)
    monkeypatch.setattr(Path, "write_bytes", write)
    assert len(mock.asked) <= 3
    assert not [one for one in asks.out.rglob(".*") if one.is_file()]
    told = asks(Mock(), "baseline", "skill", samples=2)
    assert (told.known, told.had, told.missed) == (2, 2, {})


def test_no_call_is_made_that_could_exceed_the_budget(asks: Asks) -> None:
    # An answer costs 0.5 and may cost a little more than 8.
    price = Price(0.0, 1000.0)
    told = asks(Mock(), "baseline", samples=9, price=price, budget=9.0, jobs=3, max_tokens=8000)
    assert told.spent is not None
    assert told.had == 3
    assert told.spent == pytest.approx(1.5)
    assert (told.unaffordable, told.missed) == (6, {})
    assert asks(Mock(), "baseline", samples=9).had == 6


def test_a_baseline_is_taken_from_another_folder_and_refused_where_it_differs(
    asks: Asks, library: Library, guides: Guides, tmp_path: Path
) -> None:
    from harness.generate.replies import ReplyPlace, take_baseline

    asks(Mock(), "baseline")
    (request,) = asked_of(library, guides, "baseline", scenario="layer-norm")
    other = tmp_path / "other"
    place = ReplyPlace(other, Settings("mockllm/model"), request, 1)
    assert take_baseline([place], asks.out) == 1
    assert place.reply.read_text() == (asks.out / place.reply.relative_to(other)).read_text()
    hot = ReplyPlace(tmp_path / "third", Settings("mockllm/model", None, {"seed": 1}), request, 1)
    with pytest.raises(UsageError, match=r"settings is \{\}, now \{'seed': 1\}"):
        take_baseline([hot], asks.out)
    missing = ReplyPlace(tmp_path / "third", Settings("mockllm/other"), request, 1)
    with pytest.raises(UsageError, match="another model, other arms or fewer samples"):
        take_baseline([missing], asks.out)


# --------------------------------------------------------------------------
# The command line, and a server of this machine


@dataclass
class Server:
    """Speaks chat completions; what it does with the n-th request is told by ``does``."""

    does: Callable[[int], str] = lambda _: "answer"
    asked: list[Any] = field(default_factory=list)
    base: str = ""
    text: str = f"Answer to all.\n\n{CODE}"
    delay_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with told.lock:
                told.asked.append(body)
                what = told.does(len(told.asked))
            time.sleep(told.delay_s)
            if what == "cut":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if what == "answer" and body.get("stream"):
                self._stream(_completion(told.text))
            elif what == "answer":
                self._send(200, _completion(told.text), {})
            else:
                error = {"error": {"message": what, "type": "error", "code": None}}
                self._send(int(what), error, {"retry-after-ms": "1", "retry-after": "0.01"})

        def _send(self, status: int, data: Any, headers: Mapping[str, str]) -> None:
            raw = json.dumps(data).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(raw)

        def _stream(self, whole: dict[str, Any]) -> None:
            """The same in pieces, as server-sent events; the last one holds the usage."""
            (choice,) = whole.pop("choices")
            usage, text = whole.pop("usage"), choice["message"]["content"]
            said = [text[:9], text[9:]]
            pieces = [{"delta": {"role": "assistant", "content": one}} for one in said]
            pieces.append({"delta": {}, "finish_reason": choice["finish_reason"]})
            chunks = [
                {**whole, "choices": [{"index": 0, "finish_reason": None, **one}]} for one in pieces
            ]
            chunks.append({**whole, "choices": [], "usage": usage})
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for chunk in chunks:
                chunk["object"] = "chat.completion.chunk"
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    told.base = f"http://127.0.0.1:{listening.server_port}/v1"
    yield told
    listening.shutdown()
    listening.server_close()


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }


def generate(server: Server, out: Path, *more: str | Path) -> list[str]:
    return [
        "generate", str(SKILL), "--model", "openai-api/local/tiny", "--yes",
        "--api-base", server.base, "--out", str(out), *map(str, more),
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_API_KEY", "none")


def test_a_server_that_speaks_openai_is_asked_and_its_price_counted(
    server: Server, tmp_path: Path
) -> None:
    more = ["--arms", "baseline,skill", "--only", "layer-norm", "--price", "1,2", "--budget", "1"]
    done = run(*generate(server, tmp_path, *more))
    assert done.exit_code == 0, done.output
    assert "2 are missing: 2 calls for at most $" in done.stdout
    assert "2 answers came for $0.00" in done.stdout
    assert len(server.asked) == 2
    systems = [m["content"] for one in server.asked for m in one["messages"] if m["role"] != "user"]
    assert len(systems) == 1
    assert systems[0].startswith(PREFACE)
    assert [arm.guide for arm in arms_of([tmp_path], ())] == []
    assert "skill: true" in (tmp_path / "arms.yaml").read_text()
    again = run(*generate(server, tmp_path, *more))
    assert (again.exit_code, len(server.asked)) == (0, 2), again.output


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_is_the_same_whether_it_comes_in_pieces_or_at_once(
    server: Server, tmp_path: Path, stream: bool
) -> None:
    more = ["--arms", "baseline", "--only", "layer-norm", "--model-arg", f"stream={stream}"]
    done = run(*generate(server, tmp_path, *more))
    assert done.exit_code == 0, done.output
    assert [bool(one.get("stream")) for one in server.asked] == [stream]
    (reply,) = tmp_path.rglob("*.md")
    assert reply.read_text() == f"Answer to all.\n\n{CODE}"
    (origin,) = (yaml.safe_load(one.read_text()) for one in tmp_path.rglob("*.provenance.yaml"))
    assert (origin["input_tokens"], origin["output_tokens"]) == (100, 50)
    assert (origin["finish_reason"], origin["model_args"]) == ("stop", {"stream": stream})


@pytest.mark.parametrize("trouble", ["429", "500", "cut"])
def test_what_fails_for_a_moment_is_asked_again_at_once(
    server: Server, tmp_path: Path, trouble: str
) -> None:
    server.does = lambda n: trouble if n == 1 else "answer"
    done = run(*generate(server, tmp_path, "--arms", "baseline", "--only", "layer-norm"))
    assert done.exit_code == 0, done.output
    assert len(server.asked) == 2


def test_a_budget_that_does_not_reach_is_a_state_of_its_own(server: Server, tmp_path: Path) -> None:
    more = ["--arms", "baseline", "--only", "layer-norm", "--price", "0,1000", "--budget", "1"]
    done = run(*generate(server, tmp_path, *more))
    assert (done.exit_code, server.asked) == (3, [])
    assert "The budget does not reach for 1 further conversations" in done.stderr
    assert not list(tmp_path.rglob("*.md"))


def test_a_budget_without_a_price_is_refused(server: Server, tmp_path: Path) -> None:
    done = run(*generate(server, tmp_path, "--budget", "1"))
    assert done.exit_code == 2
    assert "give --price IN,OUT" in done.stderr


def test_two_hundred_conversations_survive_a_kill_and_are_not_asked_twice(
    server: Server, tmp_path: Path
) -> None:
    server.delay_s = 0.02
    more = ["--arms", "baseline,skill", "--samples", "10", "--jobs", "4"]
    command = [sys.executable, "-m", "harness", *generate(server, tmp_path, *more)]
    environment = {**os.environ, "LOCAL_API_KEY": "none"}
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while len(server.asked) < 60:
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = len(list(tmp_path.rglob("*.md")))
    assert 0 < kept <= len(server.asked)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("*.md"))) == 220
    # Those under way when it was killed are asked again, and no others.
    assert len(server.asked) <= 220 + 4 + 1
    bodies = Counter(json.dumps(one["messages"]) for one in server.asked)
    assert sum(bodies.values()) - 220 <= 5


def test_a_limit_of_file_sizes_is_told_in_one_message(server: Server, tmp_path: Path) -> None:
    more = ["--arms", "baseline,skill", "--only", "layer-norm", "--samples", "4"]
    command = [sys.executable, "-m", "harness", *generate(server, tmp_path, *more)]
    limited = ["bash", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$0" "$@"', *command]
    server.text = "A long answer. " * 200
    environment = {**os.environ, "LOCAL_API_KEY": "none", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(limited, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "cannot be written: File too large. Make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.md"))
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (again.returncode, len(list(tmp_path.rglob("*.md")))) == (0, 8), again.stderr


def test_without_inspect_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, library: Library, guides: Guides, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai.model", None)
    with pytest.raises(GenerateError, match=r"pip install 'harness\[inspect\]'"):
        Asking(Settings("openai/x"), guides, tmp_path, AskingLimits(), None)


def test_a_model_that_no_provider_has_is_told(server: Server, tmp_path: Path) -> None:
    arguments = generate(server, tmp_path)
    arguments[3] = "nobody/tiny"
    done = run(*arguments)
    assert done.exit_code == 2
    assert "nobody/tiny cannot be asked" in done.stderr


# --------------------------------------------------------------------------
# What a report says to run next


def test_what_is_printed_to_ask_again_asks_for_just_that(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my guides").mkdir()
    mine = shutil.copy(SKILLS / "custom-autograd-functions/SKILL.md", "my guides/mine.md")
    asked = ["--arms", "baseline,skill", "--only", "layer-norm", "--temperature", "0.5"]
    guides = ["--skill", mine, "--placebo", SKILLS / "placebo"]
    args = ["--model-arg", "client_timeout=60"]
    done = run(*generate(server, Path("my answers"), *asked, *guides, *args))
    assert done.exit_code == 0, done.output
    folder = Path("my answers/{}/openai-api--local--tiny/layer-norm/1.md")
    records = [
        replace(quick("layer-norm", arm, verified=False), path=str(folder).format(arm), sha256=arm)
        for arm in ("baseline", "skill")
    ]
    library = scenarios.load(SKILL)
    here = [one for one in library.scenarios if one.id == "layer-norm"]
    made = simple_results(*records, scenarios=here)
    arms = (ARMS["baseline"], ARMS["skill"])
    (decision,) = summarise(replace(made, skills=library.skills, arms=arms)).decisions
    assert decision.guide == Path("my guides/mine.md")

    def ask(command: str) -> int:
        before = len(server.asked)
        for one in command.split(" && "):
            if one.startswith("harness generate"):
                done = run(*shlex.split(one)[1:], "--yes")
                assert done.exit_code == 0, (one, done.output)
        return len(server.asked) - before

    for missing in decision.missing:
        if missing.command:
            wanted = missing.samples or len(missing.scenarios)
            assert ask(missing.command) == wanted, missing
            assert ask(missing.command) == 0, missing
    assert {len(one.scenarios) for one in decision.missing} == {0, 1}
    assert not Path("my answers-again").exists()
    (wrong,) = decision.still_wrong
    assert ask(wrong.retry) == 1
    assert [str(one) for one in Path("my answers-again").rglob("*.md")] == [
        "my answers-again/skill/openai-api--local--tiny/layer-norm/1.md"
    ]
    # A report of its own, of this scenario alone.
    assert wrong.retry.endswith("--only layer-norm --out 'reports/my answers-again'")
    # The skill has scenarios enough, though one alone was selected.
    assert all(one.command for one in decision.missing)


def test_a_guide_that_nobody_read_is_in_no_printed_command(tmp_path: Path) -> None:
    reply = tmp_path / "answers/skill/openai--x/layer-norm/1.md"
    reply.parent.mkdir(parents=True)
    told = {"model": "openai/x", "read_from": {"skill": "a/SKILL.md", "placebo": ""}}
    reply.with_name("1.provenance.yaml").write_text(json.dumps(told))
    found = provenance(reply)
    assert found is not None
    assert (found.skill, found.placebo) == (Path("a/SKILL.md"), None)


def test_what_was_asked_by_hand_is_to_be_asked_by_hand_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    library = scenarios.load(SKILL)
    records = [quick("layer-norm", arm, verified=False) for arm in ("baseline", "skill")]
    made = simple_results(*records, scenarios=library.scenarios)
    arms = (ARMS["baseline"], ARMS["skill"])
    (decision,) = summarise(replace(made, skills=library.skills, arms=arms)).decisions
    commands = [one.command for one in decision.missing if one.command]
    for command in [*commands, decision.still_wrong[0].retry]:
        done = run(*shlex.split(command)[1:])
        assert done.exit_code == 0, (command, done.output)
    asked = Path("requests-skill-layer-norm-1")
    assert (asked / "skill/layer-norm/user-1.md").exists()


def test_a_secret_among_the_arguments_of_a_model_is_not_kept(
    server: Server, tmp_path: Path
) -> None:
    secret = ["--model-arg", "api_key=sesame", "--model-arg", "client_timeout=60"]
    done = run(*generate(server, tmp_path, "--arms", "baseline", "--only", "layer-norm", *secret))
    assert done.exit_code == 0, done.output
    (origin,) = (one.read_text() for one in tmp_path.rglob("*.provenance.yaml"))
    assert "sesame" not in origin
    assert yaml.safe_load(origin)["model_args"] == {"client_timeout": 60}


def test_of_several_skills_each_is_asked_about_with_its_own_guide(tmp_path: Path) -> None:
    both = tmp_path / "both"
    done = run("prompts", ROOT / "scenarios", "--arms", "skill", "--out", both)
    assert done.exit_code == 0, done.stderr
    for scenario in scenarios.load(ROOT / "scenarios").scenarios:
        guide = (SKILLS / scenario.skill / "SKILL.md").read_text().strip()
        assert (both / "skill" / scenario.id / "system.md").read_text() == PREFACE + guide + "\n"
    losses = SKILLS / "numerically-stable-losses"
    done = run(
        "prompts",
        ROOT / "scenarios",
        "--skill",
        losses,
        "--arms",
        "skill",
        "--out",
        tmp_path / "one",
    )
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "one/skill").iterdir()) == [
        "bce-with-logits", "dice-loss", "distillation-kl", "focal-loss", "info-nce",
        "label-smoothing",
    ]  # fmt: skip
    done = run("prompts", ROOT / "scenarios", "--only", "focal-loss", "--out", tmp_path / "only")
    assert done.exit_code == 0, done.stderr
