"""What may stand in a Principal element.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re

PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(
    r"arn:[a-z0-9-]+:(?:iam::[0-9]{12}:(?:root|(?:user|role)/[^*?]+)"
    r"|sts::[0-9]{12}:(?:assumed-role/[^/*?]+/[^/*?]+|federated-user/[^*?]+|self))"
)
_SERVICE = re.compile(r"[A-Za-z0-9.-]+\.amazonaws\.com(?:\.cn)?|[A-Za-z0-9.-]+\.(?:amazon|aws)(?:\.com)?")


def principal_fault(kind: str, value: str) -> str:
    """Why a value cannot be a principal of its type; "" if it can."""
    if kind == "AWS":
        if value == "*" or _ACCOUNT.fullmatch(value) or _ARN.fullmatch(value):
            return ""
        return "It must be *, an account ID, or the ARN of a root, user, role or session without wildcards."
    if kind == "Service":
        return (
            ""
            if value == "*" or _SERVICE.fullmatch(value)
            else "It must be a service name: ec2.amazonaws.com."
        )
    return "" if value else "It is empty."
