"""Answers questions about a submission: it computes what it is asked and judges nothing.

One message is one frame (see ``wire``). ``{"do": "load"}`` imports the code,
``{"do": "ask"}`` holds a list of calls, ``{"do": "script"}`` runs the code as a
script, ``{"do": "hold"}`` and ``{"do": "drop"}`` keep and release the result of
a call. A call that raises is answered with the error; the next one goes on.
"""

import gc
import inspect
import linecache
import os
import random
import sys
import time
import traceback
import types
import weakref
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch

from . import layers, linux, spoiling, unaided, wire
from .part import BRANCH, COTANGENT, COTANGENT_GRADIENT, DRAW, RESULT, Part, Parts, Role, numbered

FILE_NAME = "solution.py"
MODULE_NAME = "solution"
MESSAGE_CHARACTERS = 600
# Stands for every option of a gradcheck that a message cannot hold, such as atol=inf.
LARGEST_OPTION = 1e15
Json = dict[str, Any]


def warm_up() -> None:
    """Run once what every candidate uses, so that forked ones need not import it again."""
    torch.set_num_threads(1)
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    torch.autograd.gradcheck(torch.sin, (x,))
    torch.autograd.gradgradcheck(torch.sin, (x,))
    layers.build(list(layers.MAKERS), 4, torch.float64)
    repr(x)
    unaided.install()
    # A rehearsal looks through all objects several times: not through those of the libraries.
    gc.collect()
    gc.freeze()
    for _ in range(REHEARSALS):
        rehearse()


def import_testing() -> None:
    """What ``torch.testing`` imports when it is first used."""
    x = torch.ones(2)
    torch.testing.assert_close(x, x.clone())


def import_compiler() -> None:
    """The compiler, which optimisers, checkpoints and ``torch.func`` import when first used."""
    x = torch.ones(2, requires_grad=True)
    torch.func.jacrev(torch.sin)(x.detach())
    torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False).sum().backward()
    torch.optim.SGD([x], lr=0.1).step()


# What only some candidates need and takes long to import.
NEEDS: dict[str, Callable[[], None]] = {"testing": import_testing, "compiler": import_compiler}

# From the second or third time on the interpreter runs code in a form that forks inherit.
REHEARSALS = 3
REHEARSED = """
import torch

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g

def square(x):
    return Square.apply(x)
"""


def rehearse() -> None:
    """Load a submission and answer a question of every kind, as candidates will."""
    server = Server()
    load = {"modules": {}, "source": REHEARSED, "entry_points": {"square": 1}}
    server.load(load)
    try:
        for dtype in (torch.float64, torch.float32):
            x = torch.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3)
            one: Json = {"fn": "square", "args": [{"t": 0, "grad": True}]}
            one["cotangents"] = [{"t": 0}]
            more = {"count": 2, "overwrite": "result", "others": [one], "layout": None}
            more["unaided"] = {"outside": True, "inside": True, "factor": 2.0}
            twice = {"vjp2": 2 * one["cotangents"]}
            calls = [
                {**one, **more, "ask": ask, "cotangents": twice.get(ask, one["cotangents"])}
                for ask in ASKS
            ]
            header: Json = {"do": "ask", "calls": calls, "counts": [1] * len(calls)}
            frame = wire.encode(header, [x] * len(calls))
            reply, tensors = server.answer(*wire.opened(frame))
            errors = [a["error"] for a in reply["answers"] if "error" in a]
            if errors:
                raise RuntimeError(f"the rehearsal failed: {errors[0]}")
            wire.encode(reply, tensors)
    finally:
        del sys.modules[MODULE_NAME], linecache.cache[FILE_NAME]


def exercise() -> None:
    """A fixed piece of the kind of work that candidates do, to time a machine by."""
    x = torch.linspace(-1, 1, 50, dtype=torch.float64).reshape(10, 5).requires_grad_()
    for _ in range(1000):
        torch.autograd.grad((x * torch.sigmoid(x)).sum(), x)


