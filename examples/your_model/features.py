"""A table of numbers and words, FeatureSpace, and a dict of features.

    python examples/your_model/features.py
    KERAS_BACKEND=jax python examples/your_model/features.py

After "Structured data classification with FeatureSpace" (keras.io/examples/structured_data).
The table is made up: customers who leave, or stay. 25 % of the labels are wrong. The features stay
a dict up to the model (output_mode="dict"). `plain` and `with_tssd` differ in three lines.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.utils import FeatureSpace
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD

N, N_TEST = 2000, 500
PLANS = np.array(["free", "basic", "pro"])


def customers():
    """A dict of columns, given labels, right labels (1: leaves)."""
    rng = np.random.default_rng(0)
    table = {
        "age": rng.integers(18, 80, N),
        "visits": rng.poisson(6, N),
        "spent": rng.gamma(2.0, 30.0, N),
        "plan": rng.choice(PLANS, N),
        "complaint": rng.choice(["no", "yes"], N, p=[0.7, 0.3]),
    }
    stays = 0.5 * table["visits"] + 0.03 * table["spent"] - 4 * (table["complaint"] == "yes")
    stays = stays + 2 * (table["plan"] == "pro") - 0.1 * np.abs(table["age"] - 45)
    right = (stays < np.median(stays)).astype(int)
    wrong = (rng.random(N) < 0.25) & (np.arange(N) >= N_TEST)
    return table, np.where(wrong, 1 - right, right), right


def make_space(train):
    """What becomes of each column, adapted to the training data."""
    space = FeatureSpace(
        features={
            "age": FeatureSpace.float_discretized(num_bins=8),
            "visits": FeatureSpace.float_normalized(),
            "spent": FeatureSpace.float_normalized(),
            "plan": FeatureSpace.string_categorical(num_oov_indices=0),
            "complaint": FeatureSpace.string_categorical(num_oov_indices=0),
        },
        output_mode="dict",
    )
    space.adapt(train.map(lambda x, y: x))
    return space


def make_model(space):
    """Encoded features, as a dict, go into it; one unit comes out."""
    keras.utils.set_random_seed(0)
    encoded = space.get_encoded_features()
    inputs = {name: keras.Input(x.shape[1:], name=name) for name, x in encoded.items()}
    x = layers.Concatenate()(list(inputs.values()))
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def plain(train, space):
    """As it was."""
    encoded = train.map(lambda x, y: (space(x), y))
    model = make_model(space)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy")
    model.fit(encoded, epochs=12, verbose=0)
    return model


def with_tssd(train, space):
    """With the callback."""
    encoded = train.map(lambda x, y: (space(x), y))
    model = make_model(space)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy")
    tssd = TSSD(encoded, warmup_epochs=3)
    model.fit(tssd.feed(32), epochs=12, callbacks=[tssd], shuffle=False, verbose=0)
    return model, tssd


def main():
    """Train without and with TSSD; print and return what came of it."""
    table, given, right = customers()
    part = {name: column[N_TEST:] for name, column in table.items()}
    train = tf.data.Dataset.from_tensor_slices((part, given[N_TEST:])).batch(32)
    space = make_space(train)
    x_test = space({name: column[:N_TEST] for name, column in table.items()})
    model, tssd = with_tssd(train, space)
    models = {"plain": plain(train, space), "tssd": model}
    result = {
        name: float(np.mean((one.predict(x_test, verbose=0)[:, 0] > 0.5) == right[:N_TEST]))
        for name, one in models.items()
    }
    is_right = given[N_TEST:] == right[N_TEST:]
    result["auroc"] = roc_auc_score(is_right, tssd.table.clean_score)
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    return tssd, result


if __name__ == "__main__":
    main()
