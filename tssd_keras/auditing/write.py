"""What is known of the samples -> the audit's folder: tables, exports, and the page."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.auditing import label_studio, page, tables
from tssd_keras.auditing.beside import Beside, choose_beside
from tssd_keras.auditing.evidence import gather
from tssd_keras.auditing.gallery import TEACHING, Gallery, make_gallery
from tssd_keras.auditing.originals import FOLDER as ORIGINALS
from tssd_keras.auditing.originals import check_are_images, write_originals
from tssd_keras.auditing.pictures import (
    NO_PICTURES,
    SIDE,
    SIDE_BESIDE,
    Labels,
    Pictures,
    Samples,
    pictures,
)
from tssd_keras.auditing.table_rows import usual
from tssd_keras.data.columns import write_columns
from tssd_keras.data.whole_file import write_each, write_text
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.told import NOTHING_TO_TELL
from tssd_keras.labels.given import given_labels
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.folder import check_free

PICTURES_MB = 15.0
BESIDE = 0.2  # of these, at most, are of the samples that stand beside others
MOST_SUSPECTS = 20_000  # on the page
WITHOUT_SAMPLES = "Give --without-samples for a page without them."
Progress = Callable[[str, int], Callable[[int], object]]
Table = Callable[[Findings, Gallery], dict[str, Any]]


def relabel_command(run: Path) -> str:
    """The command that takes the decisions on a run, or on the audit of a model's outputs."""
    return f"python cli.py relabel {shlex.quote(str(run))} decisions.csv --out labels.csv"


def load_samples(findings: Findings, recipe: Recipe) -> Samples:
    """Load a run's data again, and check that they are the run's.

    Args:
        findings: of the run.
        recipe: of the run.

    Raises:
        FileNotFoundError: the data are gone.
        ValueError: they cannot be read, or their labels differ.
    """
    from tssd_keras.data import loading

    with _pointing_to_without_samples():
        data = loading.load(recipe.data, recipe.golden)
        given, _ = given_labels(recipe, data)
    sha256 = labels_sha256(given)
    if sha256 != findings.labels_sha256:
        raise ValueError(
            f"the data must be those of the run: their labels ({len(given):,}) have the hash "
            f"{sha256[:12]}..., the run's have {findings.labels_sha256[:12]}... Pictures of other "
            f"samples would mislead. Bring back the data as they were. {WITHOUT_SAMPLES}"
        )
    return Samples(inputs=data.inputs, texts=data.texts, column_names=data.column_names)