class Channel:
    """Frames over a file descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def receive(self) -> tuple[Json, list[torch.Tensor]]:
        head_bytes, body_bytes = wire.PREFIX.unpack(self._exactly(wire.PREFIX.size))
        head = bytes(self._exactly(head_bytes))
        return wire.decode(head, self._exactly(body_bytes))

    def send(self, header: Json, tensors: list[torch.Tensor]) -> None:
        view = memoryview(wire.encode(header, tensors))
        while view:
            view = view[os.write(self.fd, view) :]

    def _exactly(self, count: int) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = os.readv(self.fd, [view])
            if got == 0:
                os._exit(0)  # the other side has hung up
            view = view[got:]
        return data


def serve(fd: int) -> None:
    """Say that the process is confined, then answer until the other side hangs up."""
    channel = Channel(fd)
    # The one message that is certainly ours: no code of a candidate is here yet.
    channel.send({"ready": True}, [])
    server = Server()
    while True:
        header, tensors = channel.receive()
        reply, results = server.answer(header, tensors)
        channel.send(reply, results)


def report_setup_failure(fd: int, error: BaseException) -> None:
    """Say why a candidate could not be confined; the only message it will send."""
    Channel(fd).send({"setup_failed": f"{type(error).__name__}: {error}"}, [])


def described(error: BaseException) -> Json:
    """An exception in data: type, message and the last line of the submission it passed."""
    line = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == FILE_NAME:
            line = number
    if line is None and isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        line = error.lineno
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be shown)"
    return {"type": type(error).__name__, "message": message[:MESSAGE_CHARACTERS], "line": line}


class Server:
    """The state of one candidate process."""

    def __init__(self) -> None:
        self.module = types.ModuleType(MODULE_NAME)
        self.held: list[tuple[Invocation, Any]] = []
        # The gradchecks of the first run of the script.
        self.passed: list[Json] = []

    def answer(self, header: Json, tensors: list[torch.Tensor]) -> tuple[Json, list[torch.Tensor]]:
        match header["do"]:
            case "load":
                return self.load(header), []
            case "ask":
                return self.ask(header["calls"], header["counts"], tensors)
            case "script":
                return self.script(header), []
            case "configure":
                for name, values in header["modules"].items():
                    vars(sys.modules[name]).update(values)
                return {}, []
            case "hold":
                return self.hold(header["call"], tensors), []
            case "drop":
                return self.drop(tensors, header.get("place", 0))
        raise ValueError(f"unknown request {header['do']!r}")

    def load(self, header: Json) -> Json:
        """Import the code as a module; provided modules first."""
        unaided.provided.update(header["modules"])
        for name, source in header["modules"].items():
            provided = types.ModuleType(name)
            provided.__file__ = f"{name}.py"
            sys.modules[name] = provided
            remember_source(f"{name}.py", source)
            exec(compile(source, f"{name}.py", "exec"), vars(provided))
        self.module.__file__ = FILE_NAME
        sys.modules[MODULE_NAME] = self.module
        remember_source(FILE_NAME, header["source"])
        torch.manual_seed(0)
        random.seed(0)
        try:
            exec(compile(header["source"], FILE_NAME, "exec"), vars(self.module))
        except BaseException as error:
            return {"error": described(error)}
        functions: dict[str, str | None] = {}
        for name, arguments in header["entry_points"].items():
            function = getattr(self.module, name, None)
            if function is None:
                functions[name] = "missing"
            elif not callable(function):
                functions[name] = "not callable"
            else:
                functions[name] = signature_problem(function, arguments)
        return {"entry_points": functions}

    def ask(
        self, calls: list[Json], counts: list[int], tensors: list[torch.Tensor]
    ) -> tuple[Json, list[torch.Tensor]]:
        """Answer each call by itself; ``counts`` says how many of the tensors are for each.

        ``parts`` names the tensors that belong to an answer.
        """
        answers: list[Json] = []
        results: list[torch.Tensor] = []
        rest = iter(tensors)
        for call, count in zip(calls, counts, strict=True):
            mine = list(islice(rest, count))
            try:
                answer, parts = ASKS[call["ask"]](Invocation(self.module, call, mine))
                check_sendable(parts)
                found = as_they_are_now(parts)
            except BaseException as error:
                answers.append({"error": described(error)})
                continue
            answers.append({**answer, "parts": [str(name) for name, _ in parts]})
            results += found
        return {"answers": answers}, results

    def hold(self, call: Json, tensors: list[torch.Tensor]) -> Json:
        """Make a call and keep its result, and so the graph, alive."""
        try:
            invocation = Invocation(self.module, call, tensors)
            self.held.append((invocation, invocation.run()))
            # Free blocks between small ones that are kept would count as memory in use.
            linux.trim()
        except BaseException as error:
            return {"error": described(error)}
        return {}

    def drop(self, cotangents: list[torch.Tensor], place: int) -> tuple[Json, list[torch.Tensor]]:
        """Release what is held; with a cotangent, after the gradients of the leaves of one."""
        parts: Parts = []
        try:
            for invocation, result in self.held[place : place + 1] if cotangents else ():
                parts += numbered(
                    Role.GRADIENT, invocation.gradients(result, cotangents[0].clone())
                )
            check_sendable(parts)
            found = as_they_are_now(parts)
        except BaseException as error:
            return {"error": described(error)}, []
        finally:
            self.held.clear()
            linux.trim()
        return {"parts": [str(name) for name, _ in parts]}, found

    def script(self, header: Json) -> Json:
        """Run the code as ``__main__``, then the test functions named; watch its gradchecks.

        ``spoil`` says which backward is spoiled. In a run after the first one, gradchecks that
        passed and have nothing to do with it are not made again.
        """
        spoiler = spoiling.Spoiler(**header.get("spoil", {}))
        watch = Watch(spoiler, self.passed)
        main = types.ModuleType("__main__")
        main.__file__ = FILE_NAME
        sys.modules["__main__"] = main
        remember_source(FILE_NAME, header["source"])
        torch.default_generator.manual_seed(0)
        random.seed(0)
        torch.set_default_dtype(torch.float32)
        error = None
        try:
            with watch, spoiler:
                code = compile(header["source"], FILE_NAME, "exec")
                if spoiler.value is None:
                    exec(code, vars(main))
                else:
                    exec(code, vars(main), spoiling.Names(vars(main), spoiler))
                for name in header["tests"]:
                    getattr(main, name)()
        except SystemExit as leaving:
            if leaving.code not in (None, 0):
                error = {**described(leaving), "message": f"it exited with {leaving.code!r}"}
        except BaseException as failure:
            error = described(failure)
        if "spoil" not in header:
            self.passed = watch.seen
        gradchecks = watch.seen[:200]
        return {"error": error, "gradchecks": gradchecks, "functions": spoiler.seen()}


def remember_source(name: str, source: str) -> None:
    """Let tracebacks and ``inspect`` find the text of code that is in no file."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def signature_problem(function: Callable[..., object], arguments: int) -> str | None:
    """Why ``function`` cannot be called with so many positional arguments."""
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError as error:
        return f"its signature does not take {arguments} arguments: {error}"
    except ValueError:
        return None  # a builtin such as Function.apply shows no signature
    return None


