"""From the plan to the CloudTrail records of model calls, a day at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from random import Random
from typing import Any, Final

from bedrock_guard.boundary.catalogue import Catalogue, shipped
from bedrock_guard.demo.company.clock import dice
from bedrock_guard.demo.company.people import CALLERS, Caller, identity
from bedrock_guard.demo.company.plan import Plan, Volume
from bedrock_guard.demo.company.records import BEDROCK, MANTLE, Record, tls, uuid
from bedrock_guard.demo.company.workloads import Workload

TOKENS_RECORDED_FROM: Final = date(2026, 9, 12)
"""Before this day the company's InvokeModel records carry no token counts."""

GUARDRAIL_ID: Final = "t1degr0ail01"
_HOURS: Final[Mapping[str, tuple[float, ...]]] = {
    "office": (0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 4, 8, 9, 9, 7, 6, 8, 9, 9, 8, 6, 3, 2, 1, 1, 0.5, 0.3),
    "always": (3, 2, 2, 2, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3),
    "night": (6, 9, 9, 8, 6, 4, 1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 1, 1, 2, 3, 4),
}


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all calls of one workload have in common."""

    workload: Workload
    caller: Caller
    account: str
    parameters: Record
    host: Record
    destinations: tuple[str, ...]


def call_records(plan: Plan) -> Iterator[Record]:
    """Every model call of the plan as a CloudTrail record, sorted by time; mantle calls are data events.

    Only one day is held in memory.
    """
    scenes: dict[str, _Scene] = {}
    chosen = (v for v in plan.volumes if v.workload.endpoint != "batch")
    for day, volumes in groupby(chosen, key=lambda volume: volume.day):
        records: list[Record] = []
        for volume in volumes:
            key = volume.workload.key
            scene = scenes.get(key) or scenes.setdefault(key, _scene(plan, volume.workload, shipped()))
            records.extend(_records(scene, volume, dice(plan.seed, "calls", key, day)))
        records.sort(key=lambda record: (record["eventTime"], record["eventID"]))
        yield from records


def _scene(plan: Plan, workload: Workload, catalogue: Catalogue) -> _Scene:
    caller = CALLERS[workload.caller]
    account = plan.account(caller.home)
    endpoint = "bedrock-mantle" if workload.endpoint == "mantle" else "bedrock-runtime"
    domain = "api.aws" if workload.endpoint == "mantle" else "amazonaws.com"
    return _Scene(
        workload=workload,
        caller=caller,
        account=account,
        parameters=_parameters(workload, account, catalogue),
        host=tls(f"{endpoint}.{workload.region}.{domain}"),
        destinations=_destinations(workload, catalogue),
    )


def resource_arn(workload: Workload, account: str) -> str:
    """The ARN of the account's own resource that a workload names instead of a model."""
    kind = "provisioned-model" if workload.endpoint == "provisioned" else "application-inference-profile"
    return f"arn:aws:bedrock:{workload.region}:{account}:{kind}/{workload.via}"


def _parameters(workload: Workload, account: str, catalogue: Catalogue) -> Record:
    if workload.endpoint == "mantle":
        model = catalogue.get(workload.model)
        name = (model.mantle_id if model else None) or workload.model
        team = {"team": workload.team}
        return {"model": name, "stream": True, "service_tier": "default", "metadata": team,
                "callWithBearerToken": True, "bearerTokenType": "SHORT_TERM"}  # fmt: skip
    parameters: Record = {"modelId": resource_arn(workload, account) if workload.via else workload.model_raw}
    if workload.guardrail:
        parameters["guardrailConfig"] = {"guardrailIdentifier": GUARDRAIL_ID, "guardrailVersion": "2"}
    if workload.tier != "standard":
        parameters["serviceTier"] = {"type": workload.tier}
    return parameters


