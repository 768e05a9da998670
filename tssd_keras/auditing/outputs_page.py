"""What is said of labels by any model's outputs, as the page of a run's audit shows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse

from tssd_keras.auditing.gallery import Gallery
from tssd_keras.auditing.judged_labels import JudgedLabels
from tssd_keras.auditing.pictures import Samples
from tssd_keras.auditing.write import relabel_command, write_audit
from tssd_keras.data.decoding import BadImage, decode_for_people
from tssd_keras.data.files import FilesOnDisk
from tssd_keras.data.inputs import ArrayInputs, as_inputs
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.data.whole_file import whole_file, write_text
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import ROLES
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.run.folder import LABELS, LABELS_SHA256, SAMPLES
from tssd_keras.run.samples import PROBABILITIES, StoredSamples, save_samples

NAME = "a model's outputs"


def write_page(
    audited: JudgedLabels,
    folder: Path,
    class_names: tuple[str, ...],
    *,
    samples: Any = None,
    files: Sequence[str | Path] | None = None,
    ids: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    **shown: Any,
) -> list[str]:
    """Write the page, and what `relabel` needs; see `LabelAudit.write_page`.

    Args:
        audited: of N labels.
        folder: new or empty.
        class_names: K names.
        samples, files, column_names, shown: see there.
        ids: the samples' own names; None: by files the file names, else none.

    Returns:
        What a person should know, a line each.
    """
    n = len(audited)
    paths = None if files is None else _paths(files, n)
    if ids is None and paths is not None:
        ids = [str(path) for path in files or ()]
    to_show = as_samples(samples, paths, column_names, n)
    findings = findings_of(audited, class_names, ids=ids, paths=paths)
    columns = audited.columns(class_names)

    def table(findings: Findings, gallery: Gallery) -> dict[str, Any]:
        stratum = np.full(n, "", object)
        stratum[findings.index] = gallery.stratum
        named = {} if ids is None else {"id": list(ids)}
        return {**named, **columns, "stratum": stratum.tolist()}

    lines = write_audit(
        findings,
        to_show,
        folder,
        note=" ".join(f"{doubt[0].upper()}{doubt[1:]}." for doubt in audited.doubts),
        table=table,
        back=relabel_command(folder),
        **shown,
    )
    _write_for_relabel(folder, audited, findings)
    return lines


def findings_of(
    audited: JudgedLabels,
    class_names: tuple[str, ...],
    *,
    ids: Sequence[str] | None = None,
    paths: np.ndarray | None = None,
) -> Findings:
    """The judged samples as the page knows them, and who of them is suspected.

    Args:
        audited: of N labels.
        class_names: K names.
        ids: N names of the samples, or None.
        paths: object[N] of str, their files, or None.
    """
    rows = audited.streams.index
    suspect, pooled = audited.suspect[rows], audited.streams.transition is not None
    role = {name: number for number, name in enumerate(ROLES)}
    return Findings(
        name=NAME,
        class_names=class_names,
        labels_sha256=labels_sha256(audited.given),
        index=rows,
        given=audited.given[rows],
        suggested=audited.suggested[rows],
        p_suggested=audited.p_suggested[rows],
        weight=np.where(suspect, 0.0, 1.0),
        role=np.array([role[name] for name in audited.role[rows]], np.int8),
        p_loss=audited.p_loss[rows],
        p_feature=audited.p_feature[rows],
        q=audited.score[rows] if pooled else np.full(len(rows), np.nan),
        changed=np.full(len(rows), -1),
        ids=None if ids is None else as_ids(list(ids))[rows],
        paths=None if paths is None else paths[rows],
        streams=(audited.streams,),
        rounds=[_figures(audited)],
        accused=suspect,
    )


def _figures(audited: JudgedLabels) -> dict[str, str]:
    """What a round's row says of its estimates, as text; it has no epoch."""
    share, error = audited.wrong_share, audited.wrong_share_error
    n_golden = len(audited) - len(audited.order)
    return {
        "nothing_to_tell": audited.nothing_to_tell,
        "no_share": audited.no_share,
        "estimated_clean_share": "" if np.isnan(share) else str(1 - share),
        "clean_share_error": "" if np.isnan(error) else str(error),
        "golden_pairs": str(n_golden) if n_golden else "",
    }


