import contextlib
import os
import pty
import select
import sys
import termios
import time

import numpy as np

from tssd_keras.data.sources.arrays import load
from tssd_keras.labels.prepare import prepare
from tssd_keras.progress import bar, no_progress
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe
from tssd_keras.recipe.method_sections import ModelRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.epoch_bar import EpochBar


@contextlib.contextmanager
def terminal(monkeypatch):
    """A terminal as stderr; gives a function that waits until it has shown a text."""
    theirs, ours = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    seen = ""

    def shows(text):
        nonlocal seen
        sys.stderr.flush()
        while text not in seen and select.select([theirs], [], [], 20)[0]:
            seen += os.read(theirs, 1 << 16).decode()
        return text in seen

    with os.fdopen(ours, "w") as stderr, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        yield shows
    os.close(theirs)


def test_the_bar_of_an_epoch_says_that_it_prepares_until_the_first_batch_is_done(monkeypatch):
    with terminal(monkeypatch) as shows:
        epoch_bar = EpochBar(lambda: 4)
        epoch_bar.set_params({"epochs": 9})
        epoch_bar.on_epoch_begin(1)
        assert shows("epoch 2/9 (preparing)")
        epoch_bar.on_train_batch_end(0)
        assert shows("epoch 2/9:")
        assert shows("25%")
        epoch_bar.on_epoch_end(1)


def test_a_long_wait_is_shown_before_its_first_part_is_done(monkeypatch):
    with terminal(monkeypatch) as shows:
        done = bar("purifying labels", 4)
        assert shows("purifying labels")
        time.sleep(0.2)  # it is drawn ten times a second at most
        done(1)
        assert shows("25%")
        done(3)
        assert shows("100%")


def test_there_is_a_bar_while_samples_are_compared(monkeypatch, tmp_path):
    x = np.arange(30_000, dtype=np.float32)[:, None]
    y = np.arange(30_000) % 3
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=-1 - x[:30], y_test=y[:30])
    data = load(DataRecipe(source="npz", path=str(tmp_path / "own.npz")))
    recipe = Recipe(golden=GoldenRecipe(source="none"), model=ModelRecipe(name="mlp"))
    with terminal(monkeypatch) as shows:
        prepare(recipe, data)
        assert shows("comparing samples of")
        assert shows("100%")


def test_where_there_is_no_terminal_nothing_is_shown(capsys):
    for show in (bar, no_progress):
        done = show("purifying labels", 2)
        done(1)
        done(1)
    epoch_bar = EpochBar(lambda: 4)
    epoch_bar.set_params({"epochs": 9})
    epoch_bar.on_epoch_begin(1)
    epoch_bar.on_train_batch_end(0)
    epoch_bar.on_train_end()
    assert capsys.readouterr() == ("", "")


def test_a_bar_that_has_ended_is_wiped(monkeypatch):
    with terminal(monkeypatch) as shows:
        done = bar("purifying labels", 1)
        done(1)
        assert shows("100%")
        assert shows("\r" + " " * 20)
