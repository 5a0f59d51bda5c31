"""Guardrails made, versioned, enforced and taken away through boto3, as a change of the boundary does it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_guard.boundary.guardrail import create_request, enforcement_request
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.demo.services.bedrock.guardrails import SETTLES_IN, VERSIONS

RULES = create_request(PromptRules(name="tide", profanity=True, words=("harbour",), explicit_language="HIGH"))


@pytest.fixture
def bedrock(account: Any) -> Any:
    return account.client("bedrock", attempts=1)


def code(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def settle(account: Any) -> None:
    account.clock.sleep(SETTLES_IN.total_seconds())


def made(account: Any, bedrock: Any, **more: Any) -> str:
    answer = bedrock.create_guardrail(**(RULES | more))
    settle(account)
    return str(answer["guardrailArn"])


def test_what_was_asked_for_is_what_is_there(account: Any, bedrock: Any) -> None:
    first = bedrock.create_guardrail(**RULES, description="for tests")
    read = bedrock.get_guardrail(guardrailIdentifier=first["guardrailId"])
    assert (read["status"], read["version"], read["name"]) == ("CREATING", "DRAFT", "tide")
    settle(account)
    read = bedrock.get_guardrail(guardrailIdentifier=first["guardrailArn"])
    assert read["status"] == "READY"
    assert read["wordPolicy"] == {"words": [{"text": "harbour"}], "managedWordLists": [{"type": "PROFANITY"}]}
    assert read["contentPolicy"]["filters"] == RULES["contentPolicyConfig"]["filtersConfig"]
    (row,) = bedrock.list_guardrails()["guardrails"]
    assert (row["id"], row["description"]) == (first["guardrailId"], "for tests")


def test_a_version_keeps_what_the_draft_said_then(account: Any, bedrock: Any) -> None:
    arn = made(account, bedrock)
    version = bedrock.create_guardrail_version(guardrailIdentifier=arn, description="first")["version"]
    settle(account)
    changed = {k: v for k, v in RULES.items() if k != "wordPolicyConfig"}
    bedrock.update_guardrail(guardrailIdentifier=arn, **changed)
    settle(account)
    frozen = bedrock.get_guardrail(guardrailIdentifier=arn, guardrailVersion=version)
    assert frozen["wordPolicy"]["words"] == [{"text": "harbour"}]
    assert "wordPolicy" not in bedrock.get_guardrail(guardrailIdentifier=arn)
    rows = bedrock.list_guardrails(guardrailIdentifier=arn)["guardrails"]
    assert [(r["version"], r.get("description")) for r in rows] == [("DRAFT", None), ("1", "first")]


def test_a_number_is_never_used_twice_and_there_is_a_quota(account: Any, bedrock: Any) -> None:
    arn = made(account, bedrock)
    for number in range(1, VERSIONS + 1):
        assert bedrock.create_guardrail_version(guardrailIdentifier=arn)["version"] == str(number)
        settle(account)
    assert code(bedrock.create_guardrail_version, guardrailIdentifier=arn) == "ServiceQuotaExceededException"
    bedrock.delete_guardrail(guardrailIdentifier=arn, guardrailVersion=str(VERSIONS))
    bedrock.update_guardrail(guardrailIdentifier=arn, **RULES)
    settle(account)
    assert bedrock.create_guardrail_version(guardrailIdentifier=arn)["version"] == str(VERSIONS + 1)


def test_what_is_not_at_rest_cannot_be_changed(account: Any, bedrock: Any) -> None:
    arn = bedrock.create_guardrail(**RULES)["guardrailArn"]
    assert code(bedrock.create_guardrail_version, guardrailIdentifier=arn) == "ConflictException"
    assert code(bedrock.update_guardrail, guardrailIdentifier=arn, **RULES) == "ConflictException"
    settle(account)
    bedrock.create_guardrail_version(guardrailIdentifier=arn)


def test_names_are_unique_and_a_guardrail_needs_a_policy(account: Any, bedrock: Any) -> None:
    made(account, bedrock)
    assert code(bedrock.create_guardrail, **RULES) == "ConflictException"
    empty = {k: v for k, v in RULES.items() if not k.endswith("Config")} | {"name": "empty"}
    assert code(bedrock.create_guardrail, **empty) == "ValidationException"
    filters = [{"type": "HATE", "inputStrength": "LOUD", "outputStrength": "HIGH"}]
    wrong = RULES | {"name": "x", "contentPolicyConfig": {"filtersConfig": filters}}
    assert code(bedrock.create_guardrail, **wrong) == "ValidationException"


def test_a_request_repeated_with_its_token_is_done_once(account: Any, bedrock: Any) -> None:
    first = bedrock.create_guardrail(**RULES, clientRequestToken="once")
    again = bedrock.create_guardrail(**RULES, clientRequestToken="once")
    assert (again["guardrailId"], again["createdAt"]) == (first["guardrailId"], first["createdAt"])
    assert len(bedrock.list_guardrails()["guardrails"]) == 1
    other = RULES | {"blockedInputMessaging": "no"}
    assert code(bedrock.create_guardrail, **other, clientRequestToken="once") == "ConflictException"


def test_the_account_is_held_to_one_version(account: Any, bedrock: Any) -> None:
    arn = made(account, bedrock)
    request = enforcement_request(arn, "1")
    assert code(bedrock.put_enforced_guardrail_configuration, **request) == "ResourceNotFoundException"
    bedrock.create_guardrail_version(guardrailIdentifier=arn)
    settle(account)
    put = bedrock.put_enforced_guardrail_configuration(**request)
    (config,) = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
    assert (config["guardrailArn"], config["guardrailVersion"]) == (arn, "1")
    assert config["selectiveContentGuarding"] == {"system": "COMPREHENSIVE", "messages": "COMPREHENSIVE"}
    assert config["createdBy"] == account.caller_arn
    assert code(bedrock.put_enforced_guardrail_configuration, **request) == "ConflictException"
    for asked in ({}, {"guardrailVersion": "1"}):
        assert code(bedrock.delete_guardrail, guardrailIdentifier=arn, **asked) == "ResourceInUseException"
    account.clock.sleep(60)
    again = bedrock.put_enforced_guardrail_configuration(configId=put["configId"], **request)
    assert again["configId"] == put["configId"]
    (config,) = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
    assert config["updatedAt"] > config["createdAt"]
    west = account.client("bedrock", "us-west-2")
    assert west.list_enforced_guardrails_configuration()["guardrailsConfig"] == []
    bedrock.delete_enforced_guardrail_configuration(configId=put["configId"])
    missing = bedrock.delete_enforced_guardrail_configuration
    assert code(missing, configId=put["configId"]) == "ResourceNotFoundException"
    bedrock.delete_guardrail(guardrailIdentifier=arn)
    assert code(bedrock.get_guardrail, guardrailIdentifier=arn) == "ResourceNotFoundException"


def test_tags(account: Any, bedrock: Any) -> None:
    arn = made(account, bedrock, tags=[{"key": "owner", "value": "guard"}])
    bedrock.tag_resource(
        resourceARN=arn, tags=[{"key": "wave", "value": "1"}, {"key": "owner", "value": "me"}]
    )
    bedrock.untag_resource(resourceARN=arn, tagKeys=["wave", "absent"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "owner", "value": "me"}]
    many = [{"key": f"k{n}", "value": ""} for n in range(50)]
    assert code(bedrock.tag_resource, resourceARN=arn, tags=many) == "TooManyTagsException"


def test_cloudtrail_tells_who_changed_it_and_not_what_it_says(account: Any, bedrock: Any) -> None:
    arn = made(account, bedrock)
    account.clock.sleep(600)
    (event,) = account.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateGuardrail"}]
    )["Events"]
    assert event["EventSource"] == "bedrock.amazonaws.com"
    assert arn in event["CloudTrailEvent"]
    assert "harbour" not in event["CloudTrailEvent"]
    assert "tide" not in event["CloudTrailEvent"]


def test_least_privilege_is_told_by_resource_and_tag(open_account: Any) -> None:
    account = open_account(enforce=True)
    account.client("bedrock").create_guardrail(**RULES, tags=[{"key": "owner", "value": "guard"}])
    asked = [(need.action, need.resource) for need in account.demo_backend.asked][-2:]
    assert asked == [
        ("bedrock:CreateGuardrail", "*"),
        ("bedrock:TagResource", "arn:aws:bedrock:us-east-1:111122223333:guardrail/*"),
    ]
