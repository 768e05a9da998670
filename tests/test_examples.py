import importlib.util
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_users_own_model_is_trained_by_the_callback(capsys):
    tssd, accuracy = load("own_model").main()
    assert accuracy > 0.88
    assert tssd.rounds
    assert np.isfinite(tssd.table.q).all()
    assert "of the 20 labels judged worst, 100% are wrong" in capsys.readouterr().out


def test_the_readme_shows_the_example_that_is_tested():
    readme = (EXAMPLES.parent / "README.md").read_text()
    source = (EXAMPLES / "own_model.py").read_text()
    assert "examples/own_model.py" in readme
    shown = "tssd = TSSD(x_train, y_train, golden=(x_trusted, y_trusted), warmup_epochs=6)"
    assert shown in readme
    assert shown in source
