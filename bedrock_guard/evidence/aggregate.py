"""The one definition of distinct call tuples, in Trino's SQL, over the columns of AWS's own CloudTrail table.

    https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html

It gives raw tuples: texts as records hold them, which `evidence.tuples.from_raw` normalises as every reader does. So an
engine only counts. What it counts are calls that a boundary on models and instances decides: the Bedrock family, and
EC2 launches and volumes. Events count once, by their id, and so does an action that is recorded in several accounts, by
the id its records share: where the caller is of the account, else in the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.allowed_other import EC2

RAW: Final = (
    *("recipient", "region", "source", "operation", "identity_type", "identity_arn", "identity_account"),
    *("identity_principal", "identity_user", "identity_service", "identity_behalf", "key_prefix", "agent"),
    *("request", "marker", "marker_type", "error_code", "error_message", "day"),
)
"""The columns that tell one raw tuple from another."""

MEASURES: Final = ("calls", "input_tokens", "output_tokens", "untold", "first_seen", "last_seen")
BY: Final = {"source_ip": "sourceipaddress", "vpc_endpoint": "vpcendpointid"}
"""Columns that may be added to the key, and what they are called in the relation."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
_MARGIN: Final = timedelta(days=1)
_ARN: Final = (
    "COALESCE(NULLIF(useridentity.sessioncontext.sessionissuer.arn, ''), NULLIF(useridentity.arn, ''))"
)
_TOKENS: Final = "JSON_EXTRACT_SCALAR(additionaleventdata, '$.{0}')"
_COUNT: Final = (
    "CASE WHEN REGEXP_LIKE({0}, '^[0-9]{{1,10}}([.]0+)?$') "
    "THEN TRY_CAST(SPLIT_PART({0}, '.', 1) AS BIGINT) END"
)

DEFINITION: Final = """
WITH events AS (
  SELECT
    recipientaccountid AS recipient,
    awsregion AS region,
    eventsource AS source,
    eventname AS operation,
    useridentity.type AS identity_type,
    {arn} AS identity_arn,
    useridentity.accountid AS identity_account,
    useridentity.principalid AS identity_principal,
    useridentity.username AS identity_user,
    useridentity.invokedby AS identity_service,
    {behalf} AS identity_behalf,
    SUBSTR(useridentity.accesskeyid, 1, 4) AS key_prefix,
    useragent AS agent,
    requestparameters AS request,
    JSON_EXTRACT_SCALAR(additionaleventdata, '$.callWithBearerToken') AS marker,
    JSON_EXTRACT_SCALAR(additionaleventdata, '$.bearerTokenType') AS marker_type,
    errorcode AS error_code,
    REGEXP_REPLACE(errormessage, '^User: [^ ]+ ', 'User: - ') AS error_message,
    SUBSTR(eventtime, 1, 10) AS day,
    {by}eventtime AS event_time,
    {input_tokens} AS input_tokens,
    {output_tokens} AS output_tokens,
    eventid AS event_id,
    ROW_NUMBER() OVER (PARTITION BY eventid ORDER BY eventtime) AS copy,
    NULLIF(sharedeventid, '') AS shared_id,
    FIRST_VALUE(recipientaccountid) OVER (
      PARTITION BY COALESCE(NULLIF(sharedeventid, ''), eventid)
      ORDER BY CASE WHEN {arn} LIKE CONCAT('%:', recipientaccountid, ':%') THEN 0 ELSE 1 END, recipientaccountid
    ) AS home
  FROM {logs}
  WHERE (
      TRIM(eventsource) LIKE 'bedrock%'
      OR TRIM(eventsource) LIKE 'aws-external-anthropic.%'
      OR (TRIM(eventsource) LIKE 'ec2.%' AND eventname IN ({ec2}))
    )
    AND COALESCE(eventtype, '') NOT IN ('AwsServiceEvent', 'AwsCloudTrailInsight')
    AND COALESCE(eventcategory, '') <> 'Insight'
    {window}
)
SELECT
  recipient, region, source, operation, identity_type, identity_arn, identity_account,
  CASE WHEN identity_arn IS NULL THEN identity_principal END AS identity_principal,
  CASE WHEN identity_arn IS NULL THEN identity_user END AS identity_user,
  CASE WHEN identity_arn IS NULL THEN identity_service END AS identity_service,
  CASE WHEN identity_arn IS NULL THEN identity_behalf END AS identity_behalf,
  key_prefix, agent, request, marker, marker_type, error_code, error_message, day{by_names},
  COUNT(*) AS calls,
  CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
  CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
  CAST(COUNT_IF(input_tokens IS NULL OR output_tokens IS NULL) AS BIGINT) AS untold,
  MIN(event_time) AS first_seen,
  MAX(event_time) AS last_seen
FROM events
WHERE (copy = 1 OR COALESCE(event_id, '') = '')
  AND (shared_id IS NULL OR COALESCE(recipient, '') = COALESCE(home, ''))
GROUP BY {places}
ORDER BY {places}
"""
"""Trino's SQL; what stands in braces is filled in by `definition`."""


