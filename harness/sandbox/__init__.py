"""Runs a submission where it can compute, and do nothing else.

What it stops, and by which mechanism (tier A; see ``docs/security.md``):

* reading anything but Python and its libraries, writing anywhere but a private
  4 MiB folder: a private root of read-only mounts, and Landlock;
* the network, other processes, signals to them: namespaces, seccomp;
* fork, exec, ptrace, mounting, kernel keyrings and the like: seccomp;
* too much time, memory, output: resource limits, and a deadline kept outside;
* staying: a candidate is PID 1 of its own pid namespace, one kill ends it all.

What it does not stop: bugs in the kernel, which is shared; side channels such
as timing and caches; and a candidate that lies about its own results, which is
why nothing it says about itself can make it pass (``harness.checks``).

Tiers: A namespaces + Landlock + seccomp + limits; B no namespaces, hence no
writable folder; C seccomp + limits, files can be read; D limits and a deadline
only. C and D are not sandboxes and need ``--allow-unsandboxed``.

``harness.sandbox.session`` talks to a candidate. It imports torch, so it is not imported here:
the command line starts sandboxes without torch.
"""

from harness.sandbox.tier import TIERS, Probe, Tier, choose, probe
from harness.sandbox.turn import exclusive, shared
from harness.sandbox.zygote import Zygote

__all__ = ["TIERS", "Probe", "Tier", "Zygote", "choose", "exclusive", "probe", "shared"]
