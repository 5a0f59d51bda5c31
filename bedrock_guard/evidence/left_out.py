"""Why a record is no row of the trail table."""

from __future__ import annotations

from enum import StrEnum


class LeftOut(StrEnum):
    """Why a record is no row.

    A duplicate is an event met before, a twin another account's record of the same action.
    """

    NOT_AN_OBJECT = "not_an_object"
    NOT_CLOUDTRAIL = "not_cloudtrail"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"
    NO_TIME = "no_time"
    OTHER_SERVICE = "other_service"
    OTHER_OPERATION = "other_operation"
    SERVICE_EVENT = "service_event"
    DUPLICATE = "duplicate"
    TWIN = "twin"
    OUTSIDE_WINDOW = "outside_window"
    DIGEST = "digest"
    INSIGHT = "insight"
    INVOCATION_LOG = "model_invocation_log"
