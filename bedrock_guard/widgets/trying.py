"""Try a call: one API call in a person's words, and every authorisation that AWS makes for it, decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import traitlets as t

from bedrock_guard.boundary.builder import Built
from bedrock_guard.boundary.calls import Authorisation, Call
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.controls import title_of
from bedrock_guard.boundary.packing import Packed
from bedrock_guard.boundary.verdict import AuthorisationVerdict, CallVerdict, Judge
from bedrock_guard.iam.evaluator import Explanation
from bedrock_guard.iam.explain import RULES
from bedrock_guard.present.reach import binding, no_such_key
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
    "long-term API key: IAM users only": "long_term",
    "short-term API key: any user or role": "short_term",
    "not known": "unknown",
}
LAYERS: Final[Mapping[str | None, str]] = {
    None: "",
    "boundary": "permissions boundary",
    "identity": "identity-based policy",
    "deny": "identity-based policy",
    "scp": "service control policy",
}
"""A layer, or the kind of a document, in AWS's words: what `deny` is, is attached as an identity-based policy."""
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

    @property
    def impossible(self) -> str:
        """Why there can be no such call; empty where there can."""
        keyed = self.key_kind == "long_term" and OPERATIONS[self.operation].startswith("bedrock")
        return no_such_key(self.caller) if keyed else ""

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
    """The verdict of a call, what decided each of its authorisations, and the documents that the verdict rests on.

    `carried` says whether the caller is one who carries a boundary and deny policies.
    """

    verdict: CallVerdict
    explained: tuple[Explanation | None, ...]
    documents: tuple[Packed, ...]
    carried: bool

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
        control = f" by the control “{title_of(found.control)}”" if found.control else ""
        keys = f" ({', '.join(sorted(found.keys))})" if found.keys else ""
        return f"{start}{keys}{control}"

    def table(self) -> Shown:
        """One row an authorisation: verdict, layer, document, statement, deciding key, and why; what decides first."""
        pairs = zip(self.verdict.authorisations, self.explained, strict=True)
        rows = [_row(one, why) for one, why in sorted(pairs, key=lambda pair: self._place(pair[0]))]
        columns = ["verdict", "layer", "authorisation", "resource", "statement", "deciding key", "why"]
        first = ", what decides it first" if self.verdict.deciding else ""
        caption = f"Every authorisation that AWS makes for this call{first}; it passes only if all do."
        under = {"verdict": "layer", "authorisation": "resource", "statement": "deciding key"}
        return Shown(pd.DataFrame(rows, columns=columns), caption, under=under)

    def _place(self, one: AuthorisationVerdict) -> tuple[bool, int]:
        """What decides the call stands before what is refused too, then what hangs, then what goes through."""
        return one is not self.verdict.deciding, ("refused", "depends", "allowed").index(one.outcome)


def ask(trying: Trying, built: Built, catalogue: Catalogue, management: str | None = None) -> Answer:
    """Decide the call under what can bind its caller of everything that was built, and explain by the same documents.

    A refusal rests on the documents that refuse, a call that goes through on all that were asked.
    """
    call = trying.call()
    judge = Judge(built, binding(call.principal, built.profile, management))
    verdict, side = judge.call(call, catalogue), judge.side(call.principal)
    explained = (
        side.explain(one.authorisation) if one.outcome == "refused" else None
        for one in verdict.authorisations
    )
    named = {one.document for one in verdict.authorisations}
    resting = tuple(packed for packed in side.held if packed.name in named) or side.held
    return Answer(verdict, tuple(explained), resting, judge.carries(call.principal))


def _row(one: AuthorisationVerdict, why: Explanation | None) -> dict[str, Any]:
    return {
        "authorisation": one.authorisation.action,
        "resource": _resource(one.authorisation),
        "verdict": one.outcome,
        "layer": LAYERS[one.layer],
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
    title = f"{title_of(one.control)}." if one.control else ""
    if one.outcome == "depends":
        by = f"A Deny in the {LAYERS[one.layer]} refuses it or not" if one.layer else "It is refused or not"
        return f"{by}, as the key is. {title}".strip()
    return f"{title} {why.rule if why else _denied(one)}".strip()


def _denied(one: AuthorisationVerdict) -> str:
    """The rule where only a pattern of the resource is known: every resource that fits it is denied."""
    layer: Any = "identity" if one.layer == "deny" else one.layer
    return RULES["explicitDeny", layer][0]
