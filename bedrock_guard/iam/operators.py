"""The names of the condition operators, and what their values may be.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Mapping

from bedrock_guard.iam import values
from bedrock_guard.iam.model import Qualifier

# operator -> (family, negated); ordering operators carry their comparison in their name
OPERATORS: Mapping[str, tuple[str, bool]] = {
    "StringEquals": ("string", False),
    "StringNotEquals": ("string", True),
    "StringEqualsIgnoreCase": ("string", False),
    "StringNotEqualsIgnoreCase": ("string", True),
    "StringLike": ("string", False),
    "StringNotLike": ("string", True),
    "NumericEquals": ("numeric", False),
    "NumericNotEquals": ("numeric", True),
    "NumericLessThan": ("numeric", False),
    "NumericLessThanEquals": ("numeric", False),
    "NumericGreaterThan": ("numeric", False),
    "NumericGreaterThanEquals": ("numeric", False),
    "DateEquals": ("date", False),
    "DateNotEquals": ("date", True),
    "DateLessThan": ("date", False),
    "DateLessThanEquals": ("date", False),
    "DateGreaterThan": ("date", False),
    "DateGreaterThanEquals": ("date", False),
    "Bool": ("boolean", False),
    "BinaryEquals": ("binary", False),
    "IpAddress": ("ip", False),
    "NotIpAddress": ("ip", True),
    "ArnEquals": ("arn", False),
    "ArnNotEquals": ("arn", True),
    "ArnLike": ("arn", False),
    "ArnNotLike": ("arn", True),
    "Null": ("null", False),
}
VARIABLE_FAMILIES = ("string", "arn", "boolean")
_BY_LOWER = {name.lower(): name for name in OPERATORS}
_QUALIFIERS: Mapping[str, Qualifier] = {"": "", "forallvalues": "ForAllValues", "foranyvalue": "ForAnyValue"}


def parse_operator(written: str) -> tuple[str, Qualifier, bool] | None:
    """Split an operator as written into (base name, qualifier, IfExists); None if there is no such operator.

    Case does not matter. Null takes neither IfExists nor a qualifier.

    Example:
        >>> parse_operator("ForAnyValue:StringLikeIfExists")
        ('StringLike', 'ForAnyValue', True)
    """
    prefix, _, rest = written.lower().rpartition(":")
    qualifier = _QUALIFIERS.get(prefix)
    if qualifier is None or (":" in written and not prefix):
        return None
    if_exists = rest.endswith("ifexists")
    name = _BY_LOWER.get(rest.removesuffix("ifexists"))
    if name is None or (name == "Null" and (if_exists or qualifier)):
        return None
    return name, qualifier, if_exists


def operand_fault(operator: str, text: str) -> str:
    """Why a policy value cannot be an operand of the operator; "" if it can."""
    family = OPERATORS[operator][0]
    if "${" in text and family in VARIABLE_FAMILIES:
        return ""
    if family == "numeric" and values.number(text) is None:
        return "It must be an integer or a decimal number."
    if family == "date" and values.instant(text) is None:
        return "It must be an ISO 8601 date or epoch seconds."
    if family == "ip" and values.network(text) is None:
        return "It must be an IPv4 or IPv6 address or CIDR range."
    if family == "binary" and values.binary(text) is None:
        return "It must be base 64."
    if family in ("boolean", "null") and text.lower() not in ("true", "false"):
        return "It must be true or false."
    return ""
