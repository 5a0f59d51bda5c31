"""What each job reads, action by action: the one table behind docs/policies and behind what `doctor` asks.

A job is a command or notebook that runs by itself; its document holds these actions and no other. tests/reports proves
it on the demo account, which enforces policies and keeps a record of what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

Job = Literal["cost", "keys", "analyst"]
Kind = Literal["", "user", "group"]


@dataclass(frozen=True, slots=True)
class Permission:
    """One IAM action.

    Args:
        action: as IAM names it.
        tells: what is unknown without it.
        jobs: who asks it.
        of: the kind of IAM resource it can be held to, "user" or "group"; empty: it takes none, or any.

    """

    action: str
    tells: str
    jobs: frozenset[Job]
    of: Kind = ""


def _all(jobs: str, *pairs: tuple[str, str], of: Kind = "") -> tuple[Permission, ...]:
    named: frozenset[Any] = frozenset(jobs.split())
    return tuple(Permission(action, tells, named, of) for action, tells in pairs)


_BOTH: Final = "cost keys analyst"
PERMISSIONS: Final[tuple[Permission, ...]] = (
    *_all(
        _BOTH,
        ("ce:GetCostAndUsage", "what anything cost; each request costs $0.01"),
        ("ce:GetDimensionValues", "which services and charge types are on the bill; $0.01 a request"),
        ("cloudtrail:LookupEvents", "who called what, and what was changed, in the last 90 days"),
    ),
    *_all(
        _BOTH,
        ("bedrock:GetModelInvocationLoggingConfiguration", "whether prompts are logged"),
        ("bedrock:ListCustomModelDeployments", "deployments of custom models in the account"),
        ("bedrock:ListInferenceProfiles", "what an opaque inference profile stands for"),
        ("bedrock:ListProvisionedModelThroughputs", "commitments and their end dates"),
    ),
    *_all(
        "cost analyst",
        ("ce:GetCostForecast", "Cost Explorer's forecast; $0.01"),
        ("ce:GetTags", "spend by caller tag; $0.01 a request"),
        ("organizations:DescribeOrganization", "which account no SCP binds"),
        ("pricing:GetProducts", "list prices, to compare with what was paid"),
    ),
    *_all(
        "keys analyst",
        (
            "ec2:DescribeRegions",
            "which Regions are enabled; without it those known to have Bedrock are asked",
        ),
        ("iam:GetServiceLastAccessedDetails", "when a user last used Bedrock, by access advisor"),
        ("iam:ListServiceSpecificCredentials", "which long-term API keys exist"),
        ("iam:ListUsers", "users made for a key, whatever became of it"),
    ),
    *_all(
        "keys analyst",
        ("iam:GenerateServiceLastAccessedDetails", "when a user last used Bedrock (starts the list)"),
        ("iam:GetLoginProfile", "whether a key's user has a password"),
        ("iam:GetUser", "a key user's boundary"),
        ("iam:ListAccessKeys", "a key user's access keys"),
        ("iam:ListAttachedUserPolicies", "a key user's policies"),
        ("iam:ListGroupsForUser", "a key user's groups"),
        ("iam:ListMFADevices", "a key user's MFA devices"),
        ("iam:ListSSHPublicKeys", "a key user's SSH keys"),
        ("iam:ListSigningCertificates", "a key user's certificates"),
        ("iam:ListUserPolicies", "a key user's inline policies"),
        of="user",
    ),
    *_all(
        "keys analyst",
        ("iam:ListAttachedGroupPolicies", "policies of a key user's groups"),
        ("iam:ListGroupPolicies", "inline policies of a key user's groups"),
        of="group",
    ),
    *_all(
        _BOTH,
        *(
            (f"bedrock:{action}", f"{what} in the account")
            for action, what in (
                ("ListAgents", "agents"),
                ("ListCustomModels", "custom models"),
                ("ListEnforcedGuardrailsConfiguration", "enforced guardrails"),
                ("ListEvaluationJobs", "evaluation jobs"),
                ("ListFlows", "flows"),
                ("ListGuardrails", "guardrails"),
                ("ListImportedModels", "imported models"),
                ("ListKnowledgeBases", "knowledge bases"),
                ("ListMarketplaceModelEndpoints", "marketplace endpoints"),
                ("ListModelCopyJobs", "copies of models"),
                ("ListModelCustomizationJobs", "training jobs"),
                ("ListModelImportJobs", "import jobs"),
                ("ListModelInvocationJobs", "batch jobs"),
                ("ListPromptRouters", "prompt routers"),
                ("ListPrompts", "managed prompts"),
            )
        ),
    ),
    *_all(
        "analyst", ("organizations:ListAccounts", "which accounts a unit holds, and so an SCP on it binds")
    ),
    *_all(
        "cost analyst",
        (
            "iam:GetAccountAuthorizationDetails",
            "users and roles with their policies and boundaries; drift of a spec",
        ),
        ("iam:GetRole", "the caller's own role, for the drift of a spec"),
    ),
)


TRAIL_BUCKET: Final = _all(
    "analyst",
    ("s3:ListBucket", "which files a trail delivered"),
    ("s3:GetObject", "what they hold; with SSE-KMS, kms:Decrypt on the trail's key as well"),
)
"""What `calls`, `keys` and `replay` read of a trail in S3: of its bucket alone."""

ATHENA: Final = _all(
    "analyst",
    ("athena:GetWorkGroup", "the scan limit, before anything runs"),
    ("athena:StartQueryExecution", "the count (and with --yes only)"),
    ("athena:GetQueryExecution", "whether it is done, and what it read"),
    ("athena:GetQueryResults", "the tuples"),
    ("glue:GetDatabase", "the table's database"),
    ("glue:GetTable", "the table"),
    ("glue:GetPartitions", "its partitions; none are kept with partition projection"),
    ("s3:GetBucketLocation", "where Athena's results go"),
)
"""What `tuples` needs besides TRAIL_BUCKET; Athena keeps its answer in the results bucket with the caller's rights."""


