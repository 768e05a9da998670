import numpy as np
import pytest
from builders.examples import EXAMPLES, load


def test_a_users_own_model_is_trained_by_the_callback(capsys):
    tssd, accuracy = load("own_model").main(epochs=18)
    assert accuracy > 0.88
    assert tssd.rounds
    assert np.isfinite(tssd.table.q).all()
    assert "of the 20 labels judged worst, 100% are wrong" in capsys.readouterr().out


def test_a_table_of_numbers_is_learned_better_with_tssd(capsys):
    tssd, result = load("tabular").main(epochs=15)
    assert result["tssd"] > 0.9
    assert result["tssd"] > result["plain"] + 0.05
    assert result["wrong_among_suspects"] > 0.9
    assert tssd.inputs.shape[1:] == (30,)
    assert f"with TSSD {result['tssd']:.3f}" in capsys.readouterr().out


@pytest.mark.long
def test_text_as_numbers_of_words_is_learned_better_with_tssd(capsys):
    tssd, result = load("text").main(epochs=18)
    assert result["tssd"] > 0.64
    assert result["tssd"] > result["plain"] + 0.05
    assert result["wrong_among_suspects"] > 0.9  # 0.4 by chance
    assert f"with TSSD {result['tssd']:.3f}" in capsys.readouterr().out
    # From the inputs to the network, words stay whole numbers.
    assert (tssd.inputs.dtype, tssd.inputs.shape[1:]) == ("int32", (24,))
    x, _, _ = next(iter(tssd.feed(batch_size=8)))
    assert (np.asarray(x).dtype, x.shape) == ("int32", (8, 24))


@pytest.mark.backend_free
def test_the_texts_are_the_same_each_time_and_of_every_subject():
    text = load("text")
    (words, labels), (again, same) = text.texts(), text.texts()
    assert words == again
    np.testing.assert_array_equal(labels, same)
    count = np.bincount(labels)
    assert len(count) == len(text.SUBJECTS)
    assert count.min() > 500
    assert count.max() <= text.SENTENCES
    assert len(set(words)) > 0.99 * len(words)  # hardly a sentence has two subjects


@pytest.mark.backend_free
def test_words_become_numbers_of_one_length():
    text = load("text")
    ids = text.token_ids([("a", "b"), ("c",) * 30], {"a": 2, "c": 3})
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids[0], [2, 1] + [0] * 22)
    np.testing.assert_array_equal(ids[1], [3] * 24)


@pytest.mark.filterwarnings("ignore")  # Beam's and TFDS's own
def test_record_files_that_beam_wrote_are_judged_by_the_samples_own_names(tmp_path, capsys):
    pytest.importorskip("apache_beam", reason="apache-beam is in no extra: pip install apache-beam")
    tssd, result = load("beam_through_tfds").main(tmp_path)
    assert result["samples"] == 1497
    assert len(result["files"]) == 2 * 4
    assert result["accuracy"] > 0.9
    assert result["wrong_among_suspects"] > 0.9  # 0.27 by chance
    assert len(set(tssd.table.ids)) == len(tssd.table.ids)
    assert "1497 samples in 8 record files, by Beam's DirectRunner" in capsys.readouterr().out


def test_the_readme_shows_the_example_that_is_tested():
    readme = (EXAMPLES.parent / "README.md").read_text()
    source = (EXAMPLES / "own_model.py").read_text()
    assert "examples/own_model.py" in readme
    shown = ("tssd = TSSD(x_train, y_train, ", "tssd.feed(batch_size=32)", "callbacks=[tssd]")
    for part in (*shown, "golden=(x_trusted, y_trusted)", 'reduction="mean_with_sample_weight"'):
        assert part in readme
        assert part in source
