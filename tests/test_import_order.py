"""Where things live: packages in the order that data flow, and imports that point down only."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tssd_keras"

# A module imports only from its own entry and from those above it.
ORDER = (
    "progress",
    "recipe",
    "data",
    "labels",
    "judge",
    "models",
    "train",
    "run",
    "auditing",
    "cli",
)
# Every module in these loads without Keras and without a backend, but for those named.
LIGHT = {
    "progress": (),
    "recipe": (),
    "data": (
        "data.named.tiny_imagenet_builder",
        "data.named.clothing1m_builder",
        "data.named.clothing1m_prepare",
    ),
    "labels": (),
    "judge": ("judge.meta_classifier",),
    "auditing": (),
}
LIGHT_MODULES = (
    "run.read",
    "run.compare",
    "run.plots",
    "run.lines",
    "run.ablation_table",
    "run.folder",
    "cli.main",
    "train.arguments",
    "train.checked",
    "train.settings",
)
HEAVY = ("keras", "tensorflow", "tensorflow_datasets", "jax", "matplotlib", "sklearn")
HOMES = {
    "tensorflow": {
        "data.from_dataset",
        "data.named.tfds",
        "data.named.tfds_reading",
        "data.named.record_files",
        "train.devices.tensorflow_devices",
        "train.feed_tf_data",
        "train.steps.tensorflow_step",
        "train.steps.tensorflow_trial",
    },
    "jax": {"train.devices.jax_devices", "train.steps.jax_step", "train.steps.jax_trial"},
    "tensorflow_datasets": {
        "data.named.tfds",
        "data.named.tfds_reading",
        "data.named.tiny_imagenet",
        "data.named.tiny_imagenet_builder",
        "data.named.clothing1m_builder",
        "data.named.clothing1m_prepare",
        "data.named.local_builder",
    },
}


def modules():
    """Dotted name within the package -> syntax tree, for every module but the package itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = ast.parse(path.read_text())
    assert len(found) > 30
    return found


MODULES = modules()


def imported(tree):
    """Every absolute name that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name):
    """The module of this package that an imported name stands for, if any."""
    name = name.removeprefix("tssd_keras.") if name.startswith("tssd_keras.") else ""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def needed(name):
    """The modules of this package that a module imports."""
    return {other for other in map(own, imported(MODULES[name])) if other and other != name}


def entry(name):
    """The package's entry that a module belongs to."""
    return name.partition(".")[0]


def loaded(names):
    """Which of HEAVY are loaded once these modules of the package are."""
    code = (
        "import sys, importlib\n"
        f"for name in {sorted(names)!r}: importlib.import_module('tssd_keras.' + name)\n"
        f"print([n for n in {HEAVY!r} if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_packages_top_has_twelve_entries_at_most():
    no_code = {"__pycache__", "py.typed"}  # the second says to type checkers that there are types
    entries = {path.name for path in PACKAGE.iterdir()} - no_code
    assert {name.removesuffix(".py") for name in entries} == {"__init__", *ORDER}
    assert len(entries) <= 12


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down_only(name):
    rank = ORDER.index(entry(name))
    assert [other for other in sorted(needed(name)) if ORDER.index(entry(other)) > rank] == []


@pytest.mark.parametrize("package", ORDER)
def test_no_package_has_a_cycle(package):
    inside = {name: needed(name) for name in MODULES if entry(name) == package}
    graph = {name: {o for o in others if o in inside} for name, others in inside.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("library", HOMES)
def test_a_backend_enters_in_its_own_modules_only(library):
    users = {
        name
        for name, tree in MODULES.items()
        if any(i.split(".")[0] == library for i in imported(tree))
    }
    assert users <= HOMES[library]
    assert users


@pytest.mark.parametrize("package", LIGHT)
def test_what_needs_no_network_loads_no_keras(package):
    heavy = set(LIGHT[package])
    assert heavy <= set(MODULES)
    assert loaded({name for name in MODULES if entry(name) == package} - heavy) == "[]"


@pytest.mark.parametrize("name", LIGHT_MODULES)
def test_some_modules_beside_the_network_load_no_keras(name):
    assert loaded({name}) == "[]"


def test_the_package_itself_loads_nothing_heavy():
    code = (
        "import tssd_keras, sys; assert 'keras' not in sys.modules;"
        "print(tssd_keras.DivideRecipe, [n for n in ('keras', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("[]")


def test_every_public_name_can_be_had():
    import tssd_keras

    for name in tssd_keras.__all__:
        assert getattr(tssd_keras, name) is not None
