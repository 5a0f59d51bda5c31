"""The policies of the demo company, as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Document = dict[str, Any]

RUNTIME: Final = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
MANTLE: Final = ("bedrock-mantle:CreateInference", "bedrock-mantle:Get*", "bedrock-mantle:List*")
BEARER: Final = ("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken")


def allow(*actions: str, resource: str | Sequence[str] = "*", **members: Any) -> Document:
    """An Allow statement; `members` are further elements (Sid, Condition)."""
    return {**members, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def deny(*actions: str, **members: Any) -> Document:
    """A Deny statement on every resource."""
    return {**members, "Effect": "Deny", "Action": list(actions), "Resource": "*"}


def document(*statements: Document) -> Document:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal: Document, action: str = "sts:AssumeRole", **members: Any) -> Document:
    """A role's trust policy."""
    return document({**members, "Effect": "Allow", "Principal": principal, "Action": action})


def service_trust(service: str) -> Document:
    """The trust policy of a role that a service assumes."""
    return trust({"Service": service})


def account_trust(account: str) -> Document:
    """The trust policy of a role that an account's principals assume."""
    return trust({"AWS": f"arn:aws:iam::{account}:root"})


def sso_trust(account: str) -> Document:
    """The trust policy of an Identity Center role."""
    provider = f"arn:aws:iam::{account}:saml-provider/AWSSSO_0de0000000000001_DO_NOT_DELETE"
    condition = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    return {
        **trust({"Federated": provider}),
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
                "Condition": condition,
            }
        ],
    }


def model_use(*extra: str) -> Document:
    """What an application needs to call models, and `extra` actions."""
    return document(allow(*RUNTIME, *extra, Sid="UseModels"), allow("bedrock:GetInferenceProfile"))


def one_model(model: str) -> Document:
    """Calls of one model, in any Region and through any profile of this account."""
    resources = (f"arn:aws:bedrock:*::foundation-model/{model}", f"arn:aws:bedrock:*:*:inference-profile/*{model}",
                 "arn:aws:bedrock:*:*:application-inference-profile/*")  # fmt: skip
    return document(allow(*RUNTIME, "bedrock:GetInferenceProfile", resource=list(resources)))


def data_boundary() -> Document:
    """A colleague's permissions boundary: data work, and Haiku 3 only; Llama denied. Not made by this kit."""
    return document(
        allow("s3:*", "glue:*", "athena:*", "logs:*", Sid="DataWork"),
        allow(
            *RUNTIME,
            resource="arn:aws:bedrock:*::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            Sid="OneOldModel",
        ),
        deny("bedrock:*", Sid="NoLlama") | {"Resource": "arn:aws:bedrock:*::foundation-model/meta.*"},
    )


def guardrail_scp() -> Document:
    """The organisation's SCP: no imported models, no very large accelerators."""
    sizes = {"ForAnyValue:StringLike": {"ec2:InstanceType": ["p5*", "p6*", "g6e.48xlarge", "trn*"]}}
    return document(
        deny("bedrock:CreateModelImportJob", Sid="NoImportedModels"),
        {
            "Sid": "NoGiants",
            "Effect": "Deny",
            "Action": "ec2:RunInstances",
            "Resource": "arn:aws:ec2:*:*:instance/*",
            "Condition": sizes,
        },
    )


def everything() -> Document:
    """Allow everything, as FullAWSAccess does."""
    return document(allow("*"))


def analyst() -> Document:
    """What the analyst of the demo may do: read, simulate, manage boundary policies, publish a message."""
    return document(
        allow("bedrock:Get*", "bedrock:List*", "bedrock-mantle:List*", Sid="ReadBedrock"),
        allow("ce:Get*", "ce:List*", "pricing:*", "budgets:ViewBudget", "budgets:Describe*", Sid="ReadCost"),
        allow("cloudtrail:LookupEvents", "cloudtrail:Describe*", "cloudtrail:Get*", "cloudtrail:List*", Sid="Trail"),
        allow("iam:Get*", "iam:List*", "iam:Simulate*", "iam:Generate*", Sid="ReadIdentities"),
        allow("ec2:Describe*", "ec2:GetEbsEncryptionByDefault", "organizations:Describe*", "organizations:List*",
              Sid="ReadRest"),
        allow("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
              "iam:TagPolicy", "iam:DeletePolicy", "iam:PutUserPermissionsBoundary", "iam:PutRolePermissionsBoundary",
              "iam:DeleteUserPermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:AttachUserPolicy",
              "iam:AttachRolePolicy", "iam:DetachUserPolicy", "iam:DetachRolePolicy",
              "iam:UpdateServiceSpecificCredential", Sid="Govern"),
        allow("sns:Publish", Sid="Tell"),
        allow("sts:AssumeRole", resource="arn:aws:iam::*:role/security-audit", Sid="LookIntoMembers"),
    )  # fmt: skip
