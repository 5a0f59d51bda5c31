"""Commands about policies: build, export, scorecard, simulate, lint, compare. None of them asks AWS anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()
Spec = Annotated[Path, typer.Argument(help="The spec, a TOML file.")]
Out = Annotated[Path, typer.Option(help="The folder to write to.")]


@commands.command()
def simulate(
    cases: Annotated[
        Path, typer.Option(help="One SimulateCustomPolicy request a line (JSON lines); - for stdin.")
    ],
) -> None:
    """Answer SimulateCustomPolicy requests locally, one response a line in the same order.

    A bad line yields {"Error": ...} in its place, the others are still answered, and the exit status is 2.
    """
    from contextlib import nullcontext

    from bedrock_guard.iam.simulate import run_cases

    failed = False
    source = (
        nullcontext(sys.stdin)
        if str(cases) == "-"
        else cases.open(encoding="utf-8", errors="surrogateescape")
    )
    with source as lines:
        for answer, good in run_cases(lines):
            failed |= not good
            print(answer)
    raise typer.Exit(2 if failed else 0)
