from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, DivideRecipe, Golden, Labels
from tssd_keras.judge.record import PurificationFigures
from tssd_keras.labels import noise
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import wiring
from tssd_keras.train.steps import Mixmatch, accuracy, mixmatch_step, weighted_step
from tssd_keras.train.steps.semi_supervised import SemiSupervisedSchedule

# A few steps take TensorFlow less time than compiling them; JAX has compiled them before.
QUICK = {"run_eagerly": keras.backend.backend() == "tensorflow"}


def network(seed=0, *, dtype="float32"):
    draw = iter(range(seed * 10, seed * 10 + 10))

    def dense(width, **settings):
        initializer = keras.initializers.GlorotUniform(seed=next(draw))
        return layers.Dense(width, kernel_initializer=initializer, **settings)

    inputs = keras.Input((64,), dtype=dtype)
    x = layers.Rescaling(1 / 255, name="rescaled")(inputs) if dtype == "uint8" else inputs
    hidden = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(dense(64)(x)))
    return keras.Model(inputs, dense(10)(hidden))


@pytest.fixture(scope="module")
def digits():
    """x float32[N, 64], true labels, labels of which 60 % are wrong, a trusted pair of arrays."""
    data = load_digits()
    x = (data.data / 16).astype("float32")
    y = noise.draw_labels(data.target, noise.symmetric(10, 0.6), seed=3)
    return x[100:], data.target[100:], y[100:], (x[:100], data.target[:100])


def trained(digits, networks, *, epochs, ema=0.0, more=lambda tssd, step: [], **settings):
    x, truth, y, _ = digits
    step = mixmatch_step(networks, settings=Mixmatch(lambda_u=5.0), ema=ema)
    step.compile(keras.optimizers.Adam(3e-3), weighted_metrics=[accuracy()])
    tssd = TSSD(x, Labels(y, true=truth), warmup_epochs=4, **settings)
    feed = tssd.feed(64, model=step)
    callbacks = [tssd, SemiSupervisedSchedule(4, 4), *more(tssd, step)]
    step.fit(feed, epochs=epochs, callbacks=callbacks, shuffle=False, verbose=0)
    return tssd, step


@pytest.fixture(scope="module")
def one(digits):
    return trained(digits, network(), epochs=9, golden=digits[3], divide=DivideRecipe(every=2))


@pytest.fixture(scope="module")
def pair(digits):
    """Two networks with running means; also losses, as each round scored them and by weights."""
    x, _, y, _ = digits
    seen = {}

    def look(tssd, step):
        def losses(epoch, logs=None):
            """After the round, before the epoch's first update."""
            if tssd.rounds:
                for name, models in (("mean", step.averaged), ("own", step.networks)):
                    p = [softmax(np.asarray(one(x, training=False))) for one in models]
                    seen[name] = [-np.log(one[np.arange(len(x)), y]) for one in p]
                seen["scored"] = [verdict.loss for verdict in tssd.last_round]

        return [keras.callbacks.LambdaCallback(on_epoch_begin=losses)]

    networks = [network(0), network(1)]
    return *trained(digits, networks, epochs=7, ema=0.98, more=look), seen


def test_mixmatch_learns_from_what_lost_its_weight(digits, one):
    tssd, step = one
    x, truth, *_ = digits
    rejected = tssd.table.weight == 0
    assert 0.4 < rejected.mean() < 0.8
    predicted = step.predict(x, verbose=0).argmax(axis=1)
    assert (predicted == truth)[rejected].mean() > 0.9
    assert tssd.rounds[-1].quality.label_error_auroc > 0.97


def test_as_many_labels_are_kept_as_are_likely_right_since_the_rejected_are_learned_from(digits):
    """Under an objective that drops what is rejected, fewer are: golden pairs leave a doubt."""
    x, truth, y, _ = digits
    rest, known = np.arange(150, len(x)), np.arange(150)
    golden = Golden(x[known], truth[known], y[known], at_random=np.ones(len(known), bool))
    shares = {}
    for learns, make in ((True, mixmatch_step), (False, weighted_step)):
        step = make(network())
        step.compile(keras.optimizers.Adam(3e-3), weighted_metrics=[accuracy()])
        tssd = TSSD(x[rest], Labels(y[rest], true=truth[rest]), golden=golden, warmup_epochs=4)
        more = [SemiSupervisedSchedule(4, 4)] if learns else []
        feed = tssd.feed(64, model=step)
        step.fit(feed, epochs=5, callbacks=[tssd, *more], shuffle=False, verbose=0)
        record = tssd.rounds[-1]
        kept = record.roles.kept / len(rest)
        shares[learns] = kept / record.purification.estimated_clean_share
    assert shares[True] > 0.95
    assert shares[False] < 0.92


