import dataclasses
import tomllib
import typing

import pytest

from tssd_keras.recipe.method_sections import AugmentRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import RecipeError, load_recipe, parse_recipe, to_toml

pytestmark = pytest.mark.backend_free

SECTIONS = typing.get_type_hints(Recipe)
SETTINGS = [
    (section, key, hint)
    for section, kind in SECTIONS.items()
    for key, hint in typing.get_type_hints(kind).items()
]


def mistakes(tables, overrides=()):
    """The lines of the error that these tables raise, less the first, which counts them."""
    with pytest.raises(RecipeError) as caught:
        parse_recipe(tables, overrides, where="x.toml")
    first, *lines = str(caught.value).split("\n")
    n = len(lines)
    assert first == f"x.toml: {n} mistake{'s' if n > 1 else ''}, nothing was run"
    assert all(line.startswith("  ") for line in lines)
    return [line[2:] for line in lines]


def the_mistake(tables, overrides=()):
    (line,) = mistakes(tables, overrides)
    return line


def test_an_empty_recipe_is_the_default_and_has_no_mistakes():
    assert parse_recipe({}) == Recipe()
    assert list(Recipe().mistakes()) == []


def test_a_recipe_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().train.epochs = 3


def test_settings_of_the_file_replace_defaults_and_no_other():
    recipe = parse_recipe({"train": {"epochs": 9}, "noise": {"rate": 0.1}})
    expected = dataclasses.replace(
        Recipe(),
        train=dataclasses.replace(Recipe().train, epochs=9),
        noise=dataclasses.replace(Recipe().noise, rate=0.1),
    )
    assert recipe == expected


def test_all_mistakes_are_shown_together():
    tables = {
        "trian": {"epochs": 3},
        "divide": {"warmup_epoch": 3, "threshold": 1.5},
        "train": {"batch_size": "many", "epochs": 0, "warmup_epochs": 0},
        "noise": 4,
    }
    assert mistakes(tables) == [
        "[trian] is not a section; did you mean train?",
        "[divide] warmup_epoch is not a setting",
        "[train] batch_size must be a whole number, got 'many'",
        "[noise] must be a section, got 4",
        "[divide] threshold must lie in 0.5..1, 1 excluded, got 1.5",
        "[train] epochs must be at least 1, got 0",
        "[train] warmup_epochs must be at least 1 (a network that has seen nothing cannot judge), "
        "got 0",
        "[train] warmup_epochs must be below epochs, got 0 of 0: no sample would ever be divided; "
        'objective.kind = "plain" trains so',
    ]


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ({"nois": {}}, "[nois] is not a section; did you mean noise?"),
        ({"xyzzy": {}}, "[xyzzy] is not a section"),
        (
            {"train": {"warmup_epoch": 3}},
            "[train] warmup_epoch is not a setting; did you mean warmup_epochs?",
        ),
        ({"train": {"xyzzy": 3}}, "[train] xyzzy is not a setting"),
        ({"train": []}, "[train] must be a section, got []"),
    ],
)
def test_an_unknown_name_gets_the_nearest_known_one_if_one_is_near(tables, line):
    assert the_mistake(tables) == line


@pytest.mark.parametrize(
    ("section", "key", "value", "near"),
    [
        ("data", "source", "digit", "digits"),
        ("noise", "kind", "symetric", "symmetric"),
        ("golden", "source", "trust", "trusted"),
        ("model", "name", "cnn", "small_cnn"),
        ("objective", "kind", "weighed", "weighted"),
        ("purify", "reach", "uncertian", "uncertain"),
        ("divide", "place", "neighbors", "neighbours"),
        ("train", "optimizer", "adamw", "adam"),
        ("train", "schedule", "cosin", "cosine"),
        ("train", "precision", "float23", "float32"),
        ("augment", "padding", "reflected", "reflect"),
    ],
)
def test_an_unknown_choice_gets_the_known_ones_and_the_nearest(section, key, value, near):
    line = the_mistake({section: {key: value}})
    known, _, rest = line.removeprefix(f"[{section}] {key} must be one of ").partition(", got ")
    assert rest == f'"{value}"; did you mean {near}?'
    assert {near, getattr(getattr(Recipe(), section), key)} <= set(known.split(", "))


WRONG = {int: 3.0, float: "0.5", bool: 1, str: 3}
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@pytest.mark.parametrize(("section", "key", "hint"), SETTINGS)
def test_every_setting_refuses_a_value_of_another_type(section, key, hint):
    value, words = (WRONG[hint], WORDS[hint]) if hint in WRONG else ("text", "a list")
    if hint == float | str:
        value, words = True, "a number or text"
    remedy = f'. Write it in quotes: {key} = "3"' if hint is str else ""
    assert the_mistake({section: {key: value}}) == (
        f"[{section}] {key} must be {words}, got {value!r}{remedy}"
    )


