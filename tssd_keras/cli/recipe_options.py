"""What commands that take a recipe share: its argument, `--set`, and how it is read."""

from __future__ import annotations

from pathlib import Path

import click

from tssd_keras.recipe.recipe import DEFAULT, Recipe
from tssd_keras.recipe.toml import RecipeError, load_recipe, parse_recipe

recipe_argument = click.argument("recipe", required=False, type=click.Path(path_type=Path))
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one setting, e.g. --set train.epochs=3. Can be given again.",
)
skip_option = click.option(
    "--skip-bad-images",
    is_flag=True,
    help="Carry on without the images that cannot be used, and list them.",
)


def load(recipe: Path | None, overrides: tuple[str, ...], skip_bad_images: bool = False) -> Recipe:
    """The recipe of a file, or of the digits run; raises ClickException with every mistake."""
    if skip_bad_images:
        overrides = (*overrides, "data.skip_bad_images=true")
    try:
        if recipe is None:
            return parse_recipe(DEFAULT, overrides, where="the default recipe")
        return load_recipe(recipe, overrides)
    except RecipeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        recipes = sorted(str(path) for path in Path("recipes").glob("*.toml"))
        hint = f" Recipes here: {', '.join(recipes)}." if recipes else ""
        raise click.ClickException(f"cannot read the recipe: {error}.{hint}") from error
