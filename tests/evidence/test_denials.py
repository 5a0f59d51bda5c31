"""Who refused: every layer's words, cut messages, hostile names, and "unknown" where nothing is said."""

from __future__ import annotations

import pytest

from bedrock_guard.evidence.denials import Denial, read_denial

USER = "User: arn:aws:iam::111122223333:user/ana"
ARN = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
POLICY = "arn:aws:iam::111122223333:policy/guard/Boundary"
HEAD = f"{USER} is not authorized to perform: bedrock:InvokeModel on resource: {ARN} "

LAYERS = {
    "identity-based policy": "identity",
    "permissions boundary": "boundary",
    "service control policy": "scp",
    "resource control policy": "rcp",
    "session policy": "session",
    "resource-based policy": "resource",
    "VPC endpoint policy": "vpc_endpoint",
}


@pytest.mark.parametrize(("words", "layer"), LAYERS.items())
def test_a_missing_allow(words: str, layer: str) -> None:
    text = f"{HEAD}because no {words} allows the bedrock:InvokeModel action"
    assert read_denial("AccessDenied", text) == Denial(
        layer, "bedrock:InvokeModel", ARN, None, explicit=False
    )


@pytest.mark.parametrize(("words", "layer"), LAYERS.items())
@pytest.mark.parametrize("policy", ["", f": {POLICY}"])
def test_an_explicit_deny(words: str, layer: str, policy: str) -> None:
    article = "an" if words[0] in "aeiou" else "a"
    text = f"{HEAD}with an explicit deny in {article} {words}{policy}"
    expected = Denial(layer, "bedrock:InvokeModel", ARN, policy[2:] or None, explicit=True)
    assert read_denial("AccessDeniedException", text) == expected
    assert read_denial("AccessDenied", text + ".") == expected


def test_the_trust_policy() -> None:
    text = (
        f"{USER} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/r "
    )
    found = read_denial(
        "AccessDenied", text + "because the role trust policy does not allow the sts:AssumeRole action"
    )
    assert found
    assert found.layer == "trust"


def test_ec2_wraps_the_sentence_and_adds_a_blob_that_may_be_cut() -> None:
    text = (
        "You are not authorized to perform this operation. "
        f"{USER} is not authorized to perform: ec2:RunInstances on resource: "
        "arn:aws:ec2:us-east-1:111122223333:instance/* "
        f"with an explicit deny in a permissions boundary: {POLICY}. Encoded authorization failure message: AbC-_dEf..."
    )
    assert read_denial("Client.UnauthorizedOperation", text) == Denial(
        "boundary", "ec2:RunInstances", "arn:aws:ec2:us-east-1:111122223333:instance/*", POLICY, explicit=True
    )


@pytest.mark.parametrize(
    ("resource", "read"),
    [
        ("user BedrockAPIKey-ab12", "user BedrockAPIKey-ab12"),
        (f"policy {POLICY}", POLICY),
        ("*", "*"),
        ("user because no permissions boundary allows the x action", None),
    ],
)
def test_resources_may_hold_blanks(resource: str, read: str | None) -> None:
    text = f"{USER} is not authorized to perform: iam:CreateAccessKey on resource: {resource} because no "
    found = read_denial("AccessDenied", text + "identity-based policy allows the iam:CreateAccessKey action")
    assert found
    assert found.layer == "identity"
    assert found.resource == (read or resource)


def test_no_resource_named() -> None:
    text = f"{USER} is not authorized to perform: bedrock:CallWithBearerToken with an explicit deny in "
    text += "a service control policy"
    assert read_denial("AccessDenied", text) == Denial(
        "scp", "bedrock:CallWithBearerToken", None, None, explicit=True
    )


def test_an_old_text_without_layer() -> None:
    plain = f"{USER} is not authorized to perform: bedrock:InvokeModel on resource: {ARN}"
    assert read_denial("AccessDenied", plain) == Denial("unknown", "bedrock:InvokeModel", ARN)
    deny = read_denial("AccessDenied", plain + " with an explicit deny")
    assert deny == Denial("unknown", "bedrock:InvokeModel", ARN, None, explicit=True)


def test_a_cut_message_does_not_name_half_a_resource() -> None:
    whole = f"{HEAD}with an explicit deny in a permissions boundary"
    assert read_denial("AccessDenied", HEAD[:-9] + "...") == Denial("unknown", "bedrock:InvokeModel", None)
    for length in range(len(HEAD), len(whole)):
        found = read_denial("AccessDenied", whole[:length])
        assert found
        assert found.layer == "unknown", whole[:length]
        assert found.resource == ARN, whole[:length]


@pytest.mark.parametrize(
    ("clause", "explicit"),
    [
        ("with an explicit deny in several policies", True),
        ("because no identity-based policy allows the action and no session policy does", None),
        ("because the moon is full", None),
    ],
)
def test_a_clause_that_names_no_known_layer_is_no_part_of_the_resource(
    clause: str, explicit: bool | None
) -> None:
    assert read_denial("AccessDenied", HEAD + clause) == Denial(
        "unknown", "bedrock:InvokeModel", ARN, None, explicit
    )


def test_a_message_as_long_as_cloudtrail_keeps_may_end_in_half_a_resource() -> None:
    long = f"User: {'u' * 950} is not authorized to perform: bedrock:InvokeModel on resource: {ARN[:40]}"
    assert read_denial("AccessDenied", long) == Denial("unknown", "bedrock:InvokeModel", None)


@pytest.mark.parametrize(
    "message", [None, "", "Access Denied", "Encoded authorization failure message: xyz", "\x00" * 9]
)
def test_nothing_said_is_unknown(message: str | None) -> None:
    assert read_denial("AccessDenied", message) == Denial("unknown")


def test_model_access_and_legacy_models_are_no_iam_denials() -> None:
    access = "You don't have access to the model with the specified model ID."
    assert read_denial("AccessDenied", access) == Denial("model_access")
    shop = "Model access is denied due to IAM user or service role is not authorized to perform the required AWS "
    shop += "Marketplace actions (aws-marketplace:ViewSubscriptions) to enable access to this model."
    assert read_denial("AccessDeniedException", shop) == Denial("model_access")
    legacy = "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model"
    assert read_denial("ResourceNotFoundException", legacy) == Denial("legacy_model")


@pytest.mark.parametrize(
    "code",
    [
        None,
        "",
        "ValidationException",
        "ThrottlingException",
        "ResourceNotFoundException",
        "NoSuchEntityException",
    ],
)
def test_other_errors_are_no_denials(code: str | None) -> None:
    assert read_denial(code, "max_tokens: range: 1..4096") is None


def test_an_endpoint_denial_without_words() -> None:
    assert read_denial("VpceAccessDenied", None) == Denial("vpc_endpoint")


def test_a_long_hostile_message_is_read_in_linear_time() -> None:
    found = read_denial("AccessDenied", HEAD + "because no with an explicit deny in " * 20_000)
    assert found
    assert (found.layer, found.action) == ("unknown", "bedrock:InvokeModel")
