"""The shape of one CloudTrail record.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

from bedrock_guard.demo.company.clock import stamp
from bedrock_guard.demo.company.people import Caller, identity

Record = dict[str, Any]

BEDROCK = "bedrock.amazonaws.com"
MANTLE = "bedrock-mantle.amazonaws.com"
IAM = "iam.amazonaws.com"


def uuid(rng: Random) -> str:
    """A version 4 UUID from the demo's dice."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def tls(host: str) -> dict[str, str]:
    """`tlsDetails` of a call to `host`."""
    return {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": host,
    }


def event(
    rng: Random,
    who: Caller,
    account: str,
    at: datetime,
    source: str,
    name: str,
    region: str = "us-east-1",
    **members: Any,
) -> Record:
    """One record of a management event; `members` adds or replaces top-level members, None values included.

    Args:
        rng: where the ids come from.
        who: the caller; its first session is used unless `session` is among the members.
        account: the account that owns the record.
        at: when (UTC).
        source: `eventSource`.
        name: `eventName`.
        region: `awsRegion`.
        **members: further members of the record; `session` names the caller's session.
    """
    session = members.pop("session", who.sessions[0] if who.sessions else "")
    record: Record = {
        "eventVersion": "1.11",
        "userIdentity": identity(who, account, session, at.strftime("%Y-%m-%d")),
        "eventTime": stamp(at),
        "eventSource": source,
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": rng.choice(who.addresses),
        "userAgent": who.agents[0],
        "requestParameters": None,
        "responseElements": None,
        "requestID": uuid(rng),
        "eventID": uuid(rng),
        "readOnly": name.startswith(("Get", "List", "Describe", "InvokeModel", "Converse")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": tls(_host(source, region)),
    }
    if who.bearer == "long" and source == BEDROCK:
        record["additionalEventData"] = {"callWithBearerToken": True}
    record.update(members)
    return record


def _host(source: str, region: str) -> str:
    service = source.partition(".")[0]
    return f"{service}.amazonaws.com" if source == IAM else f"{service}.{region}.amazonaws.com"


def denied(message: str | None, code: str = "AccessDenied") -> Record:
    """The members of a refused call; some services write no message at all."""
    return {"errorCode": code} if message is None else {"errorCode": code, "errorMessage": message}


def iam_date(at: datetime) -> str:
    """How IAM writes a date inside `responseElements`: `Aug 31, 2026, 6:30:38 PM`."""
    return f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'}"
