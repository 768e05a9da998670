"""`python cli.py noise`: a recipe's given labels as a file."""

from __future__ import annotations

from pathlib import Path

import click

from tssd_keras.cli.recipe_options import load, recipe_argument, set_option, skip_option


@click.command()
@recipe_argument
@set_option
@skip_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The labels: .npy (int64 in the source's order), .npz or .csv (with ids and class names).",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="The confusion matrix as a PNG. Default: LABELS.png, or LABELS.csv.png if that is there.",
)
def noise(
    recipe: Path | None,
    overrides: tuple[str, ...],
    skip_bad_images: bool,
    out: Path,
    picture: Path | None,
) -> None:
    """Write RECIPE's given labels, noise and all, for use elsewhere. Trains nothing.

    A picture shows the confusion matrix (rows true, columns given). The
    labels can be read back with noise.kind = "file".
    """
    loaded = load(recipe, overrides, skip_bad_images)
    picture = picture or _beside(out)
    from tssd_keras.data import loading
    from tssd_keras.run.noise_export import check_files, write_noise

    try:
        check_files(out, picture)  # before minutes of loading
        click.echo(write_noise(loaded, loading.load(loaded.data, loaded.golden), out, picture))
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _beside(out: Path) -> Path:
    """The picture's place where none is named: labels of another ending may have theirs there."""
    picture = out.with_suffix(".png")
    return out.with_name(f"{out.name}.png") if picture.exists() else picture