def check_sendable(parts: Parts) -> None:
    for name, tensor in parts:
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{name} is a {type(tensor).__name__}, expected a tensor")
        if tensor.layout is not torch.strided or tensor.device.type != "cpu":
            raise TypeError(f"{name} is not a dense CPU tensor")
        if tensor.dtype not in wire.NAMES:
            raise TypeError(f"{name} is {tensor.dtype}, which no question asks for")


def as_they_are_now(parts: Parts) -> list[torch.Tensor]:
    """Copies: a thread that goes on computing must not fill in what a caller has already seen."""
    return [tensor.detach().clone() for _, tensor in parts]


class Invocation:
    """One call of an entry point with its arguments laid out as asked."""

    def __init__(self, module: types.ModuleType, call: Json, tensors: list[torch.Tensor]) -> None:
        self.call = call
        self.function = getattr(module, call["fn"])
        self.arguments: list[Any] = []
        self.keywords: dict[str, Any] = {}
        self.leaves: list[torch.Tensor] = []  # those that require grad, in order of arguments
        self.inputs: list[torch.Tensor] = []  # the tensors that are handed over
        self.parameters: list[torch.nn.Parameter] = []
        self.log: list[list[Any]] = []
        self.settings = settings()
        self.tensors = tensors
        for spec in call["args"]:
            self._add(spec)
        self.flags = [tensor.requires_grad for tensor in self.inputs]
        self.cotangents = [self._laid_out(spec) for spec in call.get("cotangents", [])]

    def _add(self, spec: Json) -> None:
        if "value" in spec and spec.get("name"):
            self.keywords[spec["name"]] = spec["value"]
        elif "value" in spec:
            self.arguments.append(spec["value"])
        elif "log" in spec:
            self.arguments.append(recorder(self.log))
        elif "layers" in spec:
            built = layers.build(spec["layers"], spec["width"], getattr(torch, spec["dtype"]))
            self.parameters = layers.parameters(built)
            with torch.no_grad():
                for parameter, index in zip(self.parameters, spec["tensors"], strict=True):
                    parameter.copy_(self.tensors[index])
            self.arguments += built
        else:
            tensor = self._laid_out(spec)
            if spec.get("grad"):
                tensor.requires_grad_()
                self.leaves.append(tensor)
                if spec.get("inner"):
                    tensor = tensor * 1
            self.inputs.append(tensor)
            self.arguments.append(tensor)

    def _laid_out(self, spec: Json) -> torch.Tensor:
        """The tensor in the asked memory layout, values unchanged."""
        tensor = self.tensors[spec["t"]].clone()
        order = spec.get("order")
        if not order:
            return laid_out(tensor, spec.get("layout"))
        # As a layout of other dimensions than the last or the first, whatever their number.
        back = sorted(range(len(order)), key=order.__getitem__)
        return laid_out(tensor.permute(order).contiguous(), spec.get("layout")).permute(back)

    def run(self) -> Any:
        # torch.manual_seed also formats a stack for every backend, a hundred times the cost.
        torch.default_generator.manual_seed(self.call.get("seed", 0))
        if self.call.get("no_grad"):
            with torch.no_grad():
                return self.function(*self.arguments, **self.keywords)
        return self.function(*self.arguments, **self.keywords)

    def output(self) -> torch.Tensor:
        result = self.run()
        if not isinstance(result, torch.Tensor):
            raise TypeError(f"the result is a {type(result).__name__}, expected a tensor")
        return result

    def gradients(
        self, output: torch.Tensor, cotangent: torch.Tensor, **options: Any
    ) -> list[torch.Tensor | None]:
        if not output.requires_grad:
            raise DetachedError("the result does not require grad although an input does")
        if output.shape != cotangent.shape[1 if options.get("is_grads_batched") else 0 :]:
            raise ValueError(
                f"the result has shape {tuple(output.shape)}, expected {tuple(cotangent.shape)}"
            )
        return list(
            torch.autograd.grad(output, self.leaves, cotangent, allow_unused=True, **options)
        )

    def random_draw(self) -> torch.Tensor:
        return torch.rand(4, dtype=torch.float64)


