"""Started as ``python <folder>/app <listener fd>``, settings as a line of JSON on standard input.

Standard input then stays open: when it ends, whoever started this has gone.
"""

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == "__main__":
    from app import zygote  # type: ignore[import-not-found]  # what this folder is called there

    listener, settings = int(sys.argv[1]), zygote.Settings.parse(sys.stdin.readline())
    # What a candidate finds here is what any script would.
    sys.argv[:] = ["solution.py"]
    sys.orig_argv[:] = ["python3", "solution.py"]
    zygote.main(listener, settings)
