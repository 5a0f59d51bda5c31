"""Things that go wrong on demand: which call, what happens. Time passes on the demo clock only.

Example:
    >>> plan = Faults([Fault("iam:List*", "throttle", at=(2,))])
    >>> [len(plan.due("iam:ListUsers")) for _ in range(3)]
    [0, 1, 0]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal, get_args

from bedrock_guard.demo.service import ServiceError
from bedrock_guard.iam.globs import match

Kind = Literal[
    "throttle", "http500", "http503", "reset_before", "lost_after", "truncated", "html200", "expired_token",
    "access_denied", "concurrent_modification", "slow", "stale", "other_admin", "short_page", "empty_page",
    "crash_before", "crash_after", "clock_skew",
]  # fmt: skip


class SimulatedCrash(BaseException):
    """The process dies at this call. A BaseException, since botocore catches every Exception here."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Args:
        pattern: ``"iam:ListUsers"``, ``"iam:*"``, ``"*"``.
        kind: what happens:

            - ``throttle``, ``http500``, ``http503``, ``expired_token``, ``access_denied``,
              ``concurrent_modification``: the service's error, nothing done.
            - ``reset_before``: the connection breaks before the service has the request.
            - ``lost_after``: the work is done, the answer never arrives.
            - ``truncated``: half of the answer's body, status 200. ``html200``: a proxy's page, status 200.
            - ``slow``: the answer takes ``seconds``; beyond the client's read time-out it never arrives, though the
              work is done.
            - ``stale``: reads show what was true ``seconds`` ago.
            - ``other_admin``: ``act`` is called first, with the backend: another administrator.
            - ``clock_skew``: the caller's clock is ``seconds`` ahead (behind, below 0) of the service's, which refuses
              what was signed by it; nothing done. Its answers carry its own time in ``Date``.
            - ``short_page``, ``empty_page``: pages with fewer rows, or none and a token.
            - ``crash_before``, ``crash_after``: SimulatedCrash leaves the call.
        at: which of the calls that match (1 is the first since the fault was set); None is every one.
        seconds: for ``slow``, ``stale`` and ``clock_skew``.
        act: for ``other_admin``.
    """

    pattern: str
    kind: Kind
    at: tuple[int, ...] | None = None
    seconds: float = 0.0
    act: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.kind!r} is not a fault; there are {', '.join(get_args(Kind))}")
        if (self.kind == "other_admin") != (self.act is not None):
            raise ValueError("other_admin, and only it, needs act")


class Faults:
    """The faults in force, each with its own count of calls."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._counts: list[tuple[Fault, list[int]]] = [(fault, [0]) for fault in faults]

    def set(self, *faults: Fault) -> None:
        """Put these in force instead of what there was; counting starts anew."""
        with self._lock:
            self._counts = [(fault, [0]) for fault in faults]

    def due(self, call: str) -> dict[Kind, Fault]:
        """What goes wrong with this call (``service:Operation``)."""
        found: dict[Kind, Fault] = {}
        with self._lock:
            for fault, count in self._counts:
                if match(fault.pattern, call):
                    count[0] += 1
                    if fault.at is None or count[0] in fault.at:
                        found[fault.kind] = fault
        return found


# Kind -> code and status in the query protocols, code and status in the JSON protocols, message.
_ERRORS: dict[str, tuple[str, int, str, int, str]] = {
    "throttle": ("Throttling", 400, "ThrottlingException", 400, "Rate exceeded"),
    "http500": ("InternalFailure", 500, "InternalFailure", 500, "The request processing has failed."),
    "http503": ("ServiceUnavailable", 503, "ServiceUnavailable", 503, "Service is unable to handle request."),
    "expired_token": (
        "ExpiredToken", 403, "ExpiredTokenException", 400, "The security token included in the request is expired",
    ),
    "access_denied": ("AccessDenied", 403, "AccessDeniedException", 400, "The demo refuses this call on purpose."),
    "concurrent_modification": (
        "ConcurrentModification", 409, "ConcurrentModificationException", 400,
        "The request was rejected because multiple requests to change this object were submitted simultaneously.",
    ),
}  # fmt: skip
_EC2_CODES = {"throttle": ("RequestLimitExceeded", 503), "access_denied": ("UnauthorizedOperation", 403)}


def error_for(due: Iterable[str], protocol: str) -> ServiceError | None:
    """The error that the service answers instead of working, in the words of its protocol; None for none."""
    kind = next((kind for kind in _ERRORS if kind in set(due)), None)
    if kind is None:
        return None
    xml_code, xml_status, json_code, json_status, message = _ERRORS[kind]
    if protocol == "ec2" and kind in _EC2_CODES:
        return ServiceError(_EC2_CODES[kind][0], message, _EC2_CODES[kind][1])
    if protocol in {"query", "ec2"}:
        return ServiceError(xml_code, message, xml_status)
    return ServiceError(json_code, message, json_status)


_STAMP = "%Y%m%dT%H%M%SZ"
_WINDOW = {"query": 15, "ec2": 15}
"""Minutes that a signature may be old or early; in the JSON protocols five."""


def skewed(fault: Fault, signed_at: str, protocol: str) -> tuple[ServiceError, dict[str, str]] | None:
    """What a service answers to a signature of another time, and its own time; None within its tolerance.

    The words are those of SigV4's checkers: SignatureDoesNotMatch of IAM and STS, RequestExpired of EC2,
    InvalidSignatureException of the JSON services.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    minutes = _WINDOW.get(protocol, 5)
    if abs(fault.seconds) <= minutes * 60:
        return None
    signed = datetime.strptime(signed_at, _STAMP).replace(tzinfo=UTC)
    now, window = signed - timedelta(seconds=fault.seconds), timedelta(minutes=minutes)
    if fault.seconds < 0:
        limit = f"{now - window:{_STAMP}} ({now:{_STAMP}} - {minutes} min.)"
        message = f"Signature expired: {signed_at} is now earlier than {limit}"
    else:
        limit = f"{now + window:{_STAMP}} ({now:{_STAMP}} + {minutes} min.)"
        message = f"Signature not yet current: {signed_at} is still later than {limit}"
    headers = {"Date": format_datetime(now, usegmt=True)}
    if protocol == "ec2":
        return ServiceError("RequestExpired", "Request has expired.", 400), headers
    if protocol == "query":
        return ServiceError("SignatureDoesNotMatch", message, 403), headers
    return ServiceError("InvalidSignatureException", message, 403), headers


class NoAnswer(Exception):  # noqa: N818 - it is what the network does, not an error of the service
    """Nothing came back: the connection broke (``reset``) or the client gave up waiting (``timeout``)."""

    def __init__(self, reason: Literal["reset", "timeout"]) -> None:
        super().__init__(reason)
        self.reason = reason
