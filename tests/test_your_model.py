"""Public examples of eight kinds, each with TSSD in at most five changed lines."""

import keras
import numpy as np
import pytest
from builders.examples import EXAMPLES, load
from builders.your_model import FOLDER, NAMES, body, diff, n_changed, source

DOCUMENT = EXAMPLES.parent / "docs" / "your_model.md"
AUROC = {  # at least, on either backend; 0.5 by chance
    "features": 0.95,
    "image_folder": 0.97,
    "subclassed": 0.94,
    "text": 0.92,
    "tickets": 0.88,
    "timeseries": 0.96,
    "transfer": 0.96,
    "vit": 0.97,
}


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")  # by the plain part
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_wrong_labels_are_told_and_the_network_is_better_for_it(name, capsys, monkeypatch):
    module, compares = load(f"your_model/{name}"), keras.backend.backend() == "tensorflow"
    if not compares:  # plain training is Keras alone, so that one backend is enough
        trained = []
        with_tssd = module.with_tssd
        monkeypatch.setattr(
            module, "with_tssd", lambda *args: trained.append(with_tssd(*args)) or trained[0]
        )
        monkeypatch.setattr(module, "plain", lambda *args: trained[0][0])
    tssd, result = module.main()
    assert result["auroc"] > AUROC[name]
    assert result["tssd"] > result["plain"] or not compares
    assert f"label-error AUROC {result['auroc']:.3f}" in capsys.readouterr().out
    assert np.isfinite(tssd.table.clean_score).all()
    keras.backend.clear_session()


@pytest.mark.backend_free
def test_there_are_eight_examples_with_a_bound_each():
    assert len(NAMES) == 8
    assert set(NAMES) == set(AUROC)


@pytest.mark.backend_free
@pytest.mark.parametrize("name", NAMES)
def test_five_lines_at_most_are_changed_and_the_document_shows_them(name):
    assert "tssd" not in "\n".join(body(name, "plain"))
    assert "callbacks=[tssd" in "\n".join(body(name, "with_tssd"))
    changed = n_changed(name)
    assert 3 <= changed <= 5
    words = {3: "three", 4: "four", 5: "five"}
    assert f"differ in {words[changed]} lines" in " ".join(source(name).split())
    document = DOCUMENT.read_text()
    assert f"```diff\n{diff(name)}\n```" in document
    (row,) = [line for line in document.splitlines() if line.startswith(f"| [{name}.py]")]
    assert row.split("|")[3].strip() == str(changed)
    assert (FOLDER / f"{name}.py").name in row
