"""The weighted update on TensorFlow and JAX beside the same one written plainly in PyTorch.

    pip install torch                                      # of this benchmark alone
    python benchmarks/step_beside_torch.py small_cnn
    python benchmarks/step_beside_torch.py mlp --at-once 1 16
    python benchmarks/step_beside_torch.py preact_resnet18 --precision bfloat16 --batch 128 \
      --samples 12800 --of jax torch                       # on a card

Each framework trains in a process of its own, all with the same cores, initial weights, batches,
weights of samples, weight decay and momentum, and keeps the same running loss and accuracy. They
take turns, an epoch each, so that what else runs on the machine slows all alike; only one works at
a time. Medians are printed; the processor's time, of all threads, varies less where the machine is
busy. Keras trains by `fit` on arrays in the host's memory, PyTorch by a loop over the same arrays.
The first epoch compiles and is not timed; its mean loss tells whether all did the same. `--at-once`
is train.steps_per_execution. A line for each is added to results/step_beside_torch.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import result_lines

CLASSES, RATE, MOMENTUM, DECAY = 10, 0.02, 0.9, 5e-4
IMAGES, FEATURES = ((32, 32, 3), "uint8"), ((512,), "float32")
SAME = 2e-3  # the largest relative difference of first losses that is rounding; bfloat16: ten times
OUT = result_lines.RESULTS / "step_beside_torch.jsonl"
EPSILON, STATISTICS = 1e-5, 0.1  # of batch normalisation


def samples_of(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Made-up samples, labels int64[n], and weights float32[n], a third of them 0."""
    rng = np.random.default_rng(0)
    shape, dtype = FEATURES if options.model == "mlp" else IMAGES
    y = rng.integers(0, CLASSES, options.samples)
    x = rng.normal(size=(options.samples, *shape)) + y.reshape(-1, *[1] * len(shape)) / CLASSES
    if dtype == "uint8":
        x = np.clip(100 + 40 * x, 0, 255)
    weight = rng.random(options.samples) * (rng.random(options.samples) < 2 / 3)
    return x.astype(dtype), y, weight.astype("float32")


class Turns:
    """Waits for its turn, and says what an epoch took and what its loss was."""

    def begin(self) -> None:
        """Wait, then start the clock."""
        if sys.stdin.readline().strip() != "go":
            sys.exit(0)
        self._start, self._processor = time.perf_counter(), time.process_time()

    def end(self, loss: float) -> None:
        """Stop the clock, and tell."""
        seconds = time.perf_counter() - self._start
        processor = time.process_time() - self._processor  # of all threads
        told = {"seconds": seconds, "processor": processor, "loss": loss}
        print(json.dumps(told), flush=True)


def by_keras(options: argparse.Namespace) -> None:
    """Train on Keras' backend; the first to come writes the initial weights."""
    import keras

    from tssd_keras import models
    from tssd_keras.train.steps import accuracy, weighted_step

    x, y, weight = samples_of(options)
    network = models.build(
        options.model, x.shape[1:], str(x.dtype), CLASSES, width=options.width, seed=0,
        precision=options.precision,
    )  # fmt: skip
    variables = by_kind(network)
    if not options.weights.exists():
        np.savez(options.weights, **{key: np.asarray(v) for key, v in variables.items()})
    with np.load(options.weights, allow_pickle=False) as weights:
        for key, variable in variables.items():
            variable.assign(weights[key])
    step = weighted_step(network, weight_decay=DECAY)
    step.compile(
        keras.optimizers.SGD(RATE, momentum=MOMENTUM),
        weighted_metrics=[accuracy()],
        steps_per_execution=options.at_once[0],
    )
    print(json.dumps({"version": keras_version(), "device": device_of_keras()}), flush=True)
    turns = Turns()
    hooks = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: turns.begin(),
        on_epoch_end=lambda epoch, logs: turns.end(float(logs["loss"])),
    )
    step.fit(
        x, y, sample_weight=weight, batch_size=options.batch, epochs=options.repeats + 1,
        shuffle=False, verbose=0, callbacks=[hooks],
    )  # fmt: skip


def keras_version() -> str:
    import importlib

    import keras

    backend = keras.backend.backend()
    return f"{backend} {importlib.import_module(backend).__version__}, Keras {keras.__version__}"


def device_of_keras() -> str:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    import tensorflow as tf

    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def by_kind(network) -> dict:
    """A Keras network's trainable variables by kind, in the order in which layers were made."""
    found = {}
    for kind in ("Conv2D", "BatchNormalization", "Dense"):
        layers = [one for one in network.layers if type(one).__name__ == kind]
        for i, layer in enumerate(sorted(layers, key=lambda one: _made(one.name))):
            for variable in layer.trainable_variables:
                found[f"{kind}.{i}.{variable.name}"] = variable
    return found


