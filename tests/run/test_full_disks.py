"""A disk that fills up, or becomes read-only, while a run or an audit writes to it."""

import json
import os
import subprocess

import pytest
from builders.runs import tssd
from click.testing import CliRunner

from tssd_keras.cli.main import main
from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import experiment
from tssd_keras.run.folder import RunFolder

SHORT = ("train.epochs=3", "train.warmup_epochs=1", "model.name=mlp", "model.width=16")


def mount(*words):
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A disk of 16 MB of its own, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)):
        pytest.skip("no disk can be mounted here: that needs root and CAP_SYS_ADMIN")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_folder_of_a_disk_that_became_read_only_is_told_so(disk):
    (disk / "run").mkdir()
    assert mount("-o", "remount,ro", str(disk))
    with pytest.raises(OSError, match=r"must be one that can be .*Read-only file system\..*a copy"):
        RunFolder(disk / "run").take(new=False)


def fill(disk):
    """Take all the room there is."""
    with open(disk / "filler", "wb", buffering=0) as file:
        for size in (1 << 16, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def run(out, at, happens):
    """A run under whose feet something happens at the first line that begins so."""
    lines = []

    def say(line):
        lines.append(line)
        if line.startswith(at):
            happens()

    with pytest.raises(OSError) as error:
        experiment.run(parse_recipe(DEFAULT, SHORT), out=out, say=say)
    return str(error.value), lines


def whole_disk(out):
    fill(out.parent)


def mended_disk(out):
    (out.parent / "filler").unlink()


def folder_that_takes_nothing(out):
    if subprocess.run(["chattr", "+i", str(out)], capture_output=True, check=False).returncode:
        pytest.skip("this file system knows no immutable folders")


def folder_that_takes_files(out):
    subprocess.run(["chattr", "-i", str(out)], check=True)


FAULTS = {
    "full": (whole_disk, mended_disk, "No space left on device"),
    "closed": (folder_that_takes_nothing, folder_that_takes_files, "Operation not permitted"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_names_the_fault_and_goes_on_once_it_is_mended(fault, disk, tmp_path):
    break_it, mend_it, why = FAULTS[fault]
    out = disk / "run"
    said, lines = run(out, "epoch 2/", lambda: break_it(out))
    mend_it(out)
    assert why in said
    assert str(out) in said
    assert "Make room on the disk, or let the folder be written to" in said
    assert any("could not be written" in line for line in lines)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    result = CliRunner().invoke(main, ["train", "--resume", str(out)])
    assert result.exit_code == 0, result.output
    whole = experiment.run(parse_recipe(DEFAULT, SHORT), out=tmp_path / "whole", say=lambda _: None)
    assert (out / "samples.csv").read_bytes() == (whole.folder / "samples.csv").read_bytes()
    assert json.loads((out / "summary.json").read_text())["error"] is None


@pytest.mark.backend_free
def test_a_read_only_place_is_told_before_anything_is_loaded(disk):
    assert mount("-o", "remount,ro", str(disk))
    words = ("--set", "data.source=npz", "--set", "data.path=absent.npz")
    result = tssd("train", *words, "--out", str(disk / "run"))
    assert result.exit_code == 1
    assert "Read-only file system" in result.output
    assert "absent" not in result.output


def test_an_audit_that_does_not_fit_leaves_no_half_of_a_file(disk, digits_run):
    assert tssd("audit", str(digits_run[0]), "--out", str(disk / "whole")).exit_code == 0
    whole = {path.name: path.stat().st_size for path in (disk / "whole").iterdir()}
    fill(disk)
    room = sorted(whole.values())[-1] // 2
    os.truncate(disk / "filler", (disk / "filler").stat().st_size - room)
    result = tssd("audit", str(digits_run[0]), "--out", str(disk / "audit"))
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "No space left on device" in result.output
    assert str(disk / "audit") in result.output
    there = list((disk / "audit").iterdir())
    assert [path.stat().st_size for path in there] == [whole[path.name] for path in there]


def test_an_audit_to_a_read_only_place_is_refused(disk, digits_run):
    assert mount("-o", "remount,ro", str(disk))
    result = tssd("audit", str(digits_run[0]), "--out", str(disk / "audit"))
    assert result.exit_code == 1
    assert "Read-only file system" in result.output
    assert "Nothing was run. Give another --out." in result.output
