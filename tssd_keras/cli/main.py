"""The command line: every command in one group. `python cli.py --help` or `tssd --help`."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

import click

from tssd_keras.cli.ablate import ablate
from tssd_keras.cli.audit import audit
from tssd_keras.cli.check import check
from tssd_keras.cli.compare import compare
from tssd_keras.cli.datasets import datasets
from tssd_keras.cli.noise import noise
from tssd_keras.cli.peers import peers
from tssd_keras.cli.relabel import relabel
from tssd_keras.cli.serve import serve
from tssd_keras.cli.settings import settings
from tssd_keras.cli.train import train
from tssd_keras.run.interrupts import ending_alike


@contextlib.contextmanager
def _any_name_printed() -> Iterator[None]:
    """Let names of files that are no text be printed, escaped, as they are to stderr."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    before = stream.errors
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        stream.reconfigure(errors=before)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tssd_keras")
@click.pass_context
def main(context: click.Context) -> None:
    """Train classifiers on wrong labels.

    Two-Stream Sample Distillation judges each label while the network trains:
    by its loss, and by its place among the samples of its class. Where the two
    disagree, a meta classifier that learned from a few trusted samples
    decides. Samples judged wrong lose their weight.

    \b
    Begin with
      python cli.py train recipes/digits.toml        about a minute
      python cli.py check recipes/digits.toml        what it would do
      python cli.py settings                         what a recipe can say
      python cli.py train recipes/digits.toml --set noise.rate=0.6
      python cli.py train --resume RUN               a run that was stopped or killed
      python cli.py noise recipes/digits.toml --out labels.npy
      python cli.py datasets                         what can be trained on
      python cli.py audit RUN                        its wrong labels, as a page
      python cli.py serve RUN                        that page, with decisions kept on disk
      python cli.py relabel RUN decisions.csv --out labels.csv
      python cli.py compare RUN RUN2                 what the second run gained
      python cli.py peers recipes/digits.toml        other methods beside TSSD
    Compare with training on all labels as they are:
      python cli.py train recipes/digits.toml --set objective.kind=plain
    """
    # TensorFlow's own notes on the processor, some of which call themselves errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    context.with_resource(ending_alike())
    context.with_resource(_any_name_printed())


for command in (
    train,
    check,
    settings,
    noise,
    datasets,
    audit,
    serve,
    relabel,
    compare,
    ablate,
    peers,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