def _made(name: str) -> tuple[bool, int]:
    """Keras numbers layers of one kind; those with names of their own come last, logits behind."""
    number = name.rpartition("_")[2]
    named = name in ("hidden", "features", "logits")
    return named, name == "logits" if named else int(number) if number.isdecimal() else 0


def by_torch(options: argparse.Namespace) -> None:
    """Train the same network in PyTorch, as one writes it there."""
    import torch
    from torch.nn import functional

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(options.threads)
    x, y, weight = (torch.from_numpy(part) for part in samples_of(options))
    if x.ndim == 4:
        x = x.permute(0, 3, 1, 2)  # channels last in memory, as they are
    network = torch_network(options, x.shape[1:]).to(device)
    if x.ndim == 4:
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY
    )
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    print(json.dumps({"version": f"torch {torch.__version__}", "device": name}), flush=True)
    low = torch.autocast(device, torch.bfloat16, enabled=options.precision == "bfloat16")
    turns, batch = Turns(), options.batch
    for _ in range(options.repeats + 1):
        turns.begin()
        loss_sum, right, total = (torch.zeros((), device=device) for _ in range(3))
        for start in range(0, len(x), batch):
            rows = slice(start, start + batch)
            sent = [part[rows].to(device, non_blocking=True) for part in (x, y, weight)]
            with low:
                logits = network(sent[0]).float()
            each = functional.cross_entropy(logits, sent[1], reduction="none")
            loss = (sent[2] * each).sum() / sent[2].sum().clamp_min(1e-12)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                loss_sum += loss
                right += ((logits.argmax(1) == sent[1]) * sent[2]).sum()
                total += sent[2].sum()
        mean = float(loss_sum) / -(-len(x) // batch)
        float(right / total)
        turns.end(mean)


def torch_network(options: argparse.Namespace, shape):
    """The library's network in PyTorch, with the initial weights that Keras drew."""
    import torch
    from torch import nn

    width, made = options.width, {"Conv2D": [], "BatchNormalization": [], "Dense": []}

    def keep(kind: str, module):
        made[kind].append(module)
        return module

    def conv(n_in: int, n_out: int, size: int, stride: int = 1):
        return keep("Conv2D", SameConv(n_in, n_out, size, stride))

    def norm(n: int):
        return keep("BatchNormalization", nn.BatchNorm2d(n, EPSILON, STATISTICS))

    def dense(n_in: int, n_out: int):
        return keep("Dense", nn.Linear(n_in, n_out))

    class SameConv(nn.Conv2d):
        """A convolution without bias whose output is as Keras' padding "same" makes it."""

        def __init__(self, n_in, n_out, size, stride):
            even = stride == 1 or size == 1
            around = (size - 1) // 2 if even else 0
            super().__init__(n_in, n_out, size, stride, around, bias=False)
            self.one_more = not even  # Keras adds to an even side below and right alone

        def forward(self, x):
            return super().forward(nn.functional.pad(x, (0, 1, 0, 1)) if self.one_more else x)

    class Block(nn.Module):
        def __init__(self, n_in, n_out, stride):
            super().__init__()
            self.norm1 = norm(n_in)
            self.short = conv(n_in, n_out, 1, stride) if stride > 1 or n_in != n_out else None
            self.conv1, self.norm2 = conv(n_in, n_out, 3, stride), norm(n_out)
            self.conv2 = conv(n_out, n_out, 3)

        def forward(self, x):
            normed = torch.relu(self.norm1(x))
            short = x if self.short is None else self.short(normed)
            return self.conv2(torch.relu(self.norm2(self.conv1(normed)))) + short

    class Flat(nn.Module):
        """Rows of pixels and then channels, as Keras flattens."""

        def forward(self, x):
            return x.permute(0, 2, 3, 1).flatten(1)

    class Rescaled(nn.Module):
        def forward(self, x):
            return x / 255

    parts: list[nn.Module] = []
    if options.model == "mlp":
        width = width or 256
        parts += [dense(shape[0], width), nn.ReLU(), dense(width, width), nn.ReLU()]
        parts += [dense(width, CLASSES)]
    elif options.model == "small_cnn":
        width, n = width or 16, shape[0]
        parts += [Rescaled()]
        for multiple in (1, 2, 4):
            parts += [conv(n, multiple * width, 3), norm(multiple * width), nn.ReLU()]
            parts, n = [*parts, nn.MaxPool2d(2)], multiple * width
        parts += [Flat(), dense(n * (shape[1] // 8) ** 2, 128), nn.ReLU(), dense(128, CLASSES)]
    else:
        width = width or 64
        parts += [Rescaled(), conv(shape[0], width, 3)]
        n = width
        for stage in range(4):
            for block in range(2):
                parts += [Block(n, width * 2**stage, 2 if stage and not block else 1)]
                n = width * 2**stage
        parts += [norm(n), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense(n, CLASSES)]
    give(made, options.weights)
    return nn.Sequential(*parts)


def give(made: dict[str, list], path: Path) -> None:
    """Put Keras' weights into PyTorch's layers, in the order in which both were made."""
    import torch

    names = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
    with np.load(path, allow_pickle=False) as weights, torch.no_grad():
        for key in weights.files:
            kind, i, name = key.split(".")
            value = weights[key]
            if name == "kernel":
                value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
            getattr(made[kind][int(i)], names[name]).copy_(torch.from_numpy(value.copy()))
    if sum(map(len, made.values())) != len({key.rpartition(".")[0] for key in weights.files}):
        sys.exit("both networks must have as many layers of each kind")


class Worker:
    """One framework's process, which trains an epoch when it is told to."""

    def __init__(self, name: str, at_once: int, options: argparse.Namespace) -> None:
        self.name, self.at_once = name, at_once
        words = ["--worker", name, "--weights", str(options.weights), "--at-once", str(at_once)]
        for key in ("width", "batch", "samples", "repeats", "threads", "precision"):
            words += [f"--{key}", str(getattr(options, key))]
        cores = sorted(os.sched_getaffinity(0))[: options.threads]
        self._process = subprocess.Popen(
            [sys.executable, __file__, options.model, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.about = self._heard()
        self.epochs: list[dict] = []

    def epoch(self) -> None:
        """Its turn."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.epochs.append(self._heard())

    def _heard(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with status {self._process.wait()}, see above")
        return json.loads(line)

    def end(self) -> None:
        """Wait until it has ended."""
        self._process.communicate(timeout=60)

    def row(self, options: argparse.Namespace) -> dict:
        """Its line."""
        rates = [options.samples / one["seconds"] for one in self.epochs[1:]]
        processor = [one["processor"] / options.samples for one in self.epochs[1:]]
        return {
            "framework": self.name,
            "at_once": self.at_once,
            **{k: getattr(options, k) for k in ("model", "width", "batch", "samples", "precision")},
            "threads": options.threads,
            **self.about,
            **result_lines.origin(),
            "load": [round(one, 1) for one in os.getloadavg()],
            "first_loss": self.epochs[0]["loss"],
            "per_second": round(statistics.median(rates)),
            "each": [round(rate) for rate in rates],
            "processor_ms": round(1000 * statistics.median(processor), 4),
            "command": " ".join(["python", *sys.argv]),
        }


def beside(options: argparse.Namespace) -> None:
    """All frameworks in turn; the table."""
    with tempfile.TemporaryDirectory() as folder:
        options.weights = Path(folder) / "weights.npz"
        plan = [(name, n) for name in options.of for n in options.at_once]
        plan = [(name, n) for name, n in plan if name != "torch" or n == options.at_once[0]]
        workers = [Worker(name, n, options) for name, n in plan]
        for _ in range(options.repeats + 1):
            for worker in workers:
                worker.epoch()
        for worker in workers:
            worker.end()
    rows = [worker.row(options) for worker in workers]
    allowed = SAME * (10 if options.precision == "bfloat16" else 1)
    losses = [row["first_loss"] for row in rows]
    if max(losses) > min(losses) * (1 + allowed):
        sys.exit(f"all must train the same: their first epoch's losses are {losses}")
    print("| framework | at once | samples/s | from | to | processor ms a sample | loss |")
    print("|" + " --- |" * 7)
    for row in rows:
        result_lines.append(OUT, row)
        cells = [row["version"], str(row["at_once"])]
        cells += [f"{n:,}" for n in (row["per_second"], min(row["each"]), max(row["each"]))]
        cells += [f"{row['processor_ms']:.3f}", f"{row['first_loss']:.5f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=("mlp", "small_cnn", "preact_resnet18"))
    parser.add_argument(
        "--of", nargs="+", default=["tensorflow", "jax", "torch"],
        choices=("tensorflow", "jax", "torch"),
    )  # fmt: skip
    parser.add_argument("--width", type=int, default=0, help="0: the network's own")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--samples", type=int, default=1280, help="an epoch, full batches")
    parser.add_argument("--repeats", type=int, default=5, help="timed epochs of each")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--at-once", type=int, nargs="+", default=[1], help="updates in one call")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.samples % options.batch:
        parser.error("--samples must be a multiple of --batch")
    if options.worker is None:
        if options.of[0] == "torch":
            parser.error("--of must begin with a backend of Keras, which draws the initial weights")
        beside(options)
    elif options.worker == "torch":
        by_torch(options)
    else:
        by_keras(options)


if __name__ == "__main__":
    sys.exit(main())