@contextlib.contextmanager
def _pointing_to_without_samples() -> Iterator[None]:
    """Add the way out to what is raised while data are loaded."""
    what = "the run's data cannot be loaded again"
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{what}: {error} {WITHOUT_SAMPLES}") from error
    except ValueError as error:  # of any kind: some kinds take more than a text
        raise ValueError(f"{what}: {error} {WITHOUT_SAMPLES}") from error


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What an audit's page shows.

    Attributes:
        pictures_mb: megabytes of pictures (texts, rows) in the page, at most; see
            `gallery.order_pictured` for which samples have one.
        most: suspects on the page, at most.
        kept: samples of the stratum "kept" on the page, at random.
        teaching: samples of the page in the order that teaches the next run, at most; see
            `teaching.teaching_order`.
        seed: of the draws.
        originals: whether each image lies as a file beside the page, too, as large as it is.
    """

    pictures_mb: float = PICTURES_MB
    most: int = MOST_SUSPECTS
    kept: int = 0
    teaching: int = TEACHING
    seed: int = 0
    originals: bool = False

    def __post_init__(self) -> None:
        for name in ("pictures_mb", "most", "kept", "teaching"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}.")


def write_audit(
    findings: Findings,
    samples: Samples | None,
    out: Path,
    *,
    note: str = "",
    back: str = "",
    table: Table = tables.columns,
    progress: Progress = lambda what, total: lambda n: None,
    **settings: Any,
) -> list[str]:
    """Write the audit of some samples into a folder.

    Args:
        findings: N samples.
        samples: to be shown; None: the page has no pictures.
        out: the folder, new or empty.
        note: shown on top of the page.
        back: the command that takes decisions, which the page names; or "".
        table: makes the columns of samples.csv.
        progress: called with a text and a total; what it returns is called with the
            steps done.
        settings: of `Shown`.

    Returns:
        What a person should know, a line each.

    Raises:
        FileExistsError: the folder is not empty; nothing was written.
        OSError: nothing can be written there, or a file cannot; the others were written.
        ValueError: no sample was judged, a number is negative, or there are no originals.
    """
    shown = Shown(**settings)
    if not findings.judged.any():
        raise ValueError(f"a sample must have been judged, of {len(findings)} none was.")
    check_free(out, what="the audit's folder")
    if shown.originals:
        samples = check_are_images(samples, findings.paths)
    gallery = make_gallery(
        findings, most=shown.most, kept=shown.kept, teaching=shown.teaching, seed=shown.seed
    )
    said = {"note": note, "back": back, "originals": shown.originals}
    made, html = _page(findings, gallery, samples, shown, said, progress)
    tasks, config = label_studio.tasks(findings, gallery, made)
    out.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    writes = _writes(table(findings, gallery), findings, gallery, out, lines.append)
    writes["report.html"] = lambda: write_text(out / "report.html", html)
    writes["the tasks of Label Studio"] = lambda: label_studio.write_tasks(out, tasks, config)
    if shown.originals and samples is not None:
        writes["originals"] = _originals(findings, gallery, samples, out, lines.append, progress)
    unwritten = write_each(writes, progress("writing the audit", len(writes)))
    if unwritten:
        raise _first_of(unwritten)
    return [*lines, *_summary(findings, gallery, len(made.content), len(tasks))]


def _originals(
    findings: Findings,
    gallery: Gallery,
    samples: Samples,
    out: Path,
    say: Callable[[str], None],
    progress: Progress,
) -> Callable[[], None]:
    """Writes the originals of all that is on the page."""
    rows = np.sort(gallery.rows)

    def write() -> None:
        n_bytes = write_originals(
            out,
            samples,
            findings.index[rows],
            files=None if findings.paths is None else findings.paths[rows],
            on_some=progress("writing originals", len(rows)),
        )
        say(f"{len(rows):,} originals, {n_bytes / 1e6:.1f} MB, are in {out / ORIGINALS}")

    return write


def _page(
    findings: Findings,
    gallery: Gallery,
    samples: Samples | None,
    shown: Shown,
    said: dict[str, Any],
    progress: Progress,
) -> tuple[Pictures, str]:
    """The pictures of the gallery, and the text of report.html; see `write_audit`."""
    evidence = gather(findings)
    beside = choose_beside(findings, evidence.place, gallery.rows, seed=shown.seed)
    made, of_beside = _pictures(findings, gallery, beside, samples, shown, progress)
    data = page.page_data(findings, gallery, evidence, beside, made, **said)
    return made, page.render(data, made, of_beside)


def _pictures(
    findings: Findings,
    gallery: Gallery,
    beside: Beside,
    samples: Samples | None,
    shown: Shown,
    progress: Progress,
) -> tuple[Pictures, Pictures]:
    """Pictures of the first of `gallery.pictured`, and of the first of `beside.pool`.

    There are none without samples.
    """
    rows = gallery.rows[gallery.pictured]
    if samples is None or not len(rows) or not shown.pictures_mb:
        return NO_PICTURES, NO_PICTURES
    are_rows = findings.paths is None and samples.are_rows
    in_class = usual(samples.inputs, findings, seed=shown.seed) if are_rows else None

    def of(some: np.ndarray, side: int, most_bytes: float, what: str) -> Pictures:
        return pictures(
            samples,
            findings.index[some],
            files=None if findings.paths is None else findings.paths[some],
            labels=None
            if in_class is None
            else Labels(in_class, findings.given[some], findings.suggested[some]),
            side=side,
            most_bytes=most_bytes,
            on_some=progress(what, len(some)),
        )

    room = shown.pictures_mb * 1e6
    of_beside = of(beside.pool, SIDE_BESIDE, BESIDE * room, "making pictures of neighbours")
    return of(rows, SIDE, room - of_beside.size, "making pictures"), of_beside


def _writes(
    table: dict[str, Any],
    findings: Findings,
    gallery: Gallery,
    out: Path,
    say: Callable[[str], None],
) -> dict[str, Callable[[], None]]:
    """The tables of an audit and what writes each; `say` takes what a person should know."""

    def parquet() -> None:
        if not tables.write_parquet(out / "samples.parquet", table):
            say(tables.NO_PARQUET)

    return {
        "samples.csv": lambda: write_columns(out / "samples.csv", table),
        "label_issues.csv": lambda: write_columns(
            out / "label_issues.csv", tables.label_issues(findings)
        ),
        "strata.csv": lambda: tables.write_strata(out / "strata.csv", gallery.strata),
        "samples.parquet": parquet,
    }


def _first_of(unwritten: dict[str, Exception]) -> Exception:
    """The first error; a file that could not be written names the others that could not."""
    first, *others = unwritten.values()
    if not others or not isinstance(first, OSError):
        return first
    named = type(first)(f"{first} Not written either: {', '.join(list(unwritten)[1:])}.")
    named.errno = first.errno
    return named


def _summary(findings: Findings, gallery: Gallery, n_pictures: int, n_tasks: int) -> Iterator[str]:
    n_suspects = int((gallery.rank > 0).sum())
    n_listed = int((gallery.rank[gallery.rows[: gallery.n_listed]] > 0).sum())
    if findings.nothing_to_tell:
        yield f"{NOTHING_TO_TELL}, and no label was judged: {findings.nothing_to_tell}"
    elif why := findings.wrong_share.why:
        yield f"estimated noise: {NOTHING_TO_TELL}, as {why}"
    yield (
        f"{n_suspects:,} suspects among {int(findings.judged.sum()):,} judged samples; the page "
        f"lists {n_listed:,} of them to find wrong labels, and {len(gallery.teaching):,} judged "
        f"samples to teach the next run; {n_pictures:,} samples have a picture"
    )
    if n_tasks < gallery.n_listed:
        yield (
            f"label_studio_tasks.json has {n_tasks:,} of the {gallery.n_listed:,} samples that are "
            "listed to find wrong labels, those with a picture"
        )
    root = label_studio.document_root(findings)
    if root is not None:
        yield f"Label Studio: LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}"
