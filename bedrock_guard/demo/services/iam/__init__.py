"""AWS IAM: users, roles, groups, policies and their versions, boundaries, credentials, reports."""

from __future__ import annotations

from bedrock_guard.demo.services.iam import (
    access_keys,
    attached,
    boundaries,
    credentials,
    details,
    groups,
    inline,
    policies,
    reports,
    roles,
    simulate,
    users,
    versions,
)
from bedrock_guard.demo.services.iam.common import SERVICE

__all__ = [
    "SERVICE",
    "access_keys",
    "attached",
    "boundaries",
    "credentials",
    "details",
    "groups",
    "inline",
    "policies",
    "reports",
    "roles",
    "simulate",
    "users",
    "versions",
]
