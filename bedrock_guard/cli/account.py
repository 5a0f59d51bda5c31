"""Commands that read: a real account, the demo account, or files. None of them writes to AWS."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bedrock_guard.cli import told

if TYPE_CHECKING:
    from bedrock_guard.present.note import Note
    from bedrock_guard.present.runbook import Runbook
    from bedrock_guard.present.table import Shown

commands = typer.Typer()
_MOST_BYTES: Final = 100_000
"""More than any key has."""

Account = Annotated[str, typer.Option(help="demo, or the name of an AWS profile.")]


@commands.command()
def keys(
    account: Account = "demo",
    days: Annotated[int, typer.Option(min=1, help="How far back; Event history reaches 90 days.")] = 90,
    calls: Annotated[
        str,
        typer.Option(
            help="The folder of calls --store, files of a trail or s3://BUCKET/PREFIX, instead of Event history: "
            "they may reach further back."
        ),
    ] = "",
    key: Annotated[
        str, typer.Option(help="Show this key's page too: a key's id, or a signing access key's.")
    ] = "",
    spec: Annotated[
        str,
        typer.Option(help=r"A spec file whose \[findings] say when a finding speaks, such as key_age_days."),
    ] = "",
) -> None:
    """List every API key: status, expiry, creator, last use, how far each is known, and what deserves a look."""
    from bedrock_guard.account.session import open_account
    from bedrock_guard.account.trail_places import Wanted, store_at
    from bedrock_guard.present import keys as show

    if days > 90 and not calls:
        raise typer.BadParameter("Event history reaches 90 days; give --calls FOLDER for more")
    opened = open_account(account)
    folder: str | Path = ""
    if calls:
        held, taken = store_at(calls, Wanted(opened.now - timedelta(days=days)), lambda: opened)
        folder = held.folder
        print(taken.lost or f"{taken.files:,} new file(s) read", file=sys.stderr)
    case = opened.investigation(days, spec=spec, calls=folder)
    print(case.line(), file=sys.stderr)
    shown: list[Shown | Note | Runbook] = [
        show.first(case),
        show.findings(case),
        show.inventory(case),
        show.used(case),
        show.phantoms(case),
        show.sessions(case),
        show.mantle(case),
    ]
    if key:
        page = case.page(key)
        shown += [show.summary(page), show.timeline(page), show.models(page), show.places(page)]
        shown.append(show.runbook(page))
    else:
        shown.append(show.told(case))
    told.show(shown)


@commands.command()
def decode() -> None:
    """Read an API key from standard input and tell what it says, offline. The secret is never shown or stored."""
    from bedrock_guard.evidence.decode import decode_key

    found = decode_key(_key_given())
    for name in (
        *("kind", "service", "account_id", "user", "key_number", "signed_by", "signer", "region", "issued"),
        *("expires_at_latest", "fingerprint"),
    ):
        value = getattr(found, name)
        print(f"{name:18} {'not in the key' if value is None else value}")
    for note in found.notes:
        print(f"note: {note}")


def _key_given() -> str:
    """What stands on standard input, or is typed unseen. Bytes that are no text are no key either."""
    from getpass import getpass

    from bedrock_guard.errors import GuardError

    nothing = GuardError(
        "No key was given.", remedy="Pass it on standard input: bedrock-guard decode < FILE."
    )
    if sys.stdin is None:  # closed by whoever started this
        raise nothing
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read(_MOST_BYTES).decode("utf-8", "replace")
    try:
        return getpass("API key (it is not shown): ")
    except EOFError:
        raise nothing from None


@commands.command()
def replay(
    spec: Annotated[
        Path,
        typer.Argument(help="The spec file (guard.toml), or a permissions boundary of your own (.json)."),
    ],
    account: Account = "demo",
    calls: Annotated[
        str,
        typer.Option(
            help="Instead of the account: a file of the command calls or tuples, a store, files of a trail, or "
            "s3://bucket/prefix."
        ),
    ] = "",
    days: Annotated[
        int,
        typer.Option(
            min=1,
            max=90,
            help="How far back from now the account or a bucket is asked; files are read whole. plan replays the days "
            "up to the bill's last final one.",
        ),
    ] = 28,
    profile: Annotated[str | None, typer.Option(help="The spec's profile, where it has several.")] = None,
) -> None:
    """Replay recorded calls under a boundary: what would be refused, by control or statement and by caller.

    A call that depends hangs on what its record does not tell: the boundary may refuse it, or allow it.

    The last line counts the calls as JSON; its parts add up.
    """
    from bedrock_guard.account.replayed import reach_of, recorded
    from bedrock_guard.boundary.catalogue import shipped
    from bedrock_guard.evidence.model_ids import UNNAMED, unnamed
    from bedrock_guard.evidence.replay import cube
    from bedrock_guard.evidence.tables import provenance_of
    from bedrock_guard.present import replay as show
    from bedrock_guard.present.table import source_note

    seen = recorded(account, calls, days)
    reach = reach_of(spec, seen, profile)
    table = seen.table(reach)
    judged = cube(table, shipped()).judge(reach)
    print(source_note(provenance_of(table)), file=sys.stderr)
    if count := unnamed(table):
        print(f"{count:,} calls {UNNAMED}", file=sys.stderr)
    told.show([show.by_control(judged), show.by_caller(judged)])
    print(json.dumps(dict(judged.totals)))
