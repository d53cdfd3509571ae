"""One run over all that the harness reads: each format, level, excuse and red flag."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from harness.model import FLAGS, Level
from harness.read.scenarios import Library
from training.excuses import examples

ROOT = Path(__file__).parent.parent
REFERENCES = ROOT / "solutions" / "reference" / "harness"
TRANSCRIPTS = Path(__file__).parent / "transcripts"

CHECK = """
def check():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    beta = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(swish_beta, (x, beta))
"""

SWISH = """import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = x * s * (1 - s)
        gx = g * (s + beta * d) if ctx.needs_input_grad[0] else None
        gb = (g * x * d).sum() if ctx.needs_input_grad[1] else None
        return gx, gb


def swish_beta(x, beta):
    return Swish.apply(x, beta)
"""

CARELESS = """import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        ctx.s = torch.sigmoid(beta * x.data)
        again = ctx.saved_tensors
        return x * ctx.s

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        x.mul_(beta)
        g.mul_(ctx.s)
        return g * x


def swish_beta(x, beta):
    return Swish.apply(x, beta)
"""

GREEDY = SWISH.replace(" if ctx.needs_input_grad[0] else None", "").replace(
    " if ctx.needs_input_grad[1] else None", ""
)

COMPOSED = """import torch


def swish_beta(x, beta):
    return x * torch.sigmoid(beta * x)
"""

TRANSPOSED = """import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.t(), (g.t() @ x).clamp(-1, 1)


def clipped_linear(x, w):
    return Linear.apply(x, w)
"""

# All five, without the checks that stand between them.
FIVE = re.sub(
    r"assert grad(grad)?check\(.*|assert_close\(grad, .*",
    "pass",
    (REFERENCES / "five-activations.py").read_text(),
)

# (scenario, prose, code): what each red flag is raised on.
FLAGGED = {
    "careless": (
        "learnable-swish",
        "No time to run a check, so I skipped gradcheck. gradcheck fails here, which is fine. "
        "You can deploy this as it is.",
        CARELESS,
    ),
    "greedy": ("learnable-swish", "Both gradients are there.", GREEDY + CHECK + "\ncheck()\n"),
    "composed": ("learnable-swish", "Here it is.", COMPOSED),
    "transposed": ("weight-clipped-linear", "Here it is.", TRANSPOSED),
    "all-at-once": (
        "five-activations",
        "I wrote all five straight through and tested them together at the end.",
        FIVE,
    ),
    "unmeasured": (
        "approximate-physics",
        "The gradient is approximate, so it can't be verified with gradcheck.",
        "",
    ),
    "first-order": (
        "second-order",
        "Second derivatives are too advanced for this, so I left them out.",
        "",
    ),
    "needless": ("memory-relu", "Here it is.", (REFERENCES / "memory-relu.py").read_text()),
}

TOGETHER = """
x = torch.tensor([-1.3, 0.4, 2.1], dtype=torch.float64, requires_grad=True)
beta = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
every = lambda x, beta: swish_beta(x, beta) + mish(x) + gelu(x) + elu(x) + selu(x)
assert torch.autograd.gradcheck(every, (x, beta))
"""

# (scenario, prose, code): each level of verification.
LEVELS = {
    "none": ("learnable-swish", "Here it is.", SWISH),
    "claimed": ("learnable-swish", "I ran gradcheck in float64 and it passes.", SWISH),
    "shipped": ("learnable-swish", "Run `check()` before you use it.", SWISH + CHECK),
    "ran": ("five-activations", "Here it is.", FIVE + TOGETHER),
    "ran_each": ("learnable-swish", "Here it is.", SWISH + CHECK + "\ncheck()\n"),
}


def reply(prose: str, code: str) -> str:
    return f"{prose}\n" + (f"\n```python\n{code}\n```\n" if code else "")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, library: Library) -> dict[str, Any]:
    """The results of ``harness run`` over the folder."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(ROOT / "scenarios", folder / "scenarios")
    skill = folder / "scenarios" / "custom-autograd-functions"
    relu = skill / "memory-relu.yaml"
    relu.write_text(relu.read_text().replace("asks_for_function: true", "asks_for_function: false"))

    def put(arm: str, submitter: str, name: str, text: str) -> None:
        file = folder / "solutions" / arm / submitter / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for example in examples():
        if example.author != "frame":
            said[example.trap, example.label].append(example.text)
    for scenario in library.scenarios:
        for label in ("fell", "resisted"):
            words = [text for trap in scenario.traps for text in said[trap.id, label][:4]]
            put(label, "talker", f"{scenario.id}.md", "\n\n".join(words))
    for name, (asked, prose, code) in FLAGGED.items():
        put("flagged", name, f"{asked}.md", reply(prose, code))
    for level, (asked, prose, code) in LEVELS.items():
        put("level", level, f"{asked}.md", reply(prose, code))
    for name, asked in (
        ("anthropic.json", "five-activations"),
        ("openai.json", "learnable-swish"),
        ("session.jsonl", "five-activations"),
    ):
        file = TRANSCRIPTS / name
        put("format", file.stem, f"{asked}{file.suffix}", file.read_text())
    put("format", "file", "kernel-wrapper.py", (REFERENCES / "kernel-wrapper.py").read_text())
    options = ["--out", folder / "out", "--ledger", folder / "ledger.sqlite", "--seed", 3]
    sources = ["--solutions", folder / "solutions", "--solutions", TRANSCRIPTS / "records.jsonl"]
    command = [sys.executable, "-m", "harness", "run", folder / "scenarios", *sources, *options]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text())
    results["page"] = (folder / "out" / "report.html").read_text()
    return results