def test_there_is_one_trace_a_phase(one, pair):
    assert one[1].n_traces == pair[1].n_traces == 2


def test_lambda_u_rises_in_equal_steps(one, pair):
    assert float(pair[1].lambda_u) == pytest.approx(5.0 * 2 / 4)  # epochs 4 to 6 of a ramp of four
    assert float(one[1].lambda_u) == 5.0


@pytest.mark.filterwarnings("ignore:the model was trained before")  # one model for every `fit`
def test_what_mixmatch_wants_of_the_callbacks_is_said(digits):
    x, y = digits[0][:128], digits[2][:128]
    step = mixmatch_step(network())
    step.compile(keras.optimizers.Adam(3e-3), **QUICK)

    def fit(schedule, **feed_of):
        tssd = TSSD(x, y, warmup_epochs=1)
        feed = tssd.feed(64, **feed_of)
        step.fit(feed, epochs=2, callbacks=[tssd, *schedule], shuffle=False, verbose=0)

    with pytest.raises(
        ValueError, match=r"made for one network, without .* with samples of .*model=model\)"
    ):
        fit([SemiSupervisedSchedule(1, 0)])
    with pytest.raises(RuntimeError, match=r"Give fit the callback .*SemiSupervisedSchedule"):
        fit([], model=step)
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(step.warming_up)
    )
    for _ in range(2):
        fit([SemiSupervisedSchedule(1, 0), look], model=step)
    assert seen == [True, False, True, False]  # a second fit warms up again
    assert not step.warming_up


def test_a_second_fit_goes_on_behind_the_warm_up(digits):
    x, y = digits[0][:128], digits[2][:128]
    step = mixmatch_step(network())
    step.compile(keras.optimizers.Adam(3e-3), **QUICK)
    tssd = TSSD(x, y, warmup_epochs=1)
    feed, seen = tssd.feed(64, model=step), []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((step.warming_up, float(step.lambda_u)))
    )
    for _ in range(2):
        schedule = SemiSupervisedSchedule(1, 4, lambda: 8.0)
        step.fit(feed, epochs=2, callbacks=[tssd, schedule, look], shuffle=False, verbose=0)
    assert seen == [(True, 0.0), (False, 0.0), (False, 2.0), (False, 4.0)]


def test_lambda_u_can_be_asked_for_each_epoch():
    step = mixmatch_step(network())
    step.compile(keras.optimizers.SGD(0.0), weighted_metrics=[accuracy()], **QUICK)
    asked = []

    def value():
        asked.append(len(asked))
        return 10.0 * len(asked)

    x, y = np.ones((8, 64), "float32"), np.arange(8)
    seen = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(float(step.lambda_u))
    )
    schedule = SemiSupervisedSchedule(1, 2, value)
    step.fit(x, y, batch_size=8, epochs=4, callbacks=[schedule, record], shuffle=False, verbose=0)
    assert asked == [0, 1, 2]
    assert seen == [0.0, 0.0, 10.0, 30.0]  # warm-up, then 0, a half and all of what was asked for


@pytest.mark.parametrize(
    ("estimated", "kept", "expected"),
    [(0.7, 6, 10.0), (None, 6, 5.0), (None, 8, 0.0), (0.1, 6, 25.0)],
)
def test_lambda_u_goes_by_the_noise_that_the_last_round_estimates(estimated, kept, expected):
    """Without an estimate by the share of the judged that was dropped: ten drawn, two decided."""

    def record(estimated, kept):
        purification = PurificationFigures(estimated_clean_share=estimated)
        return SimpleNamespace(purification=purification, roles=SimpleNamespace(kept=kept))

    tssd = SimpleNamespace(
        rounds=[record(0.3, 0), record(estimated, kept)],
        table=SimpleNamespace(drawn=np.arange(12) < 10, decided=np.where(np.arange(12) < 2, 3, -1)),
        n_classes=10,
    )
    recipe = parse_recipe({"objective": {"kind": "mixmatch", "lambda_u": "auto"}})
    assert wiring.lambda_u(recipe, tssd)() == pytest.approx(expected)


def test_two_networks_divide_for_each_other(digits, pair):
    tssd, _, _ = pair
    x, *_ = digits
    assert tssd.table.weights.shape == (len(x), 2)
    first, second = tssd.last_round
    np.testing.assert_array_equal(tssd.table.weights[:, 1], first.columns.weight)
    np.testing.assert_array_equal(tssd.table.weights[:, 0], second.columns.weight)
    assert (first.columns.weight != second.columns.weight).any()
    assert tssd.rounds[-1].quality.kept_precision > 0.85


