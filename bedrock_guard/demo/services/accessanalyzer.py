"""IAM Access Analyzer, which the demo account does not have: every question gets one error that says so.

An invented finding would be taken for AWS's verdict on a policy, so the demo gives none.
"""

from __future__ import annotations

from typing import Final, NoReturn

from bedrock_guard.demo.service import Request, Service, ServiceError

SERVICE = Service("accessanalyzer", prefix="access-analyzer")

NOT_AVAILABLE: Final = (
    "Access Analyzer is not available in the demo account; use a real account for its checks."
)
_GAP: Final = "always AccessDeniedException: not available in the demo"


def _refuse(_request: Request) -> NoReturn:
    raise ServiceError("AccessDeniedException", NOT_AVAILABLE)


for _name in (
    "ValidatePolicy",
    "CheckNoNewAccess",
    "CheckAccessNotGranted",
    "CheckNoPublicAccess",
    "ListAnalyzers",
):
    SERVICE.operation(_name, gap=_GAP)(_refuse)
