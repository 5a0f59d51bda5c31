"""What exists in an account's Bedrock, per Region, and what of it could be read. Metadata only: no prompt, no document.

Each list is read to its end; one that cannot be read is said to be unknown, never empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.answers import NotAwsAnswer
from bedrock_guard.account.listings import LISTINGS, Listing
from bedrock_guard.account.pages import NO_NAME, UnreadableError, ask, items
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.tables import Completeness, Provenance, Table, provenance_of, with_provenance

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.account.keys import Caller
    from bedrock_guard.boundary.catalogue import Catalogue

RESOURCES: Final = Table(
    "resources",
    {
        "account_id": "string",
        "region": "string",
        "kind": "string",
        "arn": "string",
        "name": "string",
        "status": "string",
        "model": "string",
        "created": "datetime64[us, UTC]",
        "updated": "datetime64[us, UTC]",
        "ends": "datetime64[us, UTC]",
        "commitment": "string",
        "units": "Int64",
        "guardrail": "string",
        "version": "string",
        "models": "object",
    },
)
"""One row per resource. `ends` is when a commitment or a job ends, NA for none; `model` is as AWS gives it.

`models` lists the models behind an application profile: those of every Region it may send calls to."""

_NOT_OFFERED: Final = (": UnknownOperationException", f": {NO_NAME}")
"""How a Region answers that knows no such list, and how it looks where the service has no endpoint."""
_ARN_KINDS: Final = {"agent": "agent", "knowledge_base": "knowledge-base"}
"""Kinds whose lists give an id only, and what stands before it in their ARN.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html"""

_PARTITIONS: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One kind of resource in one Region: how many there are, and whether that is all.

    `offered` is False where the Region answers that it has no such list, or has no endpoint for it: nobody can read
    what is not there, and no permission helps.
    """

    region: str
    kind: str
    found: int
    completeness: Completeness
    why: str = ""
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Logging:
    """Model invocation logging in one Region: None is "could not be read"."""

    region: str
    enabled: bool | None
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources table, how complete each list is, and the logging state of each Region."""

    table: pd.DataFrame
    asked: tuple[Asked, ...]
    logging: tuple[Logging, ...]

    @property
    def missed(self) -> tuple[Asked, ...]:
        """The lists that are there and were not read to their end; where nothing could be read, every list."""
        reached = any(one.completeness == "complete" for one in self.asked)
        short = (one for one in self.asked if one.completeness != "complete")
        return tuple(one for one in short if one.offered or not reached)

    def of(self, kind: str) -> pd.DataFrame:
        """The rows of one kind; their provenance tells of that kind's lists alone."""
        asked = [one for one in self.asked if one.kind == kind]
        places = tuple(one.region for one in asked)
        proof = _proof(
            asked, places, provenance_of(self.table).asked_at, f"Bedrock's lists of {kind.replace('_', ' ')}"
        )
        return with_provenance(self.table[self.table["kind"] == kind].reset_index(drop=True), proof)


def read_resources(
    account: Caller, regions: Iterable[str], kinds: Collection[str] | None = None
) -> Resources:
    """Everything that Bedrock holds in these Regions.

    Args:
        account: whose.
        regions: Regions to ask; one where Bedrock does not exist answers with an error, and its lists are unknown.
        kinds: only these kinds, and no logging state; by default all.

    Example:
        >>> from bedrock_guard.account.session import Account
        >>> read_resources(Account.demo(), ["us-east-1"]).logging   # doctest: +SKIP
    """
    places = tuple(dict.fromkeys(regions))
    owner = account.account_id
    wanted = [listing for listing in LISTINGS if kinds is None or listing.kind in kinds]
    work = [(listing, region) for region in places for listing in wanted]
    with ThreadPoolExecutor(max_workers=8) as pool:
        read = list(pool.map(lambda task: _read(account, *task), work))
    logging = read_logging(account, places if kinds is None else ())
    asked = tuple(found for found, _rows in read)
    rows = [_owned(owner, row) for _found, found_rows in read for row in found_rows]
    return Resources(RESOURCES.frame(rows, _proof(asked, places, account.now)), asked, logging)


def read_logging(account: Caller, regions: Iterable[str]) -> tuple[Logging, ...]:
    """The state of model invocation logging in these Regions."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(lambda region: _logging(account, region), regions))


def _owned(owner: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its account, and its ARN where the list gave an id only."""
    prefix = _ARN_KINDS.get(row["kind"])
    if prefix and row["arn"]:
        region = row["region"]
        partition = next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
        row = {**row, "arn": f"arn:{partition}:bedrock:{region}:{owner}:{prefix}/{row['arn']}"}
    return {"account_id": owner, **row}


