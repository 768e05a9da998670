from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from tssd_keras.train.steps import accuracy, mixmatch_step, objective, weighted_step

CURVE = Path(__file__).parents[1] / "reference" / "step_curve.npz"
STEPS, BATCH = 20, 32


@pytest.fixture(scope="module")
def curve():
    with np.load(CURVE, allow_pickle=False) as file:
        return dict(file)


def stepped(curve):
    """The stored network, and the step around it, at the stored initial weights."""
    inputs = keras.Input((64,))
    h = layers.Dense(24, use_bias=False)(inputs)
    norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    network = keras.Model(inputs, layers.Dense(10)(layers.ReLU()(norm(h))))
    names = ("w1", "gamma", "beta", "w2", "b2")
    for variable, name in zip(network.trainable_variables, names, strict=True):
        variable.assign(curve[f"initial_{name}"])
    step = weighted_step(network, weight_decay=1e-3)
    step.compile(keras.optimizers.SGD(0.05, momentum=0.9), weighted_metrics=[accuracy()])
    return step, norm, names


class Losses(keras.callbacks.Callback):
    """Loss of each single step: Keras reports the mean of the epoch so far."""

    def __init__(self):
        super().__init__()
        self.mean = []

    def on_train_batch_end(self, batch, logs=None):
        self.mean.append(logs["loss"])

    @property
    def single(self):
        total = np.array(self.mean) * np.arange(1, len(self.mean) + 1)
        return np.diff(total, prepend=0.0)


@pytest.fixture(scope="module")
def trained(curve):
    step, norm, names = stepped(curve)
    losses = Losses()
    step.fit(
        curve["x"],
        curve["y"],
        sample_weight=curve["weight"],
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
        callbacks=[losses],
    )
    return step, norm, names, losses


def test_twenty_steps_reproduce_the_loss_curve_worked_out_by_hand(curve, trained):
    assert len(trained[3].single) == STEPS
    np.testing.assert_allclose(trained[3].single, curve["loss"], rtol=1e-4)


def test_twenty_steps_reproduce_the_weights_and_the_momentum(curve, trained):
    step, _, names, _ = trained
    slots = [v for v in step.optimizer.variables if "momentum" in v.path]
    for variable, slot, name in zip(step.trainable_variables, slots, names, strict=True):
        final, velocity = curve[f"final_{name}"], curve[f"velocity_{name}"]
        np.testing.assert_allclose(np.asarray(variable), final, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.asarray(slot), velocity, rtol=1e-4, atol=1e-5)


def test_twenty_steps_reproduce_the_batchnorm_statistics(curve, trained):
    norm = trained[1]
    np.testing.assert_allclose(
        np.asarray(norm.moving_mean), curve["moving_mean"], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        np.asarray(norm.moving_variance), curve["moving_variance"], rtol=1e-4
    )


def test_one_trace_serves_all_steps(trained):
    assert trained[0].n_traces == 1


@pytest.mark.parametrize("factor", [0.01, 7.0])
def test_the_objective_does_not_change_with_the_scale_of_the_weights(curve, factor):
    logits = np.random.default_rng(1).normal(size=(BATCH, 10)).astype("float32")
    y, weight = curve["y"][:BATCH], curve["weight"][:BATCH]
    expected = float(objective.weighted_cross_entropy(logits, y, weight))
    scaled = float(objective.weighted_cross_entropy(logits, y, factor * weight))
    assert scaled == pytest.approx(expected, rel=1e-5)


def test_a_sample_of_weight_zero_does_not_count():
    logits = np.array([[2.0, 0.0], [0.0, 9.0]], "float32")
    loss = objective.weighted_cross_entropy(logits, np.array([0, 0]), np.array([1.0, 0.0]))
    assert float(loss) == pytest.approx(np.log(1 + np.exp(-2)), rel=1e-5)


def test_a_batch_without_weight_has_loss_zero_and_not_nan():
    logits = np.ones((3, 2), "float32")
    assert float(objective.weighted_cross_entropy(logits, np.zeros(3, int), np.zeros(3))) == 0.0


def test_the_penalty_is_half_the_squared_length():
    assert float(objective.l2_penalty([np.array([3.0, 4.0])], 0.1)) == pytest.approx(0.05 * 25)


