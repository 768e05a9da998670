"""Which backend runs; the tests of a backend run once for each."""

import atexit
import collections
import gc
import os
import shutil
import signal
import sys
import tempfile
import zlib

import pytest

# A shell lets what it starts in the background ignore Ctrl-C, and so would what tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BACKEND = os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# Two backends are tested side by side, and arrays are small: more threads wait for each other.
# That saves a third of the processor's time; no number changes. Programs run for moments only, so
# JAX compiles them with fewer optimisations, a ResNet-50 in a third of the time. Without this flag
# (XLA_FLAGS= make test) the same tests must pass; examples and benchmarks run without it.
for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(threads, "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=1"
)

# Most tests compile the same few programs anew. JAX reads them from here, in the processes that
# tests start too, which halves its time; TensorFlow has nothing of the kind for a CPU.
COMPILED = tempfile.mkdtemp(prefix="tssd_keras_jax_")
atexit.register(shutil.rmtree, COMPILED, ignore_errors=True)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", COMPILED)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


# Under SHARE_OUT, a number that .ci/run takes from the commit, a test that touches Keras runs for
# one share of SHARES on TensorFlow and for another one on JAX, with one of its sets of parameters,
# which the number chooses, too. These run every time on both, as their numbers must be the same,
# and so do those that are skipped on one. Those marked as long do not run. `make test` alone runs
# all.
ON_BOTH = (
    "test_callback.py",
    "test_feed.py",
    "test_meta_classifier.py",
    "test_mixmatch.py",
    "test_nearest.py",
    "test_purify.py",
    "test_score_pass.py",
    "test_scoring_model.py",
    "test_steps.py",
)
# A file goes as a whole, so that what its tests share is made once; the longest go by test.
BY_TEST = (
    "test_audit.py",
    "test_examples.py",
    "test_facilities.py",
    "test_full_disks.py",
    "test_inputs_and_targets.py",
    "test_main.py",
    "test_own_step.py",
    "test_resume.py",
    "test_resumed_runs.py",
    "test_your_model.py",
)
SHARES = 6
SALT = 183  # of 200 the one whose slowest share is the fastest, on 2026-11-28
SHARE_OUT = os.environ.get("SHARE_OUT")


def pytest_collection_modifyitems(config, items):
    """What wants prepared data comes last, and what is another backend's is left out."""
    items.sort(key=lambda item: item.get_closest_marker("prepared") is not None)
    if not SHARE_OUT:
        return
    short = [item for item in items if not item.get_closest_marker("long")]
    ours = [item for item in short if not is_shared(item) or backend_of(item) == BACKEND]
    chosen = set(with_one_set(ours, int(SHARE_OUT)))
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def with_one_set(items, number):
    """Each test once: with the set of parameters that its name and the number choose."""
    sets = collections.defaultdict(list)
    for item in items:
        sets[item.nodeid.partition("[")[0]].append(item)
    for name, of_test in sets.items():
        if of_test[0].get_closest_marker("backend_free"):
            yield from of_test
        else:
            turn = zlib.crc32(name.encode()) + number // SHARES
            yield of_test[turn % len(of_test)]


def is_shared(item):
    """Whether a test runs for some commits only; not if it is skipped on a backend."""
    if item.get_closest_marker("skipif") or item.get_closest_marker("on_both"):
        return False
    return not item.get_closest_marker("backend_free") and item.path.name not in ON_BOTH


def backend_of(item):
    """The backend of a shared test for this commit, or none; by its name, whatever others run."""
    name = item.nodeid if item.path.name in BY_TEST else item.nodeid.partition("::")[0]
    turn = (zlib.crc32(f"{SALT}{name}".encode()) + int(SHARE_OUT)) % SHARES
    return {0: "tensorflow", 1: "jax"}.get(turn)


def pytest_report_header():
    share = f"; share {int(SHARE_OUT) % SHARES} of {SHARES}" if SHARE_OUT else ""
    return f"backend: {os.environ['KERAS_BACKEND']}{share}"


@pytest.fixture(scope="module", autouse=True)
def _nothing_grows_old():
    """What earlier modules left is let go of, so that thousands of tests stay as fast as few.

    JAX keeps each program that it compiled. TensorFlow's iterators have a thread whose end can take
    as long as they have lived (train/feed_tf_data.py; Keras makes some of its own).
    """
    yield
    if os.environ["KERAS_BACKEND"] == "jax" and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A short run of the default recipe, and what it printed; tests change copies only."""
    from builders.runs import command, tssd

    folder = tmp_path_factory.mktemp("session") / "digits"
    result = tssd(*command(folder))
    assert result.exit_code == 0, result.output
    return folder, result.output


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    """One for all modules: to start it takes a second, and there is one loop of Playwright's."""
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install -e '.[dev]'"
    )
    with api.sync_playwright() as driver:
        # Root, as in a container, has no sandbox of its own; the pages are ours.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()
