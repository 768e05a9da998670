"""What is known of the samples -> the audit's folder: tables, exports, and the page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.auditing import label_studio, page, tables
from tssd_keras.auditing.gallery import choose_pictured, choose_shown
from tssd_keras.auditing.pictures import NONE, pictures
from tssd_keras.auditing.suspects import count_strata, rank_suspects, stratum_names
from tssd_keras.data.inputs import Inputs
from tssd_keras.judge.findings import Findings
from tssd_keras.labels.given import given_labels
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.folder import check_free

THUMBNAILS = 1000
MOST = 20_000  # suspects on the page
Progress = Callable[[str, int], Callable[[int], object]]
WITHOUT = "Give --without-samples for a page without them."


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples themselves, to be looked at.

    Attributes:
        inputs: of the source.
        texts: object[N] or str[N], what stands for each sample where inputs
            say little to a person; or None.
    """

    inputs: Inputs
    texts: np.ndarray | None = None


def load_samples(judged: Findings, recipe: Recipe) -> Samples:
    """Load a run's data again, and make sure that they are those that it was run on.

    Args:
        judged: of the run.
        recipe: of the run.

    Raises:
        FileNotFoundError: the data are gone.
        ValueError: they cannot be read, or their labels differ.
    """
    from tssd_keras.data import loading

    with _told("the run's data cannot be loaded again"):
        data = loading.load(recipe.data, recipe.golden)
        given, _ = given_labels(recipe, data)
    found = labels_sha256(given)
    if found != judged.labels_sha256:
        raise ValueError(
            f"the data must be those of the run: their labels ({len(given):,}) have the hash "
            f"{found[:12]}..., the run's have {judged.labels_sha256[:12]}... Pictures of other "
            f"samples would mislead. Bring back the data as they were. {WITHOUT}"
        )
    return Samples(inputs=data.inputs, texts=data.texts)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{what}: {error} {WITHOUT}") from error
    except ValueError as error:  # of any kind: some kinds take more than a text
        raise ValueError(f"{what}: {error} {WITHOUT}") from error


def write_audit(
    judged: Findings,
    samples: Samples | None,
    out: Path,
    *,
    thumbnails: int = THUMBNAILS,
    most: int = MOST,
    kept: int = 0,
    seed: int = 0,
    note: str = "",
    progress: Progress = lambda what, total: lambda n: None,
) -> list[str]:
    """Write the audit of some samples into a folder.

    Args:
        judged: N samples.
        samples: to be shown; None: the page has no pictures.
        out: the folder, new or empty.
        thumbnails: of how many samples of the page a picture (text, row) is embedded,
            see `suspects.choose_pictured`.
        most: suspects on the page.
        kept: samples of the stratum "kept" on the page, at random.
        seed: of that draw.
        note: shown on top of the page.
        progress: called with a text and a total, gives what is called with the steps done.

    Returns:
        What a person should know, a line each.

    Raises:
        FileExistsError: the folder is not empty; nothing was written.
        OSError: nothing can be written there.
        ValueError: nothing was judged.
    """
    for name, value in (("thumbnails", thumbnails), ("most", most), ("kept", kept)):
        if value < 0:
            raise ValueError(f"{name} must be 0 or more, got {value}.")
    if not judged.judged.any():
        raise ValueError(f"a sample must have been judged, of {len(judged)} none was.")
    check_free(out, what="the audit's folder")
    rank = rank_suspects(judged)
    strata = stratum_names(judged, rank)
    shown = choose_shown(judged, rank, most=most, kept=kept, seed=seed)
    counted = count_strata(strata, shown)
    n_suspects = int((rank[shown] > 0).sum())
    pictured = choose_pictured(n_suspects, len(shown) - n_suspects, thumbnails)
    made = _look(judged, samples, shown[pictured], progress)
    done = progress("writing the audit", 3)
    html = page.render(page.page_data(judged, rank, counted, strata, shown, made, pictured, note))
    tasks, config = label_studio.tasks(judged, shown, strata, made, pictured)
    done(1)
    out.mkdir(parents=True, exist_ok=True)
    lines = _write_tables(judged, out, rank, strata)
    tables.write_strata(out / "strata.csv", counted)
    done(1)
    label_studio.write_tasks(out, tasks, config)
    (out / "report.html").write_text(html, encoding="ascii")
    done(1)
    return [*lines, *_told_of(judged, rank, shown, len(made.content), len(tasks))]


def _look(judged: Findings, samples: Samples | None, some: np.ndarray, progress: Progress):
    """Pictures of some rows; none where there are no samples."""
    if samples is None or not len(some):
        return NONE
    done = progress("making thumbnails", len(some))
    return pictures(samples.inputs, judged.index[some], samples.texts, done)


def _write_tables(judged: Findings, out: Path, rank: np.ndarray, strata: np.ndarray) -> list[str]:
    """The files with a row a sample; a line about one that could not be written."""
    table = tables.columns(judged, rank, strata)
    tables.write_csv(out / "samples.csv", table)
    tables.write_csv(out / "label_issues.csv", tables.label_issues(judged))
    if tables.write_parquet(out / "samples.parquet", table):
        return []
    return [tables.NO_PARQUET]


def _told_of(
    judged: Findings, rank: np.ndarray, shown: np.ndarray, n_pictures: int, n_tasks: int
) -> Iterator[str]:
    yield (
        f"{int((rank > 0).sum()):,} suspects among {int(judged.judged.sum()):,} judged samples; "
        f"the page shows the first {int((rank[shown] > 0).sum()):,}, {n_pictures:,} samples with a "
        "picture"
    )
    if n_tasks < len(shown):
        yield (
            f"label_studio_tasks.json has {n_tasks:,} of the {len(shown):,} shown samples, those "
            "with a picture"
        )
    root = label_studio.document_root(judged)
    if root is not None:
        yield f"Label Studio: LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}"
