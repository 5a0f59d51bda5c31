"""The command that prints what Bedrock cost. It writes nothing to AWS."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer

from bedrock_guard.cli import told

commands = typer.Typer()


@commands.command()
def spend(
    account: Annotated[str, typer.Option(help="demo, or the name of an AWS profile.")] = "demo",
    days: Annotated[int, typer.Option(min=1, max=395)] = 28,
    export: Annotated[
        str, typer.Option(help="A CUR 2.0 or FOCUS export (folder, or s3://bucket/prefix) to read instead.")
    ] = "",
    month: Annotated[
        list[str] | None, typer.Option(help="With --export: only this billing period, such as 2026-10.")
    ] = None,
) -> None:
    """Print what Bedrock cost per model, and whether it adds up to the bill. Exit status: 0 it does, 3 it does not.

    Of a cost export, what each caller cost is printed too, where the export names callers.
    """
    from bedrock_guard.account.cost_explorer import Window
    from bedrock_guard.account.costs import plan_requests, read_bill
    from bedrock_guard.account.exports_s3 import read_export_at
    from bedrock_guard.account.facts import learnt
    from bedrock_guard.account.session import open_account
    from bedrock_guard.evidence.spend import classify_bill, reconcile
    from bedrock_guard.present.evidence import proof
    from bedrock_guard.present.spend_lines import by_caller, by_model, source

    opened = open_account(account)
    if export:
        read = read_export_at(opened, export, months=month or ())
        frame, control, words = read.frame, read.control, f"{read.form}, {read.files} files"
    else:
        window = Window.last(opened.now, days)
        print(f"asking {plan_requests(window, native=False)}", file=sys.stderr)
        reading = read_bill(opened, window)
        frame, control = reading.frame, reading.control
        words = f"{window.start} to {window.end - timedelta(days=1)} (UTC)"
    known = learnt(opened)
    bill = classify_bill(frame, learnt=known)
    checked = reconcile(bill, control, learnt=known)
    tables = [by_model(bill, words), *([by_caller(bill)] if export else []), proof(checked)]
    told.show(tables)
    for why in checked.withheld:
        print(f"not proven: {why}", file=sys.stderr)
    print(source(bill), file=sys.stderr)
    raise typer.Exit(3 if checked.withheld else 0)
