"""The command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bedrock_guard import __version__
from bedrock_guard.cli import account, change, demo, doctor, policy, report, spend, trail
from bedrock_guard.cli.told import say_error
from bedrock_guard.errors import GuardError

app = typer.Typer(
    name="bedrock-guard",
    help="Govern Amazon Bedrock: what it costs, who holds its keys, what a boundary would refuse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (demo, policy, trail, account, change, spend, report, doctor):
    app.registered_commands.extend(part.commands.registered_commands)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bedrock-guard {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Take the options that stand before a command; `--version` has done its work by now."""
    del version


def main() -> None:
    """Run the command line; a GuardError becomes three plain lines and exit status 2."""
    try:
        app()
    except GuardError as error:
        say_error(error)
        sys.exit(getattr(error, "exit_status", 2))
