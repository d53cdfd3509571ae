"""Answers questions about a submission: it computes what it is asked and judges nothing.

One message is one frame (see ``wire``). ``{"do": "load"}`` imports the code,
``{"do": "ask"}`` holds a list of calls, ``{"do": "plain"}`` one of calls with plain values (see
``calling``), ``{"do": "script"}`` runs its tests
(see ``script``), ``{"do": "hold"}`` and ``{"do": "drop"}`` keep and release the result of
a call. A call that raises is answered with the error; the next one goes on.
"""

import dis
import gc
import inspect
import linecache
import os
import random
import sys
import sysconfig
import time
import types
import weakref
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch

from . import autograd, calling, layers, linux, modules, plain, unaided, wire
from .layout import LaidOut, derived, laid_out
from .part import (
    BRANCH,
    COTANGENT,
    COTANGENT_AROUND,
    COTANGENT_GRADIENT,
    DRAW,
    RESULT,
    Part,
    Parts,
    Role,
    numbered,
)
from .script import FILE_NAME, Scripts, described, import_hypothesis, import_pytest, remember_source

MODULE_NAME = "solution"
_STANDARD = sysconfig.get_path("stdlib")
# Where torch and its neighbours lie.
LIBRARIES = tuple(
    folder + os.sep
    for folder in sys.path
    if folder not in (_STANDARD, os.path.join(_STANDARD, "lib-dynload"))
)
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
NEEDS: dict[str, Callable[[], None]] = {
    "testing": import_testing,
    "compiler": import_compiler,
    "pytest": import_pytest,
    "hypothesis": import_hypothesis,
}

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
            one["cotangents"] = [{"t": 0, "layout": None, "order": ()}]
            one |= {"count": 2, "others": [], "watched": True, "create_graph": False}
            way = {"before": True, "between": "to_zero", "loss": True, "elsewhere": True}
            more = {
                "overwrite": "result",
                "training": way,
                "others": [one],
                "schedule": [0, 1, 1, 0],
            }
            more["unaided"] = {"outside": True, "inside": True, "factor": 2.0}
            special = {
                "vjp2": {"cotangents": 2 * one["cotangents"]},
                "training": {"others": [one, one]},
            }
            calls = [{**one, **more, "ask": ask, **special.get(ask, {})} for ask in ASKS]
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


class Server:
    """The state of one candidate process."""

    def __init__(self) -> None:
        self.module = types.ModuleType(MODULE_NAME)
        self.held: list[tuple[Invocation, Any]] = []
        self.scripts = Scripts()
        self.source = ""
        remember_settings()

    def answer(self, header: Json, tensors: list[torch.Tensor]) -> tuple[Json, list[torch.Tensor]]:
        match header["do"]:
            case "load":
                return self.load(header), []
            case "ask":
                return self.ask(header["calls"], header["counts"], tensors)
            case "plain":
                return calling.answer(self.module, header, self.source)
            case "script":
                return self.scripts.run(header), []
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
        self.source = header["source"]
        remember_source(FILE_NAME, self.source)
        torch.manual_seed(0)
        random.seed(0)
        try:
            exec(compile(header["source"], FILE_NAME, "exec"), vars(self.module))
        except BaseException as error:
            return {"error": described(error)}
        # What an import changes, calls may rely on.
        remember_settings()
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
        linux.map_each()
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
        if tensor.layout is not torch.strided or not tensor.is_cpu:
            raise TypeError(f"{name} is not a dense CPU tensor")
        if tensor.dtype not in wire.NAMES:
            raise TypeError(f"{name} is {tensor.dtype}, which no question asks for")


def as_they_are_now(parts: Parts) -> list[torch.Tensor]:
    """Copies: a thread that goes on computing must not fill in what a caller has already seen."""
    return [tensor.detach().clone() for _, tensor in parts]


