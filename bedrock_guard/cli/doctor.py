"""`doctor`: what this caller can see of an account, and what the account shows."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def doctor(
    account: Annotated[
        str, typer.Option(help="demo, an AWS profile, or default (boto3's own choice).")
    ] = "demo",
    region: Annotated[
        str | None, typer.Option(help="Region of the session; by default the profile's.")
    ] = None,
    bill: Annotated[
        bool,
        typer.Option(help="Read the bill too, for what only it tells: the paid requests that are announced."),
    ] = True,
    keep: Annotated[bool, typer.Option(help="Keep what was learnt for the other commands.")] = True,
) -> None:
    """Look at an account with read-only calls: what this caller sees, which permission each gap needs, what is odd.

    The output holds no account number, ARN or name, so it can be pasted into a bug report.
    Exit status: 0 everything is seen and as expected, 3 something is not, 4 not even the caller could be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from bedrock_guard.account.doctor import ABOUT_REQUESTS, examine
    from bedrock_guard.account.session import open_account
    from bedrock_guard.present import doctor as show
    from bedrock_guard.present.terminal import terminal_width

    about = ABOUT_REQUESTS[0 if bill else 1]
    print(
        f"reading only; about {about} requests to Cost Explorer at $0.01, more where its answers have pages",
        file=sys.stderr,
    )
    try:
        found = examine(open_account(account, region), bill=bill, keep=keep)
    except (BotoCoreError, ClientError) as error:
        from bedrock_guard.reports.remedies import remedy_for

        said = f"{type(error).__name__} {getattr(error, 'response', {}).get('Error', {}).get('Code', '')}"
        print(
            f"error: Not even the caller could be asked: {said}\ndo:    {remedy_for(said)}", file=sys.stderr
        )
        raise typer.Exit(4) from error
    print(show.text(found, terminal_width()))
    raise typer.Exit(3 if found.gaps or found.shapes else 0)
