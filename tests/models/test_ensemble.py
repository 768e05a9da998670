import zipfile

import keras
import numpy as np

from tssd_keras import models


def test_several_networks_are_saved_as_one_plain_model_of_their_mean_probabilities(tmp_path):
    networks = [models.build("small_cnn", (8, 8, 1), "uint8", 3, width=4, seed=s) for s in (0, 9)]
    path = tmp_path / "model.keras"
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype("uint8")
    models.mean_network(networks).save(path)
    assert b"tssd" not in zipfile.ZipFile(path).read("config.json")
    loaded = keras.saving.load_model(path, custom_objects={}, safe_mode=True)
    expected = np.mean(
        [np.asarray(keras.ops.softmax(one.predict_on_batch(x))) for one in networks], axis=0
    )
    np.testing.assert_allclose(loaded.predict_on_batch(x), expected, rtol=1e-4)


def test_one_network_is_saved_as_it_is():
    network = models.build("mlp", (4,), "float32", 3)
    assert models.mean_network([network]) is network