class Invocation:
    """One call of an entry point with its arguments laid out as asked."""

    def __init__(
        self,
        module: types.ModuleType,
        call: Json,
        tensors: list[torch.Tensor],
        first: "Invocation | None" = None,
        fed: torch.Tensor | None = None,
    ) -> None:
        """``first`` is the call that it shares arguments with; ``fed`` the result that it takes."""
        self.call = call
        self.function = getattr(module, call["fn"])
        # Of a module: the instance that is called, and its parameters by name.
        self.instance: torch.nn.Module | None = None
        self.own: dict[str, torch.nn.Parameter] = {}
        self.arguments: list[Any] = []
        self.keywords: dict[str, Any] = {}
        self.leaves: list[torch.Tensor] = []  # those that require grad, in order of arguments
        self.inputs: list[torch.Tensor] = []  # the tensors that are handed over
        self.around: list[torch.Tensor | None] = []  # those that they are views of
        self.parameters: list[torch.nn.Parameter] = []
        self.log: list[list[Any]] = []
        self.tensors = tensors
        # What was made of each argument, for calls that share it.
        self.made: list[Any] = []
        if call.get("module"):
            self._take_instance(call["module"], first)
        for place, spec in enumerate(call["args"]):
            # A parameter is that of the instance.
            shared = spec.get("shared") and spec.get("part") != "parameter"
            made = first.made[place] if first is not None and shared else self._make(spec, fed)
            self.made.append(made)
            if spec.get("part") != "constructor" and "left_out" not in spec:
                self._hand_over(made, spec.get("name"), parameter=spec.get("part") == "parameter")
        if self.instance is not None:
            self.function = self.instance
        # What a module itself hangs on its parameters is not left behind by a call.
        watched = call.get("watched") and self.own
        own = set(map(id, self.own.values()))
        self.marked = {
            i for i, t in enumerate(self.inputs) if watched and id(t) in own and left_behind(t)
        }
        # Plain values as they are handed over.
        self.plain = self._encoded()
        self.flags = [tensor.requires_grad for tensor in self.inputs]
        laid = [
            laid_out(tensors[spec["t"]], spec.get("layout"), spec.get("order", ()))
            for spec in call["cotangents"]
        ]
        self.cotangents = [one.tensor for one in laid]
        self.cotangents_around = [one.whole for one in laid]
        # Tensors that have a ``.grad``, with what is in it beforehand.
        self.grads = self._grads() if call.get("kept") else []
        # Places of tensors that something was left behind on so far.
        self.left_on = set[int]()

    def _grads(self) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        own = {id(t): t for t in (*self.leaves, *self.inputs) if t.is_leaf and is_real(t)}
        if self.call.get("had_gradient"):
            for tensor in own.values():
                tensor.grad = torch.ones_like(tensor)
        return [(tensor, tensor.grad) for tensor in own.values()]

    def _take_instance(self, asked: Json, first: "Invocation | None") -> None:
        """Make the module and give it its parameters, or take that of the ``first`` call."""
        kept = [spec for spec in self.call["args"] if "part" in spec]
        if first is not None and kept and all(spec.get("shared") for spec in kept):
            self.instance, self.own = first.instance, first.own
            return
        name, dtype = self.call["fn"], getattr(torch, asked["dtype"])
        given = [spec for spec in kept if spec["part"] == "parameter"]
        wanted = {spec["name"]: (self.tensors[spec["t"]], spec["trained"]) for spec in given}
        torch.default_generator.manual_seed(self.call.get("seed", 0))

        def build() -> torch.nn.Module:
            specs = [s for s in kept if s["part"] == "constructor" and "left_out" not in s]
            values = [(spec.get("name"), self._make(spec, None)) for spec in specs]
            positional = [value for key, value in values if key is None]
            named = {key: value for key, value in values if key is not None}
            return modules.made(lambda: self.function(*positional, **named), name, dtype)

        instance = build()
        found = modules.parameters(instance, name, wanted)
        if asked["manner"] == "fresh":
            modules.refuse_beginning(found, name, asked["initial"], asked["frozen"])
        modules.set_to(list(found.values()), [value for value, _ in wanted.values()])
        self.instance = modules.treated(instance, asked["manner"], build)
        if self.instance is not instance:
            found = modules.parameters(self.instance, name, wanted)
        for spec in given:
            found[spec["name"]].requires_grad_(bool(spec.get("grad")))
        self.own = found

    def _make(self, spec: Json, fed: torch.Tensor | None) -> Any:
        """An argument as it is handed over."""
        if spec.get("part") == "parameter":
            own = self.own[spec["name"]]
            return Made(own if spec.get("grad") else None, LaidOut(own))
        if "value" in spec:
            return spec["value"]
        if "plain" in spec:
            return plain.decode(spec["plain"])
        if "log" in spec:
            return recorder(self.log)
        if "left_out" in spec:
            return None
        if "layers" in spec:
            built = layers.build(spec["layers"], spec["width"], getattr(torch, spec["dtype"]))
            parameters = layers.parameters(built)
            modules.set_to(parameters, [self.tensors[index] for index in spec["tensors"]])
            for parameter in parameters:
                parameter.requires_grad_(not spec.get("frozen"))
            return BlockLayers(built)
        if spec.get("fed") and fed is not None:
            return Made(None, LaidOut(fed * spec["fed"]))
        laid = laid_out(self.tensors[spec["t"]], spec.get("layout"), spec.get("order", ()))
        leaf = None
        if spec.get("grad"):
            leaf = laid.tensor.requires_grad_()
            if spec.get("parameter"):
                leaf = torch.nn.Parameter(leaf)
                laid = LaidOut(leaf, laid.whole)
            if spec.get("inner"):
                laid = derived(leaf, spec["inner"])
        return Made(leaf, laid)

    def _hand_over(self, made: Any, name: str | None, *, parameter: bool) -> None:
        """``name`` is that of its parameter where it is given by name.

        A ``parameter`` of a module is there already.
        """
        if isinstance(made, BlockLayers):
            self.parameters = layers.parameters(made.layers)
            self.arguments += made.layers
            return
        if isinstance(made, Made):
            if made.leaf is not None:
                self.leaves.append(made.leaf)
            self.inputs.append(made.laid.tensor)
            self.around.append(made.laid.whole)
            made = made.laid.tensor
        if parameter:
            return
        if name is not None:
            self.keywords[name] = made
        else:
            self.arguments.append(made)

    def _encoded(self) -> list[Any]:
        """The plain values among the arguments as they are now."""
        pairs = zip(self.call["args"], self.made, strict=True)
        return [plain.encode(made) for spec, made in pairs if "plain" in spec]

    @property
    def kept(self) -> Parts:
        """Where asked for: the caller's tensors as they are now, with what lies beside them.

        And the numbers that the random generator gives next.
        """
        if not self.call.get("kept"):
            return []
        parts = [*numbered(Role.INPUT, self.inputs), *numbered(Role.AROUND, self.around)]
        for cotangent, around in zip(self.cotangents[:1], self.cotangents_around, strict=False):
            parts += [(COTANGENT, cotangent), *_one(COTANGENT_AROUND, around)]
        return [*parts, (DRAW, self.random_draw())]

    def side_effects(self) -> Json:
        """The log; where asked for, what the call changed beside tensors, too."""
        if not self.call.get("kept"):
            return {"log": self.log}
        return {
            "log": self.log,
            "changed_settings": settings() != _usual_settings,
            "changed_values": self._encoded() != self.plain,
            "left_gradient": [
                i
                for i, (tensor, grad) in enumerate(self.grads)
                if grad is None and tensor.grad is not None
            ],
            "changed_gradient": [
                i
                for i, (tensor, grad) in enumerate(self.grads)
                if grad is not None and not (tensor.grad is grad and bool((grad == 1).all()))
            ],
            "changed_flag": [
                i
                for i, (tensor, flag) in enumerate(zip(self.inputs, self.flags, strict=True))
                if tensor.requires_grad != flag
            ],
        }

    def run(self) -> Any:
        # torch.manual_seed also formats a stack for every backend, a hundred times the cost.
        torch.default_generator.manual_seed(self.call.get("seed", 0))
        if self.call.get("inference"):
            with torch.inference_mode():
                return self.function(*self.arguments, **self.keywords)
        if self.call.get("no_grad"):
            with torch.no_grad():
                return self.function(*self.arguments, **self.keywords)
        if self.call.get("autocast"):
            with torch.autocast("cpu", getattr(torch, self.call["autocast"])):
                return self.function(*self.arguments, **self.keywords)
        return self.function(*self.arguments, **self.keywords)

    def next(self, call: Json, fed: torch.Tensor | None = None) -> "Invocation":
        """A later call of the same sequence."""
        return Invocation(sys.modules[MODULE_NAME], call, self.tensors, self, fed)

    def left(self, generators: object) -> Json:
        """What the call left on its caller's tensors, and whether it moved other generators.

        Asked again after the backward, it says what that left, too.
        """
        if not self.call.get("watched"):
            return {}
        tensors = [*self.inputs, *self.parameters, *self.cotangents]
        tensors += [leaf for leaf in self.leaves if not any(leaf is one for one in self.inputs)]
        self.left_on |= {
            i for i, t in enumerate(tensors) if i not in self.marked and left_behind(t)
        }
        return {
            "left_behind": sorted(self.left_on),
            "moved_generators": generators is not None and generators != other_generators(),
        }

    def output(self) -> torch.Tensor:
        result = self.run()
        if not isinstance(result, torch.Tensor):
            raise TypeError(f"the result is a {type(result).__name__}, expected a tensor")
        return result

    def gradients(
        self,
        output: torch.Tensor,
        cotangent: torch.Tensor,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> list[torch.Tensor | None]:
        """A gradient per leaf."""
        check_output(output, cotangent.shape)
        return list(
            autograd.gradients(
                [output],
                self.leaves,
                [cotangent],
                retain_graph=retain_graph,
                create_graph=create_graph,
            )
        )

    def batched_gradients(self, output: torch.Tensor) -> list[torch.Tensor | None]:
        """The same for all incoming gradients in one backward, as ``vmap`` makes it."""
        every = torch.stack(self.cotangents)
        check_output(output, every.shape[1:])
        return list(
            torch.autograd.grad(
                output, self.leaves, every, allow_unused=True, is_grads_batched=True
            )
        )

    def accumulated(self, call: int) -> Parts:
        """What is in ``.grad`` now."""
        return [
            (part, grad.detach().clone())
            for role, leaves in ((Role.GRADIENT, self.leaves), (Role.PARAMETER, self.parameters))
            for part, grad in numbered(role, [leaf.grad for leaf in leaves], call)
        ]

    def random_draw(self) -> torch.Tensor:
        return torch.rand(4, dtype=torch.float64)


def check_output(output: torch.Tensor, shape: torch.Size) -> None:
    if not output.requires_grad:
        raise DetachedError("the result does not require grad although an input does")
    if output.shape != shape:
        raise ValueError(f"the result has shape {tuple(output.shape)}, expected {tuple(shape)}")


class BlockLayers(NamedTuple):
    """Layers, each of which is an argument."""

    layers: list[layers.Layer]


class Made(NamedTuple):
    """A tensor argument: the leaf behind it, if that requires grad, and what is handed over."""

    leaf: torch.Tensor | None
    laid: LaidOut


def recorder(log: list[list[Any]]) -> Callable[[object, object], None]:
    """A log callable; not a method, lest what a candidate keeps of it kept the whole call."""

    def record(event: object, statistics: object) -> None:
        entries = []
        if isinstance(statistics, dict):
            entries = [[str(k), type(v).__name__, repr(v)[:40]] for k, v in statistics.items()]
        kind = "dict" if isinstance(statistics, dict) else type(statistics).__name__
        log.append([str(event)[:40], kind, entries[:8]])

    return record


# Functions of ``torch._C`` that tell a setting of the process; versions of torch differ in them.
_SETTINGS: list[Callable[[], object]] = [
    getattr(torch._C, name)
    for name in (
        "is_grad_enabled",
        "is_inference_mode_enabled",
        "get_default_dtype",
        "_get_default_device",
        "get_num_threads",
        "is_anomaly_enabled",
        "is_anomaly_check_nan_enabled",
        "is_autocast_cache_enabled",
        "_is_any_autocast_enabled",
        "_is_fwd_grad_enabled",
        "_is_multithreading_enabled",
        "_is_view_replay_enabled",
        "_len_torch_function_stack",
        "_len_torch_dispatch_stack",
        "_get_deterministic_algorithms",
        "_get_deterministic_algorithms_warn_only",
        "_get_deterministic_fill_uninitialized_memory",
        "_get_float32_matmul_precision",
        "_get_mkldnn_enabled",
        "_get_mkldnn_deterministic",
        "_get_onednn_allow_tf32",
        "_get_nnpack_enabled",
        "_get_cpu_allow_fp16_reduced_precision_reduction",
        "_get_cublas_allow_tf32",
        "_get_cudnn_allow_tf32",
        "_get_cudnn_benchmark",
        "_get_cudnn_deterministic",
        "_get_cudnn_enabled",
        "_get_flash_sdp_enabled",
        "_get_math_sdp_enabled",
        "_get_mem_efficient_sdp_enabled",
        "_get_warnAlways",
    )
    if hasattr(torch._C, name)
]
_SAVED_TENSORS: Any = torch._C._autograd
# A product of these is zero where numbers below the normal ones are flushed.
_LEAST, _ONE = 5e-324, 1.0


def settings() -> tuple[object, ...]:
    """Switches of the process that a call has to leave as they are."""
    return (
        *map(_setting, _SETTINGS),
        torch.get_autocast_dtype("cpu"),
        _SAVED_TENSORS._saved_tensors_hooks_is_enabled(),
        _SAVED_TENSORS._top_saved_tensors_default_hooks(True),
        _LEAST * _ONE > 0,
        gc.isenabled(),
        sys.getrecursionlimit(),
    )


def _setting(read: Callable[[], object]) -> object:
    try:
        return read()
    except RuntimeError as error:  # of two that contradict each other
        return str(error)


# As they were when the submission was loaded.
_usual_settings: tuple[object, ...] = ()


def remember_settings() -> None:
    """Take the settings that there are for those that calls have to leave as they are."""
    global _usual_settings
    _usual_settings = settings()


def is_real(tensor: torch.Tensor) -> bool:
    """Whether it is of numbers that can have a gradient."""
    return tensor.is_floating_point() and not tensor.is_inference()


def stirred_generators() -> tuple[object, ...]:
    """The same after a number was drawn from each, so that no seed of the call's gives them."""
    random.random()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].random()
    return other_generators()