def test_two_networks_predict_the_mean_of_what_each_says(digits):
    x = digits[0][:100]
    step = weighted_step([network(0), network(1)])
    first, second = (softmax(np.asarray(one(x, training=False))) for one in step.networks)
    assert np.abs(first - second).max() > 0.05
    step.compile("sgd")
    together = softmax(step.predict(x, batch_size=100, verbose=0))
    np.testing.assert_allclose(together, (first + second) / 2, rtol=1e-3, atol=1e-5)


def test_a_network_is_trained_on_its_own_weights():
    networks = [network(0), network(1)]
    before = [[np.array(v) for v in one.trainable_variables] for one in networks]
    step = weighted_step(networks)
    step.compile(keras.optimizers.SGD(0.1), weighted_metrics=[accuracy()], **QUICK)
    x = np.random.default_rng(0).normal(size=(32, 64)).astype("float32")
    weight = np.stack([np.zeros(32), np.ones(32)], axis=1).astype("float32")
    y = np.arange(32) % 10
    step.fit(x, y, sample_weight=weight, batch_size=32, shuffle=False, verbose=0)
    moved = [
        any((np.array(v) != old).any() for v, old in zip(one.trainable_variables, first))
        for one, first in zip(networks, before)
    ]
    assert moved == [False, True]


def test_guessing_leaves_batchnorms_statistics_alone():
    """Every sample is the same, so its mixtures are too: one pass moves the mean by a tenth."""
    one = network()
    step = mixmatch_step(one)
    step.compile(keras.optimizers.SGD(0.0), weighted_metrics=[accuracy()], **QUICK)
    step.warm_up(False)
    x = np.ones((16, 64), "float32")
    weight = np.repeat([1.0, 0.0], 8).astype("float32")
    step.fit(x, np.arange(16) % 10, sample_weight=weight, batch_size=16, shuffle=False, verbose=0)
    norm = next(layer for layer in one.layers if isinstance(layer, layers.BatchNormalization))
    before_norm = np.asarray(keras.Model(one.inputs[0], norm.input)(x[:1]))[0]
    np.testing.assert_allclose(np.asarray(norm.moving_mean), 0.1 * before_norm, rtol=1e-4)


def test_the_warmup_penalty_leaves_the_network_less_sure(digits):
    x, _, y, _ = digits
    entropy = []
    for penalty in (False, True):
        one = network()
        step = mixmatch_step(one, settings=Mixmatch(penalty=penalty))
        step.compile(keras.optimizers.Adam(3e-3), weighted_metrics=[accuracy()])
        step.fit(x, y, batch_size=64, epochs=3, shuffle=False, verbose=0)
        p = softmax(np.asarray(one(x, training=False)))
        entropy.append(-(p * np.log(p)).sum(axis=1).mean())
    assert entropy[1] > entropy[0] + 0.1


def test_bytes_are_mixed_as_numbers():
    step = mixmatch_step(network(dtype="uint8"))
    step.compile(keras.optimizers.SGD(0.1), weighted_metrics=[accuracy()])
    step.warm_up(False)
    x = np.random.default_rng(0).integers(0, 256, (32, 64)).astype("uint8")
    done = step.fit(x, np.arange(32) % 10, batch_size=16, shuffle=False, verbose=0)
    assert np.isfinite(done.history["loss"]).all()


def test_samples_that_cannot_be_mixed_are_refused():
    inputs = keras.Input((5,), dtype="int32")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(inputs))
    with pytest.raises(ValueError, match=r"must take floats.*it takes int32.*weighted"):
        mixmatch_step(keras.Model(inputs, layers.Dense(3)(words)))


class StrongAndWeak:
    """An augmentation that leaves nothing of a sample, and whose weak side leaves it as it is."""

    def __call__(self, images, seeds):
        return 0.0 * images

    @staticmethod
    def weak(images, seeds):
        return images