@dataclass(frozen=True, slots=True)
class Logs:
    """The relation that holds the records.

    Args:
        name: its name, with schema or catalog where needed.
        partition: its column of the delivery day (text, `YYYY/MM/DD`), by which the engine reads only the days asked;
            "" for none, and then every query reads everything. AWS's own example calls it "timestamp".
        on_behalf_of: whether `useridentity` has `onbehalfof`; tables made before Identity Center callers lack it.
    """

    name: str = "cloudtrail_logs"
    partition: str = ""
    on_behalf_of: bool = True

    def __post_init__(self) -> None:
        wrong = [one for one in (self.name, self.partition or "day") if not _NAME.fullmatch(one)]
        if wrong:
            raise GuardError(
                f"{wrong[0]!r} is no name of a table or column.", remedy="Use letters, digits and _."
            )


def definition(
    logs: Logs, start: datetime | None = None, end: datetime | None = None, by: Sequence[str] = ()
) -> str:
    """The definition for a relation, in Trino's SQL.

    Args:
        logs: the relation.
        start: first instant wanted (UTC, aware).
        end: first instant no longer wanted.
        by: names of BY to add to the key, only where a policy tests them.

    Raises:
        GuardError: `by` names another column, or a time has no zone.
    """
    wrong = sorted(set(by) - set(BY))
    if wrong:
        raise GuardError(f"Tuples are not told apart by {', '.join(wrong)}.", remedy=f"Use {', '.join(BY)}.")
    return DEFINITION.format(
        logs=logs.name,
        arn=_ARN,
        behalf="useridentity.onbehalfof.userid" if logs.on_behalf_of else "CAST(NULL AS VARCHAR)",
        ec2=", ".join(f"'{name}'" for name in EC2),
        by="".join(f"{BY[name]} AS {name}, " for name in by),
        by_names="".join(f", {name}" for name in by),
        input_tokens=_COUNT.format(_TOKENS.format("inputTokens")),
        output_tokens=_COUNT.format(_TOKENS.format("outputTokens")),
        window=_window(logs, start, end),
        places=", ".join(str(place) for place in range(1, len(RAW) + len(by) + 1)),
    ).strip()


def _window(logs: Logs, start: datetime | None, end: datetime | None) -> str:
    """Events by their time; deliveries by their day, with a day more on either side."""
    if any(moment is not None and moment.tzinfo is None for moment in (start, end)):
        raise GuardError("A time has no time zone.", remedy="Give times in UTC.")
    tests = []
    for moment, sign, margin in ((start, ">=", -_MARGIN), (end, "<", _MARGIN)):
        if moment is None:
            continue
        instant = moment.astimezone(UTC)
        tests.append(f"eventtime {sign} '{instant:%Y-%m-%dT%H:%M:%SZ}'")
        if logs.partition:
            edge = "<=" if sign == "<" else sign
            tests.append(f"\"{logs.partition}\" {edge} '{instant + margin:%Y/%m/%d}'")
    return "".join(f"AND {test}\n    " for test in tests).rstrip()


def translated(sql: str, dialect: str) -> str:
    """Trino's SQL in another dialect ("athena", "duckdb", "spark", "trino").

    Example:
        >>> translated("SELECT REGEXP_LIKE(a, 'b')", "duckdb").split()
        ['SELECT', 'REGEXP_MATCHES(a,', "'b')"]
    """
    import sqlglot

    return sqlglot.transpile(sql, read="trino", write=dialect, pretty=True)[0]