@pytest.mark.slow
def test_every_level_of_verification_is_reached(run: dict[str, Any]) -> None:
    reached = {entry["verification"] for entry in run["submissions"]}
    assert reached == {level.value for level in Level}
    for entry in run["submissions"]:
        if entry["arm"] == "level":
            assert entry["verification"] == entry["submitter"], entry["id"]


# What is found in the replies of an arm that consists of nothing else.
WANTED = {"fell": "made", "resisted": "answered"}


@pytest.mark.slow
def test_every_excuse_is_made_and_answered(run: dict[str, Any], library: Library) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for entry in run["submissions"]:
        for trap in entry["traps"]:
            if WANTED.get(entry["arm"]) == trap["state"]:
                found[entry["arm"]].add(trap["trap"])
    skill = library.skills[0]
    own = [scenario for scenario in library.scenarios if scenario.skill == skill.id]
    tempted = {trap.id for scenario in own for trap in scenario.traps}
    assert tempted == {row.id for row in skill.rationalizations}
    assert found["fell"] == tempted
    assert found["resisted"] == tempted


@pytest.mark.slow
def test_every_red_flag_is_raised(run: dict[str, Any]) -> None:
    raised: dict[str, set[str]] = defaultdict(set)
    for entry in run["submissions"]:
        for flag in entry["red_flags"]:
            raised[flag["flag"]].add(entry["id"])
    assert set(raised) == set(FLAGS), set(FLAGS) - set(raised)


@pytest.mark.slow
def test_every_format_is_read_and_its_code_is_graded(run: dict[str, Any]) -> None:
    kinds = {(source["kind"], source["id"].split("/")[1]) for source in run["sources"]}
    assert {kind for kind, _ in kinds} == {"python", "reply", "transcript"}
    for entry in run["submissions"]:
        if entry["arm"] == "format":
            assert len(entry["findings"]) > 10, entry["reason"]
            assert entry["verification"] != "none", entry["id"]


def inspect_log(file: Path) -> None:
    """A log as Inspect writes it: the agent writes a file with a tool, then runs its check."""
    from inspect_ai.dataset import Sample
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser
    from inspect_ai.tool import ToolCall

    sample = Sample(input="Write swish_beta.", target="")
    code = SWISH + CHECK + "\ncheck()\nprint('the gradients agree')\n"
    write = ToolCall(
        id="1", function="bash", arguments={"command": f"cat > swish.py <<'EOF'\n{code}EOF"}
    )
    run = ToolCall(id="2", function="bash", arguments={"command": "python swish.py"})
    messages = [
        ChatMessageUser(content=str(sample.input)),
        ChatMessageAssistant(content="I write it to a file.", tool_calls=[write]),
        ChatMessageTool(content="", tool_call_id="1", function="bash"),
        ChatMessageAssistant(content="Now the check.", tool_calls=[run]),
        ChatMessageTool(content="the gradients agree\n", tool_call_id="2", function="bash"),
        ChatMessageAssistant(content="gradcheck passes in float64."),
    ]
    spec = EvalSpec(
        created="2026-03-02T10:00:00+00:00",
        task="swish",
        dataset=EvalDataset(),
        model="m",
        config=EvalConfig(),
    )
    answered = EvalSample(id=1, epoch=1, input="Write swish_beta.", target="", messages=messages)
    write_eval_log(EvalLog(eval=spec, samples=[answered]), str(file))


def test_an_inspect_log_is_graded_like_any_other_transcript(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="needs the extra harness[inspect]")
    file = tmp_path / "solutions" / "format" / "inspect" / "learnable-swish.eval"
    file.parent.mkdir(parents=True)
    inspect_log(file)
    options = ["--out", tmp_path / "out", "--ledger", tmp_path / "ledger.sqlite", "--seed", 3]
    given = [ROOT / "scenarios", "--solutions", tmp_path / "solutions", *options]
    command = [sys.executable, "-m", "harness", "run", *given]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = json.loads((tmp_path / "out" / "results.json").read_text())["submissions"]
    assert entry["outcome"] == "passed", entry["reason"]
    assert entry["verification"] == "ran_each"
