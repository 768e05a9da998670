"""Text with wrong labels, end to end: words to numbers, an embedding, TSSD.

    python examples/text.py
    KERAS_BACKEND=jax python examples/text.py

The texts are the docstrings of Python's own library, sentence by sentence; the
label is the subject: mail, numbers, asyncio, testing or the web. They are read
from the source files, so there is nothing to download and nothing is imported.
40 % of the labels are made wrong; twenty sentences of each subject are trusted.
The same network is trained twice: on all labels, then with TSSD.
"""

import ast
import re
import sysconfig
from collections import Counter
from pathlib import Path

import keras
import numpy as np

from tssd_keras import TSSD

SUBJECTS = {
    "mail": ["email", "mailbox.py"],
    "numbers": ["_pydecimal.py", "statistics.py", "fractions.py", "random.py"],
    "asyncio": ["asyncio"],
    "testing": ["unittest", "doctest.py"],
    "web": ["http", "urllib", "wsgiref", "xmlrpc"],
}
SENTENCES = 690  # at most, of each subject
WORDS = 1000  # the most frequent ones; all others share a number
LENGTH = 24  # words of a sentence that are read
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings(path):
    """Every docstring of a source file, which is parsed and not run."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, DOCUMENTED):
            yield ast.get_docstring(node) or ""


def sentences(names):
    """Each sentence of five words or more once, as lower-case words, without code examples."""
    library = Path(sysconfig.get_path("stdlib"))
    found = {}
    for place in (library / name for name in names):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for text in docstrings(path):
                prose = re.sub(r">>>.*?(\n\s*\n|$)", "\n\n", text, flags=re.DOTALL)
                for sentence in re.split(r"(?<=[.:])\s+|\n\s*\n", prose):
                    words = tuple(re.findall("[a-z]+", sentence.lower()))
                    if len(words) >= 5:
                        found[words] = None
    return list(found)


def texts():
    """Sentences, as tuples of words, and their subjects' numbers, in random order."""
    rng = np.random.default_rng(0)
    words, labels = [], []
    for label, names in enumerate(SUBJECTS.values()):
        found = sentences(names)
        chosen = rng.permutation(len(found))[:SENTENCES]
        words += [found[i] for i in chosen]
        labels += [label] * len(chosen)
    order = rng.permutation(len(words))
    return [words[i] for i in order], np.array(labels)[order]


def token_ids(words, vocabulary):
    """int32[n, LENGTH]: a number a word, 0 behind the last, 1 for words unknown."""
    ids = np.zeros((len(words), LENGTH), np.int32)
    for row, sentence in zip(ids, words, strict=True):
        known = [vocabulary.get(word, 1) for word in sentence[:LENGTH]]
        row[: len(known)] = known
    return ids


def wrong_labels(y, share, seed):
    """Your data come with wrong labels; here they are made. Labels, and which are wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < share
    other = (y + rng.integers(1, len(SUBJECTS), len(y))) % len(SUBJECTS)
    return np.where(wrong, other, y), wrong


def my_model():
    """The mean of the words' embeddings, and a layer of classes; compiled."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(WORDS + 2, 16, mask_zero=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(len(SUBJECTS), activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
    )
    return model


def accuracy(model, x, y):
    """Share of samples whose most probable class is theirs."""
    return float(np.mean(model.predict(x, verbose=0).argmax(axis=1) == y))


def main(epochs=20):
    """Train without and with TSSD; print and return what came of it."""
    words, y = texts()
    count = Counter(word for sentence in words[600:] for word in sentence)
    vocabulary = {word: i for i, (word, _) in enumerate(count.most_common(WORDS), start=2)}
    x = token_ids(words, vocabulary)
    x_test, y_test, x, y = x[:600], y[:600], x[600:], y[600:]
    trusted = np.concatenate([np.flatnonzero(y == k)[:20] for k in range(len(SUBJECTS))])
    train = np.delete(np.arange(len(y)), trusted)
    x_train, y_train, wrong = x[train], *wrong_labels(y[train], share=0.4, seed=1)

    plain = my_model()
    plain.fit(x_train, y_train, batch_size=32, epochs=epochs, verbose=0)

    tssd = TSSD(x_train, y_train, golden=(x[trusted], y[trusted]), warmup_epochs=3)
    model = my_model()
    model.fit(tssd.feed(batch_size=32), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)

    suspects = np.argsort(tssd.table.q)[:100]  # the labels least likely to be right
    result = {
        "plain": accuracy(plain, x_test, y_test),
        "tssd": accuracy(model, x_test, y_test),
        "wrong_among_suspects": float(wrong[suspects].mean()),
    }
    print(f"test accuracy without TSSD {result['plain']:.3f}, with TSSD {result['tssd']:.3f}")
    print(f"of the 100 labels judged worst, {result['wrong_among_suspects']:.0%} are wrong")
    for i in suspects[:3]:
        given, rather = (list(SUBJECTS)[k] for k in (y_train[i], tssd.table.suggested[i]))
        print(f"  given {given}, rather {rather}: {' '.join(words[600 + train[i]])}")
    return tssd, result


if __name__ == "__main__":
    main()
