"""Who calls: the people, roles, users and machines of the demo company, as CloudTrail names them.

Everyone here is invented; addresses come from the documentation ranges (RFC 5737, RFC 3849) and identifiers
begin with DEMO, so that no secret scanner takes them for AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

Form = Literal["session", "user", "service"]
Bearer = Literal["", "short", "long"]

OFFICE: Final = ("192.0.2.10", "192.0.2.11", "192.0.2.14")
WORKLOAD_NET: Final = ("198.51.100.20", "198.51.100.21", "198.51.100.22", "198.51.100.23")
INTRUDER_NET: Final = ("203.0.113.66", "203.0.113.121")
HOSTILE_SESSION: Final = "<img src=x onerror=alert(1)>"
HOSTILE_AGENT: Final = '<script>alert("user agent")</script> aiohttp/3.9.5'
FORMULA_AGENT: Final = '=HYPERLINK("http://198.51.100.99/","open")'

CLAUDE_CODE: Final = "claude-cli/2.1.14 (external, cli)"
BOTO3: Final = (
    "Boto3/1.44.2 md/Botocore#1.44.2 ua/2.1 os/linux#6.1.112 md/arch#x86_64 lang/python#3.12.7 "
    "md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.44.2"
)
AWS_CLI: Final = (
    "aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.7 "
    "md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#bedrock-runtime.converse"
)
BROWSER: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
JAVA: Final = "aws-sdk-java/2.34.1 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1 lang/java#21.0.4"
NODE: Final = (
    "aws-sdk-js/3.921.0 ua/2.1 os/linux#6.1.112 lang/js md/nodejs#22.11.0 api/bedrock-runtime#3.921.0"
)
HTTPX: Final = "python-httpx/0.28.1"
CODEX: Final = "codex_cli_rs/0.61.0 (Mac OS 26.1.0; arm64)"
OPENAI: Final = "OpenAI/Python 2.8.0"
SSO_PATH: Final = "aws-reserved/sso.amazonaws.com/"


@dataclass(frozen=True, slots=True)
class Caller:
    """One identity and how it calls.

    Args:
        key: what workloads call it.
        home: index of its account.
        form: an assumed-role session, an IAM user, or a role used by the Bedrock service itself.
        name: role or user name.
        sessions: session names (the person, the instance, the function); empty for a user.
        agents: user agent strings.
        addresses: source addresses.
        bearer: the kind of Bedrock API key, or "".
        path: its path below `role/` or `user/`.
        extra: further members of `userIdentity` (`onBehalfOf`) or of its `sessionContext`.
    """

    key: str
    home: int
    form: Form
    name: str
    sessions: tuple[str, ...] = ()
    agents: tuple[str, ...] = (BOTO3,)
    addresses: tuple[str, ...] = WORKLOAD_NET
    bearer: Bearer = ""
    path: str = ""
    extra: str = ""

    def arn(self, account: str) -> str:
        """The stable principal: the role or user, without its session."""
        if self.form == "user":
            return f"arn:aws:iam::{account}:user/{self.path}{self.name}"
        return f"arn:aws:iam::{account}:role/{self.path}{self.name}"


def sso(name: str, number: str) -> str:
    """The name Identity Center gives to a permission set's role."""
    return f"AWSReservedSSO_{name}_{number}"


DEVELOPER: Final = sso("BedrockDeveloper", "1f2e3d4c5b6a7089")
RESEARCHER: Final = sso("MLResearch", "90a1b2c3d4e5f607")
ADMINISTRATOR: Final = sso("AdministratorAccess", "0c1d2e3f4a5b6c7d")
PHANTOM: Final = "BedrockAPIKey-h7qz"
REPORTING: Final = "reporting-batch"
ETL: Final = "legacy-etl"
BREAK_GLASS: Final = "break-glass-admin"
AGENT_ROLE: Final = "AmazonBedrockExecutionRoleForAgents_T1DE0"

