"""Try a call: one API call in a person's words, and every authorisation that AWS makes for it, decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import pandas as pd
import traitlets as t

from bedrock_guard.boundary.builder import Built
from bedrock_guard.boundary.calls import Authorisation, Call
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.controls import by_id
from bedrock_guard.boundary.verdict import AuthorisationVerdict, CallVerdict, Judge
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.iam.evaluator import Evaluator, Explanation, compile_policies
from bedrock_guard.present.table import Shown, plain

INVOKE: Final = ("ConverseStream", "Converse", "InvokeModelWithResponseStream", "InvokeModel")
LAUNCH: Final = "RunInstances"
OPERATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(INVOKE, "bedrock-runtime"),
    "CreateModelInvocationJob": "bedrock",
    "CreateProvisionedModelThroughput": "bedrock",
    "CreateModelCustomizationJob": "bedrock",
    "PutModelInvocationLoggingConfiguration": "bedrock",
    "CreateServiceSpecificCredential": "iam",
    "DeleteUserPermissionsBoundary": "iam",
    LAUNCH: "ec2",
}
"""Operations that can be tried -> the boto3 client."""

KEY_KINDS: Final = {
    "none: signed by role or user": "none",
    "long-term API key": "long_term",
    "short-term API key": "short_term",
    "not known": "unknown",
}
TIERS: Final = ("not named", "default", "flex", "priority", "reserved")
ENCRYPTED: Final = {"encrypted": True, "not encrypted": False, "not said": None}


class Trying(t.HasTraits):
    """The call as it is filled in.

    Attributes:
        caller: the ARN of a user, a role or a session.
        operation: one of OPERATIONS.
        model: a model's id.
        route: in-region, or the scope of a profile (us, global).
        region: where the call is sent.
        key_kind: none, long_term, short_term or unknown.
        guardrail: the guardrail that the call names, its id or ARN with :version; empty for none.
        tier: one of TIERS.
        instance_type: of a launch.
        encrypted: whether the launch says that its volumes are encrypted; None when it does not say.

    """

    caller = t.Unicode()
    operation = t.Unicode("ConverseStream")
    model = t.Unicode()
    route = t.Unicode("in-region")
    region = t.Unicode("us-east-1")
    key_kind = t.Unicode("none")
    guardrail = t.Unicode()
    tier = t.Unicode("not named")
    instance_type = t.Unicode("t3.micro")
    encrypted = t.Bool(default_value=True, allow_none=True)

    def call(self) -> Call:
        """The call."""
        account = self.caller.split(":")[4] if self.caller.count(":") >= 5 else ""
        return Call(
            OPERATIONS[self.operation],
            self.operation,
            self._parameters(),
            self.region,
            account,
            self.caller,
            self.key_kind,  # type: ignore[arg-type]  # one of KEY_KINDS
        )

    def _parameters(self) -> dict[str, Any]:
        if self.operation == LAUNCH:
            disk: dict[str, Any] = {} if self.encrypted is None else {"Encrypted": self.encrypted}
            return {"InstanceType": self.instance_type, "BlockDeviceMappings": [{"Ebs": disk}]}
        if OPERATIONS[self.operation] == "iam":
            user = self.caller.rpartition("/")[2]
            service = {"ServiceName": "bedrock.amazonaws.com"} if "Credential" in self.operation else {}
            return {"UserName": user, **service}
        model = self.model if self.route == "in-region" else f"{self.route}.{self.model}"
        if self.operation not in INVOKE:
            return {"modelId": model}
        return {"modelId": model, **self._guardrail(), **self._tier()}

    def _guardrail(self) -> dict[str, Any]:
        name, _, version = self.guardrail.strip().rpartition(":")
        if not self.guardrail.strip():
            return {}
        if not version.isdigit() and version != "DRAFT":
            name, version = self.guardrail.strip(), "1"
        if self.operation.startswith("Converse"):
            return {"guardrailConfig": {"guardrailIdentifier": name, "guardrailVersion": version}}
        return {"guardrailIdentifier": name, "guardrailVersion": version}

    def _tier(self) -> dict[str, Any]:
        if self.tier == "not named":
            return {}
        return {"serviceTier": {"type": self.tier} if self.operation.startswith("Converse") else self.tier}


@dataclass(frozen=True)
class Answer:
    """The verdict of a call and, for each of its authorisations, what decided it."""

    verdict: CallVerdict
    explained: tuple[Explanation | None, ...]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        found = self.verdict
        words = {"allowed": "Goes through", "refused": "Refused", "depends": "Hangs on what is not known"}
        start = f"{words[found.outcome]}: {found.call.name}"
        if found.outcome == "allowed":
            return (
                f"{start} passes all {len(found.authorisations)} authorisations. A boundary grants nothing: "
                "the caller's own policies must allow it too."
            )
        control = f" by the control “{by_id(found.control).title}”" if found.control else ""
        keys = f" ({', '.join(sorted(found.keys))})" if found.keys else ""
        return f"{start}{keys}{control}"

    def table(self) -> Shown:
        """One row an authorisation: verdict, layer, document, statement, deciding key, and why."""
        rows = [_row(one, why) for one, why in zip(self.verdict.authorisations, self.explained, strict=True)]
        columns = ["verdict", "layer", "authorisation", "resource", "statement", "deciding key", "why"]
        caption = "Every authorisation that AWS makes for this call; it passes only if all do."
        under = {"verdict": "layer", "authorisation": "resource", "statement": "deciding key"}
        return Shown(pd.DataFrame(rows, columns=columns), caption, under=under)


def ask(trying: Trying, built: Built, catalogue: Catalogue, management: str | None = None) -> Answer:
    """Decide the call under everything that was built; an account that the profile does not name is not bound."""
    call = trying.call()
    layers = ("boundary", "deny") if call.account == management else ("boundary", "deny", "scp")
    verdict = Judge(built, layers).call(call, catalogue)  # type: ignore[arg-type]  # kinds of document
    evaluator = _evaluator(built)
    return Answer(verdict, tuple(_explained(evaluator, one) for one in verdict.authorisations))


_EVALUATORS: Final[WeakKeyDictionary[Built, Evaluator]] = WeakKeyDictionary()


def _evaluator(built: Built) -> Evaluator:
    if built not in _EVALUATORS:
        _EVALUATORS[built] = compile_policies(
            [ALLOW_ALL, *built.denies],
            boundary=built.boundary,
            scps=[[ALLOW_ALL, *built.scps]] if built.scps else None,
        )
    return _EVALUATORS[built]


def _explained(evaluator: Evaluator, one: AuthorisationVerdict) -> Explanation | None:
    """Why it is refused; what is allowed or hangs on a key has no single statement."""
    entry = one.authorisation
    if one.outcome != "refused" or not entry.resource_known:
        return None
    return evaluator.explain(entry.action, entry.resource, entry.context)


def _row(one: AuthorisationVerdict, why: Explanation | None) -> dict[str, Any]:
    return {
        "authorisation": one.authorisation.action,
        "resource": _resource(one.authorisation),
        "verdict": one.outcome,
        "layer": {"identity": "deny policy"}.get(one.layer or "", one.layer or ""),
        "statement": f"{one.document} {one.sid}" if one.sid else "",
        "deciding key": _keys(one, why),
        "why": _why(one, why),
    }


def _resource(entry: Authorisation) -> str:
    return f"{entry.resource}{'' if entry.certain else ' (whether AWS asks this is not documented)'}"


def _keys(one: AuthorisationVerdict, why: Explanation | None) -> str:
    if one.outcome == "depends":
        return ", ".join(sorted(one.keys)) or "not known"
    found = [f"{f.key} = {plain(f.values) if f.values else 'absent'}" for f in why.findings] if why else []
    return "; ".join(found) or ("the resource" if one.outcome == "refused" else "")


def _why(one: AuthorisationVerdict, why: Explanation | None) -> str:
    if one.outcome == "allowed":
        return "No statement denies it."
    title = by_id(one.control).title if one.control else ""
    if one.outcome == "depends":
        return f"It is refused or not, as the key is. {title}".strip()
    return f"{title} {why.rule if why else ''}".strip()