def as_samples(
    samples: Any, files: np.ndarray | None, column_names: Sequence[str] | None, n: int
) -> Samples | None:
    """What a person looks at; None where nothing was given.

    Args:
        samples: N images, texts or rows of numbers, or None.
        files: object[N] of str, or None.
        column_names: of rows, or None.
        n: N.

    Raises:
        TypeError, ValueError: they are nothing of the sort, or of another number.
    """
    if samples is None:
        return None if files is None else Samples(inputs=_NoInputs(files))
    if files is not None:
        raise ValueError("samples and files must not be given together: the page shows one.")
    texts = None
    if not issparse(samples):
        samples = np.asarray(samples)
        if samples.dtype.kind == "U" and samples.ndim == 1:
            texts, samples = samples, np.zeros((len(samples), 1), np.float32)
    inputs = ArrayInputs(samples) if isinstance(samples, np.ndarray) else as_inputs(samples)
    if len(inputs) != n or len(inputs.shape) < 2:
        raise ValueError(
            f"samples must be one for each of {n} labels, images, texts or rows of numbers, got "
            f"shape {inputs.shape if texts is None else texts.shape}."
        )
    if inputs.dtype.kind not in "fiub" and not inputs.dtype.name.startswith(("bfloat", "float8")):
        raise TypeError(f"samples must be numbers or texts, got an array of type {inputs.dtype}.")
    return Samples(inputs=inputs, texts=texts, column_names=_columns(column_names, inputs.shape))


def _columns(names: Sequence[str] | None, shape: tuple[int, ...]) -> tuple[str, ...]:
    width = int(np.prod(shape[1:]))
    if names is not None and len(names) != width:
        raise ValueError(
            f"column_names must be as many as a row has numbers, {width}, got {len(names)}."
        )
    return tuple(map(str, names or ()))


def _paths(files: Sequence[str | Path], n: int) -> np.ndarray:
    if len(files) != n:
        raise ValueError(f"files must be one for each of {n} labels, got {len(files)}.")
    return as_ids([str(Path(path).absolute()) for path in files])


class _NoInputs:
    """Samples that are their files alone: one that cannot be decoded is an error.

    Args:
        files: object[N] of str.
    """

    def __init__(self, files: np.ndarray) -> None:
        self._files = files
        self.shape: tuple[int, ...] = (len(files), 1, 1, 3)
        self.dtype: np.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: np.ndarray) -> np.ndarray:
        """Raises ValueError with the first file that cannot be decoded."""
        for i in index.tolist():
            try:
                decode_for_people(FilesOnDisk(Path(), [self._files[i]])[0], 1)
            except BadImage as error:
                raise ValueError(
                    f"the image of sample {i} must be one that can be shown: {self._files[i]} "
                    f"{error}."
                ) from error
        return np.zeros((len(index), *self.shape[1:]), np.uint8)


def _write_for_relabel(folder: Path, audited: JudgedLabels, findings: Findings) -> None:
    """labels.npy, labels.sha256 and samples.npz, as a run has them."""
    with whole_file(folder / LABELS) as part:
        np.save(part, np.asarray(audited.given, "<i8"), allow_pickle=False)
    write_text(folder / LABELS_SHA256, f"{findings.labels_sha256}\n")
    columns = {
        name: np.asarray(getattr(findings, name), np.int64)
        for name in ("index", "given", "suggested", "changed")
    }
    columns |= {name: np.asarray(getattr(findings, name), np.float32) for name in PROBABILITIES}
    columns |= {"role": findings.role, "true": np.full(len(findings), -1)}
    save_samples(
        folder / SAMPLES,
        StoredSamples(
            class_names=findings.class_names,
            labels_sha256=findings.labels_sha256,
            columns=columns,
            ids=findings.ids,
            decided=None,
        ),
    )