CALLERS: Final[Mapping[str, Caller]] = {
    caller.key: caller
    for caller in (
        Caller("contract-review", 0, "session", "contract-review-service",
               ("ecs-task-4f1b", "ecs-task-77a0", "ecs-task-c2d9"), (JAVA,)),
        Caller("theo", 0, "session", DEVELOPER, ("theo.marsh@example.com",), (CLAUDE_CODE,), OFFICE,
               path=SSO_PATH, extra="person"),
        Caller("sam", 0, "session", DEVELOPER, ("sam.okoye@example.com",), (CLAUDE_CODE,),
               ("192.0.2.14", "2001:db8:4:11::7"), path=SSO_PATH, extra="person"),
        Caller("priya", 0, "session", DEVELOPER, ("priya.raman@example.com",), (HTTPX,), OFFICE,
               "short", SSO_PATH, "person"),
        Caller("research", 1, "session", RESEARCHER,
               ("mira.okafor@example.com", "jonas.lind@example.com", "ana.teixeira@example.com"),
               (BOTO3, AWS_CLI, BROWSER), OFFICE, path=SSO_PATH, extra="person"),
        Caller("search", 0, "session", "search-api",
               ("i-0de00000000000011", "i-0de00000000000012"), (BOTO3,), extra="instance"),
        Caller("support", 0, "session", "support-assistant", ("support-assistant-fn",), (NODE,)),
        Caller("agent", 0, "service", AGENT_ROLE, ("BedrockAgents-t1de0agent1",), path="service-role/"),
        Caller("invoices", 2, "session", "invoice-extractor", ("invoice-extractor-fn",), (NODE,)),
        Caller("ci", 2, "session", "github-ci", ("GitHubActions",), (BOTO3, AWS_CLI), ("198.51.100.140",),
               extra="web"),
        Caller("reporting-key", 0, "user", REPORTING, (), (OPENAI,), ("198.51.100.40",), "long", "service/"),
        Caller("phantom-key", 0, "user", PHANTOM, (), (HTTPX,), ("192.0.2.11",), "long"),
        Caller("intruder", 0, "user", PHANTOM, (), ("Python/3.11 aiohttp/3.9.5", HOSTILE_AGENT),
               INTRUDER_NET, "long"),
        Caller("etl", 0, "user", ETL, (), (BOTO3,), ("198.51.100.41",)),
        Caller("policy-qa", 0, "session", "policy-qa", ("policy-qa-fn", HOSTILE_SESSION), (BOTO3,)),
        Caller("mantle", 0, "session", DEVELOPER, ("theo.marsh@example.com", "sam.okoye@example.com"),
               (CODEX,), OFFICE, "short", SSO_PATH, "person"),
        Caller("mantle-research", 1, "session", RESEARCHER, ("jonas.lind@example.com",), (OPENAI,), OFFICE,
               "short", SSO_PATH, "person"),
        Caller("pipeline", 1, "session", "data-pipeline", ("nightly-tagging",), (BOTO3,)),
        Caller("pipeline-search", 0, "session", "search-batch", ("catalogue-refresh",), (BOTO3,)),
        Caller("admin", 0, "session", ADMINISTRATOR, ("lena.ortiz@example.com",), (BROWSER,), OFFICE,
               path=SSO_PATH, extra="person"),
        Caller("product-admin", 0, "session", ADMINISTRATOR, ("omar.haddad@example.com",), (AWS_CLI,), OFFICE,
               path=SSO_PATH, extra="person"),
        Caller("data-lead", 0, "session", ADMINISTRATOR, ("mira.okafor@example.com",), (BROWSER,), OFFICE,
               path=SSO_PATH, extra="console"),
        Caller("break-glass", 0, "session", BREAK_GLASS, ("lena.ortiz",), (AWS_CLI,), ("203.0.113.9",)),
        Caller("deployer", 2, "session", "terraform-deploy", ("terraform",),
               ("APN/1.0 HashiCorp/1.0 Terraform/1.14.0 terraform-provider-aws/6.21.0",), ("198.51.100.140",)),
        Caller("spreadsheet", 0, "session", "support-assistant", ("=1+1|cmd",), (FORMULA_AGENT,)),
    )
}  # fmt: skip
"""Every caller by its key."""


def identifier(prefix: str, *parts: str) -> str:
    """A made-up unique id of 20 characters that begins with DEMO and is the same for the same parts."""
    digest = sha256("|".join(parts).encode()).hexdigest().upper()
    return f"DEMO{prefix}{digest}"[:20]


def user_id(account: str, name: str) -> str:
    """The unique id of a user."""
    return identifier("U", account, name)


def role_id(account: str, name: str) -> str:
    """The unique id of a role."""
    return identifier("R", account, name)


def access_key_of(caller: Caller, account: str, session: str, day: str = "") -> str | None:
    """The access key id in the caller's records.

    None for a long-term Bedrock API key: no public record shows what CloudTrail writes there.
    """
    if caller.bearer == "long" or caller.form == "service":
        return None
    if caller.form == "user":
        return identifier("K", account, caller.name)
    return identifier("S", account, caller.name, session, day)


def identity(caller: Caller, account: str, session: str, day: str) -> dict[str, Any]:
    """The `userIdentity` element of the caller's records of one day.

    Shapes: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    key = access_key_of(caller, account, session, day)
    if caller.form == "user":
        who: dict[str, Any] = {
            "type": "IAMUser",
            "principalId": user_id(account, caller.name),
            "arn": caller.arn(account),
            "accountId": account,
            "userName": caller.name,
        }
        return who if key is None else {**who, "accessKeyId": key}
    unique = role_id(account, caller.name)
    who = {
        "type": "AssumedRole",
        "principalId": f"{unique}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{caller.name}/{session}",
        "accountId": account,
        "accessKeyId": key or identifier("S", account, caller.name, session, day),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": unique,
                "arn": caller.arn(account),
                "accountId": account,
                "userName": caller.name,
            },
            "attributes": {"creationDate": f"{day}T00:00:00Z", "mfaAuthenticated": "false"},
        },
    }
    _decorate(who, caller)
    return who


def _decorate(who: dict[str, Any], caller: Caller) -> None:
    context: dict[str, Any] = who["sessionContext"]
    if caller.form == "service":
        who["invokedBy"] = "bedrock.amazonaws.com"
    if caller.extra in ("person", "console"):
        person = sha256(who["arn"].rpartition("/")[2].encode()).hexdigest()
        who["onBehalfOf"] = {
            "userId": f"{person[:8]}-{person[8:12]}-{person[12:16]}-{person[16:20]}-{person[20:32]}",
            "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-demo0000001",
        }
    if caller.extra == "instance":
        context["ec2RoleDelivery"] = "2.0"
    if caller.extra == "web":
        context["webIdFederationData"] = {
            "federatedProvider": f"arn:aws:iam::{who['accountId']}:oidc-provider/token.actions.githubusercontent.com",
            "attributes": {},
        }
