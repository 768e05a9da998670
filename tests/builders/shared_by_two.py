"""Two processes on loopback share what a round looks all samples through for.

    python shared_by_two.py PORT PROCESS FOLDER

Writes to FOLDER/PROCESS.npz what `shared_work.found` finds, and for how many rows this process
searched itself.
"""

import os
import sys

import keras
import numpy as np
from shared_work import counted, found

from tssd_keras.train import devices


def main():
    port, process, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    several = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": "2"}
    os.environ |= {**several, "JAX_PROCESS_ID": str(process)}
    with devices.chosen("all"), devices.made_here():
        dense = keras.layers.Dense(2, kernel_initializer="zeros")
        network = keras.Sequential([keras.layers.Input((4,)), dense])
        sharing = devices.sharing_of(network)
        with counted() as rows:
            results = found(sharing)
    np.savez(
        f"{folder}/{process}.npz",
        rows_searched=sum(rows),
        n_processes=sharing.n_processes,
        **results,
    )


if __name__ == "__main__":
    main()
