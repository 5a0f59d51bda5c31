"""How many tokens each call took, and who made it: from model invocation logs and from CloudTrail.

An invocation log counts plain, cached and written tokens apart, CloudTrail plain input and output only. Both can hold
the same call, so they are joined by request id and the log is believed. Of a log nothing but counters is kept: its
bodies hold prompts.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.evidence.hygiene import as_object
from bedrock_guard.evidence.invocations import INVOCATIONS, tiers
from bedrock_guard.evidence.kinds import identifier, number, word
from bedrock_guard.evidence.model_ids import ModelIds
from bedrock_guard.evidence.moments import read_time
from bedrock_guard.evidence.tables import CALLS, Provenance, Table, provenance_of, require
from bedrock_guard.evidence.tuples import TUPLES

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue

COUNTERS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")

TOKENS: Final = Table(
    "token counts",
    {
        "request_id": "string",
        "event_time": "datetime64[us, UTC]",
        **dict.fromkeys(
            ("account_id", "region", "principal", "session", "model_raw", "model", "route", "tier", "source"),
            "string",
        ),
        **dict.fromkeys(COUNTERS, "Int64"),
    },
)
"""One call a row. `principal` is an ARN without its session, `source` is log or CloudTrail, `tier` as on the bill (no
log tells it); a counter that the source does not tell is NA. `input_tokens` are those that came from no cache: the
three input counters do not overlap."""

_SESSION: Final = re.compile(
    r"arn:(?P<partition>[^:]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)"
)


def without_session(arn: str | None) -> tuple[str | None, str | None]:
    """The role or user behind an ARN, and the session's name; an STS ARN does not tell a role's path.

    Example:
        >>> without_session("arn:aws:sts::111122223333:assumed-role/App/i-0abc")
        ('arn:aws:iam::111122223333:role/App', 'i-0abc')
        >>> without_session("arn:aws:iam::111122223333:user/alice")
        ('arn:aws:iam::111122223333:user/alice', None)
    """
    role = _SESSION.fullmatch(arn or "")
    if role:
        return f"arn:{role['partition']}:iam::{role['account']}:role/{role['role']}", role["session"]
    return arn, None


def of_logs(
    records: Iterable[Any],
    catalogue: Catalogue,
    kept: Mapping[str, str] | None = None,
    *,
    provenance: Provenance | None = None,
) -> tuple[pd.DataFrame, int]:
    """The counters of invocation-log records (TOKENS), and how many records were none.

    Args:
        records: one JSON value each; whatever is no `ModelInvocationLog` is counted and left out.
        catalogue: the models known.
        kept: what opaque names (application inference profiles) stand for, see `model_ids.learned`.
        provenance: where the records came from.
    """
    ids, rows, foreign = ModelIds(catalogue, kept), [], 0
    for record in records:
        row = _of_log(record, ids)
        foreign += row is None
        if row is not None:
            rows.append(row)
    return TOKENS.frame(rows, provenance), foreign


def _of_log(record: Any, ids: ModelIds) -> Mapping[str, Any] | None:
    said = as_object(record)
    if said.get("schemaType") != "ModelInvocationLog":
        return None
    sent, got = as_object(said.get("input")), as_object(said.get("output"))
    raw = identifier(said.get("modelId"))
    model, route = ids.resolve(raw)
    principal, session = without_session(identifier(as_object(said.get("identity")).get("arn")))
    return {
        "request_id": word(said.get("requestId")),
        "event_time": read_time(said.get("timestamp")),
        "account_id": word(said.get("accountId")),
        "region": word(said.get("region")),
        "principal": principal,
        "session": session,
        "model_raw": raw,
        "model": model,
        "route": route,
        "source": "log",
        "input_tokens": _count(sent.get("inputTokenCount")),
        "output_tokens": _count(got.get("outputTokenCount")),
        "cache_read_tokens": _count(sent.get("cacheReadInputTokenCount")),
        "cache_write_tokens": _count(sent.get("cacheWriteInputTokenCount")),
    }


def _count(value: Any) -> int | None:
    found = number(value)
    return found if found is not None and found >= 0 else None


def of_calls(calls: pd.DataFrame) -> pd.DataFrame:
    """The token counts that CloudTrail records of model calls carry (TOKENS): no cache tokens, and not every call.

    Raises:
        MissingColumns: the frame is no calls table.
    """
    require(calls, CALLS)
    made = calls[calls["operation"].isin(list(INVOCATIONS)) & calls["error_code"].isna()]
    data = {name: made.get(name, pd.NA) for name in TOKENS.columns}
    frame = pd.DataFrame({**data, "tier": tiers(made), "source": "CloudTrail"}, index=made.index).astype(
        dict(TOKENS.columns)
    )
    pairs = [without_session(None if pd.isna(arn) else str(arn))[0] for arn in made["principal"]]
    frame["principal"] = pd.array(pairs, dtype="string")
    frame = frame.reset_index(drop=True)
    frame.attrs["provenance"] = provenance_of(calls)
    return frame


def of_seen(calls: pd.DataFrame) -> pd.DataFrame:
    """The token counts of a history of calls (TOKENS), with `client` and `calls`: how many calls a row sums up.

    Args:
        calls: a calls table, or TUPLES.

    Raises:
        MissingColumns: the frame is neither.
    """
    if "calls" not in calls.columns or "day" not in calls.columns:
        made = calls[calls["operation"].isin(list(INVOCATIONS)) & calls["error_code"].isna()]
        return of_calls(calls).assign(client=made["client"].reset_index(drop=True), calls=1)
    require(calls, TUPLES)
    made = calls[calls["operation"].isin(list(INVOCATIONS)) & ~calls["already_denied"].fillna(False)]
    data: dict[str, Any] = {name: made.get(name, pd.NA) for name in TOKENS.columns}
    data |= {"event_time": made["day"], "tier": tiers(made), "source": "CloudTrail"}
    frame = pd.DataFrame(data, index=made.index).astype(dict(TOKENS.columns))
    told = made["calls"] - made["untold"] - made["failed"].fillna(0)
    frame = frame.assign(client=made["client"], calls=told.where(told > 0, made["calls"]))
    frame = frame.reset_index(drop=True)
    frame.attrs["provenance"] = provenance_of(calls)
    return frame


def joined(logs: pd.DataFrame | None, calls: pd.DataFrame | None) -> pd.DataFrame:
    """Every call once: the log's rows, and CloudTrail's for requests that no log row has (TOKENS).

    A role's path and the tier are in CloudTrail only, so a log row takes those that it names for its request.

    Raises:
        MissingColumns: one of the frames is another table.
    """
    parts = [require(part, TOKENS) for part in (logs, calls) if part is not None]
    if len(parts) < 2 or logs is None or calls is None:
        return (
            parts[0]
            if parts
            else TOKENS.empty(Provenance("nothing", completeness="unknown", why="no source"))
        )
    logged = (
        logs.drop_duplicates("request_id", ignore_index=True) if logs["request_id"].notna().all() else logs
    )
    named = calls.dropna(subset=["request_id", "principal"]).drop_duplicates("request_id")
    known = named.set_index("request_id")
    logged = logged.assign(
        **{
            name: logged["request_id"].map(known[name]).astype("string").fillna(logged[name])
            for name in ("principal", "tier")
        }
    )
    rest = calls[~calls["request_id"].isin(logged["request_id"].dropna())]
    whole = pd.concat([logged, rest], ignore_index=True)
    whole.attrs["provenance"] = Provenance.merged([provenance_of(part) for part in parts])
    return whole
