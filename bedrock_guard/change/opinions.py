"""Second opinions: AWS's own judges on the same documents, where the credentials allow. Never required, never hidden.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.account.pages import code_of
from bedrock_guard.boundary.packing import minified
from bedrock_guard.change.plan_file import Effect, Opinion
from bedrock_guard.errors import GuardError
from bedrock_guard.iam.document import ALLOW_ALL

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.scene import Scene

SAME_EVALUATOR: Final = "same evaluator, no second opinion"
_CASES: Final = 40
_TYPES: Final = {bool: "boolean", int: "numeric", float: "numeric", str: "string"}


def opinions(look: Look, scene: Scene, found: Sequence[Effect]) -> tuple[Opinion, ...]:
    """What Access Analyzer and IAM's simulator say."""
    return (_simulator(look, scene, found), _analyzer(look, scene))


def _simulator(look: Look, scene: Scene, found: Sequence[Effect]) -> Opinion:
    judge = "IAM SimulateCustomPolicy"
    note = SAME_EVALUATOR if look.session.mode == "demo" else ""
    cases = [difference for effect in found for difference in effect.differences][:_CASES]
    differs: list[str] = []
    try:
        for case in cases:
            differs += _disagreement(look, scene, case)
    except (ClientError, BotoCoreError, GuardError) as error:
        return Opinion(judge=judge, available=False, note=_why(error))
    return Opinion(judge=judge, available=True, asked=len(cases), differs=tuple(differs), note=note)


def _disagreement(look: Look, scene: Scene, case: Any) -> Iterator[str]:
    witness = case["witness"]
    request: dict[str, Any] = {
        "PolicyInputList": [minified(ALLOW_ALL), *(policy.text for policy in scene.denies)],
        "ActionNames": [witness["action"]],
        "ResourceArns": [witness["resource"]],
        "ContextEntries": [_entry(key, value) for key, value in witness["context"].items()],
    }
    if scene.boundary:
        request["PermissionsBoundaryPolicyInputList"] = [scene.boundary.text]
    answer = look.ask(look.iam.simulate_custom_policy, "EvaluationResults", **request)
    said = str(answer["EvaluationResults"][0]["EvalDecision"])
    if said != case["after"]:
        yield f"{witness['action']} on {witness['resource']}: we say {case['after']}, AWS says {said}"


def _entry(key: str, value: Any) -> dict[str, Any]:
    values = value if isinstance(value, list) else [value]
    kind = _TYPES.get(type(values[0]), "string") if values else "string"
    if values and str(values[0]).lower() in {"true", "false"}:
        kind = "boolean"
    texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in values]
    return {
        "ContextKeyName": key,
        "ContextKeyValues": texts,
        "ContextKeyType": f"{kind}List" if isinstance(value, list) else kind,
    }


def _analyzer(look: Look, scene: Scene) -> Opinion:
    judge = "Access Analyzer ValidatePolicy"
    differs: list[str] = []
    texts = [(policy.name, policy.text, "IDENTITY_POLICY") for policy in scene.policies]
    texts += [(name, text, "SERVICE_CONTROL_POLICY") for name, text in scene.scps.items()]
    client = look.session.client("accessanalyzer")
    try:
        for name, text, kind in texts:
            request = {"policyDocument": text, "policyType": kind}
            for row in look.pages(client.validate_policy, "findings", "nextToken", **request):
                said = f"{row['findingType']} {row['issueCode']}: {row['findingDetails']}"
                differs += [f"{name}: {said}"]
    except (ClientError, BotoCoreError, GuardError) as error:
        return Opinion(judge=judge, available=False, note=_why(error))
    return Opinion(judge=judge, available=True, asked=len(texts), differs=tuple(differs))


def _why(error: Exception) -> str:
    return code_of(error) if isinstance(error, ClientError) else f"{type(error).__name__}: {error}"[:200]
