"""What ``harness.check`` costs for a large layer: seconds, and the most memory in use at once.

    python benchmarks/check_cost.py [--size 1024] [--rows 1024]

A linear layer is checked that is right, wrong at every size, wrong at its own size alone, and one
whose sizes may not vary; each in a process of its own, in which torch is there before time counts.
The exit status is 1 where a verdict is wrong or a limit is not kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch

import harness

MOST_S, MOST_MIB = 20, 1024


class Layer(NamedTuple):
    """A layer to check: the size from which on its gradient is wrong, and whether sizes vary."""

    words: str
    wrong_from: int | None
    vary_sizes: bool = True


def layers(size: int) -> list[Layer]:
    """The layers to check, by whose words the table is printed."""
    return [
        Layer("right", None),
        Layer("wrong", 0),
        Layer("wrong at its own size", size),
        Layer("right, sizes fixed", None, vary_sizes=False),
        Layer("wrong, sizes fixed", 0, vary_sizes=False),
    ]


def linear(wrong_from: int | None) -> Any:
    """A linear layer whose gradient of the input is a tenth too large from a size on."""

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> Any:
            ctx.save_for_backward(x, weight)
            return x @ weight.t() + bias

        @staticmethod
        def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
            x, weight = ctx.saved_tensors
            (g,) = gradients
            factor = 1.0 if wrong_from is None or x.shape[-1] < wrong_from else 1.1
            rows = g.reshape(-1, g.shape[-1])
            return (
                factor * g @ weight,
                rows.t() @ x.reshape(-1, x.shape[-1]),
                rows.sum(0),
            )

    return Linear


def measure(sender: Connection, layer: Layer, rows: int, size: int) -> None:
    """Send whether the layer was found wrong, seconds, and the most MiB with and without it."""
    torch.set_num_threads(1)
    example = torch.randn(rows, size), torch.randn(size, size) / size**0.5, torch.randn(size)
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    try:
        harness.check(
            linear(layer.wrong_from),
            torch.nn.functional.linear,
            *example,
            vary_sizes=layer.vary_sizes,
        )
        failed = False
    except harness.CheckFailed:
        failed = True
    spent_s = time.perf_counter() - started
    most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sender.send((failed, spent_s, before_mib, most_mib))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1024, metavar="N")
    parser.add_argument("--rows", type=int, default=1024, metavar="N")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    rows, size = options.rows, options.size
    print(f"linear, input ({rows}, {size}), weight ({size}, {size})")
    print(f"{'':24} {'verdict':>8} {'s':>6} {'MiB':>7}   before, MiB")
    kept = True
    for layer in layers(size):
        receiver, sender = context.Pipe(duplex=False)
        arguments = (sender, layer, rows, size)
        process = context.Process(target=measure, args=arguments)
        process.start()
        sender.close()  # so that the end of the process is the end of what it sends
        try:
            failed, spent_s, before_mib, most_mib = receiver.recv()
        except EOFError:
            process.join()
            raise SystemExit(f"{layer.words}: the process ended ({process.exitcode})") from None
        process.join()
        verdict = "failed" if failed else "passed"
        print(f"{layer.words:24} {verdict:>8} {spent_s:6.1f} {most_mib:7.0f}   {before_mib:.0f}")
        kept &= failed == (layer.wrong_from is not None)
        kept &= spent_s <= MOST_S and most_mib <= MOST_MIB
    print(f"{'at most':24} {'':8} {MOST_S:6} {MOST_MIB:7}")
    raise SystemExit(0 if kept else "a verdict is wrong, or a limit is not kept")


if __name__ == "__main__":
    main()
