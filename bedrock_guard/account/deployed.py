"""What of a profile's documents stands in the account now: policies by name, as their default version says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.pages import ask, unless_missing
from bedrock_guard.boundary.spec import Profile
from bedrock_guard.errors import GuardError
from bedrock_guard.iam.document import read

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account


@dataclass(frozen=True)
class Deployed:
    """The documents that were found, and what could not be read.

    Args:
        account_id: whose.
        asked_at: when, UTC.
        documents: policy name -> document.
        gaps: policy name -> why it is not known whether it is there, or what it says.

    """

    account_id: str
    asked_at: datetime
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gaps: Mapping[str, str] = field(default_factory=dict)


def read_deployed(account: Account, profile: Profile) -> Deployed:
    """The profile's boundary and deny policies in the caller's account. Free requests; raises nothing AWS answers."""
    documents: dict[str, Mapping[str, Any]] = {}
    gaps: dict[str, str] = {}
    client = account.client("iam")
    for name in (profile.boundary_name, *(f"{profile.policy_prefix}deny-{n}" for n in (1, 2, 3))):
        arn = f"arn:{profile.partition}:iam::{account.account_id}:policy/{name}"
        try:
            found = unless_missing(partial(_default_version, client, arn), None)
        except GuardError as error:
            gaps[name] = str(error)
        else:
            documents |= {name: found} if found else {}
    return Deployed(account.account_id, account.now, documents, gaps)


def _default_version(client: Any, arn: str) -> Mapping[str, Any] | None:
    policy = demanded(ask(client, "get_policy", PolicyArn=arn), "Policy")
    version = demanded(policy, "DefaultVersionId")
    answer = ask(client, "get_policy_version", PolicyArn=arn, VersionId=version)
    held = demanded(demanded(answer, "PolicyVersion"), "Document")
    text = held if isinstance(held, str) else json.dumps(held)  # botocore decodes it where it can
    read(text, "identity", lenient=True)
    found: Mapping[str, Any] = json.loads(text)
    return found
