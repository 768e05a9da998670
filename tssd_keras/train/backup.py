"""The state of a training that was cut off, beside Keras' BackupAndRestore of its model."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Protocol

import numpy as np

from tssd_keras.judge.state import State
from tssd_keras.recipe.argument import as_path
from tssd_keras.train.state_file import load_state, make_place, save_state


class HasState(Protocol):
    """What is backed up."""

    def get_state(self) -> State:
        """All that it remembers."""

    def set_state(self, state: State) -> None:
        """Go on from there."""


class Backup:
    """Two files: the state at the end of the last epoch, and of the one before.

    Model and state are written one after the other, so a kill between can leave one an epoch
    behind. The epoch at which `fit` goes on says which state is the model's.

    Args:
        path: of the newer file; the other has ".previous" added.

    Raises:
        TypeError: `path` is no path.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(as_path("backup_path", path))
        self.previous = Path(f"{path}.previous")

    def prepare(self) -> None:
        """Make the folder; raises OSError unless both files can be written."""
        for path in (self.path, self.previous):
            make_place(path)

    def write(self, of: HasState, epoch: int) -> None:
        """Keep the state at an epoch's end; `epoch` is its number within `fit`."""
        self.prepare()
        state = {**of.get_state(), "next_epoch": np.array(epoch + 1)}
        if self.path.exists():
            os.replace(self.path, self.previous)
        save_state(self.path, state)

    def newest(self) -> State | None:
        """The last state that was written; None: there is none."""
        states = self._states()
        return states[max(states)] if states else None

    def line_up(self, of: HasState, epoch: int, *, new: bool) -> bool:
        """Take the state that belongs to the model.

        Args:
            of: takes it.
            epoch: at which `fit` goes on.
            new: whether nothing was trained in this process. What was goes on from where it is,
                if no state is of this epoch.

        Returns:
            Whether the state is of an epoch earlier, so that labels must be judged anew; a warning
            says so.

        Raises:
            RuntimeError: the states are of other epochs.
        """
        states = self._states()
        if epoch in states:
            of.set_state(states[epoch])
        if epoch in states or not states or not new:
            return False
        newest = max(states)
        if epoch != newest + 1:
            raise RuntimeError(
                f"model and TSSD must go on at the same epoch: fit begins at epoch {epoch}, and "
                f"{self.path} is of a training that goes on at epoch {newest}. To go on, "
                f"restore the model too (keras.callbacks.BackupAndRestore behind TSSD in fit's "
                f"callbacks, or initial_epoch={newest}); to begin anew, delete {self.path} and "
                f"{self.previous}."
            )
        warnings.warn(
            f"the model was kept after epoch {epoch}, TSSD's state after {newest}: the training "
            "was cut off between. Labels are judged anew before the first epoch. Put TSSD "
            "before BackupAndRestore in fit's callbacks, then there is a state for every model.",
            UserWarning,
            stacklevel=4,
        )
        return True

    def delete(self) -> None:
        """Training has ended."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)

    def _states(self) -> dict[int, State]:
        """The epoch at which `fit` goes on -> state."""
        paths = [path for path in (self.previous, self.path) if path.exists()]
        return dict(_numbered(path) for path in paths)


def _numbered(path: Path) -> tuple[int, State]:
    """The epoch at which `fit` goes on, and the state; raises ValueError where it is no backup."""
    state = load_state(path)
    try:
        return int(state["next_epoch"]), state
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a backup of a TSSD, it does not say at which epoch to go on. Name "
            "another file as backup_path, or delete this one. TSSD.load reads what TSSD.save wrote."
        ) from error
