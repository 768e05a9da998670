import subprocess
import sys

import pytest

from tssd_keras.data.named import one_writer as module
from tssd_keras.data.named.one_writer import LOCK, SCRATCH, one_writer

pytestmark = pytest.mark.backend_free


@pytest.fixture(params=["locks of the system", "a lock file"])
def locks(request, monkeypatch):
    """Both ways to keep others out: Windows has no fcntl."""
    if request.param == "a lock file":
        monkeypatch.setattr(module, "fcntl", None)


def test_one_process_writes_at_a_time_and_then_the_next(locks, tmp_path):
    for _ in range(2):
        with (
            one_writer(tmp_path, "cifar10"),
            pytest.raises(ValueError, match=f"another process is at it in {tmp_path}"),
            one_writer(tmp_path, "fashion_mnist"),
        ):
            pass
    assert list(tmp_path.iterdir()) == []


def test_leftovers_go_and_a_fault_leaves_no_trace(locks, tmp_path):
    (tmp_path / f"{SCRATCH}1").mkdir()
    with pytest.raises(OSError, match="full"), one_writer(tmp_path / "a", "cifar10"):
        raise OSError("the disk is full")
    assert not (tmp_path / "a").exists()
    with one_writer(tmp_path, "cifar10"):
        assert not (tmp_path / f"{SCRATCH}1").exists()


def test_a_lock_file_that_a_killed_process_left_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "fcntl", None)
    (tmp_path / LOCK).touch()
    with pytest.raises(ValueError, match=f"if none runs, remove {tmp_path / LOCK}"):
        one_writer(tmp_path, "cifar10").__enter__()
    assert (tmp_path / LOCK).exists()


def test_a_fault_within_is_not_taken_for_a_lock(locks, tmp_path):
    with pytest.raises(BlockingIOError, match="mine"), one_writer(tmp_path, "cifar10"):
        raise BlockingIOError("mine")


def test_the_command_line_prepares_without_fcntl(tmp_path):
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from tssd_keras.cli.main import main\n"
        f"main(['datasets', 'prepare', 'fashion_mnist', '--from', {str(tmp_path)!r}, "
        f"'--data-dir', {str(tmp_path / 'tfds')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "fashion_mnist needs 4 files" in done.stderr
    assert not (tmp_path / "tfds").exists()
