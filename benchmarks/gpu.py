"""Steps and rounds on an accelerator: JAX, bfloat16, without TensorFlow.

    pip install 'jax[cuda12]' && pip install .     # TensorFlow need not be there
    python benchmarks/gpu.py                        # about ten minutes
    python benchmarks/gpu.py --quick                # seconds, also on a processor: does it run?

Prints where it runs, then the tables of step.py, floor.py and round.py, each in its own process.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FULL = ["--model", "preact_resnet18", "--batch", "128", "--precision", "bfloat16"]
QUICK = ["--model", "small_cnn", "--width", "4", "--batch", "64", "--precision", "bfloat16"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    there = "not installed"
    if importlib.util.find_spec("tensorflow"):
        there = "installed: tf.data feeds what TSSD trains, all else is JAX"
    where = "import jax; d = jax.devices()[0]; print('device:', d.device_kind, 'of', d.platform)"
    network = QUICK if quick else FULL
    samples = "1024" if quick else "50000"
    commands = [
        ["-c", where],
        [str(HERE / "step.py"), "jax", *network, "--samples", samples],
        [str(HERE / "floor.py"), "jax", *network, "--samples", "1024" if quick else "25600"],
    ]
    sizes = [(5_000, 10)] if quick else [(50_000, 10), (1_000_000, 14)]
    commands += [[str(HERE / "round.py"), str(n), str(k)] for n, k in sizes]
    print(f"TensorFlow is {there}", flush=True)
    for command in commands:
        print(f"\n$ python {' '.join(command) if command[0] != '-c' else '-c ...'}", flush=True)
        environment = {**os.environ, "KERAS_BACKEND": "jax"}
        subprocess.run([sys.executable, *command], check=True, env=environment, cwd=HERE.parent)


if __name__ == "__main__":
    sys.exit(main())