@pytest.mark.parametrize(("section", "key", "hint"), [s for s in SETTINGS if s[2] in (int, float)])
def test_true_is_no_number(section, key, hint):
    assert (
        the_mistake({section: {key: True}}) == f"[{section}] {key} must be {WORDS[hint]}, got True"
    )


@pytest.mark.parametrize(("section", "key", "hint"), [s for s in SETTINGS if s[2] is float])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_must_be_finite(section, key, hint, value):
    tables = tomllib.loads(f"[{section}]\n{key} = {value}")
    assert the_mistake(tables) == f"[{section}] {key} must be a finite number, got {value}"


def test_a_whole_number_will_do_for_a_number():
    rate = parse_recipe({"noise": {"rate": 0}}).noise.rate
    assert (rate, type(rate)) == (0.0, float)


def test_a_number_too_large_for_a_float_is_refused():
    line = the_mistake(tomllib.loads(f"[train]\nlearning_rate = 1{'0' * 400}"))
    assert line.startswith("[train] learning_rate must be a finite number, got 1000")


def test_lists_become_tuples_of_the_right_type():
    tables = {
        "noise": {"kind": "matrix", "matrix": [[1, 0], [0.5, 0.5]]},
        "divide": {"streams": ["feature"]},
        "train": {"schedule": "step", "decay_epochs": [10, 20]},
    }
    recipe = parse_recipe(tables)
    assert recipe.noise.matrix == ((1.0, 0.0), (0.5, 0.5))
    assert {type(p) for row in recipe.noise.matrix for p in row} == {float}
    assert recipe.divide.streams == ("feature",)
    assert recipe.train.decay_epochs == (10, 20)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"train": {"schedule": "step", "decay_epochs": 150}}, "a list, got 150"),
        ({"train": {"schedule": "step", "decay_epochs": [1.5]}}, "a whole number, got [1.5]"),
        ({"train": {"schedule": "step", "decay_epochs": [True]}}, "a whole number, got [True]"),
        ({"noise": {"kind": "matrix", "matrix": [1, 0]}}, "a list, got [1, 0]"),
        ({"noise": {"kind": "matrix", "matrix": [["a"]]}}, "a number, got [['a']]"),
        ({"noise": {"kind": "matrix", "matrix": [[float("nan")]]}}, "a finite number, got [[nan]]"),
        ({"data": {"source": "tfds", "name": 3}}, 'text, got 3. Write it in quotes: name = "3"'),
        ({"train": {"epochs": "many", "warmup_epochs": 50}}, "a whole number, got 'many'"),
    ],
)
def test_a_value_of_the_wrong_type_is_one_mistake_and_not_taken_for_the_default(tables, words):
    assert the_mistake(tables).endswith(f"must be {words}")