def test_a_thousand_steps_at_zero_gradient_leave_what_coupled_decay_with_momentum_leaves():
    # v' = m v - r d w, w' = w + v': as published, and nothing else moves the weights of samples
    # that do not count.
    rate, momentum, decay, steps = 0.02, 0.9, 5e-4, 1000
    left, velocity = 1.0, 0.0
    for _ in range(steps):
        velocity = momentum * velocity - rate * decay * left
        left += velocity
    assert round(left, 3) == 0.906
    network = keras.Sequential([keras.Input((2,)), layers.Dense(3, use_bias=False)])
    before = np.asarray(network.trainable_variables[0])
    step = weighted_step(network, weight_decay=decay)
    step.compile(keras.optimizers.SGD(rate, momentum=momentum))
    x, y = np.ones((steps, 2), "float32"), np.zeros(steps, int)
    step.fit(x, y, sample_weight=np.zeros(steps), batch_size=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(network.trainable_variables[0] / before, left, rtol=1e-4)


def test_the_reported_loss_leaves_the_penalty_out(curve):
    heavy, *_ = stepped(curve)
    heavy.weight_decay = 10.0
    loss = heavy.evaluate(
        curve["x"], curve["y"], sample_weight=curve["weight"], batch_size=BATCH, verbose=0
    )[0]
    light, *_ = stepped(curve)
    expected = light.evaluate(
        curve["x"], curve["y"], sample_weight=curve["weight"], batch_size=BATCH, verbose=0
    )[0]
    assert loss == pytest.approx(expected, rel=1e-6)


def test_the_inner_network_is_what_was_trained(curve, trained):
    step = trained[0]
    x = curve["x"][:4]
    np.testing.assert_array_equal(step.networks[0].predict_on_batch(x), step.predict_on_batch(x))


def averaged(curve, ema, steps):
    """A step with running means after some updates, and its network's weights after each."""
    inputs = keras.Input((64,))
    norm = layers.BatchNormalization(momentum=0.9)(layers.Dense(8)(inputs))
    network = keras.Model(inputs, layers.Dense(10)(norm))
    step = weighted_step(network, ema=ema)
    step.compile(keras.optimizers.SGD(0.5), weighted_metrics=[accuracy()])
    past = [network.get_weights()]
    for i in range(steps):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        step.fit(curve["x"][rows], curve["y"][rows], batch_size=BATCH, shuffle=False, verbose=0)
        past.append(network.get_weights())
    return step, network, past


def test_the_running_mean_is_that_of_every_weight_worked_out_by_hand(curve):
    step, _, past = averaged(curve, 0.25, 4)
    expected = past[0]
    for t, weights in enumerate(past[1:], 1):
        keep = min(0.25, (1 + t) / (10 + t))
        expected = [keep * old + (1 - keep) * new for old, new in zip(expected, weights)]
    (mean,) = step.averaged
    for found, right in zip(mean.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-6)
    assert step.n_traces == 1


def test_the_running_mean_is_what_is_evaluated_and_the_network_what_is_trained(curve):
    step, network, _ = averaged(curve, 0.9, 3)
    x = curve["x"][:8]
    (mean,) = step.averaged
    assert step.eval_networks == [mean]
    np.testing.assert_allclose(step.predict(x, verbose=0), mean.predict(x, verbose=0), rtol=1e-5)
    assert abs(step.predict(x, verbose=0) - network.predict(x, verbose=0)).max() > 1e-3
    assert len(step.trainable_variables) == len(network.trainable_variables)


def test_without_a_running_mean_nothing_is_copied(curve):
    step, network, _ = averaged(curve, 0.0, 1)
    assert step.averaged == []
    assert step.eval_networks == [network]


@pytest.mark.parametrize(
    "last", [layers.Dense(3, "softmax"), layers.Softmax(), layers.Dense(1, "sigmoid")]
)
def test_a_network_that_gives_probabilities_is_refused(last):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), last], name="mine")
    for step in (weighted_step, mixmatch_step):
        with pytest.raises(ValueError, match=r"must give logits, and mine ends in probabilities"):
            step(model)