def laid_out(tensor: torch.Tensor, layout: str | None) -> torch.Tensor:
    """A tensor of its own in the memory layout, values unchanged."""
    match layout:
        case None | "permuted":
            return tensor
        case "transposed":
            return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
        case "strided":
            wide = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), 7.0, dtype=tensor.dtype)
            wide[..., ::2] = tensor
            return wide[..., ::2]
        case "offset":
            padded = torch.full((tensor.numel() + 3,), 7.0, dtype=tensor.dtype)
            padded[3:] = tensor.reshape(-1)
            return padded[3:].view(tensor.shape)
        case "expanded":
            return tensor[:1].clone().expand(tensor.shape)
        case "filled":  # what backward of a sum hands on
            return tensor.reshape(-1)[0].clone().expand(tensor.shape)
    raise ValueError(f"unknown layout {layout!r}")


def recorder(log: list[list[Any]]) -> Callable[[object, object], None]:
    """A log callable; not a method, lest what a candidate keeps of it kept the whole call."""

    def record(event: object, statistics: object) -> None:
        entries = []
        if isinstance(statistics, dict):
            entries = [[str(k), type(v).__name__, repr(v)[:40]] for k, v in statistics.items()]
        kind = "dict" if isinstance(statistics, dict) else type(statistics).__name__
        log.append([str(event)[:40], kind, entries[:8]])

    return record


def settings() -> tuple[object, ...]:
    """Switches of the process that a call has to leave as they are."""
    return (
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_anomaly_enabled(),
    )


class DetachedError(RuntimeError):
    """A result that should be differentiable has no history."""


def _one(part: Part, tensor: torch.Tensor | None) -> Parts:
    return [] if tensor is None else [(part, tensor)]


