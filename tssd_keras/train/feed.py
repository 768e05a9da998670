"""The feed: sample table and inputs -> batches (x, y, weight) of one fixed shape.

Once an epoch the feed plans which samples come in which order. Samples of weight
zero, or not drawn for the epoch, are left out: they are neither read nor decoded,
nor passed through the network. The plan is made when the epoch's first batch is
asked for, after any rewrite at the epoch's begin. It depends on the seed, the
epoch and the table alone, with and without TensorFlow.

Shuffling is thereby uniform over all samples, not over a buffer, and no
prefetched batch outlives its epoch.
"""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.data.nested import parts_of
from tssd_keras.data.targets import Form
from tssd_keras.judge.table import SampleTable
from tssd_keras.recipe.argument import as_flag, as_whole
from tssd_keras.train.devices.layout import Layout
from tssd_keras.train.fed_targets import FedTargets
from tssd_keras.train.feed_pydataset import pydataset
from tssd_keras.train.feed_tf_data import tf_data

# At most: `fit` makes an iterator to see what a batch is like, unless a tf.data set says it on
# TensorFlow, and one for its first epoch.
PLANS_OF_A_FIRST_EPOCH = 2

FILLS_UP = np.float32(-0.0)  # the weight of a row that only fills up a batch; see `counted_rows`


