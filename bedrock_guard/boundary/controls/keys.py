"""Bedrock API keys: making them, switching them on again, using them."""

from __future__ import annotations

from bedrock_guard.boundary.controls.model import Control, Rule, Scope

PERMISSIONS = "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-permissions.html"
REVOKE = "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-revoke.html"
IAM_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_api_keys_for_aws_services.html"
OPERATORS = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)

SERVICE_KEY = "iam:ServiceSpecificCredentialServiceName"
AGE_KEY = "iam:ServiceSpecificCredentialAgeDays"
PREFIXES = ("aws-external-anthropic", "bedrock", "bedrock-mantle", "sagemaker")
CALLS = tuple(f"{prefix}:CallWithBearerToken" for prefix in PREFIXES)


def _kept(scope: Scope, *actions: str) -> Rule:
    """The rule for every service's credentials but those that stay allowed."""
    services = scope.profile.key_services
    rule = Rule(actions)
    return rule.when("StringNotEquals", SERVICE_KEY, services) if services else rule


def _creation(scope: Scope) -> tuple[Rule, ...]:
    create, reset = "iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential"
    days = scope.profile.controls.api_key_creation
    if days is True:
        return (_kept(scope, create, reset),)
    aged = _kept(scope, create).when("NumericGreaterThanIfExists", AGE_KEY, (str(days),))
    return aged, _kept(scope, reset)


def _reactivation(scope: Scope) -> tuple[Rule, ...]:
    return (_kept(scope, "iam:UpdateServiceSpecificCredential"),)


def _unless(kept: str) -> Rule:
    """Deny unless the prefix's own key says `kept`. Absent keys make negated operators true: it fails closed."""
    rule = Rule(CALLS)
    for prefix in PREFIXES:
        rule = rule.when("StringNotEquals", f"{prefix}:BearerTokenType", (kept,))
    return rule


def _long(_: Scope) -> tuple[Rule, ...]:
    return (_unless("SHORT_TERM"),)


def _short(_: Scope) -> tuple[Rule, ...]:
    return (_unless("LONG_TERM"),)


_OTHERS = "A key acts as its user, who need not carry the boundary: only an SCP reaches keys of other users."
_SIGNED = (
    "Callers without a key: signed requests (SigV4) do the same, so Claude Code, Codex and SDKs go on working. "
    "The list of approved models is the control; this one removes portable secrets."
)

CONTROLS = (
    Control(
        id="api_key_creation",
        word="Keys",
        family="API keys",
        title="No new long-term API keys, or only short-lived ones.",
        why="A long-term key is a portable secret; made without an expiry it lasts for ever.",
        stops="Creating and resetting service-specific credentials of every service but those in `key_services`: "
        "Bedrock, Claude Platform and what comes later. With a number of days: keys of a higher age, and keys "
        "that never expire, because the age is then absent and the rule counts that as too old.",
        leaves="Keys that exist already. Short-term keys, which are made offline: their making cannot be denied, only "
        "their use.",
        source=(IAM_KEYS, OPERATORS),
        rules=_creation,
        reach="account",
        reach_why="Anyone in the account may hold iam:CreateServiceSpecificCredential.",
    ),
    Control(
        id="api_key_reactivation",
        word="KeyStatus",
        family="API keys",
        title="Only responders switch API keys on or off.",
        why="A key that was switched off can be switched on again with the same secret.",
        stops="UpdateServiceSpecificCredential for every service but those in `key_services`.",
        leaves="IAM has no key for the new status, so switching off is denied along with switching on. Responders are "
        "exempt in the SCP and carry no boundary.",
        source=(REVOKE, IAM_KEYS),
        rules=_reactivation,
        exempt="responders",
    ),
    Control(
        id="long_term_key_use",
        word="LongKeys",
        family="API keys",
        title="No calls with long-term API keys.",
        why="Keys made before the boundary go on working until their use is denied.",
        stops="CallWithBearerToken on Bedrock, bedrock-mantle, Claude Platform and SageMaker with a long-term key; a "
        "call whose key type is not known is denied too.",
        leaves=_SIGNED,
        source=(PERMISSIONS, REVOKE),
        rules=_long,
        reach="account",
        reach_why=_OTHERS,
    ),
    Control(
        id="short_term_key_use",
        word="ShortKeys",
        family="API keys",
        title="No calls with short-term API keys.",
        why="Anyone with credentials can make one offline and pass it on; it is neither listed nor revocable.",
        stops="CallWithBearerToken on Bedrock, bedrock-mantle, Claude Platform and SageMaker with a short-term key.",
        leaves=_SIGNED + " Making the key leaves no trace and cannot be denied.",
        source=(PERMISSIONS, REVOKE),
        rules=_short,
        reach="account",
        reach_why="A token carries the session that made it, bounded or not.",
    ),
)
