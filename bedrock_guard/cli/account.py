"""Commands that read: a real account, the demo account, or files. None of them writes to AWS."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()
Account = Annotated[str, typer.Option(help="demo, or the name of an AWS profile.")]


@commands.command()
def calls(
    path: Annotated[
        Path, typer.Argument(help="A folder or file of CloudTrail records or LookupEvents pages.")
    ],
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write.")] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="A folder that keeps what was read: next time only new files are read."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0 reads in this one.")] = 0,
) -> None:
    """Read CloudTrail files into the calls table. The last line counts every record, as JSON."""
    from datetime import UTC, datetime
    from tempfile import TemporaryDirectory

    from bedrock_guard.account.trail_store import TrailStore
    from bedrock_guard.present.table import plain

    if out is None and store is None:
        raise typer.BadParameter("give --out FILE.parquet, --store FOLDER, or both")
    with TemporaryDirectory() as scratch:
        trail = TrailStore(store or scratch)
        read = trail.refresh(path, workers=workers)
        if out:
            trail.export(out)
        trail.tidy(datetime.now(UTC).date())
        for name, reason in read.set_aside.items():
            print(f"set aside: {plain(name)}: {reason}", file=sys.stderr)
        print(f"{read.files:,} new file(s) read", file=sys.stderr)
        print(json.dumps(trail.summary()))


@commands.command()
def keys(
    account: Account = "demo",
    days: Annotated[int, typer.Option(min=1, max=90)] = 90,
    key: Annotated[
        str, typer.Option(help="Show this key's page too: a key's id, or a signing access key's.")
    ] = "",
) -> None:
    """List every API key: status, expiry, creator, last use, how far each is known, and what deserves a look."""
    from bedrock_guard.account.situation import open_account
    from bedrock_guard.present import keys as show

    case = open_account(account).investigation(days)
    print(case.line(), file=sys.stderr)
    shown = [
        show.inventory(case),
        show.phantoms(case),
        show.sessions(case),
        show.mantle(case),
        show.findings(case),
    ]
    if key:
        page = case.page(key)
        shown += [show.summary(page), show.timeline(page), show.models(page), show.places(page)]
    print("\n\n".join(table.text() for table in shown))
    if key:
        print(f"\n{show.runbook(page).text()}")


@commands.command()
def decode() -> None:
    """Read an API key from standard input and tell what it says, offline. The secret is never shown or stored."""
    from bedrock_guard.evidence.decode import decode_key

    found = decode_key(sys.stdin.read())
    for name in (
        *("kind", "service", "account_id", "user", "key_number", "signed_by", "signer", "region", "issued"),
        *("expires_at_latest", "fingerprint"),
    ):
        value = getattr(found, name)
        print(f"{name:18} {'not in the key' if value is None else value}")
    for note in found.notes:
        print(f"note: {note}")


@commands.command()
def replay(
    spec: Annotated[Path, typer.Argument(help="The spec file (guard.toml).")],
    account: Account = "demo",
    calls: Annotated[
        Path | None, typer.Option(help="A file or store of the command calls, instead of an account.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=90)] = 28,
    profile: Annotated[str | None, typer.Option(help="The spec's profile, where it has several.")] = None,
) -> None:
    """Replay recorded calls under the boundary of a spec: refused, allowed or open, by control and by caller.

    The last line counts the calls as JSON; its parts add up.
    """
    from datetime import UTC, datetime, time

    from bedrock_guard.account.investigation import read_calls
    from bedrock_guard.account.situation import management_account, open_account
    from bedrock_guard.account.trail import read_parquet
    from bedrock_guard.account.trail_store import TrailStore
    from bedrock_guard.boundary.builder import build
    from bedrock_guard.boundary.catalogue import shipped
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.evidence.replay import Reach, cube
    from bedrock_guard.evidence.tables import provenance_of
    from bedrock_guard.present import replay as show
    from bedrock_guard.present.table import source_note

    chosen = BoundarySpec.load(spec)
    if calls is None:
        opened = open_account(account)
        table, today = read_calls(opened, days).reading.frame, opened.now.date()
        management = management_account(opened)
    else:
        table = TrailStore(calls).calls() if calls.is_dir() else read_parquet(calls).frame
        today, management = datetime.now(UTC).date(), None
    built = build(chosen, shipped(), profile=profile, on=today)
    noon = datetime.combine(today, time(12), UTC)
    judged = cube(table, shipped()).judge(Reach(built, management, noon))
    print(source_note(provenance_of(table)), file=sys.stderr)
    print(f"{show.by_control(judged).text()}\n\n{show.by_caller(judged).text()}")
    print(json.dumps(dict(judged.totals)))
