"""Whether a class can be a check; run on every plug-in when it is loaded, and by its author.

from harness.checks.conformance import check_plugin

def test_my_check_is_one():
    check_plugin(MyCheck)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

# What a check is called with, in order; ``self`` left out.
ASKED = {"trials": ("bench", "entry"), "judge": ("bench", "entry", "trials", "answers", "context")}
CONVERSES = {"run_session": ("bench", "entry", "session")}


def check_plugin(check: object, name: str | None = None) -> None:
    """Raise ``TypeError`` that says everything about the class that keeps it from being a check.

    ``name`` is the name of its entry point in the group ``harness.checks``, where it has one.
    """
    found = list(_problems(check, name))
    if found:
        raise TypeError("; ".join(found))


def _problems(check: object, name: str | None) -> Iterator[str]:
    yield from class_problems(check, name)
    if not isinstance(check, type):
        return
    converses = hasattr(check, "run_session")
    if converses and (hasattr(check, "judge") or hasattr(check, "trials")):
        yield "found run_session beside trials or judge, expected one or the other"
    for method, names in {"fits": ("entry",), **(CONVERSES if converses else ASKED)}.items():
        yield from method_problems(check, method, names)


def class_problems(plugin: object, name: str | None) -> Iterator[str]:
    """What keeps a plug-in from being a frozen dataclass whose fields are YAML keys."""
    if not isinstance(plugin, type):
        yield f"found a value of type {type(plugin).__name__}, expected a class"
        return
    parameters = getattr(plugin, "__dataclass_params__", None)
    if not is_dataclass(plugin) or "__dataclass_params__" not in vars(plugin):
        yield "found a class that is no dataclass, expected @dataclass(frozen=True) on it"
    elif not getattr(parameters, "frozen", False) or not getattr(parameters, "eq", False):
        yield "found a dataclass that can be changed, expected @dataclass(frozen=True)"
    kind = getattr(plugin, "kind", None)
    if not isinstance(kind, str) or (name is not None and kind != name):
        wanted = "a str" if name is None else f"{name!r}, the name of its entry point"
        yield f"found kind = {kind!r}, expected {wanted}"
    if is_dataclass(plugin) and "kind" in [field.name for field in fields(plugin)]:
        yield "found kind among the fields, which are YAML keys, expected kind: ClassVar[str]"


def method_problems(check: type, method: str, names: tuple[str, ...]) -> Iterator[str]:
    wanted = f"{method}({', '.join(('self', *names))})"
    function = inspect.getattr_static(check, method, None)
    if function is None:
        yield f"found no method {method}, expected {wanted}"
        return
    if not inspect.isfunction(function):
        yield f"found {method} of type {type(function).__name__}, expected a method {wanted}"
        return
    signature = inspect.signature(function)
    try:
        signature.bind(None, *names)
    except TypeError:
        yield f"found {method}{signature}, expected {wanted}"