def ask_forward(invocation: Invocation) -> tuple[Json, Parts]:
    """The result; also the inputs as they are afterwards, the log and the next random numbers."""
    result = invocation.run()
    inputs = numbered(Role.INPUT, invocation.inputs)
    facts: Json = {
        "changed_settings": settings() != invocation.settings,
        "left_gradient": [i for i, leaf in enumerate(invocation.leaves) if leaf.grad is not None],
        "changed_flag": [
            i
            for i, (tensor, flag) in enumerate(
                zip(invocation.inputs, invocation.flags, strict=True)
            )
            if tensor.requires_grad != flag
        ],
        "log": invocation.log,
    }
    if not isinstance(result, torch.Tensor):
        facts |= {"value": repr(result)[:60], "type": type(result).__name__}
        return facts, [*inputs, (DRAW, invocation.random_draw())]
    same = [i for i, tensor in enumerate(invocation.inputs) if tensor is result]
    storage = [
        i
        for i, tensor in enumerate(invocation.inputs)
        if tensor.numel() and tensor.data_ptr() == result.data_ptr()
    ]
    facts |= {
        "requires_grad": result.requires_grad,
        "same_as": same,
        "shares_storage_with": storage,
        "graph": unaided.described(result),
    }
    return facts, [(RESULT, result), *inputs, (DRAW, invocation.random_draw())]


def ask_vjp(invocation: Invocation) -> tuple[Json, Parts]:
    """The result and a gradient per leaf, through ``autograd.grad``; what the call left behind."""
    output = invocation.output()
    (cotangent,) = invocation.cotangents
    gradients = invocation.gradients(output, cotangent)
    draw = invocation.random_draw()
    parts = [
        (RESULT, output),
        *numbered(Role.GRADIENT, gradients),
        (COTANGENT, cotangent),
        (DRAW, draw),
    ]
    facts = {"log": invocation.log, "changed_settings": settings() != invocation.settings}
    return facts, [*parts, *numbered(Role.INPUT, invocation.inputs)]


def ask_unaided(invocation: Invocation) -> tuple[Json, Parts]:
    """A gradient per leaf while autograd's own differentiation is away."""
    (cotangent,) = invocation.cotangents
    with unaided.Absence(**invocation.call["unaided"]) as absence:
        with absence.around_call():
            output = invocation.output()
        with absence.around_backward(output):
            return {}, numbered(Role.GRADIENT, invocation.gradients(output, cotangent))


def ask_backward(invocation: Invocation) -> tuple[Json, Parts]:
    """The same through ``.backward()``, with the gradients of the layers' parameters."""
    output = invocation.output()
    (cotangent,) = invocation.cotangents
    if not output.requires_grad:
        raise DetachedError("the result does not require grad although an input does")
    invocation.random_draw()  # as whatever else runs between forward and backward
    for leaf in (*invocation.leaves, *invocation.parameters):
        leaf.grad = torch.ones_like(leaf)
    torch.autograd.backward([output], [cotangent])
    leaves = [accumulated(leaf) for leaf in invocation.leaves]
    parameters = [accumulated(parameter) for parameter in invocation.parameters]
    draw = invocation.random_draw()
    parts = [
        (RESULT, output),
        *numbered(Role.GRADIENT, leaves),
        *numbered(Role.PARAMETER, parameters),
        (DRAW, draw),
    ]
    return {"log": invocation.log}, parts


def accumulated(leaf: torch.Tensor) -> torch.Tensor | None:
    """What was added to the ones that were there."""
    return None if leaf.grad is None else leaf.grad - 1


def ask_vjp2(invocation: Invocation) -> tuple[Json, Parts]:
    """Vjp of the vjp: gradients for each leaf and for the cotangent."""
    output = invocation.output()
    cotangent, *outer = invocation.cotangents
    cotangent.requires_grad_()
    inner = invocation.gradients(output, cotangent, create_graph=True)
    live = [
        (gradient, weight)
        for gradient, weight in zip(inner, outer, strict=True)
        if gradient is not None and gradient.requires_grad
    ]
    if not live:
        return {"constant": True}, []
    # Not autograd.grad: with allow_unused it would step around the error that an honest
    # once_differentiable raises.
    torch.autograd.backward([gradient for gradient, _ in live], [weight for _, weight in live])
    leaves = [leaf.grad for leaf in invocation.leaves]
    return {}, [*numbered(Role.GRADIENT, leaves), *_one(COTANGENT_GRADIENT, cotangent.grad)]


