"""Short runs by the command line."""

from click.testing import CliRunner

from tssd_keras.cli.main import main

SHORT = ("train.epochs=3", "train.warmup_epochs=1", "model.name=mlp", "model.width=32")


def tssd(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def command(out, *settings):
    """The words that train the default recipe, shortened, into that folder."""
    return ("train", *(w for s in (*SHORT, *settings) for w in ("--set", s)), "--out", out)


def train(out, *settings):
    result = tssd(*command(out, *settings))
    assert result.exit_code == 0, result.output
    return out
