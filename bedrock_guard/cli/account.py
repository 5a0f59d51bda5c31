"""Commands that read: a real account, the demo account, or files. None of them writes to AWS."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bedrock_guard.account.trail_store import Refreshed, TrailStore
    from bedrock_guard.present.note import Note
    from bedrock_guard.present.table import Shown

commands = typer.Typer()
Account = Annotated[str, typer.Option(help="demo, or the name of an AWS profile.")]


@commands.command()
def calls(
    path: Annotated[
        str,
        typer.Argument(
            help="A folder or file of CloudTrail records or LookupEvents pages, or s3://BUCKET/PREFIX of a trail."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write.")] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="A folder that keeps what was read: next time only new files are read."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0 reads in this one.")] = 0,
    account: Annotated[str, typer.Option(help="For S3: the AWS profile that reads the bucket.")] = "default",
    days: Annotated[int, typer.Option(min=1, help="For S3: how many days back.")] = 30,
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
        if path.startswith("s3://"):
            read = _from_bucket(trail, path, account, days, workers)
        else:
            read = trail.refresh(Path(path), workers=workers)
        if out:
            trail.export(out)
        trail.tidy(datetime.now(UTC).date())
        for name, reason in read.set_aside.items():
            print(f"set aside: {plain(name)}: {reason}", file=sys.stderr)
        print(f"{read.files:,} new file(s) read", file=sys.stderr)
        print(json.dumps(trail.summary()))


def _from_bucket(trail: TrailStore, address: str, account: str, days: int, workers: int) -> Refreshed:
    """Read a trail's bucket, and say what asking cost."""
    from datetime import timedelta

    from bedrock_guard.account.situation import open_account
    from bedrock_guard.account.trail_s3 import Scope, place_of, refresh_from_s3
    from bedrock_guard.evidence.tables import dollars

    bucket, prefix = place_of(address)
    opened = open_account(account)
    scope = Scope(bucket, prefix, opened.now - timedelta(days=days), opened.now)
    found = refresh_from_s3(trail, opened, scope, workers=workers)
    print(f"{found.requests:,} requests to S3, about {dollars(found.request_cost_usd)}", file=sys.stderr)
    return found.refreshed


@commands.command()
def keys(
    account: Account = "demo",
    days: Annotated[int, typer.Option(min=1, help="How far back; Event history reaches 90 days.")] = 90,
    calls: Annotated[
        str,
        typer.Option(
            help="The folder of calls --store, instead of Event history: it may reach further back."
        ),
    ] = "",
    key: Annotated[
        str, typer.Option(help="Show this key's page too: a key's id, or a signing access key's.")
    ] = "",
    spec: Annotated[
        str,
        typer.Option(help="A spec file whose [findings] say when a finding speaks, such as key_age_days."),
    ] = "",
) -> None:
    """List every API key: status, expiry, creator, last use, how far each is known, and what deserves a look."""
    from bedrock_guard.account.situation import open_account
    from bedrock_guard.present import keys as show

    if days > 90 and not calls:
        raise typer.BadParameter("Event history reaches 90 days; give --calls FOLDER for more")
    case = open_account(account).investigation(days, spec=spec, calls=calls)
    print(case.line(), file=sys.stderr)
    shown: list[Shown | Note] = [
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
    else:
        shown.append(show.told(case))
    print("\n\n".join(table.text() for table in shown))
    if key:
        print(f"\n{show.runbook(page).text()}")


@commands.command()
def decode() -> None:
    """Read an API key from standard input and tell what it says, offline. The secret is never shown or stored."""
    from getpass import getpass

    from bedrock_guard.evidence.decode import decode_key

    asked = sys.stdin.isatty()
    found = decode_key(getpass("API key (it is not shown): ") if asked else sys.stdin.read())
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
    spec: Annotated[
        Path,
        typer.Argument(help="The spec file (guard.toml), or a permissions boundary of your own (.json)."),
    ],
    account: Account = "demo",
    calls: Annotated[
        Path | None, typer.Option(help="A file or store of the command calls, instead of an account.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=90)] = 28,
    profile: Annotated[str | None, typer.Option(help="The spec's profile, where it has several.")] = None,
) -> None:
    """Replay recorded calls under a boundary: refused, allowed or open, by control or statement and by caller.

    The last line counts the calls as JSON; its parts add up.
    """
    from bedrock_guard.account.replayed import reach_of, recorded
    from bedrock_guard.boundary.catalogue import shipped
    from bedrock_guard.evidence.replay import cube
    from bedrock_guard.evidence.tables import provenance_of
    from bedrock_guard.present import replay as show
    from bedrock_guard.present.table import source_note

    seen = recorded(account, calls, days)
    reach = reach_of(spec, seen, profile)
    table = seen.table(reach)
    judged = cube(table, shipped()).judge(reach)
    print(source_note(provenance_of(table)), file=sys.stderr)
    print(f"{show.by_control(judged).text()}\n\n{show.by_caller(judged).text()}")
    print(json.dumps(dict(judged.totals)))
