"""Reading the account for a change: one thing at a time, fresh, and never an answer that is not AWS's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.pages import code_of
from bedrock_guard.boundary.packing import minified
from bedrock_guard.change.errors import ChangeError
from bedrock_guard.change.texts import digest

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

Kind = Literal["user", "role"]
SCP: Final = "SERVICE_CONTROL_POLICY"
ABSENT: Final = {
    "NoSuchEntity", "PolicyNotFoundException", "ResourceNotFoundException", "TargetNotFoundException",
}  # fmt: skip
_BAD_ANSWERS: Final = 3


@dataclass(frozen=True, slots=True)
class PolicyState:
    """A managed policy: its texts by version."""

    arn: str
    policy_id: str
    default: str
    texts: Mapping[str, str]
    description: str
    tags: Mapping[str, str]

    def digest(self, version: str | None = None) -> str:
        """The fingerprint of a version, by default of the default one."""
        return digest(self.texts[version or self.default])

    def having(self, wanted: str, above: int = 0) -> list[str]:
        """The versions with this fingerprint and a number above, lowest first."""
        found = [v for v in self.texts if number(v) > above and self.digest(v) == wanted]
        return sorted(found, key=number)


@dataclass(frozen=True, slots=True)
class PrincipalState:
    """A user or role."""

    kind: Kind
    name: str
    arn: str
    unique_id: str
    path: str
    boundary: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Uses:
    """Who uses a managed policy, as `user/NAME`, `role/NAME`, `group/NAME`."""

    boundary: frozenset[str]
    permissions: frozenset[str]


def number(version: str) -> int:
    """The number of a version id such as `v3`."""
    return int(version.lstrip("v").partition(".")[0])


class Look:
    """What an account says now. Every read is asked again when the answer is not AWS's, and then given up.

    Args:
        session: whose credentials read; its clock waits.
    """

    def __init__(self, session: Account) -> None:
        self.session = session
        self.clock = session.clock
        self.since = session.clock.now()
        """When the change began."""
        self.guardrail_ids: dict[tuple[str, str], str] = {}
        """Region and name of a guardrail -> its id, once it was seen."""
        self._texts: dict[tuple[str, str], str] = {}

    def ask(self, call: Callable[..., Any], *keys: str, **request: Any) -> Any:
        """One answer, with the members that AWS always sends.

        Raises:
            NotAwsAnswer: what came back, time and again, was not AWS's.
            ClientError: AWS refused.
        """
        for attempt in range(_BAD_ANSWERS):
            try:
                answer = call(**request)
                for key in keys:
                    demanded(answer, key)
            except (KeyError, ResponseParserError, NotAwsAnswer):
                self.clock.sleep(2**attempt)
            else:
                return answer
        raise NotAwsAnswer(
            "The answer was not AWS's.",
            why="Something between here and AWS (a proxy, a sign-in page) answered instead, or the answer was cut.",
            remedy="Check the network, then resume.",
        )

    def pages(self, call: Callable[..., Any], key: str, token: str, **request: Any) -> Iterator[Any]:
        """Every item of a list; `token` is its paging member, in IAM `Marker`."""
        for answer in self.answers(call, (key,), token, **request):
            yield from answer[key]

    def answers(
        self, call: Callable[..., Any], keys: Sequence[str], token: str, **request: Any
    ) -> Iterator[Any]:
        """Every page of a list, with the members `keys` that AWS always sends.

        Raises:
            ChangeError: a page token came twice.
            NotAwsAnswer: what came back, time and again, was not AWS's.
            ClientError: AWS refused.
        """
        seen: set[str] = set()
        while True:
            answer = self.ask(call, *keys, **request)
            yield answer
            marker = answer.get(token)
            if not marker:
                return
            if marker in seen:
                raise ChangeError("AWS repeated a page token.", remedy="Ask again later.")
            seen.add(marker)
            request[token] = marker

    def or_none(self, call: Callable[..., Any], *keys: str, **request: Any) -> Any:
        """One answer, or None where AWS says that there is no such thing."""
        try:
            return self.ask(call, *keys, **request)
        except ClientError as error:
            if code_of(error) in ABSENT:
                return None
            raise

    @property
    def iam(self) -> Any:
        """The IAM client."""
        return self.session.client("iam")

    @property
    def organizations(self) -> Any:
        """The Organizations client."""
        return self.session.client("organizations")

    def caller(self) -> tuple[str, str]:
        """Account and ARN of the user or role that asks; a session's role with its path."""
        who = self.ask(self.session.client("sts").get_caller_identity, "Account", "Arn")
        arn = str(who["Arn"])
        if ":assumed-role/" in arn:
            role = self.ask(self.iam.get_role, "Role", RoleName=arn.split("/")[1])["Role"]
            arn = str(role["Arn"])
        return str(who["Account"]), arn

    def policy(self, arn: str) -> PolicyState | None:
        """A managed policy with the texts of all its versions."""
        answer = self.or_none(self.iam.get_policy, "Policy", PolicyArn=arn)
        if answer is None:
            return None
        body = answer["Policy"]
        versions = self.pages(self.iam.list_policy_versions, "Versions", "Marker", PolicyArn=arn)
        texts = {}
        try:
            for version in [str(v["VersionId"]) for v in versions]:
                text = self._text(arn, str(body["PolicyId"]), version)
                if text is not None:
                    texts[version] = text
        except ClientError as error:
            if code_of(error) in ABSENT:  # deleted between two reads
                return None
            raise
        default = str(body["DefaultVersionId"])
        if default not in texts:  # a read older than the one before it
            text = self._text(arn, str(body["PolicyId"]), default)
            if text is None:
                return None
            texts[default] = text
        return PolicyState(
            arn, str(body["PolicyId"]), default, texts, str(body.get("Description", "")), tags_of(body)
        )

    def _text(self, arn: str, policy_id: str, version: str) -> str | None:
        """A version never changes, so it is asked for once."""
        key = (policy_id, version)
        if key not in self._texts:
            answer = self.or_none(
                self.iam.get_policy_version, "PolicyVersion", PolicyArn=arn, VersionId=version
            )
            if answer is None:
                return None
            self._texts[key] = minified(answer["PolicyVersion"]["Document"])
        return self._texts[key]

    def head(self, arn: str) -> tuple[str, str] | None:
        """Id and default version of a policy: the shortest look there is."""
        answer = self.or_none(self.iam.get_policy, "Policy", PolicyArn=arn)
        return (
            None if answer is None else (answer["Policy"]["PolicyId"], answer["Policy"]["DefaultVersionId"])
        )

    def description(self, arn: str) -> str | None:
        """The description of a policy; None when it is not there."""
        answer = self.or_none(self.iam.get_policy, "Policy", PolicyArn=arn)
        return None if answer is None else str(answer["Policy"].get("Description", ""))

    def principal(self, kind: Kind, name: str) -> PrincipalState | None:
        """A user or role."""
        read, key = (self.iam.get_user, "UserName") if kind == "user" else (self.iam.get_role, "RoleName")
        answer = self.or_none(read, kind.capitalize(), **{key: name})
        return None if answer is None else principal_of(kind, answer[kind.capitalize()])

    def attached(self, kind: Kind, name: str) -> frozenset[str]:
        """The managed policies attached to a user or role."""
        read = getattr(self.iam, f"list_attached_{kind}_policies")
        rows = self.pages(read, "AttachedPolicies", "Marker", **{f"{kind.capitalize()}Name": name})
        return frozenset(str(row["PolicyArn"]) for row in rows)

    def uses(self, arn: str) -> Uses:
        """Who uses a policy, as boundary and as permissions."""
        return Uses(self._users(arn, "PermissionsBoundary"), self._users(arn, "PermissionsPolicy"))

    def _users(self, arn: str, usage: str) -> frozenset[str]:
        asked = {"PolicyArn": arn, "PolicyUsageFilter": usage}
        pages = self.answers(
            self.iam.list_entities_for_policy, ("PolicyUsers", "PolicyRoles"), "Marker", **asked
        )
        return frozenset(
            f"{kind.lower()}/{row[f'{kind}Name']}"
            for answer in pages
            for kind in ("User", "Role", "Group")
            for row in answer.get(f"Policy{kind}s", ())
        )

    def scp(self, name: str) -> tuple[str, str] | None:
        """Id and text of a service control policy, by its name."""
        rows = self.pages(self.organizations.list_policies, "Policies", "NextToken", Filter=SCP)
        policy_id = next((str(row["Id"]) for row in rows if row["Name"] == name), None)
        if policy_id is None:
            return None
        answer = self.or_none(self.organizations.describe_policy, "Policy", PolicyId=policy_id)
        return None if answer is None else (policy_id, str(answer["Policy"]["Content"]))

    def scps_on(self, target: str) -> dict[str, str] | None:
        """Name -> id of the service control policies attached to a root, unit or account itself."""
        try:
            rows = self.pages(
                self.organizations.list_policies_for_target,
                "Policies",
                "NextToken",
                TargetId=target,
                Filter=SCP,
            )
            return {str(row["Name"]): str(row["Id"]) for row in rows}
        except ClientError as error:
            if code_of(error) in ABSENT:
                return None
            raise


def tags_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Tags of an IAM answer."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in body.get("Tags", ())}


def principal_of(kind: Kind, body: Mapping[str, Any]) -> PrincipalState:
    """A user or role from an IAM answer (GetUser, GetRole or GetAccountAuthorizationDetails)."""
    return PrincipalState(
        kind,
        str(body[f"{kind.capitalize()}Name"]),
        str(body["Arn"]),
        str(body[f"{kind.capitalize()}Id"]),
        str(body["Path"]),
        body.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags_of(body),
    )


def document_of(value: Any) -> dict[str, Any]:
    """A document as AWS answers it: parsed by botocore already, or text."""
    found = json.loads(value) if isinstance(value, str) else value
    return dict(found)
