import subprocess
import sys

import keras
import numpy as np

from tssd_keras import models


def test_several_networks_are_saved_as_one_plain_model_of_their_mean_probabilities(tmp_path):
    networks = [models.build("small_cnn", (8, 8, 1), "uint8", 3, width=4, seed=s) for s in (0, 9)]
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype("uint8")
    models.mean_network(networks).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import numpy, keras; m = keras.saving.load_model('model.keras', safe_mode=True);"
        "numpy.save('p.npy', m.predict(numpy.load('x.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    expected = np.mean(
        [np.asarray(keras.ops.softmax(one.predict_on_batch(x))) for one in networks], axis=0
    )
    np.testing.assert_allclose(np.load(tmp_path / "p.npy"), expected, rtol=1e-4)


def test_one_network_is_saved_as_it_is():
    network = models.build("mlp", (4,), "float32", 3)
    assert models.mean_network([network]) is network
