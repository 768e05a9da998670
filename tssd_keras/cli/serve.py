"""`python cli.py serve`: the page of an audit, with originals and decisions on disk."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--audit",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of the audit. Default: RUN/audit.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Of 127.0.0.1. Default: any free one.",
)
def serve(run: Path, folder: Path | None, port: int) -> None:
    """Show the audit's page of RUN to a browser on this machine, until Ctrl-C.

    RUN is a run's folder, or that of an audit of a model's outputs.

    Decisions are kept in decisions.csv of the audit's folder as they are made,
    and images are shown whole from their own files. Only this machine is
    answered, and only under the address that is printed: who has it can look
    and decide.
    """
    from tssd_keras.auditing import serve as serving
    from tssd_keras.auditing.relabel import audit_of

    try:
        served = serving.load(run, folder or audit_of(run))
        server = serving.make_server(served, port)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise click.ClickException(str(error)) from error
        raise click.ClickException(
            f"--port must be a free one, {port} is not: {error.strerror}. Leave it out."
        ) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    with server:
        click.echo(f"open {serving.address(server, served)}")
        click.echo(f"decisions are kept in {served.decisions}; Ctrl-C ends this")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
