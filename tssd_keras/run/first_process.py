"""Only the first of several processes has the run's folder; what the others write goes with them.

All do the same, since what one device computes all must: models are saved, too, so each process has
a place for files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import toml_value
from tssd_keras.run.kept_state import Kept, kept_of, read_kept
from tssd_keras.run.saved_recipe import PATHS
from tssd_keras.train import devices
from tssd_keras.train.one_table import check_alike, state_of_first

Say = Callable[[str], None]


def check_same_recipe(recipe: Recipe) -> None:
    """Raise ValueError in all processes unless they run the same; their files may lie elsewhere."""
    if devices.layout().n_processes > 1:
        check_alike(
            {
                f"{section}.{key}": toml_value(value)
                for section, settings in dataclasses.asdict(recipe).items()
                for key, value in settings.items()
                if key not in PATHS.get(section, ())
            }
        )


@contextlib.contextmanager
def files_of_first(path: Path | None, say: Say) -> Iterator[tuple[Path | None, Say]]:
    """The run folder and `say` as given; in other processes an empty folder, and silence."""
    if devices.layout().process == 0:
        yield path, say
        return
    with tempfile.TemporaryDirectory(prefix="tssd_keras_") as folder:
        yield Path(folder), lambda line: None


def kept_by_first(path: Path) -> Kept:
    """The state that a run has kept, in every process; see `kept_state.read_kept`.

    Args:
        path: the run folder; only the first process reads it.
    """
    layout = devices.layout()
    if layout.n_processes == 1:
        return read_kept(path)
    own = read_kept(path).arrays() if layout.process == 0 else {}
    return kept_of(state_of_first(own), path)