def other_generators() -> tuple[object, ...]:
    """The states of the generators that are not torch's."""
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is None:
        return (random.getstate(),)
    kind, keys, *rest = numpy.get_state()
    return random.getstate(), kind, keys.tobytes(), *rest


def left_behind(tensor: torch.Tensor) -> bool:
    """Whether a tensor of the caller's carries hooks or attributes that it did not have."""
    given: Any = tensor
    if vars(given) or given._backward_hooks or given._post_accumulate_grad_hooks:
        return True
    if not tensor.requires_grad or tensor.is_inference():
        return False
    if not tensor.is_leaf and tensor.retains_grad:
        return True
    node = torch.autograd.graph.get_gradient_edge(tensor).node
    return any(map(has_hooks, (node.register_hook, node.register_prehook)))


def has_hooks(register: Callable[[Callable[..., None]], Any]) -> bool:
    """Whether a node of the graph has hooks of the kind that ``register`` adds."""
    handle = register(lambda *_: None)
    hooks = handle.hooks_dict_ref()
    handle.remove()
    return bool(hooks)


class DetachedError(RuntimeError):
    """A result that should be differentiable has no history."""


def _one(part: Part, tensor: torch.Tensor | None) -> Parts:
    return [] if tensor is None else [(part, tensor)]


