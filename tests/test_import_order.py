import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tssd_keras"

# Data flow in this order, and so do imports: a module imports only modules above it.
LAYERS = [
    "recipe_choices",
    "recipe_checks",
    "class_maps",
    "noise",
    "image_decoding",
    "encoded_files",
    "inputs",
    "column_moments",
    "dataset_reading",
    "label_order",
    "label_formats",
    "label_file",
    "instance_noise",
    "duplicates",
    "golden",
    "golden_ids",
    "recipe_data",
    "recipe",
    "recipe_file",
    "one_writer",
    "sources.labelled_data",
    "sources.data_dir",
    "sources.hold_out",
    "sources.some_of_each",
    "sources.image_check",
    "sources.image_files",
    "sources.digits",
    "sources.arrays",
    "sources.own_images",
    "sources.folder",
    "sources.table",
    "sources.record_files",
    "sources.tfds_reading",
    "sources.tfds",
    "sources.safe_path",
    "sources.tiny_imagenet_zip",
    "sources.tiny_imagenet_builder",
    "sources.tiny_imagenet",
    "sources.clothing1m_lists",
    "sources.clothing1m_builder",
    "sources.clothing1m_prepare",
    "sources.clothing1m",
    "sources.local_files",
    "sources.cifar_n_files",
    "sources.local_builder",
    "sources",
    "catalogue",
    "given_labels",
    "golden_choice",
    "decisions_format",
    "decisions_checks",
    "decisions_use",
    "decisions_split",
    "decisions_apply",
    "prepare",
    "describe",
    "saved_recipe",
    "models.blocks",
    "models.mlp",
    "models.small_cnn",
    "models.preact_resnet",
    "models.wide_resnet",
    "models.resnet50",
    "models.together",
    "models",
    "models.meta_classifier",
    "scores",
    "mixture",
    "divide",
    "streams",
    "judged",
    "suspects",
    "draw",
    "recent_mean",
    "table",
    "feed",
    "augment.geometry",
    "augment.strong",
    "augment",
    "steps.objective",
    "steps.mixmatch",
    "steps.base_step",
    "steps.semi_supervised",
    "steps.tensorflow_step",
    "steps.jax_step",
    "steps",
    "score",
    "golden_head",
    "transition",
    "calibrate",
    "class_ranks",
    "meta_features",
    "meta_rows",
    "purify",
    "one_round",
    "record",
    "callback_arguments",
    "callback",
    "outputs_check",
    "outputs_audit",
    "outputs_files",
    "schedule",
    "progress_bar",
    "progress",
    "run_folder",
    "finished_run",
    "run_comparison",
    "interrupts",
    "epoch_record",
    "device_inputs",
    "report.plots",
    "report.confusion",
    "report.sample_rows",
    "report.reasons",
    "report.pictures",
    "report.overview",
    "report.page",
    "report.label_studio",
    "report.label_issues",
    "noise_export",
    "report",
    "experiment",
    "recipe_variants",
    "ablation",
    "report.ablation_table",
    "backend_choice",
    "cli_ablate",
    "audit_files",
    "cli_audit_outputs",
    "cli_audit",
    "cli_compare",
    "cli_datasets",
    "cli_relabel",
    "cli",
]
LIGHT = [
    "audit_files",
    "finished_run",
    "run_comparison",
    "recipe",
    "noise",
    "golden",
    "table",
    "mixture",
    "divide",
    "outputs_audit",
    "decisions_apply",
    "report.plots",
    "sources",
]
HOMES = {
    "tensorflow": {
        "dataset_reading",
        "feed",
        "steps.tensorflow_step",
        "sources.tfds",
        "sources.tfds_reading",
        "sources.record_files",
    },
    "jax": {"steps.jax_step"},
    "tensorflow_datasets": {
        "sources.tfds",
        "sources.tfds_reading",
        "sources.tiny_imagenet",
        "sources.tiny_imagenet_builder",
        "sources.clothing1m_builder",
        "sources.clothing1m_prepare",
        "sources.local_builder",
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


def test_the_list_names_every_module():
    assert sorted(LAYERS) == sorted(MODULES)


@pytest.mark.parametrize("name", LAYERS)
def test_imports_point_upwards(name):
    rank = {module: i for i, module in enumerate(LAYERS)}
    below = [o for o in map(own, imported(MODULES[name])) if o and rank[o] > rank[name]]
    assert below == []


@pytest.mark.parametrize("library", HOMES)
def test_a_backend_enters_in_its_own_modules_only(library):
    users = {
        name
        for name, tree in MODULES.items()
        if any(i.split(".")[0] == library for i in imported(tree))
    }
    assert users <= HOMES[library]
    assert users


@pytest.mark.parametrize("name", LIGHT)
def test_what_needs_no_network_loads_no_keras(name):
    code = (
        f"import tssd_keras.{name}, sys;"
        "print([n for n in ('keras', 'tensorflow', 'jax', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_package_itself_loads_nothing_heavy():
    code = (
        "import tssd_keras, sys; assert 'keras' not in sys.modules;"
        "print(tssd_keras.DivideRecipe, [n for n in ('keras', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("[]")