@pytest.mark.parametrize(
    ("section", "key", "allowed", "refused"),
    [
        ("data", "image_size", [0, 64, 8000], [-1, 8001, 100_000_000]),
        ("data", "validation_share", [0.0, 0.5], [-0.1, 0.51]),
        ("noise", "rate", [0.0, 1.0], [-0.01, 1.01]),
        ("golden", "per_class", [2], [1, 0, -5, 10**26]),
        ("golden", "at_most_per_class", [0, 2], [1, 10**26]),
        ("model", "width", [0, 8, 1024], [-1, 1025, 10**10]),
        ("augment", "crop", [0, 4], [-1]),
        ("augment", "cutout", [0, 16], [-1]),
        ("augment", "strong", [0, 2], [-1]),
        ("augment", "magnitude", [0.01, 1.0], [0.0, 1.01]),
        ("data", "per_class", [0, 2], [-1, 1, 10**26]),
        ("objective", "temperature", [0.01, 1.0], [0.0, 1.01]),
        ("objective", "alpha", [0.5, 1.0, 64.0], [0.0, 0.6, 1.5, 65.0]),
        ("objective", "lambda_u", [0.0, 150.0, "auto"], [-0.1]),
        ("objective", "ramp_epochs", [0, 16], [-1]),
        ("train", "ema", [0.0, 0.999], [-0.1, 1.0]),
        ("divide", "threshold", [0.5, 0.999], [0.499, 1.0]),
        ("divide", "every", [1], [0, 10**26]),
        ("divide", "history", [1, 5], [0, 10**12]),
        ("divide", "floor_count", [1], [0, 10**26]),
        ("divide", "floor_share", [1e-9, 1.0], [0.0, 1.01]),
        ("divide", "streams", [["loss"]], [[], ["los"], ["loss", "entropy"]]),
        ("purify", "folds", [2], [1, 10**26]),
        ("purify", "history", [1], [0, 10**12]),
        ("purify", "target_precision", [0.0, 0.99], [-0.1, 1.0]),
        ("train", "epochs", [10**6], [10**26]),
        ("train", "batch_size", [1, 65_536], [0, 65_537, 10**12, 10**26]),
        ("train", "warmup_epochs", [1], [0]),
        ("train", "balanced_batches", [0, 1000], [-1, 10**26]),
        ("train", "learning_rate", [1e-9], [0.0, -1.0]),
        ("train", "momentum", [0.0, 0.99], [-0.1, 1.0]),
        ("train", "weight_decay", [0.0, 0.1], [-1e-9]),
        *((s, k, [0, 2**31 - 1], [-1, 2**31]) for s, k, _ in SETTINGS if k.endswith("seed")),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_value(section, key, allowed, refused):
    for value in allowed:
        parse_recipe({section: {key: value}})
    for value in refused:
        line = the_mistake({section: {key: value}})
        assert line.startswith(f"[{section}] {key} must ")
        assert line.endswith(f"got {value}")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["train.warmup_epochs=40"], "[train] warmup_epochs must be below epochs, got 40 of 40"),
        (["golden.train_on=true"], '[golden] train_on is for objective.kind "plain" only'),
        (
            ["golden.train_on=true", "objective.kind=plain", "golden.source=none"],
            '[golden] train_on needs source "trusted", got "none"',
        ),
        (
            ["noise.kind=asymmetric", "data.source=clothing1m"],
            '[noise] kind "asymmetric" is defined for cifar10, cifar100, digits, fashion_mnist, '
            'tiny_imagenet, got the data set "clothing1m"',
        ),
        (
            ["noise.kind=pair", "noise.include_true=true"],
            '[noise] include_true is for kind "symmetric" only, got kind "pair"',
        ),
        (["noise.kind=matrix"], '[noise] matrix goes with kind "matrix", got kind "matrix" and 0'),
        (
            ["noise.matrix=[[1, 0], [0, 1]]"],
            '[noise] matrix goes with kind "matrix", got kind "none" and 2 rows',
        ),
        (
            ["noise.kind=matrix", "noise.matrix=[[1, 0], [0.5, 0.4]]"],
            "[noise] each row of noise.matrix must be probabilities that sum to 1: 1 of 2 rows are",
        ),
        (
            ["noise.kind=matrix", "noise.matrix=[[1, 0], [1]]"],
            "[noise] noise.matrix must have one row and one column a class",
        ),
        (["noise.kind=matrix", "noise.matrix=[[1, 0]]"], "[noise] noise.matrix must have one row"),
        (["data.source=tfds"], "[data] name must be a TFDS builder"),
        (["data.name=mnist"], '[data] name is for source "tfds" only, got "mnist" with source "di'),
        (["data.source=npz"], "[data] path must name an .npz file"),
        (["data.source=folder"], "[data] path must name a folder with one folder a class"),
        (["data.source=table"], "[data] path must name a .csv or .parquet file"),
        (["data.images=x"], '[data] images is for source "table" only, got "x" with source "dig'),
        (["data.label=worse_label"], '[data] label is for source "tfds" only, got "worse_label"'),
        (
            ["data.skip_bad_images=true", "data.check_images=false"],
            "[data] skip_bad_images needs check_images",
        ),
        (["noise.kind=file"], '[noise] labels goes with kind "file", got kind "file" and ""'),
        (
            ["noise.labels=a.npy"],
            '[noise] labels goes with kind "file", got kind "none" and "a.npy"',
        ),
        (["noise.order=name"], '[noise] order must be one of source, id, got "name"'),
        (
            ["golden.source=certain", "golden.ids=a.txt"],
            '[golden] ids needs source "trusted", got "certain"',
        ),
        (["golden.at_most_per_class=1"], "[golden] at_most_per_class must be 0 or at least 2"),
        (["data.cache_gib=-1.0"], "[data] cache_gib must not be negative"),
        (["train.ramp_up_epochs=-1"], "[train] ramp_up_epochs must be 0 or more and below epochs"),
        (
            ["train.ramp_up_epochs=40"],
            "[train] ramp_up_epochs must be 0 or more and below epochs, got 40 of 40",
        ),
        (
            ["objective.lambda_u=much"],
            '[objective] lambda_u must be a number or "auto", got "much"',
        ),
        (["objective.weak_guesses=true"], "[objective] weak_guesses goes with augment.strong or"),
        (["data.test_share=0.0"], "[data] test_share must lie above 0"),
        (
            ["data.path=a.npz"],
            '[data] path is for source "npz" or "folder" or "table" only, got "a.npz"',
        ),
        (
            ["train.schedule=step"],
            '[train] decay_epochs goes with schedule "step", got schedule "s',
        ),
        (
            ["train.decay_epochs=[3]"],
            '[train] decay_epochs goes with schedule "step", got schedule "cosine" and [3]',
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(overrides, line):
    assert the_mistake({}, overrides).startswith(line)


@pytest.mark.parametrize(
    "overrides",
    [
        ["train.warmup_epochs=99", "objective.kind=plain"],
        ["golden.train_on=true", "objective.kind=plain"],
        ["golden.per_class=0", "golden.source=certain"],
        ["noise.kind=asymmetric", "data.source=tfds", "data.name=fashion_mnist/3.0.1"],
        ["noise.kind=asymmetric", "data.source=tiny_imagenet"],
        ["noise.kind=asymmetric"],
        ["objective.weak_guesses=true", "augment.strong=2"],
    ],
)
def test_what_only_seems_a_contradiction_is_taken(overrides):
    parse_recipe({}, overrides)


@pytest.mark.parametrize(
    ("data", "dataset"),
    [
        ({}, "digits"),
        ({"source": "tfds", "name": "fashion_mnist"}, "fashion_mnist"),
        ({"source": "tfds", "name": "cifar10/3.0.2"}, "cifar10"),
        ({"source": "tfds", "name": "cifar10:3.*.*"}, "cifar10"),
    ],
)
def test_the_data_set_is_named_without_its_version(data, dataset):
    assert parse_recipe({"data": data}).dataset == dataset


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("train.epochs=12", "train", "epochs", 12),
        (" train.epochs = 12 ", "train", "epochs", 12),
        ("train.momentum=0.2", "train", "momentum", 0.2),
        ("train.weight_decay=1", "train", "weight_decay", 1.0),
        ("data.check_images=false", "data", "check_images", False),
        ("noise.kind=pair", "noise", "kind", "pair"),
        ('noise.kind="pair"', "noise", "kind", "pair"),
        ("noise.kind='pair'", "noise", "kind", "pair"),
        ('divide.streams=["loss"]', "divide", "streams", ("loss",)),
        ("data.data_dir=/a b/c=d", "data", "data_dir", "/a b/c=d"),
        ("data.data_dir=", "data", "data_dir", ""),
    ],
)
def test_an_override_is_read_as_toml_and_else_as_text(override, section, key, value):
    assert getattr(getattr(parse_recipe({}, [override]), section), key) == value