def plan_epoch(
    taken: np.ndarray, batch_size: int, rng: np.random.Generator | None, steps: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Choose and order an epoch's samples.

    Args:
        taken: bool[N], which samples are in it.
        batch_size: B.
        rng: shuffles; None keeps the source's order.
        steps: so many full batches: all taken samples come, then again in another order, until
            they are full. Needs `rng`. None: every sample once.

    Returns:
        rows int64[steps, B], table rows, and used float32[steps, B]: 1, or 0
        for the samples that fill up the last batch. Taken samples fill it up,
        so that BatchNorm never sees one that is left out.

    Raises:
        ValueError: no sample is taken.
    """
    rows = np.flatnonzero(taken)
    if not len(rows):
        raise ValueError(f"no sample of {len(taken)} carries weight: an epoch would be empty.")
    if steps is not None and rng is not None:
        size = steps * batch_size
        orders = [rng.permutation(rows) for _ in range(-(-size // len(rows)))]
        plan = np.concatenate(orders)[:size].reshape(steps, batch_size)
        return plan, np.ones(plan.shape, np.float32)
    if rng is not None:
        rng.shuffle(rows)
    steps = -(-len(rows) // batch_size)
    used = np.ones((steps, batch_size), np.float32)
    used.reshape(-1)[len(rows) :] = 0
    if used.size > len(rows):
        rows = np.resize(rows, used.size)
    return rows.reshape(used.shape), used


class Feed:
    """Batches of one table; see the module.

    Args:
        table: weights and labels; its draws, if any, are all of one size.
        inputs: of the source that the table's index points into.
        batch_size: B; every batch has exactly so many rows, in all processes together.
        seed: of the order of samples.
        shuffle: whether to shuffle.
        unlabelled: whether drawn samples of weight 0 come too, for an objective
            that learns from them without their label.
        targets: what the loss gets of a row; None: its label as a whole number.
        map: what is done to the samples of every batch anew, x [B, ...] -> x; see `feed_map`.
        callback_missing: whether the callback that rewrites the weights is not known to
            take part in `fit`.
        fixed_steps: batches of every epoch, see `plan_epoch`; None: as many as samples need.
        check_model: raises unless the feed is for a given model, before `fit` does anything with
            it; None: it is for any.
        layout: of the devices; each process reads its share of every batch. None: one device.

    Attributes:
        epoch: which epoch the next plan is for; set by `begin`.
        kind: "tf.data" or "pydataset", once batches were made.
        callback_missing: while True, the second or third epoch begins with a warning.
        planned: int64[n], the table rows of the last plan; None where it held all that count.

    Raises:
        TypeError, ValueError: `batch_size` or `fixed_steps` is not a whole number of at least 1,
            `shuffle` no truth value, or there are fixed steps without shuffling; `map` is no
            function; samples have weights of their own and `unlabelled` is True.
    """

    def __init__(
        self,
        table: SampleTable,
        inputs: Inputs,
        *,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        unlabelled: bool = False,
        targets: FedTargets | None = None,
        map: Callable | None = None,
        callback_missing: bool = False,
        fixed_steps: int | None = None,
        check_model: Callable[[Any], None] | None = None,
        layout: Layout | None = None,
    ) -> None:
        if map is not None and not callable(map):
            raise TypeError(
                "map must be a function of a batch's samples, x -> x, or a keras.layers.Layer, got "
                f"{map!r} of type {type(map).__name__}."
            )
        if unlabelled and (table.sample_weight != 1).any():
            raise ValueError(
                "samples must not have weights of their own (Labels.weight, or the third component "
                "of a dataset) where a model learns from samples without their label: it takes a "
                "weight for the probability that a label is right. Leave them out, or train a "
                "plain model."
            )
        self.table = table
        self.targets = targets or FedTargets(table, 0, Form())
        self.inputs = inputs
        self.batch_size = as_whole("batch_size", batch_size, 1)
        self.seed = seed
        self.shuffle = as_flag("shuffle", shuffle)
        self.unlabelled = unlabelled
        self.map = map
        self.layout = layout or Layout()
        self.layout.check_batch(self.batch_size)
        self.epoch, self.kind = 0, ""
        self.callback_missing, self.check_model = callback_missing, check_model
        self.fixed_steps = None if fixed_steps is None else as_whole("steps", fixed_steps, 1)
        if fixed_steps is not None and not shuffle:
            raise ValueError(
                "steps needs shuffle=True, got False: each epoch would begin with the same samples."
            )
        self.planned: np.ndarray | None = None
        self._plans = 0  # made so far
        self._plans_before = 0  # of them before this epoch's batches could be read
        self._lock = threading.Lock()

    def begin_fit(self, model: Any) -> None:
        """The callback takes part in a `fit` of this model; raises unless the feed is for it."""
        self.callback_missing = False
        if self.check_model is not None:
            self.check_model(model)

    def fingerprint(self) -> dict[str, str]:
        """What processes that read one feed must have alike, as texts by name."""
        return {
            "batch_size": str(self.batch_size),
            "steps": str(self.fixed_steps),
            "shuffle": str(self.shuffle),
            "map": "none" if self.map is None else "some",
        }

    @property
    def max_steps(self) -> int:
        """Batches in an epoch of every sample, or of every drawn one."""
        return self.fixed_steps or -(-int(self.table.drawn.sum()) // self.batch_size)

    @property
    def steps(self) -> int:
        """Batches in an epoch under the weights as they are now."""
        return self.fixed_steps or -(-int(self._taken.sum()) // self.batch_size)

    @property
    def filled_share(self) -> float:
        """Share of an epoch's rows that only fill up its last batch, at weight 0."""
        if self.fixed_steps is not None:
            return 0.0
        return 1 - int(self._taken.sum()) / max(self.steps * self.batch_size, 1)

    @property
    def _taken(self) -> np.ndarray:
        return self.table.drawn if self.unlabelled else self.table.fed

    def begin(self, epoch: int) -> None:
        """Say which epoch the next batches are of; plans made before are of no account.

        Keras makes an iterator, and so a plan, where no epoch is trained from it: to see what
        a batch is like, and at the end of an epoch of the announced length.
        """
        with self._lock:
            self.epoch = epoch
            self._plans_before = self._plans

    @property
    def was_read(self) -> bool:
        """Whether any batch was asked for since `begin`."""
        return self._plans > self._plans_before

    def plan(self) -> tuple[np.ndarray, np.ndarray]:
        """This process's share of the epoch's plan; see `plan_and_key`."""
        return self.plan_and_key()[0]

    def plan_and_key(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[int, ...]]:
        """This process's share of the epoch's plan, of `plan_epoch`, and what `map` draws by.

        That is the seed, the epoch, which plan of it this is, and the process, but for the first.
        """
        with self._lock:
            self._plans += 1
            if self.callback_missing and self._plans == PLANS_OF_A_FIRST_EPOCH + 1:
                warnings.warn(_CALLBACK_MISSING, UserWarning, stacklevel=2)
            rng = np.random.default_rng((self.seed, self.epoch)) if self.shuffle else None
            plan = plan_epoch(self._taken, self.batch_size, rng, self.fixed_steps)
            self.planned = None if self.fixed_steps is None else np.unique(plan[0])
            key = (self.seed, self.epoch, self._plans - self._plans_before)
            share, process = self.layout.share(self.batch_size), self.layout.process
            rows, used = (part[:, share] for part in plan)
            return (rows, used), (*key, process) if process else key

    @property
    def n_rows(self) -> int:
        """Rows of a batch that this process reads."""
        return self.batch_size // self.layout.n_processes

    def read(self, rows: np.ndarray) -> Any:
        """Inputs of the given table rows: an array, or a structure of them."""
        return self.inputs.read(self.table.index[rows])

    def weights(self, rows: np.ndarray, used: np.ndarray) -> np.ndarray:
        """float32[n] of the given table rows, [n, M] for M networks; `FILLS_UP` where not used."""
        weights = np.where(used[:, None] > 0, self.table.counts(rows), FILLS_UP)
        return weights[:, 0] if weights.shape[1] == 1 else weights

    @property
    def _maps_in_graph(self) -> bool:
        """Whether `map`, if any, may call Keras within TensorFlow's graph."""
        import keras

        return self.map is None or keras.backend.backend() == "tensorflow"

    def map_tried_on(self, convert: Callable[[Any], Any]):
        """The `feed_map.FeedMap`, tried on converted samples; None: there is none."""
        from tssd_keras.train.feed_map import FeedMap

        if self.map is None:
            return None
        return FeedMap(self.map, convert(self.first_batch()))

    def some_rows(self) -> np.ndarray:
        """The first table rows that are in the epoch, as many as a batch has at most."""
        return np.flatnonzero(self._taken)[: self.batch_size]

    def first_batch(self) -> Any:
        """Samples to see what a batch is like."""
        return self.read(np.resize(self.some_rows(), self.n_rows))

    def batches(self, kind: str = "auto"):
        """The feed as Keras' `fit` takes it.

        Args:
            kind: "tf.data", "pydataset", or "auto": tf.data where TensorFlow
                is installed, unless the samples live on JAX's device, or Keras, which `map`
                may call, does not run on TensorFlow.

        Returns:
            tf.data.Dataset or keras.utils.PyDataset of (x, y, weight). Give it
            to `fit` with `shuffle=False` and without `steps_per_epoch`.
        """
        if kind == "auto":
            on_host = not getattr(self.inputs, "on_device", False)
            has_tensorflow = importlib.util.find_spec("tensorflow")
            kind = "tf.data" if has_tensorflow and on_host and self._maps_in_graph else "pydataset"
        if not isinstance(kind, str) or kind not in _KINDS:
            raise ValueError(f"kind must be one of auto, {', '.join(_KINDS)}, got {kind!r}.")
        self._check_text(kind)
        self.kind = kind
        return _KINDS[kind](self)

    def _check_text(self, kind: str) -> None:
        import keras

        text = [path for path, part in parts_of(self.inputs).items() if part.dtype.kind in "SUO"]
        backend = keras.backend.backend()
        if text and (kind != "tf.data" or backend != "tensorflow"):
            raise ValueError(
                f"text must be fed by tf.data to Keras on TensorFlow, got kind {kind!r} on "
                f"{backend} and text{f' in {text[0]!r}' if text[0] else ''}. Else turn words into "
                "numbers before: "
                "x = keras.layers.TextVectorization(...)(texts), outside of the model."
            )


_CALLBACK_MISSING = (
    "the feed is read again and again without its callback, so no label is judged and every epoch "
    "has the same order. Pass the TSSD that made it: fit(..., callbacks=[tssd])."
)

_KINDS = {"tf.data": tf_data, "pydataset": pydataset}
