import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tssd_keras.judge import golden_head
from tssd_keras.judge.golden_head import (
    HEAD_VOICES,
    LEAST_LOG_P,
    MAX_ITER,
    NETWORK_VOICES,
    P_SCALE,
    USUAL_VOICE,
    C,
    GoldenHead,
    Voice,
    assign_folds,
    fit_golden_head,
)

pytestmark = pytest.mark.backend_free

N_CLASSES, D = 3, 6
ALONE = Voice(0.0, 1.0)  # the head's answer without the network's


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def samples(per_class, seed=0, spread=0.3):
    """Unit features of separate classes, and labels in mixed order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(N_CLASSES), per_class))
    return unit(np.eye(D)[labels] + rng.normal(0, spread, (len(labels), D))), labels


def network_says(classes, n_classes=N_CLASSES, sure=0.9):
    """Log-probabilities of a network that is `sure` of these classes."""
    p = np.full((len(classes), n_classes), (1 - sure) / (n_classes - 1))
    p[np.arange(len(classes)), classes] = sure
    return np.log(p)


def fit(features, log_p, labels, n_folds=5, n_classes=N_CLASSES):
    fold = assign_folds(labels, n_folds, seed=0)
    return fit_golden_head(features, log_p, labels, fold, n_classes)


@pytest.mark.parametrize("counts", [(5, 5, 5), (7, 2, 11), (1, 30, 4)])
@pytest.mark.parametrize("n_folds", [2, 5])
def test_folds_share_out_each_class_and_the_whole_evenly(counts, n_folds):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(3), counts))
    fold = assign_folds(labels, n_folds, seed=0)
    for members in (fold, *(fold[labels == k] for k in range(3))):
        assert np.ptp(np.bincount(members, minlength=n_folds)) <= 1


def test_folds_depend_on_the_seed_alone():
    labels = np.arange(60) % 3
    first, again, other = (assign_folds(labels, 5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_logits_of_any_size_give_probabilities():
    weight = np.zeros((2 + 2, 2), np.float32)
    weight[0, 0] = 1e4  # of the first feature
    head = GoldenHead(weight, np.zeros(2, np.float32), ALONE, np.zeros((0, 2)))
    features, log_p = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.log(np.full((3, 2), 0.5))
    p = np.exp(head.log_p(features, log_p))
    least = 1 / (1 + np.exp(-LEAST_LOG_P))
    np.testing.assert_allclose(p, [[1 - least, least], [0.5, 0.5], [least, 1 - least]], atol=1e-6)


def test_the_answer_is_the_product_of_the_heads_and_the_networks_probabilities():
    weight = np.zeros((2 + 2, 2), np.float32)
    weight[0, 0] = np.log(4)  # of the first feature
    weight[3, 1] = np.log(9) / P_SCALE / np.sqrt(0.8)  # of the root of the second probability
    head = GoldenHead(weight, np.zeros(2, np.float32), Voice(1.5, 0.5), np.zeros((0, 2)))
    features, log_p = np.array([[1, 0], [0, 1]]), np.log([[1, 1e-30], [0.2, 0.8]])
    # The head alone says 4 : 1 and 1 : 9; the network 1 : 0 and 1 : 4.
    odds = 9**0.5 * 4**1.5
    expected = [[1, 0], [1 / (1 + odds), odds / (1 + odds)]]
    np.testing.assert_allclose(np.exp(head.log_p(features, log_p)), expected, atol=1e-5)


def test_a_head_that_is_sure_can_be_outvoted():
    weight = np.zeros((2 + 2, 2), np.float32)
    weight[0, 0] = 1e4
    head = GoldenHead(weight, np.zeros(2, np.float32), Voice(1.0, 1.0), np.zeros((0, 2)))
    p = np.exp(head.log_p(np.array([[1.0, 0.0]]), np.log([[1e-5, 1 - 1e-5]])))
    assert p[0, 1] > 0.95


def test_it_sees_the_class_that_the_network_mistakes_for_another():
    features, labels = samples(30)
    mistaken = np.where(labels == 2, 1, labels)
    head = fit(features, network_says(mistaken), labels)
    test_features, test_labels = samples(200, seed=1)
    log_p = head.log_p(test_features, network_says(np.where(test_labels == 2, 1, test_labels)))
    assert log_p.dtype == np.float32
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, atol=1e-5)
    assert (log_p.argmax(axis=1) == test_labels).mean() > 0.95


def test_who_is_right_on_the_golden_samples_speaks_louder():
    features, labels = samples(20, spread=3.0)
    right = fit(features, network_says(labels, sure=0.999), labels).voice
    wrong = fit(features, network_says((labels + 1) % 3, sure=0.999), labels).voice
    assert right.network >= USUAL_VOICE.network
    assert wrong.network == min(NETWORK_VOICES)
    assert right.network > wrong.network
    assert right.head < wrong.head
    clear, labels = samples(20)
    assert fit(clear, network_says((labels + 1) % 3), labels).voice.head == max(HEAD_VOICES)


def test_few_golden_samples_move_the_network_s_voice_less_than_many_do():
    found = []
    for per_class in (2, 20):
        features, labels = samples(per_class)
        says = network_says((labels + 1) % 3, sure=0.5)
        found.append(fit(features, says, labels, n_folds=2).voice)
    few, many = found
    assert few.network == USUAL_VOICE.network
    assert many.network < few.network


def test_scores_out_of_fold_do_not_know_their_own_labels(monkeypatch):
    monkeypatch.setattr(golden_head, "HEAD_VOICES", (0.5,))  # all labels decide on it together
    monkeypatch.setattr(golden_head, "NETWORK_VOICES", (1.0,))
    features, labels = samples(20)
    log_p = network_says((labels + 1) % 3, sure=0.999)
    fold = assign_folds(labels, 5, seed=0)
    changed = np.where(fold == 0, (labels + 2) % 3, labels)
    before = fit_golden_head(features, log_p, labels, fold, N_CLASSES)
    after = fit_golden_head(features, log_p, changed, fold, N_CLASSES)
    np.testing.assert_array_equal(after.out_of_fold[fold == 0], before.out_of_fold[fold == 0])
    assert not np.allclose(after.out_of_fold[fold == 1], before.out_of_fold[fold == 1])


def test_a_head_that_learned_labels_at_random_by_heart_is_not_trusted():
    rng = np.random.default_rng(0)
    features, labels = unit(rng.normal(size=(150, 200))), np.arange(150) % 3
    log_p = np.full((150, 3), -np.log(3))
    head = fit(features, log_p, labels)
    alone = dataclasses.replace(head, voice=ALONE)
    assert (alone.log_p(features, log_p).argmax(axis=1) == labels).mean() > 0.95
    assert head.voice.head == 0


def test_two_classes_give_the_probabilities_of_scikit_learn():
    features, labels = samples(12)
    features, labels = features[labels < 2], labels[labels < 2]
    log_p = network_says(1 - labels, n_classes=2, sure=0.6)
    fold = assign_folds(labels, 4, seed=0)
    head = fit_golden_head(features, log_p, labels, fold, 2)
    rows = np.concatenate([features, P_SCALE * np.exp(log_p / 2)], axis=1)
    expected = np.empty((len(labels), 2))
    for k in range(4):
        model = LogisticRegression(C=C, max_iter=MAX_ITER).fit(rows[fold != k], labels[fold != k])
        expected[fold == k] = model.predict_proba(rows[fold == k])
    pooled = expected**head.voice.head * np.exp(head.voice.network * log_p)
    assert head.voice.head > 0
    np.testing.assert_allclose(
        np.exp(head.out_of_fold), pooled / pooled.sum(axis=1, keepdims=True), atol=1e-3
    )


@pytest.mark.parametrize("present", [(0, 1), (0, 1, 2)])
def test_a_class_without_golden_samples_is_as_unlikely_as_can_be(present):
    features, labels = samples(10)
    use = np.isin(labels, present)
    log_p = network_says(np.full(use.sum(), 3), n_classes=4)
    head = fit(features[use], log_p, labels[use], n_classes=4)
    alone = dataclasses.replace(head, voice=ALONE)
    p = np.exp(alone.log_p(features[use], log_p))
    absent = [k for k in range(4) if k not in present]
    np.testing.assert_allclose(p[:, absent], np.exp(LEAST_LOG_P), rtol=1e-2)
    assert (p.argmax(axis=1) == labels[use]).mean() > 0.9


def test_turning_the_feature_space_changes_nothing():
    features, labels = samples(15)
    log_p = network_says(np.where(labels == 2, 1, labels))
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(D, D)))[0]
    plain, turned = fit(features, log_p, labels), fit(features @ turn, log_p, labels)
    np.testing.assert_allclose(
        np.exp(turned.log_p(features @ turn, log_p)),
        np.exp(plain.log_p(features, log_p)),
        atol=5e-3,
    )


def test_neither_the_order_of_samples_nor_the_numbering_of_classes_matters():
    features, labels = samples(15)
    log_p = network_says(np.where(labels == 2, 1, labels))
    fold = assign_folds(labels, 5, seed=0)
    expected = fit_golden_head(features, log_p, labels, fold, N_CLASSES).out_of_fold
    order = np.random.default_rng(1).permutation(len(labels))
    classes = np.array([2, 0, 1])  # new class c is old class classes[c]
    other = fit_golden_head(
        features[order],
        log_p[order][:, classes],
        np.argsort(classes)[labels[order]],
        fold[order],
        N_CLASSES,
    ).out_of_fold
    np.testing.assert_allclose(np.exp(other), np.exp(expected[order][:, classes]), atol=5e-3)