def test_overrides_beat_the_file_and_later_ones_beat_earlier_ones():
    tables = {"train": {"epochs": 20, "batch_size": 8}}
    recipe = parse_recipe(tables, ["train.epochs=30", "train.momentum=0.1", "train.epochs=50"])
    assert (recipe.train.epochs, recipe.train.batch_size, recipe.train.momentum) == (50, 8, 0.1)
    assert tables == {"train": {"epochs": 20, "batch_size": 8}}


@pytest.mark.parametrize("text", ["", "epochs=3", "train.epochs", "train.=3", ".epochs=3", "=3"])
def test_an_override_that_names_no_setting_is_refused(text):
    expected = f"--set takes section.key=value, got {text!r}; try --set train.epochs=3"
    assert the_mistake({}, [text]) == expected


def test_mistakes_in_overrides_are_shown_with_the_rest():
    lines = mistakes({"model": {"nam": "mlp"}}, ["train.epoch=3", "trian.epochs=3", "epochs"])
    assert lines == [
        "--set takes section.key=value, got 'epochs'; try --set train.epochs=3",
        "[model] nam is not a setting; did you mean name?",
        "[train] epoch is not a setting; did you mean epochs?",
        "[trian] is not a section; did you mean train?",
    ]


def changed(**sections):
    """The default recipe with these settings of these sections."""
    base = Recipe()
    new = {
        name: dataclasses.replace(getattr(base, name), **values)
        for name, values in sections.items()
    }
    return dataclasses.replace(base, **new)