def ask_forward(invocation: Invocation) -> tuple[Json, Parts]:
    """The result; where asked for, what it left as it is not, and the graph behind it."""
    watched = invocation.call.get("watched")
    others = stirred_generators() if watched else None
    result = invocation.run()
    facts: Json = {**invocation.left(others), **invocation.side_effects()}
    if not isinstance(result, torch.Tensor):
        facts |= {"value": repr(result)[:60], "type": type(result).__name__}
        return facts, invocation.kept
    storage = [
        i
        for i, tensor in enumerate(invocation.inputs)
        if tensor.numel() and tensor.data_ptr() == result.data_ptr()
    ]
    facts |= {"requires_grad": result.requires_grad, "shares_storage_with": storage}
    if invocation.call.get("graph"):
        facts["graph"] = unaided.described(result)
    if invocation.call.get("kept"):
        facts["same_as"] = [i for i, tensor in enumerate(invocation.inputs) if tensor is result]
    return facts, [(RESULT, result), *invocation.kept]


def ask_vjp(invocation: Invocation) -> tuple[Json, Parts]:
    """The result and a gradient per leaf, through ``autograd.grad``; what the call left behind.

    ``refused`` where the submission itself raises as a graph of the gradient is to be made.
    """
    others = stirred_generators() if invocation.call.get("watched") else None
    output = invocation.output()
    facts = invocation.left(None)
    (cotangent,) = invocation.cotangents
    result = output
    if invocation.call.get("autocast"):
        facts["dtype"] = wire.NAMES.get(output.dtype)
        result, cotangent = output.to(cotangent.dtype), cotangent.to(output.dtype)
    graph = invocation.call.get("create_graph", False)
    try:
        gradients = invocation.gradients(output, cotangent, create_graph=graph)
    except Exception as error:
        if not (graph and raised_on_purpose(error)):
            raise
        facts["refused"], gradients = described(error), []
    facts |= invocation.left(None) | invocation.side_effects()
    if others is not None:
        facts["moved_generators"] = others != other_generators()
    return facts, [(RESULT, result), *numbered(Role.GRADIENT, gradients), *invocation.kept]