def ask_in_graph(invocation: Invocation) -> tuple[Json, Parts]:
    """Gradients where the cotangent is shared with another branch, which gets ``BRANCH``."""
    (cotangent,) = invocation.cotangents
    other = torch.zeros_like(cotangent).requires_grad_()
    # Made before the call, so that its backward runs after the one under test.
    branch = other * 2
    total = invocation.output() + branch
    leaves = [*invocation.leaves, other]
    *gradients, last = torch.autograd.grad(total, leaves, cotangent, allow_unused=True)
    return {}, [(RESULT, total - branch), *numbered(Role.GRADIENT, gradients), *_one(BRANCH, last)]


def ask_interleaved(invocation: Invocation) -> tuple[Json, Parts]:
    """Several calls first, then their backwards in reverse, the first one twice."""
    first = invocation
    others = [Invocation(sys.modules[MODULE_NAME], c, first.tensors) for c in first.call["others"]]
    everyone = [first, *others]
    outputs = [one.output() for one in everyone]
    values = [output.detach().clone() for output in outputs]
    gradients: dict[int, list[torch.Tensor | None]] = {}
    for index in reversed(range(len(everyone))):
        one = everyone[index]
        gradients[index] = one.gradients(outputs[index], one.cotangents[0], retain_graph=index == 0)
    again = first.gradients(outputs[0], first.cotangents[0])
    parts = [(Part(Role.RESULT, call=index), value) for index, value in enumerate(values)]
    for index in range(len(everyone)):
        parts += numbered(Role.GRADIENT, gradients[index], index)
    return {"log": first.log}, [*parts, *numbered(Role.AGAIN, again)]


def ask_in_turn(invocation: Invocation) -> tuple[Json, Parts]:
    """The result of each other call, whose arguments are gone before those of the next are made."""
    parts: Parts = []
    for index, call in enumerate(invocation.call["others"]):
        one = Invocation(sys.modules[MODULE_NAME], call, invocation.tensors)
        parts.append((Part(Role.RESULT, call=index), one.output().detach().clone()))
        del one
    return {}, parts


def ask_batched(invocation: Invocation) -> tuple[Json, Parts]:
    """Gradients for all cotangents in one backward, as ``vmap`` makes it."""
    output = invocation.output()
    every = torch.stack(invocation.cotangents)
    found = invocation.gradients(output, every, is_grads_batched=True)
    parts: Parts = []
    for index, gradients in enumerate(found):
        if gradients is not None:
            parts += [
                (Part(Role.GRADIENT, index, n), one.clone()) for n, one in enumerate(gradients)
            ]
    return {}, parts


def ask_timed(invocation: Invocation) -> tuple[Json, Parts]:
    """Seconds of the quickest of ``count`` calls with their backward."""
    (cotangent,) = invocation.cotangents
    spent = []
    for _ in range(invocation.call["count"]):
        started = time.perf_counter()  # the processor's clock is too coarse for one call
        invocation.gradients(invocation.output(), cotangent)
        spent.append(time.perf_counter() - started)
    return {"wall_s": min(spent)}, []


def ask_many(invocation: Invocation) -> tuple[Json, Parts]:
    """The same call ``count`` times; results and gradients of all, stacked."""
    (cotangent,) = invocation.cotangents
    outputs, gradients = [], []
    for _ in range(invocation.call["count"]):
        output = invocation.output()
        found = invocation.gradients(output, cotangent.clone())
        outputs.append(output.detach())
        gradients.append(
            [
                torch.zeros_like(x) if g is None else g
                for x, g in zip(invocation.leaves, found, strict=True)
            ]
        )
    stacked = [torch.stack(one) for one in zip(*gradients, strict=True)]
    return {}, [(RESULT, torch.stack(outputs)), *numbered(Role.GRADIENT, stacked)]


def ask_overwritten(invocation: Invocation) -> tuple[Json, Parts]:
    """Gradients after a caller wrote into an input or the result; ``refused`` if that raises."""
    output = invocation.output()
    (cotangent,) = invocation.cotangents
    name = invocation.call["overwrite"]
    target = output if name == "result" else invocation.inputs[int(name)]
    with torch.no_grad():
        target.mul_(-0.5).add_(0.25)
    try:
        return {}, numbered(Role.GRADIENT, invocation.gradients(output, cotangent))
    except Exception as error:
        return {"refused": described(error)}, []


