"""TFDS's own builders, fed with files that already lie in a folder; no network is asked."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tssd_keras.data.named import cifar_n_files, local_files
from tssd_keras.data.named.one_writer import SCRATCH


def prepare(
    name: str, folder: Path, data_dir: Path, *, hashes: Mapping[str, str] | None = None
) -> Path:
    """Write a TFDS data set, by TFDS's own builder, from published files.

    Args:
        name: one of `local_files.FILES`.
        folder: that holds the files.
        data_dir: the TFDS folder to write to.
        hashes: file name -> sha256 in place of the published one, see `local_files.find`.

    Returns:
        Path of the prepared data set. One that is there already stays as it is.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is not the published one. Nothing was written.
    """
    paths = local_files.find(name, folder, hashes=hashes)
    if name in cifar_n_files.LAYOUTS:
        cifar_n_files.check(name, *paths.values())
    import tensorflow_datasets as tfds

    urls = {file.source: path for file, path in paths.items() if file.sha256}
    data_dir.mkdir(parents=True, exist_ok=True)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    with (
        tempfile.TemporaryDirectory(dir=data_dir, prefix=SCRATCH) as scratch,
        contextlib.redirect_stdout(sys.stderr),  # TFDS prints
    ):
        builder = tfds.builder_cls(name)(data_dir=data_dir)
        manager = _manager(urls, folder, Path(scratch))
        builder._make_download_manager = lambda **_: manager
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )
    return Path(builder.data_path)


def _manager(urls: Mapping[str, Path], manual_dir: Path, scratch: Path):
    """A TFDS download manager that knows these files and no network."""
    import tensorflow_datasets as tfds

    class LocalManager(tfds.download.DownloadManager):
        def download(self, url_or_urls):
            return _map(self._path, url_or_urls)

        def download_and_extract(self, url_or_urls):
            return _map(lambda url: str(local_files.unpack(self._path(url), scratch)), url_or_urls)

        def extract(self, path_or_paths):
            return _map(lambda path: str(local_files.unpack(Path(path), scratch)), path_or_paths)

        def _path(self, url):
            if url not in urls:
                raise FileNotFoundError(
                    f"TFDS asks for {url}, which is none of the files known here "
                    f"({', '.join(urls)}). This version of TFDS is another than the one this was "
                    "written for, 4.9.10: install that."
                )
            return urls[url]

    return LocalManager(
        download_dir=scratch, manual_dir=manual_dir, manual_dir_instructions="Known files only."
    )


def _map(function, one_or_dict):
    if isinstance(one_or_dict, dict):
        return {key: function(value) for key, value in one_or_dict.items()}
    return function(one_or_dict)
