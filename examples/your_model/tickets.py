"""Two inputs and two outputs: who shall answer a ticket, and how urgent is it?

    python examples/your_model/tickets.py
    KERAS_BACKEND=jax python examples/your_model/tickets.py

After the tickets in "The Functional API" (keras.io/guides). A ticket has a title (numbers
of words) and tags (0 or 1); the model gives a department and a priority. The tickets are made up;
30 % of the departments are wrong. `plain` and `with_tssd` differ in three lines.
"""

import keras
import numpy as np
from keras import layers
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD, Scoring

N, N_TEST = 2000, 500
DEPARTMENTS, WORDS, TAGS = 4, 200, 12


def tickets():
    """Inputs, targets and the right departments; a department has words and tags that it likes."""
    rng = np.random.default_rng(0)
    right = rng.integers(0, DEPARTMENTS, N)
    liked = rng.integers(1, 50, (N, 8)) + 50 * right[:, None] - (right == 3)[:, None]
    title = np.where(rng.random((N, 8)) < 0.4, liked, rng.integers(1, WORDS, (N, 8)))
    tags = rng.random((N, TAGS)) < np.where(np.arange(TAGS) % 4 == right[:, None], 0.4, 0.15)
    priority = 0.3 * tags[:, :6].sum(axis=1) + 0.1 * rng.normal(size=N)
    wrong = (rng.random(N) < 0.3) & (np.arange(N) >= N_TEST)
    other = (right + rng.integers(1, DEPARTMENTS, N)) % DEPARTMENTS
    inputs = {"title": title.astype("int32"), "tags": tags.astype("float32")}
    return inputs, {"priority": priority, "department": np.where(wrong, other, right)}, right


def make_model():
    """A dict of two inputs, a dict of two outputs."""
    keras.utils.set_random_seed(0)
    title = keras.Input((8,), dtype="int32", name="title")
    tags = keras.Input((TAGS,), name="tags")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(WORDS + 1, 32)(title))
    x = layers.Dense(32, activation="relu")(layers.concatenate([words, tags]))
    outputs = {
        "priority": layers.Dense(1, name="priority")(x),
        "department": layers.Dense(DEPARTMENTS, name="department")(x),
    }
    return keras.Model({"title": title, "tags": tags}, outputs)


def plain(x, y):
    """As it was."""
    model = make_model()
    losses = {
        "priority": keras.losses.MeanSquaredError(),
        "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    weights = {"priority": 1.0, "department": 0.5}
    model.compile(keras.optimizers.Adam(5e-3), loss=losses, loss_weights=weights)
    model.fit(x, y, epochs=12, batch_size=32, verbose=0)
    return model


def with_tssd(x, y):
    """With the callback."""
    model = make_model()
    losses = {
        "priority": keras.losses.MeanSquaredError(),
        "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    weights = {"priority": 1.0, "department": 0.5}
    model.compile(keras.optimizers.Adam(5e-3), loss=losses, loss_weights=weights)
    tssd = TSSD(x, y, scoring=Scoring(output="department"), warmup_epochs=3)
    model.fit(tssd.feed(32), epochs=12, callbacks=[tssd], shuffle=False, verbose=0)
    return model, tssd


def part(columns, rows):
    """Some rows of a dict of columns."""
    return {name: column[rows] for name, column in columns.items()}


def accuracy(model, x, right):
    """Share of tickets that go to their department."""
    return float(np.mean(model.predict(x, verbose=0)["department"].argmax(axis=1) == right))


def main():
    """Train without and with TSSD; print and return what came of it."""
    x, y, right = tickets()
    test, train = slice(N_TEST), slice(N_TEST, N)
    model, tssd = with_tssd(part(x, train), part(y, train))
    is_right = y["department"][train] == right[train]
    result = {
        "auroc": roc_auc_score(is_right, tssd.table.clean_score),
        "plain": accuracy(plain(part(x, train), part(y, train)), part(x, test), right[test]),
        "tssd": accuracy(model, part(x, test), right[test]),
    }
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    return tssd, result


if __name__ == "__main__":
    main()