def ask_released(invocation: Invocation) -> tuple[Json, Parts]:
    """How many of ``count`` finished calls are still ``alive``, and how many tensors remain."""

    def live() -> int:
        gc.collect()
        # Not isinstance: that wakes lazy modules among the objects.
        return sum(issubclass(type(o), torch.Tensor) for o in gc.get_objects())

    watched = []
    before = live()
    gc.disable()
    try:
        for number in range(invocation.call["count"]):
            # Never the same values twice, as a cache may keep those of one call.
            tensors = [tensor * (1 - number / 1024) for tensor in invocation.tensors]
            one = Invocation(sys.modules[MODULE_NAME], invocation.call, tensors)
            output = one.output()
            one.gradients(output, one.cotangents[0])
            watched.append([weakref.ref(tensor) for tensor in (output, *one.inputs)])
            del one, output, tensors
    finally:
        gc.enable()
    alive = sum(any(ref() is not None for ref in refs) for refs in watched)
    grown = live() - before
    return {"alive": alive, "grown": grown}, []


ASKS: dict[str, Callable[[Invocation], tuple[Json, Parts]]] = {
    "forward": ask_forward,
    "vjp": ask_vjp,
    "unaided": ask_unaided,
    "backward": ask_backward,
    "vjp2": ask_vjp2,
    "in_graph": ask_in_graph,
    "interleaved": ask_interleaved,
    "in_turn": ask_in_turn,
    "batched": ask_batched,
    "timed": ask_timed,
    "many": ask_many,
    "overwritten": ask_overwritten,
    "released": ask_released,
}


class Watch:
    """Records the gradcheck calls of a script, and the Functions applied in each."""

    def __init__(self, spoiler: spoiling.Spoiler, before: list[Json]) -> None:
        self.spoiler = spoiler
        # Those of an earlier run, in order.
        self.before = before
        self.seen: list[Json] = []
        self.applied: list[str] | None = None
        self.originals: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> None:
        home = sys.modules["torch.autograd.gradcheck"]
        for name in ("gradcheck", "gradgradcheck"):
            observed = self._observed(name, getattr(home, name))
            self._put(home, name, observed)
            self._put(torch.autograd, name, observed)
        function: Any = torch.autograd.Function
        apply = function.apply.__func__

        def watched_apply(cls: type, *arguments: Any, **keywords: Any) -> Any:
            if self.applied is not None and cls.__name__ not in self.applied:
                self.applied.append(cls.__name__)
            return apply(cls, *arguments, **keywords)

        self._put(function, "apply", classmethod(watched_apply))

    def _put(self, home: Any, name: str, value: Any) -> None:
        self.originals.append((home, name, inspect.getattr_static(home, name)))
        setattr(home, name, value)

    def __exit__(self, *_: object) -> None:
        for home, name, value in reversed(self.originals):
            setattr(home, name, value)

    def _known(self, name: str) -> Json | None:
        """The same call in an earlier run, where it passed and would do so again."""
        place = len(self.seen)
        if self.applied is not None or place >= len(self.before):
            return None
        entry = self.before[place]
        again = entry["name"] == name and entry["passed"]
        return entry if again and not self.spoiler.concerns(entry["functions"]) else None

    def _observed(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def gradcheck(func: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
            known = self._known(name)
            if known is not None:
                self.seen.append(known)
                return True
            tensors = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
            dtypes = {
                str(t.dtype).removeprefix("torch.")
                for t in tensors
                if isinstance(t, torch.Tensor) and t.requires_grad
            }
            bound = inspect.signature(original).bind(func, inputs, *arguments, **keywords)
            options = {
                key: value if -LARGEST_OPTION <= value <= LARGEST_OPTION else LARGEST_OPTION
                for key, value in bound.arguments.items()
                if isinstance(value, bool | int | float)
            }
            entry: Json = {
                "name": name,
                "dtypes": sorted(dtypes),
                "options": options,
                "passed": False,
                "error": None,
            }
            outer, self.applied = self.applied, []
            try:
                result = original(func, inputs, *arguments, **keywords)
                entry["passed"] = result is True
                return result
            except BaseException as error:
                entry["error"] = f"{type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]
                raise
            finally:
                entry["functions"], self.applied = self.applied, outer
                # gradgradcheck is itself made of a gradcheck; only the outer call counts.
                if outer is None:
                    self.seen.append(entry)

        return gradcheck