def trail_document(bucket: str, results: str, partition: str = "aws") -> dict[str, Any]:
    """The policy document for reading a trail's bucket, and for counting it with Athena.

    Args:
        bucket: the trail's.
        results: where Athena keeps its answers.
        partition: aws, aws-us-gov or aws-cn.
    """
    trail, answers = (f"arn:{partition}:s3:::{name}" for name in (bucket, results))
    answered = ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    athena = sorted(one.action for one in ATHENA if not one.action.startswith("s3:"))
    statements = [
        ("ListTrail", ["s3:ListBucket"], [trail]),
        ("ReadTrail", ["s3:GetObject"], [f"{trail}/*"]),
        ("CountWithAthena", athena, ["*"]),
        ("KeepAnswers", answered, [answers, f"{answers}/*"]),
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": held, "Resource": on} for sid, held, on in statements
        ],
    }


def actions(jobs: Iterable[Job]) -> frozenset[str]:
    """The actions of some jobs."""
    wanted = set(jobs)
    return frozenset(one.action for one in PERMISSIONS if one.jobs & wanted)


def document(jobs: Iterable[Job], partition: str = "aws") -> dict[str, Any]:
    """The policy document of some jobs: reads only, as narrow as IAM can hold them.

    Example:
        >>> [s["Sid"] for s in document(["cost"])["Statement"]]
        ['Read']

    """
    wanted = set(jobs)
    own = [one for one in PERMISSIONS if one.jobs & wanted]
    statements: list[dict[str, Any]] = []
    kinds: tuple[Kind, ...] = ("", "user", "group")
    for kind in kinds:
        found = sorted(one.action for one in own if one.of == kind)
        held = f"arn:{partition}:iam::*:{kind}/*" if kind else "*"
        sid = f"Read{kind.title()}s" if kind else "Read"
        if found:
            statements.append({"Sid": sid, "Effect": "Allow", "Action": found, "Resource": held})
    return {"Version": "2012-10-17", "Statement": statements}
