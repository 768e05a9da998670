"""Several devices beside one: the same plan, the same losses, the same table?

    python benchmarks/devices.py run                # all that have not run yet, a line a run
    python benchmarks/devices.py run --only jax weighted
    python benchmarks/devices.py table              # of what has run

The digits (5 epochs) and 12,000 images of Fashion-MNIST (2 epochs, small network), 40 % and 50 % of
the labels wrong; `weighted`, and `mixmatch` with two networks; in float32, and in float64, where
rounding is too small to be amplified. On JAX four virtual devices in one process, and two
processes on loopback; on TensorFlow two virtual devices. "one device, one thread" is one device
whose sums are taken in another order: what differs there is rounding. Each run is compared with
that on one device: every epoch's plan, every epoch's loss, and every round's table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import result_lines

ROOT, RESULTS = result_lines.ROOT, result_lines.RESULTS / "devices.jsonl"
CLOSE = 1e-4  # to a threshold: a role may fall either way
DATA = {
    "digits": ("recipes/digits.toml", ("train.epochs=5", "train.warmup_epochs=2")),
    "fashion": (
        "recipes/fashion_mnist_12k.toml",
        ("train.epochs=2", "train.warmup_epochs=1", "model.width=4"),
    ),
}
DOUBLE = ", float64"
for _name, (_recipe, _settings) in list(DATA.items()):
    DATA[_name + DOUBLE] = (_recipe, (*_settings, "train.precision=float64"))
# Keras' batch normalisation computes in float32 on JAX: there float64 is of a network without.
WITHOUT_NORMALISATION = ("model.name=mlp", "model.width=64")
OBJECTIVES = {
    "weighted": (),
    "mixmatch, two networks": (
        "objective.kind=mixmatch",
        "objective.ramp_epochs=1",
        "train.networks=2",
        "train.ema=0.9",
        "augment.crop=1",
    ),
}
ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}
ONE_THREAD |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
# Backend -> name -> (devices, processes, environment); the first is what others are held against.
SETTINGS: dict[str, dict[str, tuple[str, int, dict[str, str]]]] = {
    "jax": {
        "one device": ("1", 1, {}),
        "one device, one thread": ("1", 1, ONE_THREAD),
        "four devices": ("4", 1, {}),
        "two processes": ("all", 2, {}),
    },
    "tensorflow": {
        "one device": ("1", 1, {}),
        "one device, one thread": ("1", 1, ONE_THREAD),
        "two devices": ("2", 1, {}),
    },
}


def worker(args: argparse.Namespace) -> None:
    """One process of a run: its share of every plan, every round's table, losses and seconds."""
    sys.path.insert(0, str(ROOT))
    from tssd_keras.recipe.toml import load_recipe
    from tssd_keras.run import experiment
    from tssd_keras.run.folder import RunFolder
    from tssd_keras.run.go_on import KeepState
    from tssd_keras.train import devices

    class Noting(RunFolder):
        def append_round(self, row) -> None:
            super().append_round(row)
            table = training.tssd.table
            columns = (table.role, table.p_loss, table.p_feature, table.q)
            tables.append(np.stack([np.asarray(column, np.float64) for column in columns]))
            criteria.append(float(row["criterion"] or np.nan))

    tables: list[np.ndarray] = []
    criteria: list[float] = []
    plans: list[np.ndarray] = []
    recipe = load_recipe(ROOT / DATA[args.data][0], args.set)
    with devices.chosen(args.devices), tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        place = Noting(Path(folder) / "run", lambda line: None)
        training = experiment.set_up(recipe, place, lambda line: None)
        feed = training.feed.feed
        plan = feed.plan_and_key

        def noted():
            found = plan()
            plans.append(found[0][0])
            return found

        feed.plan_and_key = noted
        place.make()
        keep = KeepState(training, place, started=start, streams=[], resumed=[])
        experiment.train(training, place, keep, lambda line: None)
        np.savez(
            args.out,
            losses=[row["loss"] for row in training.epochs.rows],
            seconds=[sum(row["seconds"] for row in training.epochs.rows[1:])],
            rounds=np.stack(tables),
            criteria=np.array(criteria),
            **{f"plan{i}": one for i, one in enumerate(plans[-recipe.train.epochs :])},
        )


