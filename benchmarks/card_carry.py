"""What travels to a machine with a card and no network: wheels, the two data files, the commit."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import result_lines

DATA = ("cifar10-images.tar.xz", "cifar10n.npz")
ORIGIN = "origin.json"
HERE_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# Distribution -> module. A package that is there already is not unpacked.
CARRIED = {
    "keras": "keras",
    "namex": "namex",
    "h5py": "h5py",
    "optree": "optree",
    "absl-py": "absl",
    "rich": "rich",
    "markdown-it-py": "markdown_it",
    "mdurl": "mdurl",
    "pygments": "pygments",
    "packaging": "packaging",
    "typing-extensions": "typing_extensions",
    "click": "click",
    "tqdm": "tqdm",
    "scikit-learn": "sklearn",
    "joblib": "joblib",
    "cloudpickle": "cloudpickle",
    "narwhals": "narwhals",
    "threadpoolctl": "threadpoolctl",
    "pillow": "PIL",
}
THERE = ("jax", "numpy", "scipy", "ml_dtypes", "matplotlib")  # what the machine must have
HIDING = """
import importlib.machinery as machinery
found = machinery.PathFinder.find_spec

def hidden(name, *args, **kwargs):
    return None if name.split(".")[0] == "tensorflow" else found(name, *args, **kwargs)

machinery.PathFinder.find_spec = hidden
"""
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1")


def gather(out: Path, archives: Path, versions: list[str]) -> None:
    """Wheels for each version of Python, the data and the commit -> a folder."""
    shutil.rmtree(out / "wheels", ignore_errors=True)  # others would travel too
    for version in versions:
        download(out / "wheels" / version, version)
    for name in DATA:
        shutil.copyfile(archives / name, out / name)
    (out / ORIGIN).write_text(json.dumps(result_lines.origin()))
    for path in (*(out / "wheels" / v for v in versions), *(out / name for name in DATA)):
        print(f"{size(path) / 1e6:6.1f} MB  {path.relative_to(out)}")
    print(f"{size(out) / 1e6:6.1f} MB  in all, in {out}")


def download(folder: Path, version: str) -> None:
    """The wheels for one version of Python, in the versions that were tested."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command += ["--constraint", str(result_lines.ROOT / "constraints.txt")]
    command += ["--python-version", version, "--implementation", "cp"]
    command += [word for name in PLATFORMS for word in ("--platform", f"{name}_x86_64")]
    subprocess.run([*command, *CARRIED], check=True)


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in (path.rglob("*") if path.is_dir() else [path]))


def commit(folder: Path) -> str:
    """The commit that runs; outside git the one that the folder was prepared at, said so."""
    path = folder / ORIGIN
    noted = json.loads(path.read_text())["commit"] if path.exists() else ""
    return result_lines.commit() or (f"{noted} (when the data were prepared)" if noted else "")


def unpack(
    wheels: Path, site: Path, *, there: Callable[[str], object] = importlib.util.find_spec
) -> list[str]:
    """Unpack the carried packages that are not there.

    Args:
        wheels: a folder of wheels; it may be missing.
        site: the folder to unpack to, for PYTHONPATH.
        there: says whether a module is there.

    Returns:
        Names of the wheels that were unpacked.

    Raises:
        SystemExit: a package is neither there nor carried.
    """
    files = {path.name.split("-")[0].lower(): path for path in sorted(wheels.glob("*.whl"))}
    chosen, lacking = [], [module for module in THERE if not there(module)]
    for name, module in CARRIED.items():
        wheel = files.get(name.replace("-", "_"))
        if there(module) and not (name == "keras" and wheel and _other_version(wheel)):
            continue
        if wheel:
            chosen.append(wheel)
        else:
            lacking.append(module)
    if lacking:
        sys.exit(f"{sys.executable} lacks {', '.join(lacking)}, and {wheels} holds no wheel of it")
    _extract(chosen, site)
    return [wheel.name for wheel in chosen]


def hide_tensorflow(site: Path) -> None:
    """Have processes with this folder on PYTHONPATH find no TensorFlow, where there is one.

    Keras would load it, and TSSD would feed by it.
    """
    if importlib.util.find_spec("tensorflow"):
        (site / "sitecustomize.py").write_text(HIDING)


def _other_version(wheel: Path) -> bool:
    """Whether the Keras that is there is not the carried one, with which this was tested."""
    try:
        return importlib.metadata.version("keras") != wheel.name.split("-")[1]
    except importlib.metadata.PackageNotFoundError:
        return True


def _extract(wheels: Iterable[Path], site: Path) -> None:
    """A wheel is a zip of what goes into a site folder; so no pip is needed there."""
    site.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as file:
            file.extractall(site)
