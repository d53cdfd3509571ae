"""The sandbox: what it finds, how it starts, what a session survives, what travels on the wire."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import platform
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import sandbox
from harness.errors import SandboxError, UsageError
from harness.model import Limits
from harness.printable import printable
from harness.sandbox import Probe, Zygote, choose, doctor, exclusive, shared, tier
from harness.sandbox import session as trusted
from harness.sandbox.ancestor import HASH_SEED, readable
from harness.sandbox.inside import linux, plain, seccomp, wire
from harness.sandbox.inside import zygote as inside
from harness.sandbox.reply import MOST_CHARACTERS, UnfitError, tamed
from harness.sandbox.session import MOST_WAITED, CandidateFault, Session, prepare
from harness.sandbox.zygote import SANDBOX_UID

SOON = Limits(wall_s=2.0, cpu_s=5.0)
SQUARE = "def f(x):\n    return x * x\n"


@pytest.fixture(scope="module", params=["A", "B", "C"])
def running(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    """A zygote of each tier that this machine offers."""
    chosen = sandbox.choose(at_most=request.param, allow_unsandboxed=True)
    if chosen.name != request.param:
        pytest.skip(f"this machine does not offer tier {request.param}")
    with Zygote(chosen) as zygote:
        yield zygote


def load(session: Session, source: str, **entry_points: int) -> dict[str, Any]:
    header = {"do": "load", "source": source, "modules": {}, "entry_points": entry_points}
    return session.request(header)[0]


def ask(
    session: Session, x: torch.Tensor, *, ask: str = "vjp", reply_bytes: int = 4096
) -> tuple[Any, list[Any]]:
    call = {"fn": "f", "ask": ask, "args": [{"t": 0, "grad": True}], "cotangents": [{"t": 0}]}
    header = {"do": "ask", "calls": [call], "counts": [1]}
    reply, tensors = session.request(header, [x], reply_bytes=reply_bytes)
    return reply["answers"][0], tensors


def said(zygote: Zygote, expression: str) -> str:
    """What ``expression`` is inside a candidate."""
    source = f"import os, sys\nRESULT = str(({expression}))\nraise LookupError(RESULT)\n"
    with Session(zygote.address, Limits()) as session:
        return str(load(session, source)["error"]["message"])


# --------------------------------------------------------------------------
# Tiers


def test_the_tier_is_the_strongest_whose_mechanisms_all_work() -> None:
    works = {"namespaces": None, "landlock": None, "seccomp": None}
    assert Probe(works).tier.name == "A"
    assert Probe({**works, "namespaces": "no"}).tier.name == "B"
    assert Probe({**works, "landlock": "no"}).tier.name == "C"
    assert Probe({**works, "landlock": "no", "seccomp": "no"}).tier.name == "D"


def test_a_tier_confines_where_it_has_landlock() -> None:
    assert [t.confines for t in sandbox.TIERS.values()] == [True, True, False, False]


def test_probing_tries_each_mechanism_and_leaves_this_process_as_it_was() -> None:
    before = {path.name: path.readlink() for path in Path("/proc/self/ns").iterdir()}
    found = sandbox.probe()
    assert found.problems.keys() == {"namespaces", "landlock", "seccomp"}
    assert {path.name: path.readlink() for path in Path("/proc/self/ns").iterdir()} == before
    Path("/etc/passwd").read_text()


def test_a_mechanism_that_fails_is_reported_in_the_kernels_words() -> None:
    def fails() -> None:
        raise OSError(1, "unshare: Operation not permitted")

    assert tier._tried(fails) == "EPERM: unshare: Operation not permitted"
    assert tier._tried(lambda: None) is None


@pytest.mark.parametrize(
    ("layer", "problem", "remedy"),
    [
        ("namespaces", "EPERM: unshare: Operation not permitted", "apparmor_restrict"),
        ("namespaces", "ENOSPC: unshare: No space left on device", "max_user_namespaces"),
        ("namespaces", "EINVAL: unshare: Invalid argument", "CONFIG_USER_NS"),
        ("landlock", "ENOSYS: landlock_create_ruleset", "5.13 or newer"),
        ("landlock", "EOPNOTSUPP: landlock_create_ruleset", "`lsm=`"),
        ("landlock", "EPERM: landlock_create_ruleset", "filter may forbid"),
        ("seccomp", "no system call table for riscv64", "x86_64 or aarch64"),
    ],
)
def test_every_missing_mechanism_comes_with_what_to_do(
    layer: str, problem: str, remedy: str
) -> None:
    assert remedy in doctor.advice(layer, problem)


def test_the_examination_tells_what_is_missing_and_tries_what_is_there() -> None:
    problem = "EPERM: unshare: Operation not permitted"
    found = Probe({"namespaces": problem, "landlock": None, "seccomp": None})
    signs = {sign.about: sign for sign in doctor.examine(found)}
    assert signs["namespaces"].good is False
    assert signs["namespaces"].found == problem
    assert signs["namespaces"].advice == doctor.advice("namespaces", problem)
    assert "version" in signs["landlock"].found
    assert signs["candidate"].good, signs["candidate"].found
    assert signs["time limits"].found


def test_an_unknown_tier_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown sandbox tier 'E'; expected one of A, B, C, D"):
        sandbox.choose(at_most="E")


@pytest.mark.parametrize("name", ["C", "D"])
def test_what_does_not_confine_is_refused_unless_asked_for(name: str) -> None:
    with pytest.raises(SandboxError, match=f"only sandbox tier {name} .*--allow-unsandboxed"):
        sandbox.choose(at_most=name)
    assert sandbox.choose(at_most=name, allow_unsandboxed=True).name == name


def test_the_refusal_says_what_this_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Probe({"namespaces": "no userns", "landlock": "no Landlock", "seccomp": None})
    monkeypatch.setattr(tier, "probe", lambda: lacking)
    with pytest.raises(SandboxError, match="namespaces: no userns; landlock: no Landlock"):
        sandbox.choose()


def test_elsewhere_than_on_linux_the_sandbox_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tier.sys, "platform", "darwin")
    assert sandbox.probe().tier.name == "D"
    with pytest.raises(SandboxError, match="the sandbox needs Linux; run harness in a Linux cont"):
        sandbox.choose(allow_unsandboxed=True)


# --------------------------------------------------------------------------
# The zygote


def test_text_has_the_same_hash_in_every_sandbox(address: str) -> None:
    source = "import os\n\ndef f():\n    return hash('text'), dict(os.environ)\n"
    call = {"fn": "f", "args": [], "keywords": {}, "seed": 0, "watch": False}
    with Session(address, SOON) as session:
        load(session, source, f=1)
        _, (told,) = session.request({"do": "plain", "calls": [call]}, reply_bytes=4096)
    found, environment = plain.decode(plain.from_tensor(told)[0]["value"])
    here = subprocess.run(
        [sys.executable, "-S", "-c", "print(hash('text'))"],
        env={"PYTHONHASHSEED": HASH_SEED},
        capture_output=True,
        check=True,
    )
    assert found == int(here.stdout)
    assert "PYTHONHASHSEED" not in environment


def test_a_zygote_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Zygote, "_settings", lambda self: {"layers": {}})
    with pytest.raises(SandboxError, match=r"\(tier D\) did not start: .*harness doctor"):
        Zygote(sandbox.TIERS["D"]).__enter__()


def test_a_zygote_that_is_killed_is_started_again_and_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Zygote(sandbox.choose()) as zygote:
        os.kill(zygote.pid, signal.SIGKILL)
        while zygote.alive():
            time.sleep(0.01)
        monkeypatch.setattr(trusted, "CONNECT_S", 0.2)
        with pytest.raises(SandboxError, match="zygote"):
            Session(zygote.address, Limits())
        monkeypatch.undo()
        zygote.start()
        with Session(zygote.address, Limits()) as session:
            assert load(session, SQUARE, f=1) == {"entry_points": {"f": None}}


@pytest.mark.parametrize("deaths", [1, 3])
def test_a_zygote_that_is_killed_while_it_warms_up_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    launch, launched = Zygote._launch, []

    def doomed(zygote: Zygote) -> None:
        launch(zygote)
        launched.append(zygote.pid)
        if len(launched) <= deaths:
            os.kill(zygote.pid, signal.SIGKILL)

    monkeypatch.setattr(Zygote, "_launch", doomed)
    if deaths == 3:
        with pytest.raises(SandboxError, match="killed while it warmed up"), Zygote(choose()):
            pass
    else:
        with Zygote(choose()) as zygote, Session(zygote.address, SOON) as session:
            assert load(session, SQUARE)["entry_points"] == {}
    assert len(launched) == deaths + (deaths < 3)


def test_a_session_whose_zygote_dies_blames_the_sandbox() -> None:
    with Zygote(sandbox.choose()) as zygote, Session(zygote.address, Limits()) as session:
        load(session, SQUARE, f=1)
        os.kill(zygote.pid, signal.SIGKILL)
        with pytest.raises(SandboxError, match="the zygote hung up"):
            load(session, "import time\ntime.sleep(5)", f=1)


def test_what_a_candidate_is_going_to_use_is_imported_before_it_comes() -> None:
    with Zygote(choose()) as zygote:
        assert said(zygote, "'pytest' in sys.modules") == "False"
        prepare(zygote.address, "import torch")
        assert said(zygote, "'pytest' in sys.modules") == "False"
        prepare(zygote.address, "import pytest")
        assert said(zygote, "'pytest' in sys.modules") == "True"
    # Of one that has gone whoever starts a candidate is told.
    prepare(zygote.address, "import pytest")


def test_the_zygotes_folder_is_removed() -> None:
    zygote = Zygote(sandbox.choose())
    with zygote:
        folder = Path(zygote.address).parent
        assert folder.is_dir()
    assert not folder.exists()


# --------------------------------------------------------------------------
# Sessions


def test_a_candidate_computes(running: Zygote) -> None:
    with Session(running.address, Limits()) as session:
        assert load(session, SQUARE, f=1, g=1) == {"entry_points": {"f": None, "g": "missing"}}
        x = torch.tensor([3.0, -2.0], dtype=torch.float64)
        answer, tensors = ask(session, x)
        parts = dict(zip(answer["parts"], tensors, strict=True))
        assert torch.equal(parts["y"], x * x)
        assert torch.equal(parts["g0"], 2 * x * x)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import os; os._exit(0)", "left with exit status 0 before it had answered"),
        ("import os; os._exit(3)", "left with exit status 3 before it had answered"),
        ("import ctypes; ctypes.string_at(0)", "died of signal 11"),
        ("import time; time.sleep(60)", "took more than"),
        ("while True: pass", "took more than|was killed"),
        ("import os; os.write(3, b'\\xff' * 64)", "sent more than it was asked for"),
        ("import os; os.write(3, b'\\x02\\0\\0\\0\\0\\0\\0\\0[]' * 9)", "malformed reply"),
        ("import ctypes; ctypes.CDLL(None).unshare(0x10000000)", "forbidden system call"),
    ],
)
def test_a_fault_of_the_candidate_is_told_in_words(
    running: Zygote, source: str, fault: str
) -> None:
    with Session(running.address, SOON) as session, pytest.raises(CandidateFault, match=fault):
        load(session, source)
    with Session(running.address, Limits()) as session:
        assert load(session, SQUARE, f=1)["entry_points"] == {"f": None}


def test_a_candidate_cannot_become_another_program(running: Zygote) -> None:
    with Session(running.address, SOON) as session:
        reply = load(session, "import os; os.execv('/bin/true', ['true'])")
    assert reply["error"]["type"] == "PermissionError"


def test_a_reply_may_hold_what_was_asked_and_a_little_more(running: Zygote) -> None:
    source = "import torch\ndef f(x):\n    return x.sum() + torch.zeros(1 << 18).double()\n"
    with Session(running.address, Limits()) as session:
        load(session, source, f=1)
        with pytest.raises(CandidateFault, match="more than it was asked for"):
            ask(session, torch.zeros(2, dtype=torch.float64), ask="forward", reply_bytes=0)


def test_no_message_of_a_candidate_is_taken_for_ours(running: Zygote) -> None:
    forged = json.dumps({"setup_failed": "blame the harness", "tensors": []}).encode()
    frame = struct.pack("<II", len(forged), 0) + forged
    with Session(running.address, SOON) as session:
        reply = load(session, f"import os; os.write(3, {frame!r}); os._exit(0)")
    assert reply == {"setup_failed": "blame the harness"}


def test_a_candidate_that_could_not_be_confined_is_our_fault(
    running: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "receive", lambda *_: ({"setup_failed": "OSError: no"}, []))
    with pytest.raises(SandboxError, match="could not be confined: OSError: no"):
        Session(running.address, Limits())


def test_a_candidate_that_ends_before_it_is_confined_is_our_fault(
    running: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise CandidateFault("the process died of signal 9")

    monkeypatch.setattr(Session, "receive", gone)
    with pytest.raises(SandboxError, match="could not be confined: the process died"):
        Session(running.address, Limits())


def test_memory_is_limited_and_its_use_is_read_from_the_kernel(running: Zygote) -> None:
    limits = Limits(memory_bytes=256 << 20)
    grab = "import torch\nX = torch.ones({} << 20, dtype=torch.uint8)\n"
    with Session(running.address, limits) as session:
        before = session.memory_bytes()
        assert "error" not in load(session, grab.format(128))
        assert 100 << 20 < session.memory_bytes() - before < 160 << 20
    with Session(running.address, limits) as session:
        assert "error" in load(session, grab.format(512))


@pytest.mark.skipif(os.getuid() != 0, reason="only root sees the memory of what is not dumpable")
@pytest.mark.parametrize("name", ["A", "B"])
def test_a_candidate_shares_no_memory_and_no_descriptor_with_anyone(name: str) -> None:
    chosen = sandbox.choose(at_most=name)
    if chosen.name != name:
        pytest.skip(f"this machine does not offer tier {name}")
    with Zygote(chosen) as zygote, Session(zygote.address, Limits()) as session:
        folder = Path(f"/proc/{session.pid}")
        maps = [line.split() for line in (folder / "maps").read_text().splitlines()]
        assert [line for line in maps if line[1].endswith("s") and "w" in line[1]] == []
        opened = {int(link.name): str(link.readlink()) for link in (folder / "fd").iterdir()}
        assert {fd: what for fd, what in opened.items() if fd < 3} == dict.fromkeys(
            range(3), "/dev/null"
        )
        assert opened.keys() == {0, 1, 2, 3}
        assert opened[3].startswith("socket:")


def test_memory_of_a_candidate_that_has_gone_is_its_fault(running: Zygote) -> None:
    with Session(running.address, SOON) as session:
        pid = session.pid
        with pytest.raises(CandidateFault):
            load(session, "import os; os._exit(0)")
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)
        with pytest.raises(CandidateFault):
            session.memory_bytes()


def test_time_spent_waiting_for_a_processor_does_not_count(
    running: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = itertools.chain([0.0], itertools.repeat(60.0))  # none before the deadline is set
    monkeypatch.setattr(Session, "_waited_s", lambda self: next(waited))
    started = time.monotonic()
    limits = Limits(wall_s=0.5)
    with (
        Session(running.address, limits) as session,
        pytest.raises(CandidateFault, match="took more than"),
    ):
        load(session, "import time; time.sleep(60)")
    allowed_s = 0.5 * running.pace * (1 + MOST_WAITED)
    assert 0.99 * allowed_s <= time.monotonic() - started < allowed_s + 4.0 * running.pace


def test_other_work_on_every_processor_takes_nobodys_time(running: Zygote) -> None:
    busy = [
        # In sessions of their own: the kernel shares processors out among sessions.
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(4 * len(os.sched_getaffinity(0)))
    ]
    try:
        # 40 % of what is allowed, which beside all of them takes several times as long.
        with Session(running.address, Limits(wall_s=1.5)) as session:
            started = time.monotonic()
            end = f"end = t() + {0.6 * running.pace}"
            work = f"from time import process_time as t\n{end}\nwhile t() < end: pass"
            assert load(session, work).get("error") is None
        waited_s = time.monotonic() - started
        assert waited_s > 1.5 * running.pace, "the machine was not busy enough to show anything"
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_slow_machine_gives_every_candidate_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "NOMINAL_S", 1e-6)
    assert inside.measured_pace() == inside.MOST_PACE
    monkeypatch.setattr(inside, "NOMINAL_S", 1e6)
    assert inside.measured_pace() == 1.0

    def copied_for_a_faster_machine(source: Path, target: Path, **options: Any) -> None:
        shutil.copytree(source, target, **options)
        file = target / "zygote.py"
        text, count = re.subn(r"(?m)^NOMINAL_S = .*$", "NOMINAL_S = 1e-6", file.read_text())
        assert count == 1
        file.write_text(text)

    copies = SimpleNamespace(**{**vars(shutil), "copytree": copied_for_a_faster_machine})
    monkeypatch.setattr("harness.sandbox.zygote.shutil", copies)
    with (
        Zygote(choose()) as slow,
        Session(slow.address, Limits(wall_s=0.1, cpu_s=3)) as session,
    ):
        fields = Path(f"/proc/{session.pid}/limits").read_text()
        (cpu,) = [line.split()[3] for line in fields.splitlines() if line.startswith("Max cpu")]
        assert int(cpu) == 3 * inside.MOST_PACE
        assert load(session, "import time; time.sleep(0.5)").get("error") is None


def test_who_wants_the_machine_alone_waits_for_the_others_and_they_for_it(tmp_path: Path) -> None:
    address, events = str(tmp_path / "socket"), []

    def lonely() -> None:
        with exclusive(address):
            events.append("alone")
            time.sleep(0.3)
            events.append("still alone")

    with shared(address), shared(address):
        waiting = threading.Thread(target=lonely)
        waiting.start()
        time.sleep(0.3)
        events.append("in company")
    while "alone" not in events:
        time.sleep(0.01)
    with shared(address):
        events.append("in company again")
    waiting.join()
    assert events == ["in company", "alone", "still alone", "in company again"]


def test_a_candidate_is_the_first_to_go_when_memory_runs_out(running: Zygote) -> None:
    with Session(running.address, Limits()) as session:
        assert Path(f"/proc/{session.pid}/oom_score_adj").read_text().strip() == "1000"


def test_a_candidate_dumps_no_core_and_holds_no_right(running: Zygote) -> None:
    with Session(running.address, Limits()) as session:
        status = Path(f"/proc/{session.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    # Reading a library that lies where only root may look is all that may be left.
    allowed = {0} if "namespaces" in running.tier.layers else {0, 1 << linux.CAP_DAC_READ_SEARCH}
    for name in ("CapEff", "CapPrm"):
        assert int(fields[name], 16) in allowed
    assert int(fields["CapInh"], 16) == int(fields["CapAmb"], 16) == 0
    assert said(running, "__import__('ctypes').CDLL(None).prctl(3)") == "0"


@pytest.mark.skipif(os.getuid() != 0, reason="only root has another user to give")
def test_no_candidate_of_root_is_root(running: Zygote) -> None:
    assert int(said(running, "os.getuid()")) >= SANDBOX_UID


def test_limits_of_a_candidate(running: Zygote) -> None:
    script = "[__import__('resource').getrlimit(k) for k in (0, 4, 7, 6)]"
    cpu_s = math.ceil(Limits().cpu_s * running.pace)
    expected = [
        (cpu_s, cpu_s),
        (0, 0),
        (64, 64),
        (16, 16),
    ]
    kinds = (
        resource.RLIMIT_CPU,
        resource.RLIMIT_CORE,
        resource.RLIMIT_NOFILE,
        resource.RLIMIT_NPROC,
    )
    assert kinds == (0, 4, 7, 6)
    assert said(running, script) == str(expected)


def test_candidates_do_not_see_each_others_files(running: Zygote) -> None:
    write = "open('left-here', 'w').write('x')\n"
    with Session(running.address, Limits()) as one, Session(running.address, Limits()) as two:
        wrote = load(one, write)
        # Below tier A nothing may be written at all.
        assert ("error" not in wrote) == ("namespaces" in running.tier.layers)
        reply = load(two, "import os\nprint(open('left-here').read())\n")
        assert reply["error"]["type"] in ("FileNotFoundError", "PermissionError")


def test_devices_that_honest_code_uses_work(running: Zygote) -> None:
    if running.tier.name == "C":
        pytest.skip("tier C lets nothing be opened for writing")
    opened = "open(os.devnull, 'w').write('x'), len(open('/dev/urandom', 'rb').read(4))"
    assert said(running, opened) == "(1, 4)"


def test_the_harness_cannot_be_imported_inside(running: Zygote) -> None:
    if running.tier.name == "C":
        pytest.skip("tier C does not contain reading")
    with Session(running.address, Limits()) as session:
        assert load(session, "import harness")["error"]["type"] == "ModuleNotFoundError"


def test_a_candidate_has_no_module_of_a_grader_in_memory(running: Zygote) -> None:
    modules = "sys.modules"
    assert (
        said(running, f"[name for name in {modules} if 'harness' in name or 'pydantic' in name]")
        == "[]"
    )
    assert said(running, "os.environ.get('PYTHONPATH')") == "None"


def test_recycled_descriptors_do_not_confuse_sessions(running: Zygote) -> None:
    """Sessions come and go on the same descriptor numbers while a first one stays."""
    with Session(running.address, Limits()) as first:
        load(first, "def f(x):\n    return x * 7\n", f=1)
        for number in range(12):
            sessions = [Session(running.address, Limits()) for _ in range(3)]
            for k, session in enumerate(sessions):
                load(session, f"def f(x):\n    return x * {number + k}\n", f=1)
            sessions[number % 3].close()
            x = torch.ones(1, dtype=torch.float64)
            for k, session in enumerate(sessions):
                if k != number % 3:
                    assert ask(session, x)[1][0].item() == number + k
                    session.close()
        assert ask(first, torch.ones(1, dtype=torch.float64))[1][0].item() == 7


def test_sessions_of_several_threads_share_a_zygote(running: Zygote) -> None:
    seen: list[float] = []

    def work(factor: int) -> None:
        with Session(running.address, Limits()) as session:
            load(session, f"def f(x):\n    return x * {factor}\n", f=1)
            seen.append(ask(session, torch.ones(1, dtype=torch.float64))[1][0].item())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(8))


def test_a_session_lets_go_of_its_descriptors(running: Zygote) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for source in (SQUARE, "import os; os._exit(1)"):
        with Session(running.address, SOON) as session, contextlib.suppress(CandidateFault):
            load(session, source)
        assert count() == before


# --------------------------------------------------------------------------
# seccomp


@pytest.mark.parametrize("machine", sorted(seccomp.AUDIT_ARCH))
def test_the_system_call_tables_parse_and_name_no_call_twice(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "machine", lambda: machine)
    seen: dict[int, str] = {}
    for table in (seccomp.ALLOWED, seccomp.CHANGES, seccomp.CONDITIONAL, seccomp.KILLED):
        for name, number in seccomp.numbers(table).items():
            assert number not in seen, f"{name} and {seen.get(number)} are both {number}"
            seen[number] = name
    assert {"read", "write", "openat", "execve"} & set(seen.values()) == {"read", "write", "openat"}
    code = seccomp.program(own_pid=7, has_folder=False, denied_open=os.O_TRUNC)
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096


def verdict_of(code: bytes, machine: str, number: int, *arguments: int) -> int:
    """What a filter answers: classic BPF has five instructions here."""
    data = struct.pack(
        "<IIQ6Q", number, seccomp.AUDIT_ARCH[machine], 0, *(*arguments, *[0] * 6)[:6]
    )
    steps = list(struct.iter_unpack("HBBI", code))
    at, accumulator = 0, 0
    while True:
        operation, if_true, if_false, value = steps[at]
        at += 1
        if operation == seccomp.LOAD:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == seccomp.RETURN:
            return int(value)
        else:
            holds = {
                seccomp.JUMP_EQUAL: accumulator == value,
                seccomp.JUMP_SET: bool(accumulator & value),
                seccomp.JUMP_GREATER_EQUAL: accumulator >= value,
            }[operation]
            at += if_true if holds else if_false


@pytest.mark.parametrize("machine", sorted(seccomp.AUDIT_ARCH))
def test_the_filter_answers_as_it_says(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "machine", lambda: machine)
    allowed, special = seccomp.numbers(seccomp.ALLOWED), seccomp.numbers(seccomp.CONDITIONAL)
    changes = seccomp.numbers(seccomp.CHANGES)
    denied = seccomp.ERRNO | 1

    def answer(number: int, *arguments: int, **options: Any) -> int:
        return verdict_of(seccomp.program(**options), machine, number, *arguments)

    assert {answer(n) for n in allowed.values()} == {seccomp.ALLOW}
    assert {answer(n) for n in seccomp.numbers(seccomp.KILLED).values()} == {seccomp.KILL}
    assert answer(5000) == denied
    assert {answer(n) for n in changes.values()} == {seccomp.ALLOW}
    assert {answer(n, has_folder=False) for n in changes.values()} == {denied}
    # Signals: to everyone where a namespace keeps them in, else to oneself alone.
    assert answer(special["kill"], 1, 9) == seccomp.ALLOW
    assert answer(special["kill"], 1, 9, own_pid=77) == denied
    assert answer(special["kill"], 77, 9, own_pid=77) == seccomp.ALLOW
    assert answer(special["kill"], (1 << 64) - 1, 9, own_pid=77) == denied
    assert answer(special["tgkill"], 77, 78, 9, own_pid=77) == seccomp.ALLOW
    assert answer(special["tkill"], 77, 9, own_pid=77) == denied
    # Threads, but no processes.
    assert answer(special["clone"], seccomp.CLONE_THREAD | 0xF00) == seccomp.ALLOW
    assert answer(special["clone"], 17) == denied
    assert answer(special["clone3"]) == seccomp.ERRNO | 38
    # Descriptors cannot be made to signal anybody.
    assert answer(special["fcntl"], 3, 4) == seccomp.ALLOW
    for command in (8, 10, 15, 1031):
        assert answer(special["fcntl"], 3, command) == denied
    assert answer(special["ioctl"], 3, 0x5412) == seccomp.ERRNO | 25
    assert answer(special["prctl"], 15) == seccomp.ALLOW
    assert answer(special["prctl"], 4) == denied
    assert answer(special["prlimit64"], 0, 7, 0) == seccomp.ALLOW
    assert answer(special["prlimit64"], 0, 7, 1 << 40) == denied
    # Opening, where neither Landlock nor a private root looks at the flags.
    assert answer(special["openat"], 0, 0, os.O_RDWR) == seccomp.ALLOW
    assert answer(special["openat"], 0, 0, os.O_RDWR, denied_open=os.O_RDWR) == denied
    assert answer(special["openat"], 0, 0, os.O_TRUNC, denied_open=os.O_TRUNC) == denied
    assert answer(special["openat"], 0, 0, os.O_CLOEXEC, denied_open=os.O_TRUNC) == seccomp.ALLOW


def test_another_architectures_calls_are_deadly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "machine", lambda: "x86_64")
    code = seccomp.program()
    assert verdict_of(code, "aarch64", 63) == seccomp.KILL
    assert verdict_of(code, "x86_64", seccomp.X32_BIT + 39) == seccomp.KILL


# --------------------------------------------------------------------------
# Questions and answers


def squares_of(xs: list[torch.Tensor]) -> Iterator[bytes]:
    for x in xs:
        call = {"fn": "f", "ask": "forward", "args": [{"t": 0}], "cotangents": []}
        yield wire.encode({"do": "ask", "calls": [call], "counts": [1]}, [x])


def test_questions_of_any_size_are_answered_in_their_order() -> None:
    # More than a socket holds, between such as are sent ahead.
    sizes = [1, 1 << 18, 1, 1, 1 << 19, 1 << 19, 2, 1 << 18, 3]
    xs = [torch.full((size,), float(n), dtype=torch.float64) for n, size in enumerate(sizes)]
    with Zygote(choose()) as zygote, Session(zygote.address, Limits()) as session:
        load(session, SQUARE, f=1)
        answers = list(session.exchange(squares_of(xs)))
    for x, (_, parts) in zip(xs, answers, strict=True):
        assert torch.equal(parts[0], x * x)


def test_an_answer_is_bounded_by_its_own_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusted, "REPLY_BYTES", 0)
    monkeypatch.setattr(trusted, "BODY_SLACK_BYTES", 0)
    grows = "import torch\ndef f(x):\n    return torch.ones(x.numel() ** 2)\n"
    with Zygote(choose()) as zygote, Session(zygote.address, SOON) as session:
        load(session, grows, f=1)
        # The large question that follows does not make room for the answer to the small one.
        asked = session.exchange(squares_of([torch.ones(8), torch.ones(3000), torch.ones(1)]))
        next(asked)
        with pytest.raises(CandidateFault, match="more than it was asked for"):
            next(asked)


def test_what_a_call_returned_cannot_be_changed_by_the_next_one(running: Zygote) -> None:
    late = """
