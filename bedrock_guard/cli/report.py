"""`report`: a report by papermill, unattended. Its exit status says how it went."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bedrock_guard.cli.told import say_error

if TYPE_CHECKING:
    from bedrock_guard.reports.deliver import Delivery
    from bedrock_guard.reports.run import Options, Report

commands = typer.Typer()


@commands.command()
def report(  # noqa: PLR0913, PLR0917 - each is an option of its own
    name: Annotated[str, typer.Argument(help="cost or keys.")],
    account: Annotated[
        str | None,
        typer.Option(help="demo, an AWS profile, or default (boto3's own choice). By default demo."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="A folder or s3://BUCKET/PREFIX; every run is a folder of its own in it."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the report; may be repeated.")
    ] = None,
    params: Annotated[
        Path | None, typer.Option(help="A YAML file of NAME: VALUE lines; --param and --account win.")
    ] = None,
    plots: Annotated[
        Literal["svg", "script"] | None,
        typer.Option(help="svg needs Chromium and leaves no script in the page; default: what is there."),
    ] = None,
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help="Replace names, ARNs, account numbers and addresses.")
    ] = False,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = 900,
    topic: Annotated[str, typer.Option(help="Tell this SNS topic (its ARN) in ten lines.")] = "",
    hook: Annotated[str, typer.Option(help="Run this command with the ten lines on standard input.")] = "",
    tell: Annotated[
        Literal["findings", "always"], typer.Option(help="When topic and hook are told.")
    ] = "findings",
) -> None:
    """Run a report.

    Exit status: 0 fine, 1 findings, 2 bad parameters, 3 incomplete data, 4 failed run. 4 outweighs 2, 3 and 1;
    3 outweighs 1. After 2 nothing is left behind, after 4 only failed/; after SIGTERM (143) nothing.
    One list that could not be read is a 3.
    """
    from bedrock_guard.errors import GuardError
    from bedrock_guard.reports.deliver import Delivery, Message
    from bedrock_guard.reports.run import Options

    wish = Delivery(topic, hook, tell)
    place, values, delivery = _checked(name, account, out, params, param or [], wish, pseudonymise)
    options = Options(plots=plots, pseudonymise=pseudonymise, cell_timeout=timeout)
    try:
        made = _run(name, values, place, options)
    except GuardError as error:
        status = getattr(error, "exit_status", 4)
        say_error(error)
        if status == 4:
            _tell(delivery, Message(name, status, f"The {name} report failed: {error}", place))
        raise typer.Exit(status) from error
    print(made.text.rstrip())
    print(made.address)
    status = made.figures.exit_status
    told = _tell(delivery, Message(name, status, made.summary, made.address))
    raise typer.Exit(status if told else 4)


def _checked(
    name: str,
    account: str | None,
    out: str | None,
    params: Path | None,
    pairs: list[str],
    delivery: Delivery,
    pseudonymise: bool,
) -> tuple[str, dict[str, Any], Delivery]:
    """Place, parameters and delivery, or exit status 2 with nothing left behind."""
    from bedrock_guard.errors import GuardError
    from bedrock_guard.reports.deliver import sns_of
    from bedrock_guard.reports.parameter_file import read_file
    from bedrock_guard.reports.places import check_place
    from bedrock_guard.reports.pseudonyms import chosen_key
    from bedrock_guard.reports.settings import read_parameters

    try:
        delivery.check()
        if pseudonymise:
            chosen_key()
        given = read_file(params) if params else {}
        kept = given.pop("out", "out")
        place = check_place(kept if out is None else out)
        values = read_parameters(name, given | ({"account": account} if account else {}), pairs)
        client = sns_of(str(values.get("account", "demo")))
        return place, values, replace(delivery, client=client)
    except GuardError as error:
        say_error(error)
        raise typer.Exit(2) from error


def _run(name: str, values: dict[str, Any], place: str, options: Options) -> Report:
    from bedrock_guard.reports.run import run

    with _ended_in_order():
        return run(name, values, place, options=options)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A service manager's SIGTERM ends a run like Ctrl-C: what was begun is taken away, and the kernel ends too."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(delivery: Delivery, message: Any) -> bool:
    from bedrock_guard.reports.deliver import DeliveryFailed

    try:
        delivery.tell(message)
    except DeliveryFailed as error:
        say_error(error)
        return False
    return True
