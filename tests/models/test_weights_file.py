"""Hostile .h5 files: what Keras would follow or unpack is refused before it reads them."""

import h5py
import keras
import numpy as np
import pytest

from tssd_keras.models.weights_file import check_weights_file

pytestmark = pytest.mark.backend_free


def external_link(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["kernel"] = np.zeros(3)
    file["layer/kernel"] = h5py.ExternalLink("other.h5", "/kernel")


def soft_link_to_itself(file, folder):
    file["layer"] = h5py.SoftLink("/layer")


def raw_bytes_of_another_file(file, folder):
    (folder / "secret").write_bytes(bytes(24))
    file.create_dataset("kernel", (3,), "f8", external=[(str(folder / "secret"), 0, 24)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "kernel", (3,))
    file.create_virtual_dataset("kernel", layout)


def bomb(file, folder):
    file.create_dataset("kernel", (2**28,), "f8", chunks=(2**16,), compression="gzip")


def many_that_are_a_bomb_together(file, folder):
    for i in range(200):
        file.create_dataset(f"layer/{i}", (2**20,), "f4", chunks=(2**20,), compression="gzip")


def texts(file, folder):
    file.create_dataset("kernel", data=["a", "b"], dtype=h5py.string_dtype())


def a_group_in_itself(file, folder):
    file.create_group("layer")
    file["layer/layer"] = file["layer"]


HOSTILE = {
    external_link: "/layer/kernel is a link",
    soft_link_to_itself: "/layer is a link",
    raw_bytes_of_another_file: "/kernel lies in another file",
    virtual: "/kernel lies in another file",
    bomb: r"unpacks to more than .* \(/kernel: \(268435456,\) of float64\)",
    many_that_are_a_bomb_together: "unpacks to more than .*/layer/",
    texts: "/kernel holds object, weights are numbers",
    a_group_in_itself: "groups lie more than 50 deep",
}


@pytest.mark.parametrize("spoil", HOSTILE)
def test_what_keras_would_follow_or_unpack_is_refused(spoil, tmp_path):
    path = tmp_path / "notop.h5"
    with h5py.File(path, "w") as file:
        spoil(file, tmp_path)
    with pytest.raises(ValueError, match=HOSTILE[spoil]):
        check_weights_file(path)


def test_what_keras_writes_is_taken(tmp_path):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    network.save_weights(tmp_path / "a.weights.h5")
    network.save(tmp_path / "a.h5")
    for name in ("a.weights.h5", "a.h5"):
        check_weights_file(tmp_path / name)
