"""What exists in Bedrock, read to the end of every list, and what cannot be read is unknown, never empty."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, EndpointConnectionError

from bedrock_guard.account.listings import LISTINGS
from bedrock_guard.account.resources import Resources, read_resources
from bedrock_guard.demo.clock import DemoClock
from bedrock_guard.evidence.tables import provenance_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "111122223333"
ORIGIN = {"ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": 200}}
KEYS = {listing.operation: listing.key for listing in LISTINGS}
LOGGING = "get_model_invocation_logging_configuration"


class Bedrock:
    """An account whose answers are given: by operation a list of pages, or an error."""

    clock = DemoClock()
    now = NOW
    account_id = ACCOUNT

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[str, dict[str, Any]]]()

    def client(self, service: str, region: str | None = None) -> Any:
        return self

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("_"):
            raise AttributeError(operation)
        return lambda **request: self.answer(operation, request)

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((operation, request))
        default = [{**ORIGIN}] if operation == LOGGING else [{KEYS.get(operation, "x"): [], **ORIGIN}]
        pages = self.answers.get(operation, default)
        page = pages[int(request.get("nextToken", 0))]
        if isinstance(page, Exception):
            raise page
        return dict(page)


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)


def unknown(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "UnknownOperationException", "Message": ""}}, operation)


def nameless(operation: str) -> EndpointConnectionError:
    """What boto3 raises where the endpoint of a service has no address."""
    from urllib3.exceptions import NameResolutionError

    inner = NameResolutionError("h", None, socket.gaierror("Name or service not known"))  # type: ignore[arg-type]
    return EndpointConnectionError(endpoint_url=f"https://{operation}", error=inner)


def test_a_list_that_a_region_does_not_have_is_not_missed_and_one_that_is_refused_is() -> None:
    found = read(list_flows=[denied("ListFlows")], list_agents=[nameless("a")], list_prompts=[unknown("p")])
    assert [(one.kind, one.why) for one in found.missed] == [
        ("flow", "list_flows: AccessDeniedException"),
    ]
    assert asked(found, "agent").completeness == "unknown"
    dead = EndpointConnectionError(endpoint_url="https://x", error=OSError("Connection refused"))
    assert [one.kind for one in read(list_agents=[dead]).missed] == ["agent"]


def test_where_no_name_has_an_address_every_list_is_missed() -> None:
    found = read(**{listing.operation: [nameless("x")] for listing in LISTINGS})
    assert len(found.missed) == len(LISTINGS)


def read(**answers: Any) -> Resources:
    return read_resources(Bedrock(**answers), ["us-east-1"])


def asked(found: Resources, kind: str) -> Any:
    return next(one for one in found.asked if one.kind == kind)


def test_every_list_and_member_exists_in_boto3() -> None:
    session = botocore.session.get_session()
    for listing in LISTINGS:
        model = session.get_service_model(listing.service)
        names = {xform_name(name): name for name in model.operation_names}
        operation = model.operation_model(names[listing.operation])
        item = operation.output_shape.members[listing.key].member
        assert set(listing.columns.values()) <= set(item.members), listing.kind
        assert "nextToken" in operation.output_shape.members, listing.kind
        assert set(listing.request) <= set(operation.input_shape.members), listing.kind


def test_nothing_there_is_complete_and_logging_is_off() -> None:
    found = read()
    assert found.table.empty
    assert {one.completeness for one in found.asked} == {"complete"}
    assert {one.kind for one in found.asked} == {listing.kind for listing in LISTINGS}
    assert found.logging[0].enabled is False
    assert provenance_of(found.table).completeness == "complete"


def test_lists_are_read_to_their_end() -> None:
    pages = [
        {
            "agentSummaries": [{"agentId": "A1", "agentName": "one", "agentStatus": "PREPARED"}],
            "nextToken": "1",
        },
        {"agentSummaries": [], "nextToken": "2"},
        {"agentSummaries": [{"agentId": "A2", "agentName": "two"}]},
    ]
    found = read(list_agents=pages)
    assert list(found.table["arn"]) == [f"arn:aws:bedrock:us-east-1:{ACCOUNT}:agent/A{n}" for n in (1, 2)]
    assert (asked(found, "agent").found, asked(found, "agent").completeness) == (2, "complete")


def test_an_arn_is_that_of_its_partition() -> None:
    pages = [{"knowledgeBaseSummaries": [{"knowledgeBaseId": "K1", "name": "kb"}]}]
    found = read_resources(Bedrock(list_knowledge_bases=pages), ["us-gov-west-1"])
    assert list(found.table["arn"]) == [f"arn:aws-us-gov:bedrock:us-gov-west-1:{ACCOUNT}:knowledge-base/K1"]


@pytest.mark.parametrize(
    ("pages", "completeness", "count"),
    [
        ([denied("ListGuardrails")], "unknown", 0),
        ([EndpointConnectionError(endpoint_url="https://bedrock.example")], "unknown", 0),
        ([{"guardrails": [{"arn": "a"}], "nextToken": "1"}, denied("ListGuardrails")], "floor", 1),
        ([{"guardrails": [{"arn": "a"}], "nextToken": "0"}], "floor", 2),
        ([{"ResponseMetadata": {"HTTPStatusCode": 200}}], "unknown", 0),
    ],
    ids=["denied", "unreachable", "denied-later", "repeated-token", "proxy-page"],
)
def test_what_cannot_be_read_is_never_none(pages: list[Any], completeness: str, count: int) -> None:
    found = read(list_guardrails=pages)
    one = asked(found, "guardrail")
    assert (one.completeness, one.found, len(found.table)) == (completeness, count, count)
    assert one.why
    proof = provenance_of(found.table)
    assert proof.completeness == "floor"
    assert "guardrail" in proof.why


def test_commitments_end_when_aws_says_and_never_when_it_does_not() -> None:
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    made = {"provisionedModelArn": "p", "modelUnits": 2, "commitmentDuration": "SixMonths"}
    pages = [{"provisionedModelSummaries": [{**made, "commitmentExpirationTime": ends}, made]}]
    table = read(list_provisioned_model_throughputs=pages).table
    assert list(table["ends"].notna()) == [True, False]
    assert table["ends"].iloc[0] == ends
    assert list(table["units"]) == [2, 2]


def test_no_prompt_is_kept() -> None:
    secret = "You are a pirate"
    pages = [{"promptSummaries": [{"arn": "a", "name": "n", "description": secret, "text": secret}]}]
    assert secret not in read(list_prompts=pages).table.to_csv()


@pytest.mark.parametrize(
    ("answer", "enabled"),
    [
        (denied("GetModelInvocationLoggingConfiguration"), None),
        (
            {
                **ORIGIN,
                "loggingConfig": {"s3Config": {"bucketName": "logs"}, "textDataDeliveryEnabled": True},
            },
            True,
        ),
        ({**ORIGIN, "loggingConfig": {"textDataDeliveryEnabled": True}}, False),
        ({"ResponseMetadata": {"HTTPStatusCode": 200}}, None),
    ],
    ids=["denied", "on", "nowhere", "proxy-page"],
)
def test_logging_has_three_states(answer: Any, enabled: bool | None) -> None:
    (state,) = read(**{LOGGING: [answer]}).logging
    assert state.enabled is enabled
    assert bool(state.why) is (enabled is None)


def test_one_kind_is_as_whole_as_its_own_lists() -> None:
    pages = [{"guardrails": [{"arn": "a", "name": "n"}], **ORIGIN}]
    found = read(list_guardrails=pages, list_agents=[denied("ListAgents")])
    assert provenance_of(found.table).completeness == "floor"
    assert provenance_of(found.of("guardrail")).completeness == "complete"
    assert list(found.of("guardrail")["name"]) == ["n"]
    unread = provenance_of(found.of("agent"))
    assert (unread.completeness, "AccessDenied" in unread.why) == ("unknown", True)
