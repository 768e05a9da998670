"""What rejected labels count for, in a real `fit`."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD
from tssd_keras.labels import noise
from tssd_keras.recipe.method_sections import DivideRecipe
from tssd_keras.train.steps import mixmatch_step

BATCH = 64


class Batches(keras.callbacks.Callback):
    """Updates of each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.epochs[-1] = batch + 1


def trained(*, hidden=0, warmup=3, epochs=5, rejected="auto", networks=0):
    """Digits, some of the labels wrong; without hidden units the network fits no wrong label."""
    data = load_digits()
    x, y = (
        (data.data / 16).astype("float32"),
        noise.draw_labels(data.target, noise.symmetric(10, 0.3), seed=3),
    )
    tssd = TSSD(
        x[100:],
        y[100:],
        golden=(x[:100], data.target[:100]),
        warmup_epochs=warmup,
        divide=DivideRecipe(rejected=rejected),
    )
    keras.utils.set_random_seed(1)
    inputs = keras.Input((64,))
    inner = layers.Dense(hidden, activation="relu")(inputs) if hidden else inputs
    model = keras.Model(inputs, layers.Dense(10)(inner))
    batches = Batches()
    if networks:
        feed = tssd.feed(BATCH, model=mixmatch_step([model, keras.models.clone_model(model)]))
        return tssd, feed, batches
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(5e-3), loss=loss)
    model.fit(
        tssd.feed(BATCH),
        epochs=epochs,
        callbacks=[tssd, batches],
        shuffle=False,
        verbose=0,
    )
    return tssd, model, batches


def test_a_network_that_fits_no_wrong_label_is_trained_on_the_rejected_by_q():
    tssd, _, batches = trained()
    table, last = tssd.table, tssd.rounds[-1].rejected
    assert (last.rejected_count, last.rejected_fitted) == (True, False)
    held_back = table.held_back & ~table.trained[:, 0]
    counting = ~table.kept & ~held_back
    assert counting.sum() > 200
    assert table.weights_now[counting, 0] == pytest.approx(table.q[counting])
    assert not table.weights_now[held_back & ~table.kept].any()
    n_warmup = len(table) - table.held_back.sum()
    assert batches.epochs == [-(-n_warmup // BATCH)] * 3 + [
        -(-(len(table) - n) // BATCH) for n in [(table.held_back & ~table.kept).sum()] * 2
    ]


def test_a_network_that_fits_wrong_labels_is_trained_on_the_kept_alone():
    tssd, _, batches = trained(hidden=512, warmup=16, epochs=18)
    assert tssd.rounds[-1].rejected.rejected_fitted
    assert (tssd.table.fed == tssd.table.kept).all()
    assert batches.epochs[-1] == -(-tssd.table.kept.sum() // BATCH) == tssd.steps


@pytest.mark.parametrize(("rejected", "some"), [("nothing", False), ("q", True)])
def test_a_rule_that_is_set_holds_nothing_back(rejected, some):
    tssd, _, _ = trained(rejected=rejected, epochs=4)
    assert not tssd.table.held_back.any()
    assert (tssd.table.fed.sum() > tssd.table.kept.sum()) == some
    assert tssd.rounds[-1].rejected.rejected_fit is None


@pytest.mark.long
def test_a_model_that_learns_from_the_rejected_without_their_label_has_no_use_for_q():
    tssd, _, _ = trained(networks=2, epochs=1)
    assert not tssd.table.held_back.any()
    assert tssd.table.weights.shape[1] == 2
    assert np.all(tssd.table.weights_now == 1)
