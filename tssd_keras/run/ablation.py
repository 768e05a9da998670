"""What each part of the method is worth: one recipe, run with parts left out or added.

Each run appends a line to a file as it ends. A run that has a line is not run
again, so an ablation can stop and go on, and several can write to one file.
"""

from __future__ import annotations

import gc
import logging
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import keras

from tssd_keras.run import experiment
from tssd_keras.run.interrupts import ctrl_c_held, ctrl_c_noted
from tssd_keras.run.lines import Line, append, read_lines, settings_hash
from tssd_keras.run.variants import Planned


def run(
    planned: list[Planned], path: Path, *, say: Callable[[str], None] = print
) -> Iterator[Line]:
    """Run what has no line in the file yet, in the order of the plan.

    Args:
        planned: the runs.
        path: of the file; lines are appended.
        say: takes a line a run.

    Yields:
        Each run's line once it is in the file; a failed run's has the error. Ends early after
        Ctrl-C; the stopped run has no line.
    """
    backend = keras.backend.backend()
    # TensorFlow takes each run's own functions for one that is traced again and again.
    logging.getLogger("tensorflow").addFilter(lambda record: "retracing" not in record.getMessage())
    with ctrl_c_noted() as stopped:
        for count, plan in enumerate(planned, 1):
            key = (settings_hash(plan.recipe), backend)
            if key in {(line.settings, line.backend) for line in read_lines(path)}:
                continue
            say(f"{count}/{len(planned)}: {plan.title}")
            line = _run_one(plan, backend)
            if line is None:
                return
            append(path, line)
            yield line
            if stopped():  # and a finaliser dropped it
                return


def _run_one(plan: Planned, backend: str) -> Line | None:
    """One run in a temporary folder; None after Ctrl-C."""
    summary, error = {}, ""
    try:
        with ctrl_c_held(lambda text: None):  # a finaliser would drop it
            keras.utils.clear_session()
            gc.collect()
        with tempfile.TemporaryDirectory() as folder:
            done = experiment.run(plan.recipe, out=Path(folder) / "run", say=lambda text: None)
        if done.interrupted:
            return None
        summary = done.summary
    except KeyboardInterrupt:
        return None
    except (ValueError, RuntimeError) as failed:
        error = str(failed)
    except Exception as failed:  # e.g. TensorFlow's own, out of memory: the others go on
        error = f"{type(failed).__name__}: {failed}"
    return Line(
        case=plan.case,
        variant=plan.variant,
        seed=plan.seed,
        backend=backend,
        settings=settings_hash(plan.recipe),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        summary=summary,
        error=error,
    )