def _read(account: Caller, listing: Listing, region: str) -> tuple[Asked, list[dict[str, Any]]]:
    """One list in one Region; an error ends it, and what came before is kept as a floor."""
    rows: list[dict[str, Any]] = []
    try:
        client = account.client(listing.service, region)
        for item in items(client, listing.operation, listing.key, "nextToken", **listing.request):
            rows.append(_row(listing, region, item))  # noqa: PERF401 - what came before an error is kept
    except (UnreadableError, NotAwsAnswer) as error:
        offered = bool(rows) or not error.what.endswith(_NOT_OFFERED)
        whole: Completeness = "floor" if rows else "unknown"
        return Asked(region, listing.kind, len(rows), whole, error.what, offered), rows
    return Asked(region, listing.kind, len(rows), "complete", ""), rows


def _row(listing: Listing, region: str, item: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {ours: item.get(theirs) for ours, theirs in listing.columns.items()}
    for name in ("created", "updated", "ends"):
        values[name] = read_time(values.get(name))
    if listing.kind == "application_profile":
        values["models"] = [str(model.get("modelArn")) for model in item.get("models") or ()]
        values["model"] = next(iter(values["models"]), None)
    guardrail = item.get("guardrailConfiguration")
    if isinstance(guardrail, Mapping):
        values["guardrail"] = guardrail.get("guardrailIdentifier")
    return {"region": region, "kind": listing.kind, **values}


def _logging(account: Caller, region: str) -> Logging:
    operation = "get_model_invocation_logging_configuration"
    try:
        answer = ask(account.client("bedrock", region), operation)
    except UnreadableError as error:
        return Logging(region, None, why=error.what)
    config = answer.get("loggingConfig")
    if "ResponseMetadata" in answer and not config:
        # AWS leaves the member out where nothing is configured; a proxy's page would look the same.
        trusted = bool(answer["ResponseMetadata"].get("RequestId"))
        return Logging(region, False if trusted else None, why="" if trusted else "the answer was not AWS's")
    config = config or {}
    s3, cloud = config.get("s3Config"), config.get("cloudWatchConfig")
    places = [f"s3://{s3['bucketName']}"] if s3 and s3.get("bucketName") else []
    places += [f"log group {cloud['logGroupName']}"] if cloud and cloud.get("logGroupName") else []
    kinds = tuple(
        sorted(name.removesuffix("DataDeliveryEnabled") for name, on in config.items() if on is True)
    )
    return Logging(region, bool(places), tuple(places), kinds)


def _proof(
    asked: Sequence[Asked], regions: tuple[str, ...], now: datetime | None, what: str = "Bedrock's lists"
) -> Provenance:
    problems = [f"{one.region} {one.kind}: {one.why}" for one in asked if one.completeness != "complete"]
    nothing = all(one.completeness == "unknown" for one in asked)
    shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
    return Provenance(
        source=f"{what} in {', '.join(regions) or 'no Region'}",
        asked_at=now,
        completeness="unknown" if nothing else "floor" if problems else "complete",
        why=shown,
    )


NAMING: Final = frozenset(
    {"application_profile", "provisioned_throughput", "custom_model_deployment", "custom_model"}
)
"""The kinds whose ARNs stand for a model."""


def kept_profiles(
    resources: Resources, catalogue: Catalogue, kinds: Collection[str] = NAMING
) -> dict[str, str]:
    """What opaque ARNs stand for, for `evidence.model_ids`: application profiles, provisioned models, deployments.

    An application profile does not say which profile it was made from, only where it may send calls; the profile of
    the catalogue that sends them to the same Regions is taken.

    Args:
        resources: what exists.
        catalogue: models and their profiles.
        kinds: which of NAMING.
    """
    table = resources.table[resources.table["kind"].isin(kinds)].dropna(subset=["arn", "model"])
    columns = (table[name] for name in ("arn", "region", "model", "models"))
    return {
        str(arn): _source(str(region), str(model), models or [], catalogue)
        for arn, region, model, models in zip(*columns, strict=True)
    }


def _source(region: str, model: str, models: Iterable[str], catalogue: Catalogue) -> str:
    """The profile that sends calls from `region` to where these models are; the model itself where there is none."""
    reached = {arn.split(":")[3] for arn in models if arn.count(":") >= 5}
    known = catalogue.get(model.rpartition("/")[2])
    if known is None or not reached or reached == {region}:
        return model
    same = (p.profile_id for p in known.profiles if set(p.destinations.get(region, ())) == reached)
    wide = (p.profile_id for p in known.profiles if (p.route == "global") == ("" in reached))
    return next(same, None) or next(wide, model)