def raised_on_purpose(error: BaseException) -> bool:
    """Whether a ``raise`` or ``assert`` of the submission's own made it."""
    end = error.__traceback__
    while end is not None and end.tb_next is not None:
        end = end.tb_next
    if end is None:
        return False
    code = end.tb_frame.f_code
    others = {f"{name}.py" for name in unaided.provided}
    own = code.co_filename not in others and not code.co_filename.startswith(LIBRARIES)
    return own and code.co_code[end.tb_lasti] == dis.opmap["RAISE_VARARGS"]


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
    first = numbered(Role.FIRST, inner)
    if not live:
        return {"constant": True}, first
    # Not autograd.grad: with allow_unused it would step around the error that an honest
    # once_differentiable raises.
    torch.autograd.backward([gradient for gradient, _ in live], [weight for _, weight in live])
    leaves = [leaf.grad for leaf in invocation.leaves]
    second = [*numbered(Role.GRADIENT, leaves), *_one(COTANGENT_GRADIENT, cotangent.grad)]
    return {}, [*first, *second]


def ask_in_graph(invocation: Invocation) -> tuple[Json, Parts]:
    """Gradients where the cotangent is shared with another branch, which gets ``BRANCH``."""
    (cotangent,) = invocation.cotangents
    other = torch.zeros_like(cotangent).requires_grad_()
    # Made before the call, so that its backward runs after the one under test.
    branch = other * 2
    total = invocation.output() + branch
    check_output(total, cotangent.shape)
    leaves = [*invocation.leaves, other]
    *gradients, last = autograd.gradients([total], leaves, [cotangent])
    return {}, [(RESULT, total - branch), *numbered(Role.GRADIENT, gradients), *_one(BRANCH, last)]


