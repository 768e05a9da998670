"""Texts and TextVectorization: is a review good or bad?

    python examples/your_model/text.py
    KERAS_BACKEND=jax python examples/your_model/text.py

After "Text classification from scratch" (keras.io/examples/nlp). The reviews are put
together at random from a few hundred words; 30 % of their labels are wrong. TextVectorization
stands in front of the model, in the dataset, as JAX takes no text. `plain` and `with_tssd` differ
in three lines.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD

N, N_TEST = 2000, 500
GOOD = ["brilliant", "charming", "clever", "delightful", "funny", "gripping", "superb", "witty"]
BAD = ["awful", "boring", "clumsy", "dull", "empty", "flat", "lazy", "shallow", "tedious"]
THINGS = ["acting", "camera", "dialogue", "ending", "music", "plot", "script", "story", "title"]
FILLERS = [f"{a}{b}{c}" for a in "bdklmnprst" for b in ("a", "ei", "o") for c in "lmnrst"]


def reviews():
    """Texts, given labels, right labels (1: good); most opinions are of the label's kind."""
    rng = np.random.default_rng(0)
    right = rng.integers(0, 2, N)
    texts = []
    for label in right:
        kinds = [label, label, 1 - label] if rng.random() < 0.3 else [label]
        parts = [f"the {rng.choice(THINGS)} was {rng.choice((BAD, GOOD)[k])}" for k in kinds]
        fillers = [" ".join(rng.choice(FILLERS, 4)) for _ in parts]
        texts.append(", ".join(rng.permutation(parts + fillers)).capitalize() + ".")
    wrong = (rng.random(N) < 0.3) & (np.arange(N) >= N_TEST)
    return np.array(texts), np.where(wrong, 1 - right, right), right


def make_model():
    """Embedding, convolution, and one unit with a sigmoid."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((40,), dtype="int32")
    x = layers.Embedding(400, 16)(inputs)
    x = layers.Conv1D(32, 3, activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def plain(texts, labels, vectorize):
    """As it was."""
    train = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(32)
    train = train.map(lambda text, label: (vectorize(text), label)).cache().prefetch(4)
    model = make_model()
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(3e-3))
    model.fit(train, epochs=8, verbose=0)
    return model


def with_tssd(texts, labels, vectorize):
    """With the callback."""
    train = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(32)
    train = train.map(lambda text, label: (vectorize(text), label)).cache().prefetch(4)
    model = make_model()
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(3e-3))
    tssd = TSSD(train, warmup_epochs=2)
    model.fit(tssd.feed(32), epochs=8, callbacks=[tssd], shuffle=False, verbose=0)
    return model, tssd


def main():
    """Train without and with TSSD; print and return what came of it."""
    texts, given, right = reviews()
    vectorize = layers.TextVectorization(max_tokens=400, output_sequence_length=40)
    vectorize.adapt(texts[N_TEST:])
    x_test, y_test = np.asarray(vectorize(texts[:N_TEST])), right[:N_TEST]
    texts, given, right = texts[N_TEST:], given[N_TEST:], right[N_TEST:]
    model, tssd = with_tssd(texts, given, vectorize)
    models = {"plain": plain(texts, given, vectorize), "tssd": model}
    result = {
        name: float(np.mean((one.predict(x_test, verbose=0)[:, 0] > 0.5) == y_test))
        for name, one in models.items()
    }
    result["auroc"] = roc_auc_score(given == right, tssd.table.clean_score)
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    for i in np.argsort(tssd.table.clean_score)[:3]:
        print(f"  given {('bad', 'good')[given[i]]}: {texts[i]}")
    return tssd, result


if __name__ == "__main__":
    main()
