import json
import subprocess
import sys
from pathlib import Path

import pytest
from builders.clothing1m_folder import write_original
from click.testing import CliRunner

from tssd_keras.cli.main import main
from tssd_keras.data.named.catalogue import CATALOGUE, find_prepared
from tssd_keras.data.named.one_writer import one_writer
from tssd_keras.recipe.toml import parse_recipe

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return CliRunner().invoke(main, ["datasets", *map(str, arguments)])


def pretend_prepared(data_dir, name, version, **counts):
    """The two files of a prepared data set that say what it holds."""
    folder = data_dir / name / version
    folder.mkdir(parents=True)
    splits = [{"name": k, "shardLengths": [str(n - 1), "1"]} for k, n in counts.items()]
    (folder / "dataset_info.json").write_text(json.dumps({"splits": splits}))
    (folder / "features.json").write_text("{}")
    return folder


def lines_of(output):
    return {line.split()[0]: line for line in output.splitlines() if line.strip()}


def test_every_data_set_is_listed_with_whether_it_is_ready_and_where_was_looked(tmp_path):
    pretend_prepared(tmp_path, "cifar10", "3.0.2", train=50, test=10)
    result = run("--data-dir", tmp_path)
    assert result.exit_code == 0, result.output
    lines = lines_of(result.output.partition("To get the rest")[0])
    assert set(CATALOGUE) <= set(lines)
    assert "yes, cifar10/3.0.2" in lines["cifar10"]
    assert "yes, built in" in lines["digits"]
    assert " no " in lines["cifar100"]
    assert f"Looked in {tmp_path}" in result.output


def test_what_is_not_ready_is_told_how_to_get(tmp_path):
    pretend_prepared(tmp_path, "cifar10", "3.0.2", train=50, test=10)
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "tiny-imagenet-200.zip").touch()
    rest = run("--data-dir", tmp_path).output.partition("To get the rest")[2]
    assert "cifar-100-binary.tar.gz, 168,513,733 bytes: https://www.cs.toronto.edu" in rest
    assert "datasets prepare NAME --from FOLDER" in rest
    assert "tiny-imagenet-200.zip (lies there)" in rest.replace(
        ": http://cs231n.stanford.edu/tiny-imagenet-200.zip", ""
    )
    assert "\ncifar10 needs" not in rest


def test_the_table_is_aligned(tmp_path):
    lines = run("--data-dir", tmp_path).output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("data set"))
    column = lines[start].index("what it is")
    for line, entry in zip(lines[start + 1 :], CATALOGUE.values(), strict=False):
        assert line[column:] == entry.what


def test_the_data_dir_is_the_option_else_the_environment_else_data_tfds(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "env"))
    assert f"Looked in {tmp_path / 'env'}\n" in run().output
    assert f"Looked in {tmp_path / 'given'}\n" in run("--data-dir", tmp_path / "given").output
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.chdir(tmp_path)
    assert f"Looked in {tmp_path / 'data' / 'tfds'}\n" in run().output


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_settings_of_each_data_set_make_a_recipe(name):
    assert parse_recipe({}, CATALOGUE[name].settings).data.source


def test_the_latest_version_counts_and_what_is_half_written_does_not(tmp_path):
    pretend_prepared(tmp_path, "cifar10", "3.0.2", train=5)
    latest = pretend_prepared(tmp_path, "cifar10", "3.0.10", train=7, test=2)
    pretend_prepared(tmp_path, "cifar10", "3.1.0.incompleteABC", train=9)
    assert find_prepared("cifar10", tmp_path).path == latest
    assert find_prepared("cifar10", tmp_path).counts == {"train": 7, "test": 2}
    config = pretend_prepared(tmp_path / "controlled", "mini", "1.0.0", train=3)
    assert find_prepared("controlled", tmp_path).path == config
    assert find_prepared("cifar100", tmp_path) is None


def test_a_description_that_cannot_be_read_is_named(tmp_path):
    folder = pretend_prepared(tmp_path, "cifar10", "3.0.2", train=5)
    (folder / "dataset_info.json").write_text("{")
    result = run("--data-dir", tmp_path)
    assert result.exit_code == 1
    assert "dataset_info.json: must be TFDS's description" in result.output


def test_what_is_ready_is_left_alone(tmp_path):
    folder = pretend_prepared(tmp_path, "cifar10", "3.0.2", train=50, test=10)
    before = {p: p.read_bytes() for p in folder.iterdir()}
    result = run("prepare", "cifar10", "--data-dir", tmp_path)
    assert result.exit_code == 0
    assert "cifar10 is ready already, nothing was written" in result.output
    assert "train               50" in result.output
    assert before == {p: p.read_bytes() for p in folder.iterdir()}


