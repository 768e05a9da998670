"""Raw files -> Beam -> a TFDS data set -> TSSD: how data that one machine cannot list come in.

    pip install apache-beam tensorflow-datasets importlib_resources     # beside tssd_keras
    python examples/beam_through_tfds.py FOLDER
    python cli.py train --set data.source=tfds --set data.name=digits_by_beam \
      --set data.trusted=trusted --set noise.kind=none --set data.data_dir=FOLDER/tfds

The raw files are archives of images, labels and names, as many machines would have written them;
here ten, of scikit-learn's digits, a third of the labels wrong but for a tenth that somebody has
checked. Beam reads each where it runs,
here in this process (DirectRunner); on a cluster the same pipeline runs under other options. It
writes record files, in an order that hangs on the keys alone. TSSD reads them in storage order, so
a sample goes by the name that it brings, not by its place in the raw files.
"""

import sys
from pathlib import Path

import apache_beam as beam
import keras
import numpy as np
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from tssd_keras import TSSD

N_RAW, N_TEST, RUNNER = 10, 300, "DirectRunner"


def write_raw(folder):
    """Ten archives of (image, label, key) and one to test on; returns key -> true label."""
    digits = load_digits()
    images = (digits.images * 15.9).astype("uint8")[..., None]
    rng = np.random.default_rng(0)
    wrong = rng.random(len(images)) < 1 / 3
    labels = np.where(wrong, rng.integers(0, 10, len(images)), digits.target)
    trusted = rng.random(len(images)) < 0.1
    trusted[:N_TEST] = True
    labels[trusted] = digits.target[trusted]
    keys = np.array([f"scan-{i:05d}" for i in range(len(images))])
    folder.mkdir(parents=True, exist_ok=True)
    train = np.array_split(np.arange(N_TEST, len(images)), N_RAW)
    for name, rows in [
        ("test-0", np.arange(N_TEST)),
        *((f"train-{i}", r) for i, r in enumerate(train)),
    ]:
        columns = {"images": images, "labels": labels, "keys": keys, "trusted": trusted}
        np.savez(folder / f"{name}.npz", **{k: column[rows] for k, column in columns.items()})
    return dict(zip(keys, digits.target, strict=True))


def examples_of(path):
    """(key, example) of each sample of one raw file; runs on whatever machine Beam picks."""
    with np.load(path, allow_pickle=False) as raw:
        columns = [raw[name] for name in ("images", "labels", "keys", "trusted")]
    for image, label, key, trusted in zip(*columns, strict=True):
        one = {"image": image, "label": int(label), "id": str(key), "trusted": bool(trusted)}
        yield str(key), one


with tfds.core.registered.skip_registration():

    class DigitsByBeam(tfds.core.GeneratorBasedBuilder):
        """Digits, written by Beam."""

        VERSION = tfds.core.Version("1.0.0")
        raw = Path()

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(8, 8, 1)),
                        "label": tfds.features.ClassLabel(num_classes=10),
                        "id": tfds.features.Text(),
                        "trusted": np.bool_,
                    }
                ),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in ("train", "test")}

        def _generate_examples(self, split):
            paths = sorted(str(path) for path in self.raw.glob(f"{split}-*.npz"))
            return beam.Create(paths) | beam.FlatMap(examples_of)


def prepared(raw, data_dir):
    """Have Beam write the record files; returns their folder."""
    builder = DigitsByBeam(data_dir=data_dir)
    builder.raw = raw
    options = beam.options.pipeline_options.PipelineOptions(["--runner", RUNNER])
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(beam_options=options, num_shards=4)
    )
    return Path(builder.data_path)


def my_model():
    """A plain Keras network, compiled."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
    )
    return model


def main(folder, epochs=15):
    """Raw files, Beam, record files, TSSD; print and return what came of it."""
    truth = write_raw(folder / "raw")
    place = prepared(folder / "raw", folder / "tfds")
    files = sorted(path.name for path in place.glob("*.tfrecord*"))

    stored = tfds.builder_from_directory(place)
    as_tuple = lambda one: (one["image"], one["label"], 1.0, one["id"])  # noqa: E731
    tssd = TSSD(stored.as_dataset(split="train").map(as_tuple), warmup_epochs=5)
    model = my_model()
    model.fit(tssd.feed(batch_size=32), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)

    keys, given = tssd.table.ids, tssd.table.given
    wrong = np.array([truth[str(key)] for key in keys]) != given
    suspects = np.argsort(tssd.table.q)[:100]
    test = stored.as_dataset(split="test", batch_size=-1)
    guessed = model.predict(np.asarray(test["image"]), verbose=0).argmax(axis=1)
    result = {
        "samples": len(keys),
        "files": files,
        "accuracy": float(np.mean(guessed == np.asarray(test["label"]))),
        "wrong_among_suspects": float(wrong[suspects].mean()),
    }
    print(f"{len(keys)} samples in {len(files)} record files, by Beam's {RUNNER}")
    print(f"test accuracy {result['accuracy']:.3f}; of the 100 labels judged worst, ", end="")
    print(f"{result['wrong_among_suspects']:.0%} are wrong, the first is {keys[suspects[0]]}")
    return tssd, result


if __name__ == "__main__":
    main(Path(sys.argv[1]))