def _destinations(workload: Workload, catalogue: Catalogue) -> tuple[str, ...]:
    """Where a call may be served; empty when it stays in the region called."""
    if not workload.prefix:
        return ()
    profile = catalogue.profile(workload.model_raw)
    if workload.prefix == "global" or profile is None:
        return ("us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1")
    return tuple(profile.destinations.get(workload.region, (workload.region,)))


def split(total: int, parts: int, rng: Random) -> list[int]:
    """`total` in `parts` uneven whole amounts, none far from the mean, that add up to it exactly.

    Example:
        >>> sum(split(1000, 7, Random(1)))
        1000
    """
    if parts <= 1:
        return [total] * parts
    weights = [0.6 + 0.8 * rng.random() for _ in range(parts)]
    unit = total / sum(weights)
    amounts = [int(weight * unit) for weight in weights]
    amounts[-1] += total - sum(amounts)
    return amounts


def _records(scene: _Scene, volume: Volume, rng: Random) -> Iterator[Record]:
    times = _times(scene.workload, volume, rng)
    inputs = split(volume.of("input"), volume.calls, rng)
    outputs = split(volume.of("output"), volume.calls, rng)
    day = volume.day.isoformat()
    caller = scene.caller
    sessions = caller.sessions or ("",)
    identities = [identity(caller, scene.account, session, day) for session in sessions]
    for second, input_tokens, output_tokens in zip(times, inputs, outputs, strict=True):
        extra = _additional(scene, volume.day, input_tokens, output_tokens, rng)
        moment = f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
        yield _record(scene, rng.choice(identities), moment, extra, rng)


def _times(workload: Workload, volume: Volume, rng: Random) -> list[int]:
    """Seconds of the day, weighted by the workload's rhythm, inside the volume's window."""
    start, end = volume.window
    hours = range(start // 3600, (end - 1) // 3600 + 1)
    weights = [_HOURS[workload.rhythm][hour] for hour in hours]
    picked = rng.choices(hours, weights, k=volume.calls)
    return [min(end - 1, max(start, hour * 3600 + int(rng.random() * 3600))) for hour in picked]


def _additional(scene: _Scene, day: date, input_tokens: int, output_tokens: int, rng: Random) -> Record:
    """`additionalEventData`: bearer marker, serving region and token counts, each only where AWS writes it."""
    extra: Record = {}
    if scene.caller.bearer:
        extra["callWithBearerToken"] = True
    if scene.destinations:
        served = rng.choice(scene.destinations)
        if served != scene.workload.region:
            extra["inferenceRegion"] = served
    raw = scene.workload.operation.startswith("InvokeModel")
    if (day >= TOKENS_RECORDED_FROM or not raw) and rng.random() > 0.03:
        extra["inputTokens"] = input_tokens
        if output_tokens:
            extra["outputTokens"] = output_tokens
    return extra


def _record(scene: _Scene, who: Record, moment: str, extra: Record, rng: Random) -> Record:
    mantle = scene.workload.endpoint == "mantle"
    service = scene.caller.form == "service"
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": moment,
        "eventSource": MANTLE if mantle else BEDROCK,
        "eventName": scene.workload.operation,
        "awsRegion": scene.workload.region,
        "sourceIPAddress": BEDROCK if service else rng.choice(scene.caller.addresses),
        "userAgent": BEDROCK if service else rng.choice(scene.caller.agents),
        "requestParameters": scene.parameters,
        "responseElements": None,
        "requestID": uuid(rng),
        "eventID": uuid(rng),
        "readOnly": not mantle,
        "eventType": "AwsApiCall",
        "managementEvent": not mantle,
        "recipientAccountId": scene.account,
        "eventCategory": "Data" if mantle else "Management",
    }
    if extra and not mantle:
        record["additionalEventData"] = extra
    if mantle:
        arn = f"arn:aws:bedrock-mantle:{scene.workload.region}:{scene.account}:project/default"
        record["resources"] = [
            {"accountId": scene.account, "type": "AWS::BedrockMantle::Project", "ARN": arn}
        ]
    if not service:
        record["tlsDetails"] = scene.host
    return record
