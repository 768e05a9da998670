import subprocess
import sys

import pytest

pytestmark = pytest.mark.backend_free

HEAVY = {"keras", "tensorflow", "jax"}
MAX_SECONDS = 2.0  # of processor time; 0.1 when written, TensorFlow alone takes several
PROGRAM = """
import importlib, sys, time
start = time.process_time()
importlib.import_module(sys.argv[1])
print(time.process_time() - start, *{name.partition(".")[0] for name in sys.modules})
"""


@pytest.mark.parametrize("module", ["recipe", "noise", "golden", "mixture", "divide", "table"])
def test_what_needs_no_network_loads_without_keras_and_at_once(module):
    program = [sys.executable, "-c", PROGRAM, f"tssd_keras.{module}"]
    seconds, *loaded = subprocess.run(
        program, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert {"tssd_keras", "numpy"} <= set(loaded)
    assert not HEAVY & set(loaded)
    assert float(seconds) < MAX_SECONDS
