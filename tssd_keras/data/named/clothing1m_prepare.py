"""Clothing-1M in its original layout -> a TFDS data set, whole or not at all."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from tssd_keras.data.named.clothing1m_lists import PREPARED, read_lists


def prepare(folder: Path, data_dir: Path) -> Path:
    """Write the TFDS data set `clothing1m`, one image at a time.

    Args:
        folder: holds the lists and the images, see `clothing1m_lists`.
        data_dir: the TFDS folder to write to.

    Returns:
        Path of the prepared data set. One that is there already stays as it is.

    Raises:
        FileNotFoundError: a list or an image is not there.
        ValueError: the lists are wrong; see `read_lists`. Nothing was written.
    """
    prepared = data_dir / PREPARED
    if (prepared / "features.json").is_file():
        return prepared
    lists = read_lists(folder)
    import tensorflow_datasets as tfds

    from tssd_keras.data.named.clothing1m_builder import Clothing1m

    tfds.disable_progress_bar()
    builder = Clothing1m(data_dir=data_dir)
    builder.lists = lists
    with contextlib.redirect_stdout(sys.stderr):  # TFDS prints
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=folder, try_download_gcs=False)
        )
    return prepared
