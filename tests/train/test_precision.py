import sys

import keras
import numpy as np
import pytest
from keras import layers

from tssd_keras import models
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.models.blocks import PRECISIONS
from tssd_keras.recipe.choices import PRECISIONS as IN_RECIPES
from tssd_keras.train.augment import Augment
from tssd_keras.train.score_pass import score_pass
from tssd_keras.train.scoring_model import scoring_model
from tssd_keras.train.steps import mixmatch_step, weighted_step

SHAPE = (48, 48, 3)  # small_cnn pools images of this size
N, BATCH = 96, 16
NARROW = {"preact_resnet18": 8, "preact_resnet34": 8, "small_cnn": 8, "mlp": 32}


def network(precision, name="small_cnn"):
    width = NARROW.get(name, 0)
    return models.build(name, SHAPE, "uint8", 5, width=width, seed=2, precision=precision)


def zeros(_, shape, dtype=None, **settings):
    return keras.ops.convert_to_tensor(np.zeros(shape, "float32"), dtype)


def samples():
    """Noise, brighter by class, so that something is learned."""
    y = np.arange(N) % 5
    drawn = np.random.default_rng(0).integers(0, 128, (N, *SHAPE))
    return (drawn + 25 * y[:, None, None, None]).astype("uint8"), y


def trained(precision):
    x, y = samples()
    made = network(precision)
    step = weighted_step(made, weight_decay=5e-4)
    step.compile(keras.optimizers.SGD(0.02, momentum=0.9))
    running = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: running.append(float(logs["loss"]))
    )
    step.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[record])
    assert step.n_traces == 1
    steps = np.arange(1, N // BATCH + 1)
    return made, np.diff(np.array(running) * steps, prepend=0)  # Keras reports running means


@pytest.fixture(scope="module")
def both():
    return {precision: trained(precision) for precision in ("float32", "bfloat16")}


def test_losses_of_single_steps_stay_close_to_those_in_float32(both):
    exact, rough = (both[precision][1] for precision in ("float32", "bfloat16"))
    assert abs(exact[0] - exact[-1]) > 0.2  # it learns
    np.testing.assert_allclose(rough, exact, atol=0.03)
    assert not np.array_equal(rough, exact)


def test_statistics_of_batch_normalisation_keep_up_with_those_in_float32(both):
    def statistics(name):
        norms = [n for n in both[name][0].layers if isinstance(n, layers.BatchNormalization)]
        assert len(norms) == 3
        return [np.asarray(v) for n in norms for v in (n.moving_mean, n.moving_variance)]

    for rough, exact in zip(statistics("bfloat16"), statistics("float32"), strict=True):
        assert rough.dtype == np.float32
        np.testing.assert_allclose(rough, exact, atol=0.05 * np.abs(exact).max())


def test_one_set_of_weights_scores_alike_in_both(both):
    x, y = samples()
    exact_network, rough_network = both["float32"][0], network("bfloat16")
    rough_network.set_weights(exact_network.get_weights())
    exact, rough = (
        score_pass(scoring_model(made, x[:8]), ArrayInputs(x), np.arange(N), y)
        for made in (exact_network, rough_network)
    )
    assert (rough.loss.dtype, rough.features.dtype) == (np.float32, np.float16)
    np.testing.assert_allclose(rough.loss, exact.loss, rtol=0.05, atol=0.05)
    lengths = np.linalg.norm(rough.features.astype("float32"), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=2e-3)


@pytest.mark.parametrize("name", models.MODELS)
def test_layers_compute_in_bfloat16_but_variables_logits_and_scores_are_float32(name, monkeypatch):
    module = sys.modules["tssd_keras.models.resnet50"]  # the package's name is the function
    monkeypatch.setattr(module, "_initialise", lambda *_: None)  # slow, and no matter here
    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)  # the same
    made = network("bfloat16", name)
    x = samples()[0][:1]
    unit, log_p = scoring_model(made, x)(x)
    assert {v.dtype for v in made.variables} == {"float32"}
    assert made.output.dtype == keras.backend.standardize_dtype(log_p.dtype) == "float32"
    assert keras.backend.standardize_dtype(unit.dtype) == "float16"
    first = next(n for n in made.layers if isinstance(n, layers.Conv2D | layers.Dense))
    assert first.output.dtype == "bfloat16"
    assert made.get_layer("rescaled").output.dtype == "float32"  # bytes keep their eight bits
    for pooling in made.layers:
        if isinstance(pooling, layers.GlobalAveragePooling2D):
            assert pooling.output.dtype == "float32"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX must be told before")
@pytest.mark.parametrize("step", [weighted_step, mixmatch_step])
def test_in_float64_all_is_and_the_updates_are_those_of_float32_less_rounding(step):
    values, losses, first = {}, {}, None
    for precision in ("float64", "float32"):
        network = models.build("small_cnn", SHAPE, "uint8", 5, width=4, precision=precision)
        first = first or network.get_weights()
        network.set_weights(first)
        made = step([network], weight_decay=5e-4, ema=0.9, augment=Augment(crop=2), seed=1)
        if step is mixmatch_step:
            made.warm_up(False)
        made.compile(keras.optimizers.SGD(0.01), weighted_metrics=["accuracy"])
        x, y = samples()
        losses[precision] = made.fit(x, y, batch_size=48, shuffle=False, verbose=0).history["loss"]
        assert {v.dtype for v in network.variables} == {precision}
        assert {layer.compute_dtype for layer in network.layers} == {precision}
        values[precision] = network.get_weights()
    np.testing.assert_allclose(losses["float64"], losses["float32"], rtol=1e-5)
    for exact, rough in zip(*values.values(), strict=True):
        np.testing.assert_allclose(rough, exact, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="TensorFlow knows it always")
def test_where_jax_was_not_told_of_float64_it_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"jax makes float32 of it\. Set JAX_ENABLE_X64=1"):
        network("float64")


def test_no_policy_is_left_behind():
    before = keras.config.dtype_policy()
    network("bfloat16", "mlp")
    assert keras.config.dtype_policy() == before
    with pytest.raises(ValueError):
        models.build("mlp", ("many",), "uint8", 5, precision="bfloat16")
    assert keras.config.dtype_policy() == before
    assert layers.Dense(1).compute_dtype == "float32"


def test_a_recipes_precision_does_not_depend_on_the_policy_around_it():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert network("float32", "mlp").get_layer("hidden").compute_dtype == "float32"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_saved_network_loads_in_safe_mode_and_says_the_same(both, tmp_path):
    made, x = both["bfloat16"][0], samples()[0]
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", custom_objects={}, safe_mode=True)
    assert loaded.get_layer("features").output.dtype == "float32"
    np.testing.assert_array_equal(loaded.predict_on_batch(x), made.predict_on_batch(x))


def test_an_unknown_precision_names_the_known_ones():
    with pytest.raises(
        ValueError, match=r"train.precision must be one of float32, bfloat16, float64, got 'half'"
    ):
        models.build("mlp", (3,), "uint8", 2, precision="half")


def test_the_recipe_knows_exactly_these_precisions():
    assert tuple(PRECISIONS) == IN_RECIPES