import torch
BEFORE = []
def f(x):
    if BEFORE:
        empty, right = BEFORE.pop()
        empty.copy_(right)
    BEFORE.append((torch.zeros_like(x), x * x))
    return BEFORE[0][0]
"""
    call = {"fn": "f", "ask": "forward", "args": [{"t": 0}], "cotangents": []}
    header = {"do": "ask", "calls": [call, call], "counts": [1, 1]}
    with Session(running.address, Limits()) as session:
        load(session, late, f=1)
        reply, parts = session.request(header, [torch.ones(2), torch.ones(2)], reply_bytes=4096)
    names = [name for answer in reply["answers"] for name in answer["parts"]]
    results = [part.tolist() for name, part in zip(names, parts, strict=True) if name == "y"]
    assert results == [[0.0, 0.0], [0.0, 0.0]]


def test_moving_to_huge_pages_changes_no_memory() -> None:
    program = """
from harness.sandbox.inside import linux
kept = [bytearray([n]) * (16 << 20) for n in range(1, 5)]
before = [sum(one[::4096]) for one in kept]
linux.collapse()
assert [sum(one[::4096]) for one in kept] == before
print(open("/proc/self/smaps_rollup").read())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    (huge,) = re.findall(r"AnonHugePages: +(\d+) kB", done.stdout)
    version = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))
    if version < (6, 1) or not Path("/sys/kernel/mm/transparent_hugepage").is_dir():
        pytest.skip("this kernel does not move memory to huge pages when asked")
    assert int(huge) >= 32 << 10


