"""Files and settings that strangers might bring: does every command answer with words, and soon?

    python benchmarks/fuzz.py run --minutes 60 --seed 0      # all kinds in turn
    python benchmarks/fuzz.py run --minutes 5 --kind recipes set
    python benchmarks/fuzz.py case arrays 123                # one case again, with what it said
    python benchmarks/fuzz.py table                          # of what has run

Files of the project's own commands are spoilt, by their bytes and by what they mean, and given to
the command line. Each case is a process of its own, forked from one that has loaded the library:
ten seconds, two gigabytes of new memory. It is told by its kind and its number, so it can be had
again. A traceback is any exception that the command line does not turn into its `Error:` line. A
line a failure goes to results/fuzz_failures.jsonl, a line a run to results/fuzz.jsonl.

`resumes` are folders of a run that was killed: `train --resume` has ten seconds until it refuses
one or loads Keras, and `TRAINING` to train the rest. What it refuses must be left as it was. One
that trains loads TensorFlow and JAX, the most of a gigabyte whatever its folder holds: its memory
is what it takes beyond the resume of the folder as it was.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import csv
import functools
import hashlib
import importlib.util
import io
import json
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import fuzz_spoil
import numpy as np
import result_lines

RESULTS = result_lines.RESULTS / "fuzz.jsonl"
FAILURES = result_lines.RESULTS / "fuzz_failures.jsonl"
SECONDS, BYTES, LONGEST = 10, 2**30, 10_000
SELDOM = 10  # turns of the other kinds for one of `resumes`
TRAINING = 120  # seconds of processor, where there is something to train
LOADS, TRAINS = "loading Keras", "going on after"  # what a resumed run says before it does
SHORT = ("train.epochs=3", "train.warmup_epochs=1", "model.name=mlp", "model.width=16")
OUTCOMES = (
    "refused",
    "accepted",
    "traceback",
    "over 10 s",
    "over 1 GB",
    "a flood of words",
    "changed",
)
FAILED = OUTCOMES[2:]


class Originals:
    """Small files of the project's own commands, made once.

    Args:
        folder: where they are, or are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run, self.other = folder / "run", folder / "other"
        self.killed = folder / "killed"
        self.decisions, self.labels = folder / "decisions.csv", folder / "labels.csv"

    @functools.cached_property
    def usual(self) -> int:
        """Peak bytes of the process that resumes the killed run as it is."""
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
            place = Path(name)
            shutil.copytree(self.killed, place / "run")
            status, said, _, _, used = answered(["train", "--resume", str(place / "run")], place)
        if status:
            raise SystemExit(f"the killed run must go on, it did not: {said[-1500:]}")
        return used

    def make(self) -> None:
        """Make what is not there: two runs, an audit, decisions, labels, arrays, a recipe."""
        if (self.folder / "whole").exists() and self.killed.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        settings = [word for text in SHORT for word in ("--set", text)]
        for place, seed in ((self.run, 0), (self.other, 1)):
            out = ("--out", str(place), "--set", f"train.seed={seed}")
            _said("train", "recipes/digits.toml", *settings, *out)
        _said("audit", str(self.run), "--without-samples")
        self._decide()
        _said("relabel", str(self.run), str(self.decisions), "--out", str(self.labels))
        for name in ("given.csv", "given.npy", "given.npz"):
            out = ("--out", str(self.folder / name), "--picture", f"{self.folder / name}.png")
            _said("noise", "recipes/digits.toml", *out)
        given = np.load(self.folder / "given.npy")
        (self.folder / "given.txt").write_text("".join(f"{label}\n" for label in given))
        rng = np.random.default_rng(0)
        likely = rng.dirichlet(np.ones(10), len(given)).astype(np.float32)
        np.save(self.folder / "predictions.npy", likely)
        np.save(self.folder / "features.npy", rng.normal(size=(len(given), 4)).astype("f4"))
        arrays = {
            f"{what}_{split}": rng.normal(size=(40, 3)) if what == "x" else np.arange(40) % 4
            for what in "xy"
            for split in ("train", "test")
        }
        names = np.array(["cat", "dog", "fox", "owl"])
        np.savez_compressed(self.folder / "own.npz", **arrays, class_names=names)
        shutil.copy(result_lines.ROOT / "recipes" / "digits.toml", self.folder / "recipe.toml")
        self._kill()
        (self.folder / "whole").touch()

    def _kill(self) -> None:
        """A run that is killed as its second epoch ends; on JAX where it is: it loads faster."""
        backend = ["--backend", "jax"] if importlib.util.find_spec("jax") else []
        settings = [word for text in SHORT for word in ("--set", text)]
        words = ["train", "recipes/digits.toml", *settings, *backend, "--out", str(self.killed)]
        with subprocess.Popen(
            [sys.executable, "cli.py", *words], stdout=subprocess.PIPE, text=True
        ) as process:
            said = process.stdout or ()
            if not any(line.startswith("epoch 2/") for line in said):
                raise SystemExit("the run that is to be killed ended by itself")
            process.kill()

    def _decide(self) -> None:
        with open(self.run / "audit" / "samples.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["rank"]][:20]
        sha = (self.run / "labels.sha256").read_text().strip()
        with open(self.decisions, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ("id", "index", "given", "decided", "action", "stratum", "labels_sha256")
            )
            for row in rows:
                kept = row["given_name"] == row["suggested_name"]
                writer.writerow(
                    (
                        row["id"],
                        row["index"],
                        row["given_name"],
                        row["suggested_name"],
                        "keep" if kept else "confirm",
                        row["stratum"],
                        sha,
                    )
                )


def _said(*words: str) -> None:
    from tssd_keras.cli.main import main

    with contextlib.redirect_stdout(io.StringIO()):
        main(list(words), standalone_mode=False)


def recipes(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    path = fuzz_spoil.spoil(rng, made.folder / "recipe.toml", place / "recipe.toml")
    return [["check", str(path)]]


def settings(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    words = []
    for _ in range(rng.randint(1, 4)):
        words += ["--set", fuzz_spoil.setting(rng)]
    return [["check", *words]]


def decisions(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    if rng.random() < 0.5:
        path = fuzz_spoil.spoil(rng, made.decisions, place / "decisions.csv")
        return [["relabel", str(made.run), str(path), "--out", str(place / "labels.csv")]]
    path = fuzz_spoil.spoil(rng, made.labels, place / "labels.csv")
    return [["check", str(made.folder / "recipe.toml"), "--set", f"golden.decisions={path}"]]


def labels(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    name = rng.choice(("given.csv", "given.npy", "given.npz", "given.txt"))
    path = fuzz_spoil.spoil(rng, made.folder / name, place / name)
    order = ("--set", f"noise.order={rng.choice(('source', 'id'))}")
    return [["check", "--set", "noise.kind=file", "--set", f"noise.labels={path}", *order]]


def run_folders(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    run = place / "run"
    shutil.copytree(made.run, run)
    files = [path for path in sorted(run.rglob("*")) if path.suffix in fuzz_spoil.SUFFIXES]
    for path in rng.sample(files, rng.randint(1, 2)):
        fuzz_spoil.spoil(rng, path, path)
    return [
        rng.choice(
            (
                ["audit", str(run), "--without-samples", "--out", str(place / "audit")],
                ["compare", str(made.other), str(run)],
                ["relabel", str(run), str(made.decisions), "--out", str(place / "new.csv")],
            )
        )
    ]


def resumes(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    run = place / "run"
    shutil.copytree(made.killed, run)
    for name in rng.sample(RESUMED, rng.choice((1, 1, 2))):
        (run / name).touch()
        fuzz_spoil.spoil(rng, run / name, run / name)
    return [["train", "--resume", str(run)]]


# What `train --resume` reads or finds; most of its time for what it rests on.
RESUMED = ("state.npz",) * 4 + ("recipe.toml", "epochs.csv", "rounds.csv", "labels.npy", "running")


def arrays(rng: random.Random, made: Originals, place: Path) -> list[list[str]]:
    if rng.random() < 0.3:
        path = fuzz_spoil.spoil(rng, made.folder / "own.npz", place / "own.npz")
        return [["check", "--set", "data.source=npz", "--set", f"data.path={path}"]]
    names = {"predictions": "predictions.npy", "labels": "given.npy", "features": "features.npy"}
    spoilt = rng.choice(list(names))
    words = ["audit", "--out", str(place / "out")]
    for option, name in names.items():
        path = made.folder / name
        if option == spoilt:
            path = fuzz_spoil.spoil(rng, path, place / name)
        words += [f"--{option}", str(path)]
    return [words + ["--logits"] * (rng.random() < 0.2)]


KINDS = {
    "recipes": recipes,
    "set": settings,
    "decisions": decisions,
    "labels": labels,
    "run_folders": run_folders,
    "arrays": arrays,
    "resumes": resumes,
}


def tried(kind: str, number: int, made: Originals) -> dict:
    """One case: its outcome, seconds, bytes, and the end of what it said."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        place = Path(name)
        (words,) = KINDS[kind](random.Random(f"{kind} {number}"), made, place)
        before = contents(place)
        status, said, late, seconds, used = answered(words, place)
        trained = LOADS in said
        used -= made.usual if trained else 0
        outcome = _outcome(status, said, late, used)
        if outcome == "refused" and TRAINS not in said and contents(place) != before:
            outcome = "changed"
    return {
        "kind": kind,
        "seed": number,
        "outcome": outcome,
        "trained": trained,
        "seconds": round(seconds, 2),
        "megabytes": used // 2**20,
        "words": [word[:300] for word in words],
        "said": said[-1500:],
    }


def answered(words: list[str], place: Path) -> tuple[int, str, bool, float, int]:
    """What a command gives in a child: status, its words, too late or not, seconds, peak bytes."""
    began = time.monotonic()
    child = os.fork()
    if not child:
        _answer(words, place)
    status, used, late = _waited(child, began, place / "said")
    said = (place / "said").read_text(errors="replace") if (place / "said").exists() else ""
    return status, said, late, time.monotonic() - began, used.ru_maxrss * 1024


def contents(place: Path) -> dict[str, object]:
    """Every file below a folder as it is, without what was said and what is written outside `run`.

    A file that is no regular one counts by its type and its target.
    """
    found: dict[str, object] = {}
    for path in sorted((place / "run").rglob("*")):
        mode = path.lstat().st_mode
        held: object = os.readlink(path) if stat.S_ISLNK(mode) else path.lstat().st_size
        if stat.S_ISREG(mode) and path.stat().st_size <= 2 * fuzz_spoil.MOST:
            held = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path)] = (stat.S_IFMT(mode), held if not stat.S_ISDIR(mode) else None)
    return found


def _waited(child: int, began: float, said: Path) -> tuple[int, resource.struct_rusage, bool]:
    late, limit = False, SECONDS
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            return status, used, late
        waited = time.monotonic() - began
        if limit == TRAINING and waited < 10 * TRAINING:  # a machine that is shared stalls
            waited = _processor_seconds(child)
        if not late and waited > limit:
            if limit == SECONDS and said.exists() and LOADS in said.read_text(errors="replace"):
                limit = TRAINING
                continue
            late = True
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


def _processor_seconds(child: int) -> float:
    """Processor time that a child has used; Linux."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _outcome(status: int, said: str, late: bool, used: int) -> str:
    if late:
        return "over 10 s"
    if used > BYTES:
        return "over 1 GB"
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1, 2) or (code and "Error:" not in said):
        return "traceback"
    if len(said.partition("Error:")[2]) > LONGEST:
        return "a flood of words"
    return "refused" if code else "accepted"


def _answer(words: list[str], place: Path) -> None:
    """The command in this process, which ends with it; 3: an exception came out."""
    resource.setrlimit(resource.RLIMIT_DATA, (3 * BYTES, 3 * BYTES))
    with open(place / "said", "w", errors="replace") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        warnings.simplefilter("default")
        code: object = 0
        from tssd_keras.cli.main import main

        try:
            main(words, standalone_mode=True)
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc(file=file)
            code = 3
    os._exit(code if isinstance(code, int) else 1)


def run(args: argparse.Namespace) -> None:
    """Cases of all kinds in turn until the time is over."""
    warmed(made := Originals(args.originals))
    counts = {kind: collections.Counter() for kind in args.kind}
    of = {"slowest_seconds": "seconds", "largest_megabytes": "megabytes"}
    most: dict[bool, dict[str, float]] = {
        trained: dict.fromkeys(of, 0) for trained in (False, True)
    }
    usual = made.usual if "resumes" in args.kind else 0
    began, number = time.monotonic(), args.seed * 1_000_000
    while time.monotonic() - began < args.minutes * 60:
        for kind in args.kind:
            if kind == "resumes" and len(args.kind) > 1 and number % SELDOM:
                continue  # what is not refused is trained, which takes longer than all the others
            case = tried(kind, number, made)
            counts[kind][case["outcome"]] += 1
            so_far = most[case["trained"]]
            so_far.update({name: max(so_far[name], case[key]) for name, key in of.items()})
            if case["outcome"] in FAILED:
                result_lines.append(FAILURES, case)
        number += 1
    result = {
        **result_lines.origin(),
        "minutes": args.minutes,
        "seed": args.seed,
        **most[False],
        "of_training": {**most[True], "usual_megabytes": usual // 2**20},
        "counts": {kind: dict(count) for kind, count in counts.items()},
    }
    result_lines.append(RESULTS, result)
    table(result)


def warmed(made: Originals) -> None:
    """Make the originals in a process of its own, and load what the commands need but Keras."""
    child = os.fork()
    if not child:
        made.make()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the originals could not be made")
    for words in (
        ["check", str(made.folder / "recipe.toml")],
        ["compare", str(made.run), str(made.other)],
    ):
        _said(*words)
    import tssd_keras.auditing.outputs
    import tssd_keras.auditing.relabel
    import tssd_keras.auditing.write  # noqa: F401

    for name in ("keras", "tensorflow", "jax"):
        if name in sys.modules:
            raise SystemExit(f"{name} must not be loaded, it is")


def table(result: dict) -> None:
    print(f"| kind | tried | {' | '.join(OUTCOMES)} |")
    print("|" + " --- |" * (len(OUTCOMES) + 2))
    for kind, count in result["counts"].items():
        cells = [f"{n:,}" for n in (sum(count.values()), *(count.get(o, 0) for o in OUTCOMES))]
        print(f"| {kind} | {' | '.join(cells)} |")
    trained = result["of_training"]
    print(
        f"{result['date']}, commit {result['commit']}, {result['minutes']} minutes, seed "
        f"{result['seed']}; the slowest answer took {result['slowest_seconds']} s, the largest "
        f"{result['largest_megabytes']} MB; of those that trained on {trained['slowest_seconds']} "
        f"s, and {trained['largest_megabytes']} MB beyond the {trained['usual_megabytes']} MB of "
        "the untouched folder"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--originals", type=Path, default=result_lines.ROOT / "runs" / "fuzz")
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--minutes", type=float, default=60)
    runner.add_argument("--seed", type=int, default=0)
    runner.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    one = commands.add_parser("case")
    one.add_argument("kind", choices=KINDS)
    one.add_argument("number", type=int)
    commands.add_parser("table")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.chdir(result_lines.ROOT)
    args.originals = args.originals.absolute()
    if args.command == "run":
        run(args)
    elif args.command == "case":
        warmed(made := Originals(args.originals))
        case = tried(args.kind, args.number, made)
        print(json.dumps({k: v for k, v in case.items() if k != "said"}, indent=2))
        print(case["said"])
    else:
        for line in RESULTS.read_text().splitlines():
            table(json.loads(line))


if __name__ == "__main__":
    main()
