import re
from pathlib import Path

import numpy as np
import pytest

from tssd_keras import auditing
from tssd_keras.judge.divide import divide
from tssd_keras.judge.streams import Streams
from tssd_keras.judge.top_classes import TopClasses
from tssd_keras.run import plots

pytestmark = pytest.mark.backend_free


def figure(labels, n_classes, known=True, silent=None):
    """The feature stream's figure of samples of which about a third has a wrong label."""
    rng = np.random.default_rng(0)
    clean = rng.random(len(labels)) < 0.67
    similarity = np.where(clean, 0.8, 0.4) + rng.normal(0, 0.05, len(labels))
    loss = np.where(clean, 0.1, 2.3) + rng.normal(0, 0.02, len(labels))
    division = divide(loss, similarity, labels, n_classes, threshold=0.5, silent=silent)
    names = tuple(f"class {k}" for k in range(n_classes))
    streams = Streams.of(
        division,
        loss,
        similarity,
        index=np.arange(len(labels)),
        given=labels,
        transition=None,
        top=TopClasses.empty(len(labels), n_classes),
        place=np.zeros((len(labels), 2)),
    )
    return plots.feature_figure(streams, clean if known else None, names)


def legend(figure):
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def test_the_feature_stream_says_so_where_not_all_classes_are_shown():
    drawn = figure(np.arange(600) % 20, 20)
    assert drawn.get_suptitle().endswith("scaled to 0..1 (the first 12 of 20 classes)")
    assert len(drawn.axes) == 12
    assert figure(np.arange(300) % 4, 4).get_suptitle().endswith("scaled to 0..1")


@pytest.mark.parametrize(
    ("known", "labels"), [(True, ["right labels", "wrong labels"]), (False, ["all labels"])]
)
def test_the_feature_stream_has_its_legend_where_class_0_has_no_samples(known, labels):
    drawn = figure(1 + np.arange(300) % 3, 4, known=known)
    assert sorted(legend(drawn)) == sorted(
        [*labels, "fitted: right labels", "fitted: wrong labels"]
    )
    assert drawn.axes[0].get_title() == "class 0 (no samples)"
    assert drawn.axes[1].get_title() == "class 1"


@pytest.mark.parametrize(
    ("known", "labels"), [(True, ["right labels", "wrong labels"]), (False, ["all labels"])]
)
def test_log_odds_among_neighbours_are_drawn_without_mixtures(known, labels):
    silent = np.arange(3) == 1
    drawn = figure(np.arange(300) % 3, 3, known=known, silent=silent)
    assert sorted(legend(drawn)) == labels
    titles = [axis.get_title() for axis in drawn.axes[:3]]
    assert titles == ["class 0", "class 1 (abstains)", "class 2"]
    assert all(axis.patches and not axis.lines for axis in drawn.axes[:3])


def test_colours_mean_what_they_mean_on_the_audits_page():
    css = (Path(auditing.__file__).parent / "page_files" / "page.css").read_text()
    light = dict(re.findall(r"--(\w+): (#\w{6});", css.partition("@media")[0]))
    for name, colour in {
        "right": plots.RIGHT,
        "wrong": plots.WRONG,
        "quiet": plots.NEUTRAL,
        "bin": plots.BIN,
    }.items():
        assert light[name] == colour