def test_an_unknown_name_is_told_the_nearest_one():
    result = run("prepare", "cifar10n")
    assert result.exit_code == 1
    assert "got 'cifar10n'; did you mean cifar10_n?" in result.output
    assert "tiny_imagenet, clothing1m" in result.output


def test_digits_need_no_preparing():
    assert "digits is ready already" in run("prepare", "digits").output


@pytest.mark.parametrize("name", [n for n, entry in CATALOGUE.items() if not entry.built_in])
def test_without_its_files_a_data_set_is_told_what_it_needs_and_nothing_is_written(tmp_path, name):
    (tmp_path / "empty").mkdir()
    for source in ("empty", "nowhere"):
        into = tmp_path / "tfds"
        result = run("prepare", name, "--from", tmp_path / source, "--data-dir", into)
        assert result.exit_code == 1
        assert not isinstance(result.exception, ImportError)
        assert CATALOGUE[name].files[0].name in result.output
        assert not into.exists()


def test_clothing1m_is_prepared_from_a_folder_and_its_splits_are_counted(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    (tmp_path / "original").mkdir()
    write_original(tmp_path / "original")
    result = run("prepare", "clothing1m", "--from", tmp_path / "original", "--data-dir", tmp_path)
    assert result.exit_code == 0, result.output
    assert "clothing1m is ready" in result.output
    for split, n in (("train", 70), ("validation", 14), ("test", 14)):
        assert f"  {split:<12}{n:>10}" in result.output
    assert "--set data.source=clothing1m" in result.output
    assert "yes, clothing1m/1.0.0" in run("--data-dir", tmp_path).output


def test_a_tfds_folder_that_cannot_be_is_told_and_nothing_is_made(tmp_path):
    (tmp_path / "original").mkdir()
    (tmp_path / "file").write_text("mine")
    for into in (tmp_path / "file", tmp_path / "file" / "tfds"):
        result = run(
            *("prepare", "clothing1m", "--from", tmp_path / "original", "--data-dir", into)
        )
        assert result.exit_code == 1
        assert f"{into} is not: {tmp_path / 'file'} is no folder. Name" in result.output
    assert (tmp_path / "file").read_text() == "mine"


def test_what_a_killed_run_left_is_removed_and_other_data_are_not(tmp_path):
    folder = pretend_prepared(tmp_path, "cifar10", "3.0.1.incompleteABC", train=5)
    other = pretend_prepared(tmp_path, "cifar10", "3.0.0", train=5)
    left = [tmp_path / ".unpacked-x" / "a", tmp_path / "cifar10" / "incomplete.QX_3.0.2" / "b"]
    for path in left:
        path.mkdir(parents=True)
    with (
        one_writer(tmp_path, "cifar10"),
        pytest.raises(ValueError, match="one data set is prepared at a time"),
        one_writer(tmp_path, "fashion_mnist"),
    ):
        pass
    assert not folder.exists()
    assert list((tmp_path / "cifar10").iterdir()) == [other]
    assert [p.name for p in tmp_path.iterdir()] == ["cifar10"]


def test_a_folder_made_for_nothing_is_taken_away(tmp_path):
    with pytest.raises(OSError), one_writer(tmp_path / "a" / "b", "cifar10"):
        raise OSError
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_list_is_an_error_message_and_no_traceback(tmp_path):
    write_original(tmp_path, noisy_label_kv="a.jpg 99\n")
    result = run("prepare", "clothing1m", "--from", tmp_path, "--data-dir", tmp_path / "tfds")
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert "each label must lie in 0..13; 1 not so: line 1 'a.jpg 99'" in result.output


def test_tiny_imagenet_is_prepared_from_a_zip_elsewhere_without_a_copy(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    from builders.tiny_imagenet_zip import members, write_zip

    path = write_zip(tmp_path / "elsewhere", members())
    into = tmp_path / "tfds"
    result = run("prepare", "tiny_imagenet", "--from", path.parent, "--data-dir", into)
    assert result.exit_code == 0, result.output
    assert "validation           6" in result.output
    assert not list(into.rglob("*.zip"))


def test_the_listing_loads_neither_keras_nor_tensorflow():
    code = (
        "import sys; from click.testing import CliRunner; from tssd_keras.cli.main import main;"
        "result = CliRunner().invoke(main, ['datasets']); assert result.exit_code == 0;"
        "heavy = ('keras', 'tensorflow', 'jax', 'tensorflow_datasets');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
