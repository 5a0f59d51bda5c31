"""What this caller can see of an account, what it cannot and which permission that needs, and what the account shows.

Reads only. Its output can be pasted into a bug report: it holds no account number, ARN or name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard import __version__
from bedrock_guard.account.costs import read_bill
from bedrock_guard.account.doctor_facts import BilledMaterial, Material, find_facts, records_of
from bedrock_guard.account.doctor_probes import FIRST, PROBES, Context, Seen, run_probe
from bedrock_guard.account.facts import Facts, save_facts
from bedrock_guard.account.native_costs import read_native
from bedrock_guard.account.price_lists import read_price_lists
from bedrock_guard.account.requests import RequestLine
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.evidence.prices import PriceBook
from bedrock_guard.evidence.spend import classify_bill

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

ABOUT_REQUESTS: Final = (16, 5)
"""About how many requests of Cost Explorer one look makes, with the bill and without; more where answers have pages."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """What a look at the account came to.

    Args:
        caller: the kind of caller, without a name: "user", "role", "Identity Center role", "root".
        mode: demo or real.
        partition: aws, aws-us-gov, aws-cn.
        region: the session's.
        at: when.
        version: of this program.
        seen: one entry a permission.
        facts: what the account settles.
        requests: what was asked, and its price.

    """

    caller: str
    mode: str
    partition: str
    region: str
    at: datetime
    version: str
    seen: tuple[Seen, ...]
    facts: Facts
    requests: tuple[RequestLine, ...]

    @property
    def gaps(self) -> tuple[Seen, ...]:
        """What could not be read."""
        return tuple(one for one in self.seen if one.state in {"refused", "failed"})

    @property
    def shapes(self) -> tuple[tuple[str, str], ...]:
        """Operations whose answers are not what the readers expect, and how."""
        return tuple((one.action, change) for one in self.seen for change in one.shape)

    @property
    def cost_usd(self) -> Decimal:
        """What asking cost at most."""
        return sum((line.cost_usd for line in self.requests), Decimal(0))


def examine(account: Account, *, bill: bool = True, keep: bool = True) -> Checkup:
    """Look at everything once.

    Args:
        account: who is asked; reads only.
        bill: read the bill too (`ABOUT_REQUESTS` of Cost Explorer), for the facts that only it tells.
        keep: keep the facts for the other commands.

    Raises:
        GuardError: the facts could not be kept.
        ClientError: not even the caller's own identity could be asked.

    """
    arn = account.caller_arn
    context = Context(account)
    first = [run_probe(probe, context) for probe in FIRST]
    context = _with_user(account, first)
    seen = [*first]
    for probe in PROBES:
        found = run_probe(probe, context)
        if "JobId" in found.answer:
            context = replace(context, job=str(found.answer["JobId"]))
        groups = found.answer.get("Groups") if found.action == "iam:ListGroupsForUser" else None
        if groups:
            context = replace(context, group=str(groups[0].get("GroupName")))
        seen.append(found)
    facts = Facts(found_at=account.now, facts=find_facts(_material(account, seen, bill=bill)))
    if keep:
        save_facts(account.account_id, facts)
    return Checkup(
        caller=_kind(arn),
        mode=account.mode,
        partition=account.partition,
        region=account.region,
        at=account.now,
        version=__version__,
        seen=tuple(seen),
        facts=facts,
        requests=account.requests.lines(),
    )


def _with_user(account: Account, first: Iterable[Seen]) -> Context:
    """The user to ask details of: one who holds a key, else any."""
    answers = {one.action: one.answer for one in first}
    users = {u.get("UserName"): u.get("Arn") for u in answers["iam:ListUsers"].get("Users", ())}
    keyed = [
        c.get("UserName")
        for c in answers["iam:ListServiceSpecificCredentials"].get("ServiceSpecificCredentials", ())
    ]
    name = next((one for one in (*keyed, *users) if one), None)
    return Context(account, name, users.get(name))


def _material(account: Account, seen: Iterable[Seen], *, bill: bool) -> Material:
    answers = {one.action: one.answer for one in seen if one.state == "seen"}
    trail = answers.get("cloudtrail:LookupEvents")
    keys = answers.get("iam:ListServiceSpecificCredentials")
    read = _bill(account) if bill else None
    return Material(
        records=None if trail is None else records_of([trail]),
        charges=answers.get("ce:GetCostAndUsage"),
        credentials=None if keys is None else tuple(keys.get("ServiceSpecificCredentials", ())),
        bill=read,
        catalogue=shipped(),
    )


def _bill(account: Account) -> BilledMaterial:
    """The bill of 28 days as every reading takes it at first: what was found before is not used to find it again."""
    reading = read_bill(account)
    lines = classify_bill(reading.frame, shipped())
    named = lines.loc[lines["bucket"] == "model", "region"].dropna().unique()
    listed = PriceBook(price_list=read_price_lists(account, sorted(map(str, named)), shipped()))
    return BilledMaterial(lines, read_native(account, reading), listed, reading.control.amount)


def _kind(arn: str) -> str:
    """What kind of caller an ARN is of, and nothing else of it.

    Example:
        >>> _kind("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_X_1/ana@example.com")
        'Identity Center role'

    """
    rest: Any = arn.split(":", 5)[-1]
    if rest.startswith("assumed-role/AWSReservedSSO_"):
        return "Identity Center role"
    return {"assumed-role": "role", "user": "user", "root": "root", "federated-user": "federated user"}.get(
        rest.partition("/")[0], "other"
    )
