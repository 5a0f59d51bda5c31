"""Every fault against a plain boto3 reader of each wire protocol: what botocore does in each case."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, get_args

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.account.session import Account
from bedrock_guard.demo.fault_matrix import MATRIX, NO_KEY, READS, RETRIED
from bedrock_guard.demo.faults import Fault, Kind, SimulatedCrash

CE = {
    "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-20"},
    "Dimension": "SERVICE",
    "MaxResults": 3,
    "SortBy": [{"Key": "UnblendedCost", "SortOrder": "DESCENDING"}],  # without it AWS ignores MaxResults
}
CALLS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("iam", "list_users", "iam:ListUsers", "Users", {"MaxItems": 3}),
    ("ce", "get_dimension_values", "ce:GetDimensionValues", "DimensionValues", CE),
    (
        "bedrock",
        "list_inference_profiles",
        "bedrock:ListInferenceProfiles",
        "inferenceProfileSummaries",
        {"maxResults": 3},
    ),
)
SETTINGS: dict[str, dict[str, Any]] = {
    "slow": {"seconds": 61},
    "stale": {"seconds": 10},
    "clock_skew": {"seconds": -1800},
    "other_admin": {"act": lambda _backend: None},
}


@pytest.fixture(scope="module")
def company() -> Account:
    return Account.demo(calls=200)


def plain(client: Any, operation: str, key: str, parameters: dict[str, Any]) -> str:
    """What a script that calls boto3 and looks at nothing but the answer gets."""
    try:
        answer = getattr(client, operation)(**parameters)
    except SimulatedCrash:
        return "SimulatedCrash"
    except Exception as error:
        response = getattr(error, "response", None)
        return str(response["Error"]["Code"]) if isinstance(response, dict) else type(error).__name__
    if key not in answer:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        return NO_KEY
    token = any(name in answer for name in ("Marker", "NextPageToken", "nextToken"))
    rows = f"{len(answer[key])} row{'' if len(answer[key]) == 1 else 's'}"
    return f"{rows} and a token" if token else rows


def test_the_matrix_has_every_fault_there_is() -> None:
    assert set(MATRIX) == set(get_args(Kind))
    assert len(READS) == len(CALLS)


@pytest.mark.parametrize("kind", list(MATRIX))
def test_what_botocore_makes_of_it(kind: Kind, company: Account, capsys: Any) -> None:
    backend = company.demo_backend
    assert backend is not None
    found = []
    for service, operation, pattern, key, parameters in CALLS:
        # A session of its own: botocore's budget of retries is kept by the client.
        account = Account.on_demo(backend)
        backend.faults.set(Fault(pattern, kind, **SETTINGS.get(kind, {})))
        outcome = plain(account.client(service, "us-east-1"), operation, key, parameters)
        again = account.requests.total(service) > 1
        found.append(f"{RETRIED} {outcome}" if again else outcome)
    backend.faults.set()
    with capsys.disabled():
        print(f"\n  {kind:24}", *(f"{cell:40}" for cell in found), end="")
    assert tuple(found) == MATRIX[kind]


def test_without_a_fault_all_three_bring_three_rows(company: Account) -> None:
    for service, operation, _pattern, key, parameters in CALLS:
        client = company.client(service, "us-east-1")
        assert plain(client, operation, key, parameters) == "3 rows and a token"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (
            -1800,
            r"Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)",
        ),
        (
            1800,
            r"Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)",
        ),
    ],
)
def test_a_skewed_clock_is_refused_with_both_times_and_the_services_own_date(
    seconds: int, words: str
) -> None:
    account = Account.demo(calls=200, faults=[Fault("sts:*", "clock_skew", seconds=seconds)])
    with pytest.raises(ClientError) as caught:
        account.client("sts").get_caller_identity()
    said = caught.value.response
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert re.search(words, said["Error"]["Message"])
    theirs = parsedate_to_datetime(said["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert abs((datetime.now(UTC) - theirs).total_seconds() - seconds) < 60


def test_ec2_has_a_word_of_its_own_and_a_few_minutes_are_no_skew() -> None:
    account = Account.demo(calls=200, faults=[Fault("ec2:*", "clock_skew", seconds=3600)])
    with pytest.raises(ClientError, match="RequestExpired"):
        account.client("ec2").describe_regions()
    near = Account.demo(calls=200, faults=[Fault("*", "clock_skew", seconds=240)])
    assert near.client("ce").get_dimension_values(**CE)["DimensionValues"]
