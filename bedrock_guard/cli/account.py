"""Commands that read: a real account, the demo account, or files. None of them writes to AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()
Out = Annotated[Path, typer.Option(help="Where to write.")]


@commands.command()
def calls(
    path: Annotated[
        Path, typer.Argument(help="A folder or file of CloudTrail records or LookupEvents pages.")
    ],
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")],
) -> None:
    """Read CloudTrail files into the calls table. The last line counts every record, as JSON."""
    from bedrock_guard.account.trail import read_folder, write_parquet

    reading = read_folder(path)
    write_parquet(reading.frame, out)
    for name, reason in reading.set_aside.items():
        print(f"set aside: {name}: {reason}")
    print(json.dumps({"records": reading.records, "rows": len(reading.frame), "left_out": reading.left_out}))


@commands.command()
def report(
    name: Annotated[str, typer.Argument(help="cost")],
    account: Annotated[str, typer.Option(help="demo, or the name of an AWS profile.")] = "demo",
    out: Out = Path("out"),
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the notebook; may be repeated.")
    ] = None,
    plots: Annotated[
        str | None, typer.Option(help="svg (needs Chromium) or script; default: what is there.")
    ] = None,
) -> None:
    """Run a report unattended. Exit status: 0 fine, 1 findings, 2 bad parameters, 3 incomplete data, 4 failed."""
    from bedrock_guard.reports.run import ReportFailed, run
    from bedrock_guard.reports.settings import read_parameters

    parameters = read_parameters(name, {"account": account}, param or [])
    try:
        made = run(name, parameters, out, plots=plots)  # type: ignore[arg-type]  # checked by run
    except ReportFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(4) from error
    for finding in made.figures.findings:
        print(f"{finding.severity:7}{finding.text}")
    print(made.html)
    raise typer.Exit(made.figures.exit_status)
