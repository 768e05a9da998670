"""`LabelAudit`: what `tssd_keras.audit` says of labels, as arrays, as a table and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tssd_keras.auditing.judged_labels import JudgedLabels, as_class_names
from tssd_keras.recipe.argument import as_path


class LabelAudit(JudgedLabels):
    """What is said of N labels: the attributes of `JudgedLabels`, and the page."""

    def write_page(
        self,
        folder: str | Path,
        class_names: Sequence[str] | None = None,
        *,
        samples: Any = None,
        files: Sequence[str | Path] | None = None,
        column_names: Sequence[str] | None = None,
        **shown: Any,
    ) -> list[str]:
        """Write the page that a person decides on, and what belongs to it; see docs/audit.md.

        Args:
            folder: new or empty.
            class_names: K names in label order, by default "0", "1", ...
            samples: what the page shows: N images, N texts, or N rows of numbers; None: files.
            files: paths of N image files, in place of samples.
            column_names: of rows of numbers.
            shown: settings of `write.write_audit`: pictures_mb, most, kept, teaching, seed, ...

        Returns:
            What a person should know, a line each.

        Raises:
            TypeError, ValueError: an argument does not fit.
            OSError: the folder is not empty, or a file cannot be written.
        """
        from tssd_keras.auditing.outputs_page import write_page  # loads what pictures need

        return write_page(
            self,
            Path(as_path("folder", folder)),
            as_class_names(class_names, self.n_classes),
            samples=samples,
            files=files,
            column_names=column_names,
            **shown,
        )