# --------------------------------------------------------------------------
# The wire


shapes = st.lists(st.integers(0, 4), max_size=4)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(sorted(wire.DTYPES)))
    shape = draw(shapes)
    made = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    return (3 * made).to(wire.DTYPES[dtype])


facts = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 50), 1 << 50) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.text(max_size=5).filter(lambda k: k != "tensors"), facts, max_size=4),
    st.lists(tensors(), max_size=4),
)
def test_what_is_encoded_is_decoded_alike(header: dict[str, Any], sent: list[torch.Tensor]) -> None:
    frame = wire.encode(header, sent)
    head_bytes, body_bytes = wire.PREFIX.unpack(frame[:8])
    assert len(frame) == 8 + head_bytes + body_bytes
    back, received = wire.decode(frame[8 : 8 + head_bytes], bytearray(frame[8 + head_bytes :]))
    assert back == header
    assert [(t.dtype, t.shape) for t in received] == [(t.dtype, t.shape) for t in sent]
    assert all(torch.equal(a, b) for a, b in zip(received, sent, strict=True))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_frame_that_was_tampered_with_is_refused_or_still_a_frame(data: st.DataObject) -> None:
    frame = wire.encode({"a": [1, "b"]}, [torch.arange(6).double().reshape(2, 3)])
    head_bytes, _ = wire.PREFIX.unpack(frame[:8])
    head, body = bytearray(frame[8 : 8 + head_bytes]), bytearray(frame[8 + head_bytes :])
    for _ in range(data.draw(st.integers(1, 6))):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    try:
        header, received = wire.decode(bytes(head), body)
    except wire.WireError:
        return
    assert isinstance(header, dict)
    sizes = [t.numel() * t.element_size() for t in received]
    assert sum(size + -size % wire.ALIGNED for size in sizes) == len(body)