def ask_interleaved(invocation: Invocation) -> tuple[Json, Parts]:
    """Several calls with their backwards, in the order of ``schedule``.

    There the place of a call stands for the call itself, and then for a backward with each of its
    incoming gradients. The first call alone may have two.
    """
    first = invocation
    everyone = [first, *(first.next(call) for call in first.call["others"])]
    waiting = [list(one.cotangents) for one in everyone]
    outputs: dict[int, torch.Tensor] = {}
    gone_back = set[int]()
    parts: Parts = []
    for place in first.call["schedule"]:
        if place not in outputs:
            outputs[place] = everyone[place].output()
            parts.append((Part(Role.RESULT, call=place), outputs[place].detach().clone()))
            continue
        cotangent = waiting[place].pop(0)
        more = bool(waiting[place])
        found = everyone[place].gradients(outputs[place], cotangent, retain_graph=more)
        if place in gone_back:
            parts += numbered(Role.AGAIN, found)
        else:
            parts += numbered(Role.GRADIENT, found, place)
        gone_back.add(place)
    return {"log": first.log}, parts


def ask_in_turn(invocation: Invocation) -> tuple[Json, Parts]:
    """The result of each other call; all are of the same sizes.

    In the first half the arguments of one are gone before those of the next are made; in the
    second they are the same tensors with new values.
    """
    parts: Parts = []
    calls = invocation.call["others"]
    half = (len(calls) + 1) // 2
    for index, call in enumerate(calls[:half]):
        one = invocation.next(call)
        parts.append((Part(Role.RESULT, call=index), one.output().detach().clone()))
        if index < half - 1:
            del one
    for index, call in enumerate(calls[half:], half):
        new = [one.tensors[spec["t"]] for spec in call["args"] if "t" in spec]
        shared = [{**s, "shared": "t" in s or "part" in s} for s in call["args"]]
        one = one.next({**call, "args": shared})
        modules.set_to(one.inputs, new)
        parts.append((Part(Role.RESULT, call=index), one.output().detach().clone()))
    return {}, parts


