"""Policy documents as IAM takes them: checked on writing, counted without white space."""

from __future__ import annotations

import re

from bedrock_guard.demo.service import ServiceError
from bedrock_guard.demo.services.iam.common import over_quota
from bedrock_guard.iam.document import Kind, PolicyError, read

MANAGED_SIZE = 6144
INLINE_SIZES = {"user": 2048, "role": 10240, "group": 5120}
_SPACE = re.compile(r"\s+")


def size(document: str) -> int:
    """Characters as IAM counts them: white space is free.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    return len(_SPACE.sub("", document))


def checked_document(text: str, kind: Kind = "identity", quota: int = MANAGED_SIZE) -> str:
    """The document unchanged, or IAM's MalformedPolicyDocument or LimitExceeded."""
    if size(text) > quota:
        what = "ACLSizePerRole" if kind == "trust" else "PolicySize"
        raise over_quota(what, quota)
    try:
        if not read(text, kind).statements:
            raise ServiceError("MalformedPolicyDocument", "Syntax errors in policy.")
    except PolicyError as error:
        message = "Syntax errors in policy." if error.line is not None else error.what
        raise ServiceError("MalformedPolicyDocument", message) from None
    return text
