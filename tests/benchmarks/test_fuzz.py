"""The fuzzer: a case is told by its number, and an answer by what came of it."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.backend_free

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    """The scripts of benchmarks/ import each other by name."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.filterwarnings("ignore")  # of NumPy and zipfile, about what is spoilt on purpose
@pytest.mark.parametrize("name", ["a.csv", "a.npy", "a.npz", "a.toml"])
def test_a_case_comes_again_by_its_number_and_leaves_the_original(tmp_path, name):
    import fuzz_spoil

    source = tmp_path / name
    if name == "a.npz":
        np.savez(source, a=np.arange(9), b=np.ones(3))
    elif name == "a.npy":
        np.save(source, np.arange(9))
    else:
        source.write_text("a = 1\nb = 2\n" if name == "a.toml" else "id,label\nx,1\ny,2\n")
    before = source.read_bytes()
    spoilt = set()
    for number in range(60):
        found = []
        for place in ("one", "other"):
            folder = tmp_path / place / str(number)
            folder.mkdir(parents=True)
            path = fuzz_spoil.spoil(random.Random(number), source, folder / name)
            small = path.is_file() and path.stat().st_size < 2 * fuzz_spoil.MOST
            found.append(path.read_bytes() if small else "no such file")
        if name != "a.npz":  # which says when it was made
            assert found[0] == found[1]
        spoilt.add(found[0])
    assert len(spoilt) > 30
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("status", "said", "late", "used", "outcome"),
    [
        (0, "all is well", False, 0, "accepted"),
        (1 << 8, "Error: no such file", False, 0, "refused"),
        (2 << 8, "Usage: ... Error: no such option", False, 0, "refused"),
        (1 << 8, "Traceback", False, 0, "traceback"),
        (3 << 8, "Error: in a traceback", False, 0, "traceback"),
        (11, "", False, 0, "traceback"),
        (9, "", True, 0, "over 10 s"),
        (0, "", False, 2**31, "over 1 GB"),
        (1 << 8, "Error: " + "x" * 20_000, False, 0, "a flood of words"),
    ],
)
def test_what_came_is_told_by_exit_status_words_time_and_memory(status, said, late, used, outcome):
    import fuzz

    assert fuzz._outcome(status, said, late, used) == outcome


def test_what_a_refused_resume_left_is_compared_whatever_it_is(tmp_path):
    import fuzz

    run = tmp_path / "run"
    run.mkdir()
    (run / "state.npz").write_bytes(b"state")
    (run / "link").symlink_to("nowhere")
    before = fuzz.contents(tmp_path)
    (tmp_path / "said").write_text("Error: refused")
    assert fuzz.contents(tmp_path) == before
    (run / "running").touch()
    assert fuzz.contents(tmp_path) != before
    (run / "running").unlink()
    assert fuzz.contents(tmp_path) == before
    (run / "state.npz").write_bytes(b"State")
    assert fuzz.contents(tmp_path) != before