def ask_batched(invocation: Invocation) -> tuple[Json, Parts]:
    """Gradients for all cotangents in one backward, as ``vmap`` makes it."""
    found = invocation.batched_gradients(invocation.output())
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
    """The same call ``count`` times, its results and gradients stacked."""
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
    """Gradients after a caller wrote into an input or the result; ``refused`` if that raises.

    Those of the same call whose tensors nobody writes to come out beside them.
    """
    alone = [invocation.next(call) for call in invocation.call["others"]]
    output = invocation.output()
    beside = [one.output() for one in alone]
    (cotangent,) = invocation.cotangents
    name = invocation.call["overwrite"]
    target = output if name == "result" else invocation.inputs[int(name)]
    facts: Json = {}
    parts: Parts = []
    try:
        with torch.no_grad():
            target.mul_(-0.5).add_(0.25)
        parts += numbered(Role.GRADIENT, invocation.gradients(output, cotangent))
    except DetachedError:
        raise
    except Exception as error:
        facts["refused"] = described(error)
    for index, (one, other) in enumerate(zip(alone, beside, strict=True), 1):
        parts += numbered(Role.GRADIENT, one.gradients(other, one.cotangents[0]), index)
    return facts, parts


def ask_nested(invocation: Invocation) -> tuple[Json, Parts]:
    """A call that takes the result of the one before it; gradients for all leaves together."""
    calls = [invocation]
    outputs = [invocation.output()]
    for call in invocation.call["others"]:
        calls.append(calls[-1].next(call, outputs[-1]))
        outputs.append(calls[-1].output())
    parts: Parts = [(Part(Role.RESULT, call=i), y.detach().clone()) for i, y in enumerate(outputs)]
    gradients = invocation.gradients(outputs[-1], calls[-1].cotangents[0])
    return {}, [*parts, *numbered(Role.GRADIENT, gradients)]


def ask_training(invocation: Invocation) -> tuple[Json, Parts]:
    """Two steps of training through ``.backward()``, and what is in ``.grad`` after each.

    The second step makes two calls: one of the arguments of the first step, with the new
    values that an optimiser has put into them, and one that shares some of them.
    """
    way, first = invocation.call["training"], invocation
    again_call, third_call = first.call["others"]
    leaves = [*first.leaves, *first.parameters]
    for leaf in leaves if way["before"] else ():
        leaf.grad = torch.ones_like(leaf)
    output = first.output()
    facts = first.left(None)
    go_back(way["loss"], [(output, first.cotangents[0])])
    facts |= first.left(None)
    parts: Parts = [(Part(Role.RESULT, call=0), output.detach().clone()), *first.accumulated(0)]
    del output
    for leaf in leaves:
        if way["between"] == "to_none":
            leaf.grad = None
        elif way["between"] == "to_zero" and leaf.grad is not None:
            leaf.grad.zero_()
    for spec in again_call["args"]:
        if "layers" in spec:
            modules.set_to(first.parameters, [first.tensors[index] for index in spec["tensors"]])
    new = [first.tensors[spec["t"]] for spec in again_call["args"] if spec.get("grad")]
    modules.set_to(first.leaves, new)
    again = first.next(again_call)
    third = again.next(third_call)
    pairs = [(one.output(), one.cotangents[0]) for one in (again, third)]
    parts += [(Part(Role.RESULT, call=i), output) for i, (output, _) in enumerate(pairs, 1)]
    if way["elsewhere"]:
        pairs += [(leaf.sum(), torch.ones((), dtype=leaf.dtype)) for leaf in leaves]
    go_back(way["loss"], pairs)
    facts |= first.left(None)
    return facts, [*parts, *first.accumulated(1), *third.accumulated(2)]


def ask_changed(invocation: Invocation) -> tuple[Json, Parts]:
    """Two calls of one module, the parameters of which get the values of the second in between.

    The results of both, and of the second a gradient per leaf where it has a cotangent.
    """
    (call,) = invocation.call["others"]
    first = invocation.output()
    # A result may be a view of a parameter.
    parts: Parts = [(Part(Role.RESULT, call=0), first.detach().clone())]
    if invocation.instance is not None:
        specs = [spec for spec in call["args"] if spec.get("part") == "parameter"]
        values = [invocation.tensors[spec["t"]] for spec in specs]
        own = {spec["name"]: invocation.own[spec["name"]] for spec in specs}
        how = invocation.call["module"]["change"]
        instance = modules.changed(invocation.instance, own, values, how)
        if instance is not invocation.instance:
            named = dict(instance.named_parameters(remove_duplicate=False))
            invocation.instance, invocation.own = instance, {key: named[key] for key in own}
    again = invocation.next(call)
    second = again.output()
    parts.append((Part(Role.RESULT, call=1), second.detach()))
    if again.cotangents:
        parts += numbered(Role.GRADIENT, again.gradients(second, again.cotangents[0]), 1)
    return {}, parts


