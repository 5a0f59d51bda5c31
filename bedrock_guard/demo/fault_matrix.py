"""What botocore makes of each fault, as data: a test runs every cell against a plain boto3 read.

A reader that takes "success without the key" for "nothing there" reports an empty account behind a proxy's page.
"""

from __future__ import annotations

from typing import Final

from bedrock_guard.demo.faults import Kind

READS: Final = (
    "query (iam ListUsers)",
    "json (ce GetDimensionValues)",
    "rest-json (bedrock ListInferenceProfiles)",
)
RETRIED: Final = "retried, then"
NO_KEY: Final = "success without the key"
MATRIX: Final[dict[Kind, tuple[str, str, str]]] = {
    "throttle": (
        f"{RETRIED} Throttling",
        f"{RETRIED} ThrottlingException",
        f"{RETRIED} ThrottlingException",
    ),
    "http500": (f"{RETRIED} InternalFailure",) * 3,
    "http503": (f"{RETRIED} ServiceUnavailable",) * 3,
    "reset_before": (f"{RETRIED} ConnectionClosedError",) * 3,
    "lost_after": (f"{RETRIED} ConnectionClosedError",) * 3,
    "slow": (f"{RETRIED} ReadTimeoutError",) * 3,
    "truncated": ("ResponseParserError", NO_KEY, NO_KEY),
    "html200": ("KeyError", NO_KEY, NO_KEY),
    "expired_token": ("ExpiredToken", "ExpiredTokenException", "ExpiredTokenException"),
    "access_denied": ("AccessDenied", "AccessDeniedException", "AccessDeniedException"),
    "concurrent_modification": (
        "ConcurrentModification",
        "ConcurrentModificationException",
        "ConcurrentModificationException",
    ),
    "stale": ("3 rows and a token",) * 3,
    "other_admin": ("3 rows and a token",) * 3,
    "short_page": ("1 row and a token",) * 3,
    "empty_page": ("0 rows and a token",) * 3,
    "crash_before": ("SimulatedCrash",) * 3,
    "crash_after": ("SimulatedCrash",) * 3,
    "clock_skew": ("SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignatureException"),
}
"""Fault -> what one read of three rows brings, in the order of `READS`, while every call has the fault."""


def as_markdown() -> str:
    """The matrix as a table."""
    lines = [f"| fault | {' | '.join(READS)} |", "| --- | --- | --- | --- |"]
    lines += [f"| {kind} | {' | '.join(cells)} |" for kind, cells in MATRIX.items()]
    return "\n".join(lines) + "\n"