@pytest.mark.parametrize(
    ("head", "body", "problem"),
    [
        (b"\xff", b"", "not JSON"),
        (b"{", b"", "not JSON"),
        (b"[" * 100_000, b"", "not JSON"),
        (b"9" * 5000, b"", "not JSON"),
        (b"[]", b"", "not an object"),
        (b"{}", b"", "not an object that lists"),
        (b'{"tensors": 3}', b"", "not an object that lists"),
        (b'{"tensors": [1]}', b"", r"described as \[dtype, shape\]"),
        (b'{"tensors": [["float64"]]}', b"", r"described as \[dtype, shape\]"),
        (b'{"tensors": [["complex64", []]]}', b"", "unknown dtype"),
        (b'{"tensors": [[["float64"], []]]}', b"", "unknown dtype"),
        (b'{"tensors": [["bool", 3]]}', b"", "list of at most eight sizes"),
        (b'{"tensors": [["bool", [1,1,1,1,1,1,1,1,1]]]}', b"", "at most eight"),
        (b'{"tensors": [["bool", [-1]]]}', b"", "non-negative integer"),
        (b'{"tensors": [["bool", [1.5]]]}', b"", "non-negative integer"),
        (b'{"tensors": [["bool", [true]]]}', b"x", "non-negative integer"),
        (b'{"tensors": [["bool", [0, 549755813888, 549755813888]]]}', b"", "too large"),
        (b'{"tensors": [["bool", [1099511627777]]]}', b"", "too large"),
        (b'{"tensors": [["float64", [2]]]}', b"x" * 15, "shorter"),
        (b'{"tensors": [["float64", [2]]]}', b"x" * 17, "longer"),
        (b'{"tensors": [["bool", [3]]]}', b"x" * 3, "shorter"),
        (b'{"tensors": []}', b"x", "longer"),
    ],
)
def test_a_malformed_frame_is_refused(head: bytes, body: bytes, problem: str) -> None:
    with pytest.raises(wire.WireError, match=problem):
        wire.decode(head, bytearray(body))