TEXTS = {
    "quotes": 'it\'s "so" \'\'\'and\'\'\' """so"""',
    "backslashes": "C:\\new\\table\\u0041",
    "newlines": "a\nb\r\nc\td",
    "control characters": "".join(map(chr, range(32))) + "\x7f\x80\x85\x9f",
    "other scripts": "données/数据/дані/🌷",
    "invisible": "\xa0\u200b\u2028\u2029\ufeff\ufffe",
    "invisible, beyond 16 bits": "\U000e0001\U0001fffe\U0010ffff1",
    "toml": '# no comment = ["x"]\n[section]',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_text_survives_being_written_out(tmp_path, text):
    recipe = changed(data={"data_dir": text})
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(recipe), encoding="utf-8", newline="")
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    "recipe",
    [
        changed(train={"learning_rate": 5e-324, "weight_decay": 1e22}),
        changed(noise={"kind": "symmetric", "rate": 0.1 + 0.2, "include_true": True}),
        changed(noise={"kind": "matrix", "matrix": ((1.0, 0.0), (1 / 3, 2 / 3))}),
        changed(train={"schedule": "step", "decay_epochs": (10, 20)}),
        changed(divide={"streams": ("feature",)}),
    ],
)
def test_any_value_survives_being_written_out(recipe):
    assert parse_recipe(tomllib.loads(to_toml(recipe))) == recipe


def test_every_setting_is_written_out():
    written = tomllib.loads(to_toml(Recipe()))
    assert [(s, k) for s, table in written.items() for k in table] == [
        (s, k) for s, k, _ in SETTINGS
    ]


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[train]\nepochs = 0\nwarmup_epochs = 1")
    with pytest.raises(RecipeError, match=r"mine.toml: 2 mistakes, nothing was run\n  \[train\]"):
        load_recipe(path)


@pytest.mark.parametrize("content", [b"[train\nepochs = 3", b"a = 1\na = 2", b"x = \xff"])
def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"mine.toml: not TOML, nothing was run\n  .+"):
        load_recipe(path)


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf[train]\r\nepochs = 9\r\n")
    assert load_recipe(path).train.epochs == 9


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.toml"):
        load_recipe(tmp_path / "absent.toml")


def test_labels_are_not_made_wrong_unless_a_recipe_says_so():
    assert parse_recipe({"data": {"source": "npz", "path": "mine.npz"}}).noise.kind == "none"


@pytest.mark.parametrize(
    ("settings", "shape", "dtype", "words"),
    [
        ({"flip": True}, (64,), "float32", r"augment.flip change images of .* shape \(64,\)"),
        ({"cutout": 9}, (8, 12, 3), "uint8", r"augment.cutout must be at most 8, .* got 9. Try 4"),
        ({"crop": 8}, (12, 8, 3), "uint8", r"augment.crop must be below 8, .* got 8. Try 1"),
        ({"strong": 1}, (8, 8, 3), "float32", r"augment.strong changes images of bytes"),
        ({"strong": 1}, (8, 8, 4), "uint8", r"one or three channels, .* \(8, 8, 4\). Set it to 0"),
    ],
)
def test_augmentation_that_does_not_go_with_the_samples_is_refused(settings, shape, dtype, words):
    with pytest.raises(ValueError, match=words):
        AugmentRecipe(**settings).check_samples(shape, dtype)


def test_augmentation_is_off_by_default_and_takes_any_samples():
    assert Recipe().augment.on == ()
    AugmentRecipe(magnitude=0.5, padding="reflect").check_samples((64,), "float32")


def test_all_of_the_image_may_be_covered_and_floats_be_cropped():
    AugmentRecipe(cutout=8, strong=2).check_samples((8, 8, 1), "uint8")
    AugmentRecipe(crop=7, flip=True, cutout=8).check_samples((8, 8, 5), "float32")


@pytest.mark.parametrize("name", ["2024-01-05", "2024", "007", "1e3", "true", "12:30:00", "[a]"])
def test_a_text_setting_takes_the_text_of_an_override_as_it_stands(name):
    assert parse_recipe({}, ["data.source=folder", f"data.path={name}"]).data.path == name
    assert parse_recipe({}, ["data.source=folder", f'data.path="{name}"']).data.path == name


def test_a_date_without_quotes_in_a_recipe_is_told_to_be_quoted():
    tables = tomllib.loads('[data]\nsource = "folder"\npath = 2024-01-05')
    assert the_mistake(tables).endswith('Write it in quotes: path = "2024-01-05"')


def test_a_folder_whose_name_is_no_text_comes_back_from_a_saved_recipe(tmp_path):
    recipe = parse_recipe({}, ["data.source=folder", "data.path=caf\udce9"])
    path = tmp_path / "recipe.toml"
    path.write_bytes(to_toml(recipe).encode("utf-8", "surrogateescape"))
    assert load_recipe(path) == recipe
