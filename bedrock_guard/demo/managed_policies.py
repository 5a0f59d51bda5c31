"""AWS managed policies that the demo knows, in the demo's own short wording (AWS's documents are longer)."""

from __future__ import annotations

import json

PREFIX = "arn:aws:iam::aws:policy/"


def _policy(*statements: dict[str, object]) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | s for s in statements]}
    )


DOCUMENTS = {
    f"{PREFIX}AdministratorAccess": _policy({"Action": "*"}),
    f"{PREFIX}PowerUserAccess": _policy(
        {"NotAction": ["iam:*", "organizations:*", "account:*"]},
        {"Action": ["iam:CreateServiceLinkedRole", "iam:ListRoles", "organizations:DescribeOrganization"]},
    ),
    f"{PREFIX}ReadOnlyAccess": _policy(
        {
            "Action": [
                "bedrock:Get*",
                "bedrock:List*",
                "ce:Get*",
                "cloudtrail:Describe*",
                "cloudtrail:Get*",
                "cloudtrail:LookupEvents",
                "ec2:Describe*",
                "iam:Get*",
                "iam:List*",
                "organizations:Describe*",
                "organizations:List*",
            ]
        }
    ),
    f"{PREFIX}IAMReadOnlyAccess": _policy(
        {
            "Action": [
                "iam:GenerateCredentialReport",
                "iam:GenerateServiceLastAccessedDetails",
                "iam:Get*",
                "iam:List*",
                "iam:Simulate*",
            ]
        }
    ),
    f"{PREFIX}AmazonBedrockFullAccess": _policy({"Action": ["bedrock:*", "bedrock-mantle:*"]}),
    f"{PREFIX}AmazonBedrockReadOnly": _policy({"Action": ["bedrock:Get*", "bedrock:List*"]}),
    # "Limited" is a name: it may buy throughput, train, import and undo guardrails.
    f"{PREFIX}AmazonBedrockLimitedAccess": _policy(
        {
            "Action": [
                "aws-marketplace:Subscribe",
                "bedrock:CallWithBearerToken",
                "bedrock:CreateGuardrail",
                "bedrock:CreateModelCopyJob",
                "bedrock:CreateModelCustomizationJob",
                "bedrock:CreateModelImportJob",
                "bedrock:CreateModelInvocationJob",
                "bedrock:CreateProvisionedModelThroughput",
                "bedrock:DeleteGuardrail",
                "bedrock:Get*",
                "bedrock:InvokeModel",
                "bedrock:InvokeModelWithResponseStream",
                "bedrock:List*",
                "bedrock:UpdateGuardrail",
                "bedrock-mantle:CallWithBearerToken",
                "bedrock-mantle:CreateInference",
                "iam:ListRoles",
            ]
        }
    ),
    f"{PREFIX}AmazonEC2FullAccess": _policy({"Action": "ec2:*"}),
}


def document_of(arn: str) -> str | None:
    """The document of an AWS managed policy, or None where it is not one of these."""
    return DOCUMENTS.get(arn)
