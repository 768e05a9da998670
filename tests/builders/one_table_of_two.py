"""Two processes on loopback judge a part, each otherwise, and all take the first one's table.

    python one_table_of_two.py PORT PROCESS OUT "the same rows"|"other rows"

Writes the table as it judged it and as it then was, the rows, the bytes of the longest message that
it was told, and the classes' shares as it would have them and as its step has them.
"""

import os
import sys
from types import SimpleNamespace

import keras
import numpy as np

from tssd_keras.judge.quality import role_counts
from tssd_keras.judge.record import (
    Abstentions,
    PurificationFigures,
    Quality,
    RejectedFigures,
    RoundRecord,
    Seconds,
)
from tssd_keras.judge.table import Rewrite, SampleTable
from tssd_keras.train import devices, one_table
from tssd_keras.train.class_shares import shares_to_predict, tell_class_shares
from tssd_keras.train.steps import mixmatch_step

N, DRAWN, DECIDED = 5_000, 1_000, 50


def judged(rng, n):
    """A round that this process alone would have written."""
    probabilities = rng.random((5, n)).astype(np.float32)
    return Rewrite(
        rng.random((n, 2)).astype(np.float32),
        rng.integers(0, 4, n).astype(np.int8),
        *probabilities[:3],
        rng.integers(0, 10, n).astype(np.int32),
        *probabilities[3:],
        rest=rng.random((n, 2)).astype(np.float32),
    )


def main():
    port, process, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    several = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": "2"}
    os.environ |= {**several, "JAX_PROCESS_ID": str(process)}
    one_table.BLOCK = 300  # so that the last block is a smaller one
    told = devices.told_by_first
    sizes = []

    def noted(message):
        found = told(message)
        sizes.append(len(found))
        return found

    devices.told_by_first = noted
    alike, own = np.random.default_rng(1), np.random.default_rng(2 + process)
    with devices.chosen("all"):
        given = alike.integers(0, 10, N)
        decided = np.where(np.arange(N) < DECIDED, 0, -1)
        table = SampleTable(given, n_networks=2, decided=decided)
        table.rewrite(judged(alike, N - DECIDED), table.rows_to_judge())  # of all samples, alike
        if sys.argv[4] == "other rows":
            alike = own
        table.draw(alike.choice(N, DRAWN, replace=False))
        one_table.check_same_rows(table)
        rows = table.rows_to_judge()
        table.rewrite(judged(own, len(rows)), rows)
        mine = table.get_state()
        record = RoundRecord(
            epoch=process,
            roles=role_counts(table),
            abstentions=Abstentions(loss_abstains=False, classes_abstaining=0),
            quality=Quality(),
            purification=PurificationFigures(),
            rejected=RejectedFigures(rejected_count=False, rejected_fitted=False, rejected_fit=0.0),
            seconds=Seconds(score=1.0, divide=1.0, purify=1.0),
        )
        record = one_table.as_first_judged(table, record)
        keras.utils.set_random_seed(0)
        step = mixmatch_step(keras.Sequential([keras.Input((3,)), keras.layers.Dense(10)]))
        found = own.dirichlet(np.ones(10))
        tell_class_shares(step, [SimpleNamespace(class_share=found, rows=rows)], table)
    np.savez(
        out,
        rows=rows,
        epoch=record.epoch,
        longest=max(sizes),
        own_shares=shares_to_predict(
            [found], len(rows), table.decided[table.drawn & (table.decided >= 0)]
        ),
        shares=np.asarray(step.class_shares),
        **{f"mine/{name}": column for name, column in mine.items()},
        **{f"then/{name}": column for name, column in table.get_state().items()},
    )


if __name__ == "__main__":
    main()
