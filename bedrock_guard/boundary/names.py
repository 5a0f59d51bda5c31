"""What text may stand in a policy: the checks every name, id and ARN passes before it is used."""

from __future__ import annotations

import re
import unicodedata

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"(?:us-gov|us|eu|ap|sa|ca|me|af|il|mx|cn)-[a-z]+-[0-9]")
_MODEL = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,3}(?::[a-z0-9-]{1,63}){0,2}")
_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws(?:-us-gov|-cn)?):iam::(?P<account>[0-9]{12}):"
    r"(?:root|(?:user|role)/[A-Za-z0-9+=,.@_/-]{1,512})"
)
_GUARDRAIL = re.compile(
    r"arn:(?P<partition>aws(?:-us-gov|-cn)?):bedrock:(?P<region>[a-z0-9-]{1,20}):(?P<account>[0-9]{12}):"
    r"guardrail/[a-z0-9]{1,64}"
)
_FUNCTION = re.compile(
    r"arn:(?P<partition>aws(?:-us-gov|-cn)?):lambda:(?:\*|[a-z0-9-]{1,20}):(?P<account>[0-9]{12}):"
    r"function:[A-Za-z0-9_*-]{1,140}"
)
_INSTANCE = re.compile(r"[a-z][a-z0-9-]{0,19}\.(?:\*|[a-z0-9-]{1,20})")
_INSTANCE_SIZE = re.compile(r"\*|nano|micro|small|medium|large|[0-9]*xlarge|metal(?:-[0-9]+xl)?")
# A wildcard ends a path, or a name of which four characters are given: a shorter beginning fits roles nobody means.
_ROLE_PATH = re.compile(r"[A-Za-z0-9+=,.@_-]+(?:/[A-Za-z0-9+=,.@_-]+)*(?:/\*|(?<=[A-Za-z0-9+=,.@_-]{4})\*)?")
_LONGEST_ROLE = 512 + 64  # a path and a name
_POLICY_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")
_SERVICE = re.compile(r"[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?")


def clipped(text: str, longest: int = 160) -> str:
    """A text for a message: long ones lose their middle, and what would steer a terminal is written as its escape."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}... ({len(text):,} characters) ...{text[-20:]}"
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def unprintable(text: str) -> str:
    """The first control or invisible character of a sentence, described; line breaks and tabs may stand in one."""
    for place, char in enumerate(text):
        if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") and char not in "\n\t":
            name = unicodedata.name(char, "no name")
            return f"character {place + 1} is U+{ord(char):04X} ({name})"
    return ""


def foreign(text: str) -> str:
    """The first character that has no place in an id, described; empty when there is none.

    Normalising would be no defence: NFKC folds full-width letters and leaves Cyrillic ones.
    """
    for place, char in enumerate(text):
        if not "!" <= char <= "~":
            name = unicodedata.name(char, "no name")
            return f"character {place + 1} is U+{ord(char):04X} ({name})"
    return ""


def syntax(text: str) -> str:
    """Why a text would be read as policy syntax rather than as a name; empty when it would not."""
    if "${" in text:
        return "`${` begins a policy variable"
    if "*" in text or "?" in text:
        return "`*` and `?` are wildcards in a policy"
    if "%" in text:
        return "`%` is not decoded by IAM and matches no id"
    found = next((char for char in text if char in "\"'\\<>{}"), "")
    return f"{found!r} cannot stand in an id" if found else ""


def is_account(text: str) -> bool:
    """Twelve ASCII digits, as text."""
    return _ACCOUNT.fullmatch(text) is not None


def is_region(text: str) -> bool:
    """The form of a region code. Whether the region exists is the catalogue's business."""
    return _REGION.fullmatch(text) is not None


def partition_of(region: str) -> str:
    """The partition a region belongs to."""
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws-cn" if region.startswith("cn-") else "aws"


def is_model(text: str) -> bool:
    """The form of a foundation model's id."""
    return _MODEL.fullmatch(text) is not None


def principal(text: str) -> re.Match[str] | None:
    """The parts `partition` and `account` of a user's, a role's or the root user's ARN without wildcards."""
    return _PRINCIPAL.fullmatch(text)


def guardrail(text: str) -> re.Match[str] | None:
    """The parts `partition`, `region` and `account` of a guardrail's ARN without a version."""
    return _GUARDRAIL.fullmatch(text)


def function(text: str) -> re.Match[str] | None:
    """The parts `partition` and `account` of a Lambda function's ARN; `*` is allowed in region and name."""
    return _FUNCTION.fullmatch(text)


def is_instance_type(text: str) -> bool:
    """`t3.micro`, or a whole family `t3.*`."""
    return _INSTANCE.fullmatch(text) is not None


def has_instance_size(text: str) -> bool:
    """Whether an instance type ends in a size of the kind EC2 has, such as `2xlarge` or `metal-24xl`, or in `*`."""
    return _INSTANCE_SIZE.fullmatch(text.rpartition(".")[2]) is not None


def is_role_path(text: str) -> bool:
    """A role's path and name after `role/`, a path that ends in `/*`, or four or more characters of a name and `*`.

    Example:
        >>> [is_role_path(text) for text in ("bounded/*", "cdk-hnb659fds-*", "cdk*", "*", "*-role", "a?bcd*")]
        [True, True, False, False, False, False]
    """
    return len(text) <= _LONGEST_ROLE and _ROLE_PATH.fullmatch(text) is not None


def is_policy_name(text: str) -> bool:
    """The form of a managed policy's name, short enough for a suffix."""
    return _POLICY_NAME.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """An e-mail address of the plain kind."""
    return re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}", text) is not None


def is_service(text: str) -> bool:
    """A service principal such as `codecommit.amazonaws.com`."""
    return _SERVICE.fullmatch(text) is not None
