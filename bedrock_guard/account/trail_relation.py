"""The relation `cloudtrail_logs`, with the columns of AWS's own CloudTrail table: a view over files, or its DDL.

https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from bedrock_guard.errors import GuardError

TEXT: Final = (
    *("eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent"),
    *(
        "errorCode",
        "errorMessage",
        "requestID",
        "eventID",
        "eventType",
        "eventCategory",
        "recipientAccountId",
    ),
    *("sharedEventID", "vpcEndpointId"),
)
JSON: Final = ("requestParameters", "additionalEventData")
_SESSION: Final = {"sessionIssuer": {"arn": "VARCHAR"}}
IDENTITY: Final = {
    **dict.fromkeys(
        ("type", "principalId", "arn", "accountId", "invokedBy", "accessKeyId", "userName"), "VARCHAR"
    ),
    "onBehalfOf": {"userId": "VARCHAR"},
    "sessionContext": _SESSION,
}


def spark_view(session: Any, folder: str) -> None:
    """Make `cloudtrail_logs` a temporary view of a Spark session over the delivered files below a folder."""
    names = [f"{name}:STRING" for name in (*TEXT, *JSON)]
    identity = _spark(IDENTITY)
    schema = f"Records ARRAY<STRUCT<{','.join(names)},userIdentity:{identity}>>"
    files = (
        session.read.schema(schema)
        .option("recursiveFileLookup", "true")
        .option("pathGlobFilter", "*.json.gz")
    )
    files.json(folder).createOrReplaceTempView("cloudtrail_files")
    columns = [f"r.{name} AS {name.lower()}" for name in (*TEXT, *JSON, "userIdentity")]
    records = session.table("cloudtrail_files").selectExpr("explode(Records) AS r")
    records.selectExpr(*columns).createOrReplaceTempView("cloudtrail_logs")


def _spark(shape: Any) -> str:
    if isinstance(shape, str):
        return "STRING"
    return f"STRUCT<{','.join(f'{name}:{_spark(inner)}' for name, inner in shape.items())}>"


_STRUCT: Final = """STRUCT<
    type: STRING, principalid: STRING, arn: STRING, accountid: STRING, invokedby: STRING,
    accesskeyid: STRING, username: STRING,
    onbehalfof: STRUCT<userid: STRING, identitystorearn: STRING>,
    sessioncontext: STRUCT<
      attributes: STRUCT<mfaauthenticated: STRING, creationdate: STRING>,
      sessionissuer: STRUCT<type: STRING, principalid: STRING, arn: STRING, accountid: STRING, username: STRING>,
      ec2roledelivery: STRING,
      webidfederationdata: STRUCT<federatedprovider: STRING, attributes: MAP<STRING, STRING>>>>"""
_DDL: Final = """
CREATE EXTERNAL TABLE {table} (
  eventversion STRING,
  useridentity {identity},
  eventtime STRING, eventsource STRING, eventname STRING, awsregion STRING, sourceipaddress STRING,
  useragent STRING, errorcode STRING, errormessage STRING, requestparameters STRING, responseelements STRING,
  additionaleventdata STRING, requestid STRING, eventid STRING, readonly STRING, eventtype STRING,
  apiversion STRING,
  resources ARRAY<STRUCT<arn: STRING, accountid: STRING, type: STRING>>,
  recipientaccountid STRING, serviceeventdetails STRING, sharedeventid STRING, vpcendpointid STRING,
  vpcendpointaccountid STRING, eventcategory STRING,
  tlsdetails STRUCT<tlsversion: STRING, ciphersuite: STRING, clientprovidedhostheader: STRING>
)
PARTITIONED BY (account STRING, region STRING, day STRING)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{location}'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.account.type' = 'enum', 'projection.account.values' = '{accounts}',
  'projection.region.type' = 'enum', 'projection.region.values' = '{regions}',
  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '{since},NOW', 'projection.day.interval' = '1',
  'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = '{location}${{account}}/CloudTrail/${{region}}/${{day}}'
)
"""
_LOCATION: Final = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?:[A-Za-z0-9!_.*()/-]+/)?AWSLogs/(?:o-[a-z0-9]+/)?"
)
_ACCOUNT: Final = re.compile(r"\d{12}")
_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d")


def table_ddl(
    location: str,
    accounts: Sequence[str],
    regions: Sequence[str],
    since: date,
    table: str = "cloudtrail_logs",
) -> str:
    """The statement that makes `cloudtrail_logs` in Athena, with partition projection: nothing to load, ever.

    It is for the customer to run; nothing here runs it. Use it as `Logs(table, partition="day")`.

    Args:
        location: `s3://bucket/[prefix/]AWSLogs/[o-organization/]`.
        accounts: the accounts of the trail.
        regions: its Regions; IAM's events are in us-east-1.
        since: the first day kept in the bucket.
        table: the table's name.

    Raises:
        GuardError: a location, account or Region that is none.
    """
    wrong = [one for one in accounts if not _ACCOUNT.fullmatch(one)]
    wrong += [one for one in regions if not _REGION.fullmatch(one)]
    wrong += [] if _LOCATION.fullmatch(location) else [location]
    wrong += [] if re.fullmatch(r"[a-z_][a-z0-9_]*", table) else [table]
    if wrong or not accounts or not regions:
        raise GuardError(
            f"No trail lies at {wrong[0] if wrong else 'no account or Region'!r}.",
            remedy="Give s3://bucket/AWSLogs/ or s3://bucket/AWSLogs/o-id/, account numbers and Region names.",
        )
    return _DDL.format(
        table=table,
        identity=_STRUCT,
        location=location,
        accounts=",".join(accounts),
        regions=",".join(regions),
        since=f"{since:%Y/%m/%d}",
    ).strip()
