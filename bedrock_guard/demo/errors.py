"""What the demo account itself can say; AWS's own errors travel as ServiceError in ``service.py``."""

from __future__ import annotations

from bedrock_guard.errors import GuardError


class NotInDemo(GuardError):  # noqa: N818 - says what the operation is
    """The demo account has no such operation. Never sent on to the network, never retried."""

    def __init__(self, service: str, operation: str) -> None:
        super().__init__(
            f"{service}:{operation} is not in the demo account.",
            why="The demo answers only operations it can answer as AWS would.",
            remedy="Use a real account, or leave this call out in the demo.",
        )
        self.service = service
        self.operation = operation


class DemoDefectError(GuardError):
    """The demo account is about to answer what AWS could not: a defect of the demo, not of the caller."""


class DemoStateError(GuardError):
    """A demo state file that cannot be used as asked."""
