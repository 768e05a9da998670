"""Tables of peers: means worked out by hand, and published ones that say what the lines say."""

import csv
import io
import sys
from pathlib import Path

import pytest

from tssd_keras.run.lines import Line, read_lines

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"


@pytest.fixture(scope="module", autouse=True)
def importable():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def line(method, seed, last, case="symmetric 0.4", **changed):
    accuracy = {"last": last, "best": 0.95, "mean_last_10": last - 0.01, "evaluated_on": "test"}
    summary = {
        "accuracy": accuracy,
        "label_error_auroc": None,
        "kept": {"f1": None, "precision": None, "recall": None},
        "effective_noise_rate": 0.4,
        "seconds": 90.0,
        "peak_gib": 0.8,
        "labels_sha256": f"{seed}" * 64,
        "commit": "abc",
        "own": {"q": 0.7},
    }
    values = {"case": case, "variant": method, "seed": seed, "backend": "jax", "settings": "x"}
    return Line(**values | {"date": "2026-11-27", "summary": summary} | changed)


def test_the_short_table_has_means_and_names_what_is_fewer_or_failed():
    from peers.tables import short

    lines = [line("gce", 0, 0.9), line("gce", 1, 0.8), line("cross-entropy", 0, 0.7)]
    lines += [line("gce", 0, 0.5, case="symmetric 0.6")]
    lines += [line("elr", 0, 0.0, summary={}, error="out of memory")]
    rows = short(lines).splitlines()
    assert rows[0] == "| method (jax) | symmetric 0.4 | symmetric 0.6 | minutes a run | GiB |"
    assert rows[2:] == [
        "| cross-entropy | 70.0 (n = 1) | - | 1.5 | 0.8 |",
        "| gce | 85.0 ± 7.1 | 50.0 (n = 1) | 1.5 | 0.8 |",
        "| elr | - (1 failed) | - | - | - |",
    ]


def test_each_backend_has_a_table_of_its_own():
    from peers.tables import short

    blocks = short([line("gce", 0, 0.9), line("gce", 0, 0.8, backend="tensorflow")]).split("\n\n")
    assert ["90.0" in block for block in blocks] == [True, False]
    assert ["(tensorflow)" in block for block in blocks] == [False, True]


def test_the_long_table_has_every_figure():
    from peers.tables import long

    rows = list(csv.DictReader(io.StringIO(long([line("gce", 1, 0.8), line("gce", 0, 0.9)]))))
    assert len(rows) == 1
    row = rows[0]
    assert (row["seeds"], row["failed"], row["own"]) == ("0 1", "0", "q=0.7")
    assert (row["last"], row["last_sd"], row["mean_last_10"]) == ("0.8500", "0.0707", "0.8400")
    assert (row["auroc"], row["kept_f1"]) == ("", "")
    assert row["labels_sha256"] == "000000000000 111111111111"


@pytest.mark.parametrize("folder", sorted(RESULTS.glob("peers-*/")), ids=lambda path: path.name)
def test_the_published_tables_are_those_of_the_lines(folder):
    from peers.tables import long, short
    from peers_together import by_kind_and_rate

    lines = read_lines(folder / "runs.jsonl")
    assert len(lines) >= 10
    assert not any(one.error for one in lines)
    assert len({one.settings for one in lines}) == len(lines)
    ordered = sorted(lines, key=lambda one: (one.seed, by_kind_and_rate(one.case)))
    assert (folder / "table.md").read_text() == short(ordered)
    assert (folder / "table.csv").read_text() == long(ordered)


def test_the_table_of_all_is_that_of_the_lines():
    import peers_together

    table = peers_together.table(peers_together.read())
    assert (RESULTS / "peers-together.md").read_text() == table
    assert table in (ROOT / "docs" / "results.md").read_text()


def test_the_table_of_all_names_the_best_of_a_column_and_who_has_fewer_seeds():
    from peers_together import table

    columns = {
        "digits sym 40": {
            "gce": [line("gce", 0, 0.9), line("gce", 1, 0.8)],
            "elr": [line("elr", 0, 0.8496)],
        },
        "text pair 30": {"gce": [line("gce", 0, 0.5)]},
    }
    rows = table(columns).splitlines()
    assert rows[0] == "| method | digits sym 40 | text pair 30 | behind the best, mean |"
    assert "| gce | **85.0** | **50.0** | 0.0 |" in rows
    assert "| elr | **85.0**\\* | - | - |" in rows
    assert "| ssr | - | - | - |" in rows
