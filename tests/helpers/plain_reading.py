"""IAM's documented rules once more, read as plainly and slowly as they stand: what the evaluator is held against.

Nothing here is compiled, indexed or shared with the package: a document is parsed JSON, a pattern a list of steps.
Where documentation and observation differ, this follows the documentation. Pages are under
https://docs.aws.amazon.com/IAM/latest/UserGuide/.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import ip_address, ip_network
from itertools import chain

ONE, RUN = object(), object()  # the steps `?` and `*`; any other step is one character
NAMES = """StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike
NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals
DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals Bool BinaryEquals
IpAddress NotIpAddress ArnEquals ArnNotEquals ArnLike ArnNotLike Null""".split()
VARIABLE = re.compile(r"\$\{([*?$]|[^{}*?$]+(?:'[^']*'\s*)?)\}")
WITH_DEFAULT = re.compile(r"\s*(.*?)\s*,\s*'(.*)'\s*")


# --- patterns ---------------------------------------------------------------------------------------------------


def steps(text, version, context):
    """The steps of a pattern, variables replaced; None if one has no value (reference_policies_variables.html)."""
    found, end = [], 0
    for variable in VARIABLE.finditer(text) if version == "2012-10-17" else ():
        found += wild(text[end : variable.start()])
        end = variable.end()
        inside = variable.group(1)
        if inside in ("*", "?", "$"):
            found.append(inside)
            continue
        default = WITH_DEFAULT.fullmatch(inside)
        key, value = default.groups() if default else (inside, None)
        (given,) = values_of(context, key) if len(values_of(context, key)) == 1 else (None,)
        value = value if given is None or is_list(context, key) else given
        if value is None:
            return None
        found += value
    return found + wild(text[end:])


def wild(text):
    return [{"*": RUN, "?": ONE}.get(letter, letter) for letter in text]


def fits(pattern, text):
    """Whether a whole text fits: the places of the pattern that one can stand at, letter by letter."""

    def rested(places):
        for place in range(len(pattern)):
            if place in places and pattern[place] is RUN:
                places.add(place + 1)
        return places

    places = rested({0})
    for letter in text:
        after = set()
        for place in places:
            step = pattern[place] if place < len(pattern) else None
            if step is RUN:
                after.add(place)
            elif step is ONE or step == letter:
                after.add(place + 1)
        places = rested(after)
    return len(pattern) in places


def fits_arn(pattern, text):
    """Six parts, each by itself; what a pattern leaves out at its end is anything."""
    parts = [[]]
    for step in pattern:
        if step == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(step)
    parts += [[RUN]] * (6 - len(parts))
    values = text.split(":", 5)
    return len(values) == 6 and all(fits(part, value) for part, value in zip(parts, values, strict=True))


def fits_resource(text, resource, version, context):
    """reference_policies_elements_resource.html; a variable counts after the fifth colon only."""
    if set(text) == {"*"}:
        return True
    parts = text.split(":", 5)
    if len(parts) < 6:
        return fits_arn(wild(text), resource)
    last = steps(parts[5], version, context)
    return last is not None and fits_arn([*wild(":".join(parts[:5]) + ":"), *last], resource)


# --- conditions: reference_policies_elements_condition_operators.html ---------------------------------------------


def as_text(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def values_of(context, key):
    """Every value of a key: names ignore case, two spellings are one key with the values of both."""
    found = [value for name, value in context.items() if name.lower() == key.lower()]
    lists = [
        [one for one in (value if isinstance(value, list) else [value]) if one is not None] for value in found
    ]
    joined = lists[0] if len(lists) == 1 else list(dict.fromkeys(chain(*lists)))
    return [as_text(one) for one in joined]


def is_list(context, key):
    return any(name.lower() == key.lower() and isinstance(value, list) for name, value in context.items())


def number(text):
    return (
        Fraction(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else None
    )


def instant(text):
    if re.fullmatch(r"[+-]?[0-9]{1,17}(\.[0-9]+)?", text) and len(text) != 4:
        return Fraction(text)
    filled = text + "0000-01-01"[len(text) :] if re.fullmatch(r"[0-9]{4}(-[0-9]{2})?", text) else text
    try:
        moment = datetime.fromisoformat(filled)
    except ValueError:
        return None
    return Fraction((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def ordered(name, left, right):
    if left is None or right is None:
        return False
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[name]


def within(network, value):
    try:
        return ip_address(value) in ip_network(network, strict=False)
    except ValueError:
        return False


def meets(base, wanted, value, version, context):
    """Whether one value of the context meets one of the policy, negation aside."""
    if base.startswith("Numeric"):
        return ordered(base.removeprefix("Numeric"), number(value), number(wanted))
    if base.startswith("Date"):
        return ordered(base.removeprefix("Date"), instant(value), instant(wanted))
    if base == "IpAddress":
        return within(wanted, value)
    if base == "BinaryEquals":
        return base64.b64decode(wanted) in (value.encode(), decoded(value))
    pattern = steps(wanted, version, context)
    if pattern is None:
        return False
    if base.startswith("Arn"):
        return value.startswith("arn:") and fits_arn(pattern, value)
    if base == "StringLike":
        return fits(pattern, value)
    plain = "".join({RUN: "*", ONE: "?"}.get(step, step) for step in pattern)
    if base == "Bool":
        return plain.lower() in ("true", "false") and plain.lower() == value.lower()
    return plain == value if base == "StringEquals" else plain.lower() == value.lower()


def decoded(value):
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return None


def holds(operator, key, wanted, version, context):
    """One operator and key; several values are "one of them", under a negated operator "none of them"."""
    qualifier, _, rest = operator.lower().rpartition(":")
    if_exists = rest.endswith("ifexists")
    name = next(one for one in NAMES if one.lower() == rest.removesuffix("ifexists"))
    values = values_of(context, key)
    wanted = [as_text(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
    if name == "Null":
        return ("false" if values else "true") in [one.lower() for one in wanted]
    negated, base = "Not" in name, name.replace("Not", "")
    if not values and if_exists:
        return True
    met = [any(meets(base, one, value, version, context) for one in wanted) != negated for value in values]
    if qualifier:
        return all(met) if qualifier == "forallvalues" else any(met)
    if not values:
        return negated
    return met[0] if len(met) == 1 else negated


def applies(statement, version, action, resource, context):
    """Whether a statement is about a request, whoever makes it."""

    def listed(name):
        found = statement.get(name, statement.get(f"Not{name}", ["*"] if name == "Resource" else None))
        return found if isinstance(found, list) else [found]

    about = any(fits(wild(one.lower()), action.lower()) for one in listed("Action"))
    on = any(fits_resource(one, resource, version, context) for one in listed("Resource"))
    return (
        about == ("Action" in statement)
        and on == ("NotResource" not in statement)
        and all(
            holds(operator, key, wanted, version, context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


# --- who asks: reference_policies_elements_principal.html ----------------------------------------------------------


class Caller:
    """A caller by its ARN (or service name, or None), read once."""

    def __init__(self, arn, *, in_management_account=False):
        self.arn, self.in_management_account = arn, in_management_account
        self.outside = arn is not None and not arn.startswith("arn:")
        self.account = arn.split(":")[4] if arn and not self.outside else None
        self.words = arn.split(":", 5)[5].split("/") if arn and not self.outside else [""]
        self.is_root = self.words[0] == "root"
        role = self.words[-1] if self.words[0] == "role" else self.words[1] if len(self.words) > 2 else ""
        self.role = role if self.words[0] in ("role", "assumed-role") else None
        slr = self.words[:2] == ["role", "aws-service-role"] or self.words[0] == "assumed-role"
        self.is_linked = bool(slr and self.role and self.role.startswith("AWSServiceRoleFor"))


def how_named(element, caller):
    """By which of its names an element lists a caller: everyone, itself, session, user, role, account."""
    if element == "*":
        return {"everyone"}
    found = set()
    for kind, names in element.items():
        for name in names if isinstance(names, list) else [names]:
            if kind == "AWS":
                found |= {"everyone"} if name == "*" else by_arn(name, caller)
            elif name == caller.arn:
                found.add("itself")
    return found


def by_arn(name, caller):
    if caller.account is None:
        return set()
    if name in (caller.account, f"arn:aws:iam::{caller.account}:root"):
        return {"itself" if caller.is_root else "account"}
    if name == caller.arn:
        return {{"user": "user", "role": "role", "assumed-role": "session"}.get(caller.words[0], "itself")}
    of_role = (
        name.startswith(f"arn:aws:iam::{caller.account}:role/") and name.rpartition("/")[2] == caller.role
    )
    return {"role"} if of_role and caller.words[0] == "assumed-role" else set()


def hit(statement, caller, *, bounded):
    """Whether a Deny of a resource policy is about a caller.

    reference_policies_elements_notprincipal.html: all are denied but a principal of which every name is listed, its
    account's and its role's too; access_policies_boundaries.html: one with a boundary is denied in any case.
    """
    if "Principal" in statement:
        return bool(how_named(statement["Principal"], caller))
    named = how_named(statement["NotPrincipal"], caller)
    needed = {"assumed-role": {"session", "role", "account"}, "user": {"user", "account"}}
    needed |= {"role": {"role", "account"}, "federated-user": {"itself", "account"}}
    return bounded or not ("everyone" in named or named >= needed.get(caller.words[0], {"itself"}))


# --- the decision: reference_policies_evaluation-logic.html --------------------------------------------------------


def verdict(layers, action, resource, context, caller, owner=None):
    """The verdict of one request; `layers` are the arguments of `compile_policies` as JSON data, `caller` a Caller."""
    member = not (caller.outside or caller.is_root)
    in_arn = resource.split(":")[4] if resource.count(":") >= 5 else ""
    owner = owner or (in_arn if re.fullmatch("[0-9]{12}", in_arn) else None)
    crossing = caller.account is not None and (owner or caller.account) != caller.account
    spared = caller.in_management_account and (owner or caller.account) == caller.account
    boundary = [layers["boundary"]] if layers.get("boundary") and member else []
    session = [layers["session"]] if layers.get("session") and member else []
    identity = layers["identity"] if member else []
    free = caller.outside or caller.in_management_account or caller.is_linked
    scps = [] if free else layers.get("scps") or []
    rcps = [] if caller.is_linked or spared else layers.get("rcps") or []
    bucket = [layers["resource_policy"]] if layers.get("resource_policy") else []

    def of(documents, effect):
        found = [(one, each["Version"]) for each in documents for one in statements(each)]
        return [
            one
            for one, version in found
            if one["Effect"] == effect and applies(one, version, action, resource, context)
        ]

    denies = of([*boundary, *session, *identity, *chain(*scps, *rcps)], "Deny")
    if denies or any(hit(one, caller, bounded=bool(boundary)) for one in of(bucket, "Deny")):
        return "explicitDeny"
    if not all(of(level, "Allow") for level in scps):
        return "implicitDeny"
    names = [how_named(one["Principal"], caller) for one in of(bucket, "Allow")]
    named = set().union(*names)
    within_session = not session or bool(of(session, "Allow"))
    within_both = within_session and (not boundary or bool(of(boundary, "Allow")))
    own = within_both and (caller.is_root or bool(of(identity, "Allow")))
    granted = bool(named & {"everyone", "itself", "session"})
    granted |= ("user" in named and within_session) or ("role" in named and within_both)
    if caller.outside:
        allowed = bool(named)
    elif crossing:
        allowed = own and bool(named)
    elif bucket and (action.lower().startswith("kms:") or action.lower() == "sts:assumerole"):
        allowed = granted or (own and "account" in named)
    else:
        allowed = granted or own
    return "allowed" if allowed else "implicitDeny"


def statements(document):
    found = document["Statement"]
    return found if isinstance(found, list) else [found]
