"""Three virtual devices, taken for accelerators, share a round's work; compared with one device.

    python shared_by_devices.py

Prints the number of devices, the rows that each device searched at once, and "alike".
"""

import keras
import numpy as np
from shared_work import found, unit

from tssd_keras.judge import nearest, similarity
from tssd_keras.train import devices

DEVICES = 3


def with_share_seen(sharing, sizes):
    """The same, noting how many rows a device is given."""
    own = sharing.on_devices

    def on_devices(work, *constants):
        def seen(*arrays):
            sizes.add(len(arrays[0]))
            return work(*arrays)

        return own(seen, *constants)

    sharing.on_devices = on_devices
    return sharing


def main():
    sizes = set()
    with devices.chosen(str(DEVICES)), devices.made_here():
        network = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
        sharing = with_share_seen(devices.sharing_of(network), sizes)
        expected = devices.alone(found)
        nearest.on_accelerator = similarity.on_accelerator = lambda: True
        results = devices.alone(lambda: found(sharing))
        several = devices.alone(lambda: nearest.nearest(unit(300, 12, 5, "float32"), 7, sharing))
        print(sharing.n_devices, sorted(sizes))
    for one in (results, expected):
        one["near"] = np.sort(one["near"], axis=1)  # some anchors are as near as others
    for name in ("near", "group"):
        np.testing.assert_array_equal(results[name], expected[name], err_msg=name)
    for name in ("weight", "similarity", "means", "rows"):
        np.testing.assert_allclose(results[name], expected[name], atol=1e-5, err_msg=name)
    for n in (1, 1_000, 1_024, 3_000):
        rows = unit(n, 12, 6, "float32")
        one = nearest.by_scikit_learn(unit(300, 12, 5, "float32"), 7)
        for mine, theirs in zip(several(rows), one(rows), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
    print("alike")


if __name__ == "__main__":
    main()
