"""Options of the commands that run a recipe many times: `ablate` and `peers`."""

from __future__ import annotations

import click

seeds_option = click.option(
    "--seeds", default="0,1,2", show_default=True, help="Seeds of everything that is drawn."
)
noise_option = click.option(
    "--noise",
    "noises",
    multiple=True,
    metavar="KIND:RATE|file:PATH",
    help="Noise in place of the recipe's, e.g. symmetric:0.4; or file:PATH, labels in a file. Can "
    "be given again.",
)
set_in_all_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one setting of every run. Can be given again.",
)
