"""Which backend runs; the tests of a backend run once for each."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
import zlib

import pytest

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


# Whole commands, runs and examples, and of the training what says or refuses something: they take
# longest, and most of what they test knows no backend.
SHARED = (
    "cli",
    "run",
    "benchmarks",
    "models",
    "test_examples.py",
    "test_own_step.py",
    "test_head.py",
    "test_classifier.py",
    "test_copies.py",
    "test_facilities.py",
    "test_golden_without_pairs.py",
    "test_inputs_and_targets.py",
    "test_logs.py",
    "test_model_kinds.py",
    "test_precision.py",
    "test_readiness.py",
    "test_rejected_count.py",
    "test_resume.py",
    "test_settings.py",
    "test_short_epochs.py",
    "test_weight_effect.py",
)


def pytest_collection_modifyitems(config, items):
    """Under SHARE_OUT, as in .ci/run, each of the tests that take long runs on one backend."""
    if not os.environ.get("SHARE_OUT"):
        return
    theirs = [item for item in items if is_shared(item) and backend_of(item) != BACKEND]
    config.hook.pytest_deselected(items=theirs)
    left_out = set(theirs)
    items[:] = [item for item in items if item not in left_out]


def is_shared(item):
    """Whether a test runs on one backend under SHARE_OUT; not if it is skipped on another."""
    if item.get_closest_marker("skipif") or item.get_closest_marker("on_both"):
        return False
    parts = item.path.relative_to(item.config.rootpath).parts
    return item.get_closest_marker("shared_out") or not set(SHARED).isdisjoint(parts)


def backend_of(item):
    """The backend of a shared test, by its name alone: the other backend's tests may differ."""
    return ("tensorflow", "jax")[zlib.crc32(item.nodeid.encode()) % 2]


def pytest_report_header():
    return f"backend: {os.environ['KERAS_BACKEND']}"


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
