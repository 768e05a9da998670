"""What people would use instead of TSSD, on a recipe's data: `python cli.py peers RECIPE`.

A yardstick, apart from the library and not in its wheel. One file a method, written from its
paper's formulas; `problem` gives it data and networks, `training` is the loop that all share:
order of samples, augmentation, weight decay, learning rate and evaluation are the library's own,
so that cross-entropy here is objective "plain" there (tests/benchmarks/test_peers_training.py).

Only this file and `rows` load without Keras.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WITHOUT = ("golden.source=none",)
TRUSTED = ("golden.source=trusted",)
PLAIN = ("objective.kind=plain", *WITHOUT)
TWO = ("objective.kind=plain", "train.networks=2", *WITHOUT)


@dataclass(frozen=True)
class Method:
    """A method that can be compared.

    Attributes:
        module: of this package; it has `run(problem, **own) -> problem.Outcome`. None: the
            library itself trains, as the settings say.
        source: the paper.
        settings: of the recipe, "section.key=value".
        own: settings that no recipe has: the paper's, unless docs/peers.md says otherwise.
    """

    module: str | None
    source: str
    settings: tuple[str, ...]
    own: dict[str, float] = field(default_factory=dict)


TSSD = "Two-Stream Sample Distillation, arXiv 2404.10499"

METHODS: dict[str, Method] = {
    "cross-entropy": Method("cross_entropy", "-", PLAIN),
    "label-smoothing": Method(
        "label_smoothing", "Szegedy et al., arXiv 1512.00567", PLAIN, {"smoothing": 0.1}
    ),
    "gce": Method("gce", "Zhang and Sabuncu, arXiv 1805.07836", PLAIN, {"q": 0.7}),
    "elr": Method("elr", "Liu et al., arXiv 2007.00151", PLAIN, {"strength": 3.0, "momentum": 0.7}),
    "co-teaching": Method(
        "co_teaching", "Han et al., arXiv 1804.06872", TWO, {"epochs_to_full_rate": 10}
    ),
    "cleanlab": Method(
        "cleanlab_issues",
        "Northcutt et al., arXiv 1911.00068",
        PLAIN,
        {"folds": 5, "fold_epochs": 0},
    ),
    "simifeat": Method("simifeat", "Zhu et al., arXiv 2110.06283", PLAIN, {"k": 10}),
    "glc": Method("glc", "Hendrycks et al., arXiv 1802.05300", ("objective.kind=plain", *TRUSTED)),
    "dividemix": Method(
        "dividemix",
        "Li et al., arXiv 2002.07394",
        TWO,
        {"threshold": 0.5, "temperature": 0.5, "alpha": 4.0, "lambda_u": 25.0, "ramp_epochs": 16},
    ),
    "ssr": Method(
        "ssr",
        "Feng et al., arXiv 2111.11288",
        PLAIN,
        {"k": 10, "theta_s": 1.0, "theta_r": 0.9, "alpha": 4.0},
    ),
    "cross-entropy-golden": Method(
        None, "-", ("objective.kind=plain", *TRUSTED, "golden.train_on=true")
    ),
    "tssd-weighted": Method(None, TSSD, ("objective.kind=weighted", *WITHOUT)),
    "tssd-mixmatch": Method(None, TSSD, ("objective.kind=mixmatch", *WITHOUT)),
    "tssd-weighted-golden": Method(None, TSSD, ("objective.kind=weighted", *TRUSTED)),
    "tssd-mixmatch-golden": Method(None, TSSD, ("objective.kind=mixmatch", *TRUSTED)),
    "tssd-mixmatch-golden-two": Method(
        None, TSSD, ("objective.kind=mixmatch", "train.networks=2", *TRUSTED)
    ),
}
