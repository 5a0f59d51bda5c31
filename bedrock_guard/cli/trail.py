"""Commands that read a trail: files here or in S3, or counted where they are. None of them writes to AWS.

Athena itself writes the rows of its answer to the place that its workgroup names.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command()
def calls(
    path: Annotated[
        str,
        typer.Argument(
            help="A folder or file of CloudTrail records or LookupEvents pages, or a trail in S3: "
            "s3://bucket/prefix."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write.")] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="A folder that keeps what was read: next time only new files are read or fetched."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0 reads in this one.")] = 0,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day (UTC); of a bucket, by default 30 days ago."),
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day (UTC).")] = None,
    account: Annotated[
        str, typer.Option(help="For S3: the AWS profile that may read the bucket.")
    ] = "default",
    only: Annotated[
        list[str] | None, typer.Option(help="For S3: only this account or Region; may be repeated.")
    ] = None,
) -> None:
    """Read a trail into the calls table. The last line counts every record, as JSON.

    Of a bucket only the days asked are listed, one more on either side, and only what the store lacks is fetched.
    """
    from tempfile import TemporaryDirectory

    from bedrock_guard.account.session import open_account
    from bedrock_guard.account.trail_places import Wanted, take_in
    from bedrock_guard.account.trail_store import TrailStore
    from bedrock_guard.evidence.model_ids import UNNAMED
    from bedrock_guard.present.table import plain

    if out is None and store is None:
        raise typer.BadParameter("give --out FILE.parquet, --store FOLDER, or both")
    wanted = Wanted.of_days(since, until, only or ())
    with TemporaryDirectory() as scratch:
        trail = TrailStore(store or scratch)
        read = take_in(path, trail, wanted, lambda: open_account(account), workers=workers)
        if out:
            trail.export(out, wanted.start, wanted.end, lost=read.lost)
        trail.tidy(datetime.now(UTC).date())
        for name, reason in read.set_aside.items():
            print(f"set aside: {plain(name)}: {plain(reason)}", file=sys.stderr)
        print(f"{read.files:,} new file(s) read{f'; {read.line}' if read.line else ''}", file=sys.stderr)
        if count := trail.view().unnamed(wanted.start, wanted.end):
            print(f"{count:,} calls {UNNAMED}", file=sys.stderr)
        print(json.dumps(trail.summary(wanted.start, wanted.end)))


@commands.command()
def tuples(  # noqa: PLR0913, PLR0917 - each is an option of its own
    out: Annotated[Path, typer.Option(help="The Parquet file to write, for replay --calls.")],
    table: Annotated[
        str, typer.Option(help="The CloudTrail table, with its database: security.cloudtrail_logs.")
    ] = "cloudtrail_logs",
    partition: Annotated[
        str,
        typer.Option(
            help="The table's column of the delivery day (yyyy/MM/dd); timestamp in AWS's own example."
        ),
    ] = "",
    workgroup: Annotated[str, typer.Option(help="The Athena workgroup.")] = "primary",
    output: Annotated[
        str, typer.Option(help="s3://... for Athena's results, where the workgroup names no place.")
    ] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day (UTC), by default 90 days ago.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day (UTC).")] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="source_ip or vpc_endpoint: tell calls apart by it, where a policy tests it."),
    ] = None,
    account: Annotated[str, typer.Option(help="The AWS profile whose Athena counts.")] = "default",
    region: Annotated[str | None, typer.Option(help="The workgroup's Region.")] = None,
    old_table: Annotated[
        bool, typer.Option("--old-table", help="The table's useridentity has no onbehalfof.")
    ] = False,
    unbounded: Annotated[
        bool, typer.Option("--unbounded", help="Run also where the workgroup has no scan limit.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Run it; without, it is only shown.")] = False,
) -> None:
    """Let Athena count the calls of a trail too large for one machine, for replay.

    Shows the SQL, the workgroup's scan limit and the most it can cost. Only with --yes it runs; exit status 3 without.
    """
    from bedrock_guard.account.engines import Athena, athena_terms, count
    from bedrock_guard.account.s3 import s3_place
    from bedrock_guard.account.session import open_account
    from bedrock_guard.account.trail_places import Wanted
    from bedrock_guard.account.tuple_files import write_tuples
    from bedrock_guard.evidence.aggregate import Logs, definition, translated
    from bedrock_guard.evidence.tables import dollars

    if output:
        s3_place(output)
    logs = Logs(table, partition, on_behalf_of=not old_table)
    wanted = Wanted.of_days(since or datetime.now(UTC) - timedelta(days=90), until)
    print(translated(definition(logs, wanted.start, wanted.end, by or ()), "athena"))
    opened = open_account(account, region)
    terms = athena_terms(opened, workgroup)
    engine = Athena(opened, terms, region=region or opened.region, output=output, unlimited=unbounded)
    print(terms, file=sys.stderr)
    if not partition:
        print("without --partition the whole table is read, whatever the days", file=sys.stderr)
    if not yes:
        print("nothing was run; add --yes to run it", file=sys.stderr)
        raise typer.Exit(3)
    found = count(engine, logs, wanted.start, wanted.end, by=by or ())
    write_tuples(found, out)
    print(f"{engine.scanned:,} bytes read, {dollars(engine.cost_usd)}", file=sys.stderr)
    print(json.dumps({"calls": int(found["calls"].sum()), "tuples": len(found)}))


@commands.command("athena-table")
def athena_table(
    location: Annotated[str, typer.Argument(help=r"s3://bucket/\[prefix/]AWSLogs/\[o-organization/]")],
    only: Annotated[
        list[str], typer.Option(help="An account or Region of the trail; repeat it for each of them.")
    ],
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day kept in the bucket.")],
    table: Annotated[str, typer.Option(help="The table's name.")] = "cloudtrail_logs",
) -> None:
    """Print the statement that makes a trail's table in Athena, for tuples --partition day. It runs nothing."""
    from bedrock_guard.account.trail_places import Wanted
    from bedrock_guard.account.trail_relation import table_ddl

    named = Wanted.of_days(None, None, only)
    print(table_ddl(location, list(named.accounts), list(named.regions), since.date(), table))