@pytest.mark.parametrize("weak_guesses", [False, True])
def test_guesses_can_be_made_on_weak_views_while_strong_ones_are_learned_from(weak_guesses):
    kernel = np.array([[2.0, 0.0], [0.0, 2.0]], "float32")
    one = keras.Sequential([keras.Input((2,)), layers.Dense(2, use_bias=False)])
    one.set_weights([kernel])
    settings = Mixmatch(temperature=1.0, lambda_r=0.0, weak_guesses=weak_guesses)
    step = mixmatch_step(one, settings=settings, augment=StrongAndWeak())
    step.compile(keras.optimizers.SGD(0.0), weighted_metrics=[accuracy()])
    step.warm_up(False)
    step.lambda_u.assign(1.0)
    x = np.array([[1.0, 0.0]] * 4, "float32")
    _, (loss, *_) = step.step_loss((x, np.zeros(4, int), np.zeros(4, "float32")))
    # Learned from is a sample of zeros, so p is even; the guess is p of the sample, or of zeros.
    guess = softmax(x @ kernel)[0] if weak_guesses else np.array([0.5, 0.5])
    assert float(loss) == pytest.approx(((0.5 - guess) ** 2).mean(), rel=1e-5, abs=1e-9)


class TwoViews:
    """An augmentation whose views are known: the samples as they are, then half of them."""

    def __init__(self):
        self.calls = 0

    def __call__(self, images, seeds):
        self.calls += 1
        return images if self.calls % 2 else 0.5 * images


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def test_one_step_of_two_networks_is_what_the_formulae_say():
    rng = np.random.default_rng(0)
    n, d, k, lambda_u, lambda_r, decay = 6, 4, 3, 7.0, 2.0, 0.1
    x, y = rng.normal(size=(n, d)).astype("float32"), rng.integers(0, k, n)
    weights = np.array([[1, 0], [0.4, 1], [0, 0.7], [0, 0], [1, 1], [0.2, 0.9]], "float32")
    kernels = [rng.normal(size=(d, k)).astype("float32") for _ in range(2)]
    networks = []
    for kernel in kernels:
        networks.append(keras.Sequential([keras.Input((d,)), layers.Dense(k, use_bias=False)]))
        networks[-1].set_weights([kernel])
    step = mixmatch_step(
        networks,
        settings=Mixmatch(temperature=0.5, alpha=4, lambda_r=lambda_r),
        weight_decay=decay,
        augment=TwoViews(),
        seed=5,
    )
    step.compile(keras.optimizers.SGD(0.0), weighted_metrics=[accuracy()])
    step.warm_up(False)
    step.lambda_u.assign(lambda_u)
    class_shares = np.array([0.5, 0.3, 0.2], "float32")
    step.class_shares.assign(class_shares)
    total, (loss, *_) = step.step_loss((x, y, weights))

    seeds = keras.random.SeedGenerator(5)
    share = np.sort(np.asarray(keras.random.uniform((7,), seed=seeds)))[3]
    share = max(share, 1 - share)
    partner = np.argsort(np.asarray(keras.random.uniform((2 * n,), seed=seeds)))
    views = np.concatenate([x, 0.5 * x])
    own = [(softmax(x @ kernel) + softmax(0.5 * x @ kernel)) / 2 for kernel in kernels]
    expected = 0.0
    for m, kernel in enumerate(kernels):
        w = weights[:, m : m + 1]
        target = w * np.eye(k)[y] + (1 - w) * np.where(w > 0, own[m], (own[0] + own[1]) / 2)
        target = target**2 / (target**2).sum(axis=1, keepdims=True)
        target, labelled = np.tile(target, (2, 1)), np.tile(w[:, 0] > 0, 2)
        target = share * target + (1 - share) * target[partner]
        p = softmax((share * views + (1 - share) * views[partner]) @ kernel)
        expected += -(target * np.log(p)).sum(axis=1)[labelled].mean()
        expected += lambda_u * ((p - target) ** 2).mean(axis=1)[~labelled].mean()
        expected += lambda_r * (class_shares * np.log(class_shares / p.mean(axis=0))).sum()
    assert float(loss) == pytest.approx(expected / 2, rel=1e-4)
    penalty = 0.5 * decay * sum((kernel**2).sum() for kernel in kernels)
    assert float(total) == pytest.approx(expected + penalty, rel=1e-4)


def test_the_running_mean_of_two_networks_is_what_scores_and_what_is_evaluated(digits, pair):
    _, step, seen = pair
    x, truth, *_ = digits
    for scored, mean, own in zip(seen["scored"], seen["mean"], seen["own"], strict=True):
        np.testing.assert_allclose(scored, mean, rtol=1e-3, atol=1e-3)
        assert np.abs(scored - own).max() > 0.1
    p = [softmax(np.asarray(one(x, training=False))) for one in step.averaged]
    together = softmax(step.predict(x, verbose=0))
    np.testing.assert_allclose(together, np.mean(p, axis=0), rtol=1e-3, atol=1e-5)
    assert (together.argmax(axis=1) == truth).mean() > 0.85
