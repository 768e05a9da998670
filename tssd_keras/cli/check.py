"""`python cli.py check`: what a recipe would do, without training."""

from __future__ import annotations

from pathlib import Path

import click

from tssd_keras.cli.backend import choose_backend
from tssd_keras.cli.recipe_options import load, recipe_argument, set_option, skip_option
from tssd_keras.recipe.toml import to_toml


@click.command()
@recipe_argument
@set_option
@skip_option
def check(recipe: Path | None, overrides: tuple[str, ...], skip_bad_images: bool) -> None:
    """Validate RECIPE, load its data, and say what a run would do. Trains nothing."""
    choose_backend(None)
    loaded = load(recipe, overrides, skip_bad_images)
    from tssd_keras.data import loading
    from tssd_keras.labels.prepare import prepare
    from tssd_keras.run.describe import describe

    click.echo(to_toml(loaded))
    try:
        click.echo(describe(loaded, prepare(loaded, loading.load(loaded.data, loaded.golden))))
    except (ValueError, OSError) as error:
        raise click.ClickException(f"the recipe is in order, its data are not: {error}") from error