def free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def carried_out(data: str, objective: str, backend: str, setting: str, folder: Path) -> dict:
    """What all processes of a run found: plans put together, the rest the first one's."""
    devices, n, environment = SETTINGS[backend][setting]
    settings = [*DATA[data][1], *OBJECTIVES[objective]]
    if backend == "jax" and data.endswith(DOUBLE):
        settings += WITHOUT_NORMALISATION
    double = str(int(data.endswith(DOUBLE)))
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_ENABLE_X64": double, **environment}
    if n > 1:
        at = f"127.0.0.1:{free_port()}"
        environment |= {"JAX_COORDINATOR_ADDRESS": at, "JAX_NUM_PROCESSES": str(n)}
    processes = []
    for i in range(n):
        words = [sys.executable, __file__, "worker", "--data", data, "--devices", devices]
        words += ["--out", str(folder / f"{i}.npz"), "--set", *settings]
        own = {**environment, "JAX_PROCESS_ID": str(i)} if n > 1 else environment
        processes.append(subprocess.Popen(words, cwd=ROOT, env=own, stderr=subprocess.PIPE))
    said = [process.communicate(timeout=1800)[1] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("\n".join(one.decode()[-2000:] for one in said))
    found = [dict(np.load(folder / f"{i}.npz")) for i in range(n)]
    for name in found[0]:
        if name.startswith("plan"):
            found[0][name] = np.concatenate([one[name] for one in found], axis=1)
    return found[0]


def compared(found: dict, one: dict) -> dict:
    """A run beside that on one device."""
    plans = [name for name in one if name.startswith("plan")]
    alike = [np.array_equal(found[name], one[name]) for name in plans]
    rounds = []
    each = zip(found["rounds"], one["rounds"], found["criteria"], one["criteria"], strict=True)
    for ours, theirs, *criteria in each:
        differ = ours[0] != theirs[0]
        # p_loss and p_feature stand against the threshold of these recipes, q against one half and
        # the criterion of mining. A stream that abstains tells one half exactly.
        streams, q = np.concatenate([ours[1:3], theirs[1:3]]), np.stack([ours[3], theirs[3]])
        near = ((np.abs(streams - 0.5) < CLOSE) & (streams != 0.5)).any(axis=0)
        for bar in (0.5, *criteria):
            near |= (np.abs(q - bar) < CLOSE).any(axis=0)
        apart = [float(np.nanmax(np.abs(a - b), initial=0)) for a, b in zip(ours, theirs)][1:]
        rounds.append(
            {
                "roles": int(differ.sum()),
                "near": int((differ & near).sum()),
                "apart": [float(f"{x:.2g}") for x in apart],
            }
        )
    losses = np.abs(found["losses"] / one["losses"] - 1)
    return {
        "plans_alike": f"{sum(alike)} of {len(alike)}",
        "losses_apart": [float(f"{x:.2g}") for x in losses],
        "rounds": rounds,
        "samples": int(found["rounds"].shape[-1]),
        "seconds": round(float(found["seconds"][0]), 2),
    }


def run(args: argparse.Namespace) -> None:
    there = [line["case"] for line in result_lines.read(RESULTS)]
    for data in DATA:
        for objective in OBJECTIVES:
            for backend, settings in SETTINGS.items():
                words = f"{data} {objective} {backend}"
                if any(only not in words for only in args.only):
                    continue
                cases = [
                    {"data": data, "objective": objective, "backend": backend, "setting": setting}
                    for setting in settings
                ]
                if all(case in there for case in cases):
                    continue
                one = None  # it is run again where another run is held against it
                for case in cases:
                    if case in there and one is not None:
                        continue
                    with tempfile.TemporaryDirectory() as folder:
                        found = carried_out(**case, folder=Path(folder))
                    one = found if one is None else one
                    if case not in there:
                        line = {"case": case, **compared(found, one), **result_lines.origin()}
                        result_lines.append(RESULTS, line)
                        print(json.dumps(line), flush=True)


def table() -> None:
    print(
        "| data | objective | backend | on | plans alike | losses apart, by epoch | roles that "
        f"differ, by round (within {CLOSE:g} of a threshold) | s (one device) |"
    )
    print("| --- " * 8 + "|")
    lines = result_lines.read(RESULTS)
    seconds = {tuple(line["case"].values()): line["seconds"] for line in lines}
    for line in lines:
        *case, setting = line["case"].values()
        if setting == "one device":
            continue
        cells = [
            *case,
            setting,
            line["plans_alike"],
            ", ".join(f"{x:g}" for x in line["losses_apart"]),
            ", ".join(f"{one['roles']} ({one['near']})" for one in line["rounds"]),
            f"{line['seconds']:.1f} ({seconds[(*case, 'one device')]:.1f})",
        ]
        print(f"| {' | '.join(map(str, cells))} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("run", "table", "worker"))
    parser.add_argument("--only", nargs="*", default=[], help="words of a case")
    parser.add_argument("--data")
    parser.add_argument("--devices")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--set", nargs="*", default=[])
    args = parser.parse_args()
    {"run": run, "worker": worker}[args.what](args) if args.what != "table" else table()


if __name__ == "__main__":
    main()
