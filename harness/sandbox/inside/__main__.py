"""Started as ``python <folder>/app <fd>``; the descriptor is a socket to whoever starts it."""

import os
import sys

# It has done its work, and is of no concern to a candidate, nor to a grader's children.
os.environ.pop("PYTHONHASHSEED", None)
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

if __name__ == "__main__":
    from app import ancestor  # type: ignore[import-not-found]  # what this folder is called there

    control = int(sys.argv[1])
    # What a candidate finds here is what any script would.
    sys.argv[:] = ["solution.py"]
    sys.orig_argv[:] = ["python3", "solution.py"]
    ancestor.main(control)