def go_back(by_loss: bool, pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """``.backward()`` of all results at once, with their cotangents or through one loss."""
    for output, cotangent in pairs:
        check_output(output, cotangent.shape)
    if by_loss:
        losses = [(output * cotangent).sum() for output, cotangent in pairs]
        loss: Any = torch.stack(losses).sum()
        loss.backward()
    else:
        torch.autograd.backward([y for y, _ in pairs], [c for _, c in pairs])


def ask_saved(invocation: Invocation) -> tuple[Json, Parts]:
    """How many bytes of floating point a call saves for its backward, beside its arguments."""
    handed_over = {
        tensor.untyped_storage().data_ptr()
        for tensor in (*invocation.inputs, *invocation.parameters)
    }
    saved: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if tensor.is_floating_point() and storage.data_ptr() not in handed_over:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        # Held until it is counted, so that no address stands for two of them.
        output = invocation.output()
    del output
    return {"saved_bytes": sum(saved.values())}, []


def ask_released(invocation: Invocation) -> tuple[Json, Parts]:
    """What stays of finished calls of several kinds, ``count`` of each.

    ``alive`` is the most calls of one kind of which a tensor is left, ``grown`` how many more
    tensors there are than before, ``kept_bytes`` how many bytes one call of each kind adds.
    """
    module = sys.modules[MODULE_NAME]
    kinds = []

    def run(one: Invocation) -> torch.Tensor:
        """Make a call, with its backward where there is an incoming gradient."""
        output = one.output()
        if one.cotangents:
            one.gradients(output, one.cotangents[0])
        return output

    for call in (invocation.call, *invocation.call["others"]):
        first = Invocation(module, call, invocation.tensors)
        run(first)  # what the first one pays for
        kinds.append((call, first))

    def once(call: Json, first: Invocation, number: int) -> Callable[[], bool]:
        """Make a call; whether a tensor of it is there still."""
        tensors = list(invocation.tensors)
        # Never the same values twice, as a cache may keep those of one call.
        for place, exact in used_by(call).items():
            tensors[place] = (
                tensors[place].clone() if exact else tensors[place] * (1 - number / 1024)
            )
        one = Invocation(module, call, tensors, first)
        output = run(one)
        shared = {id(tensor) for tensor in first.inputs}
        own = [tensor for tensor in one.inputs if id(tensor) not in shared]
        refs = [weakref.ref(tensor) for tensor in (output, *own)]
        return lambda: any(ref() is not None for ref in refs)

    before, alive = live(), [0] * len(kinds)
    used = [linux.allocated_bytes()]
    half = invocation.call["count"] // 2
    for start in (0, half):
        gc.disable()
        try:
            held = [[once(*kind, start + i) for i in range(half)] for kind in kinds]
        finally:
            gc.enable()
        alive = [
            n + sum(is_there() for is_there in calls) for n, calls in zip(alive, held, strict=True)
        ]
        del held
        grown = live() - before
        used.append(linux.allocated_bytes())
    # What is taken once, by a cache that is full then, is no leak: both halves must grow.
    kept_bytes = min(used[1] - used[0], used[2] - used[1]) // half
    return {"alive": max(alive), "grown": grown, "kept_bytes": kept_bytes}, []


def used_by(call: Json) -> dict[int, bool]:
    """Places of the tensors of one call, each with whether other values may not be allowed."""
    specs = [*call["args"], *call["cotangents"]]
    found = {place: False for spec in specs for place in spec.get("tensors", ())}
    for spec in specs:
        if "t" in spec:
            found[spec["t"]] = found.get(spec["t"], False) or bool(spec.get("exact"))
    return found


def live() -> int:
    """How many tensors there are that are not garbage."""
    gc.collect()
    # Not isinstance: that wakes lazy modules among the objects.
    return sum(issubclass(type(o), torch.Tensor) for o in gc.get_objects())


ASKS: dict[str, Callable[[Invocation], tuple[Json, Parts]]] = {
    "forward": ask_forward,
    "vjp": ask_vjp,
    "unaided": ask_unaided,
    "backward": ask_backward,
    "vjp2": ask_vjp2,
    "in_graph": ask_in_graph,
    "interleaved": ask_interleaved,
    "in_turn": ask_in_turn,
    "nested": ask_nested,
    "training": ask_training,
    "changed": ask_changed,
    "batched": ask_batched,
    "timed": ask_timed,
    "many": ask_many,
    "overwritten": ask_overwritten,
    "released": ask_released,
    "saved": ask_saved,
}