def test_too_many_tensors_are_refused_before_they_are_made() -> None:
    head = json.dumps({"tensors": [["bool", [0]]] * (wire.MOST_TENSORS + 1)}).encode()
    with pytest.raises(wire.WireError, match="more than 16384 tensors"):
        wire.decode(head, bytearray())


def test_a_byte_that_is_no_truth_value_becomes_one() -> None:
    body = bytearray(b"\x00\x01\xff\0\0\0\0\0")
    _, (received,) = wire.decode(b'{"tensors": [["bool", [3]]]}', body)
    assert received.view(torch.uint8).tolist() == [0, 1, 1]


def test_a_dtype_that_does_not_travel_is_refused() -> None:
    with pytest.raises(wire.WireError, match=r"dtype torch\.complex64 does not travel"):
        wire.encode({}, [torch.zeros(1, dtype=torch.complex64)])


# --------------------------------------------------------------------------
# Replies


def test_what_a_candidate_says_is_made_printable() -> None:
    text = tamed({"\x1b[2J": ["\u202epassed\u2066", "a\nb", "\ud800", 1, 1.5, None, True]})
    assert text == {"\\x1b[2J": ["\\u202epassed\\u2066", "a\nb", "\\ud800", 1, 1.5, None, True]}
    assert len(tamed("x" * 10**6)) == MOST_CHARACTERS
    assert printable("déjà vu ✓") == "déjà vu ✓"


def test_what_no_honest_process_sends_is_refused() -> None:
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    with pytest.raises(UnfitError, match="nested more than 12 deep"):
        tamed(deep)
    with pytest.raises(UnfitError, match="number of absurd size"):
        tamed({"line": 10**30})
    for value in (math.inf, -math.inf, math.nan):
        with pytest.raises(UnfitError, match="number that is not finite"):
            tamed({"facts": [0.5, {"wall_s": value}]})


def test_readiness_is_waited_for_on_descriptors_of_any_number() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not readable(ours, 0.01)
        theirs.send(b"x")
        assert readable(ours, 0.01)


def test_what_torch_imports_late_needs_no_folder_that_may_be_written_to() -> None:
    code = "import torch\ntorch.use_deterministic_algorithms(True)\ndef f(x):\n    return x\n"
    with (
        Zygote(choose(at_most="B")) as zygote,
        Session(zygote.address, Limits()) as session,
    ):
        assert load(session, code, f=1) == {"entry_points": {"f": None}}
