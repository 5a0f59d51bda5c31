"""What one line of the bill is for.

The route of a line is what its price says, not where the call ran:

- `regional`: the price of the source Region. In-region calls and `us.`/`eu.`/`jp.` profiles bill the same line, so a
  bill alone cannot tell them apart; CloudTrail can.
- `global`: the line of `global.` profiles, about 10 % lower for the models that have both.
- `geo`: written on reserved capacity, hardly elsewhere.
- None: the line has no such price (guardrails, training, provisioned throughput, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Bucket = Literal[
    "model", "commitment", "customization", "non_model", "unmapped", "credit", "refund", "discount", "tax"
]
BUCKETS: Final[tuple[Bucket, ...]] = get_args(Bucket)


@dataclass(frozen=True, slots=True)
class BillClass:
    """What one line of the bill is for.

    Args:
        bucket: exactly one of `BUCKETS`.
        model: model id, or None when the line names none (or when it is unmapped).
        token_kind: input, output, cache_read, cache_write_5m, cache_write_30m, cache_write_1h, cache_storage, image,
            audio, video, embedding, rerank, search (a grounding request), training, storage; None when the line has
            none. An unmarked cache write is the 5-minute one, AWS's default.
        route: regional, global, geo or None; see the module.
        tier: standard, batch, flex, priority, latency_optimized, reserved, provisioned or None.
        context: standard or long (a whole request above the model's threshold), None for what is no inference.
        unit_tokens: how many tokens one unit of the quantity is (1,000 or 1,000,000), None when the unit is not tokens.
        region: the Region that the usage type's prefix names.
        raw: the usage type as it came (the service when there is none).
        direction: input or output where an image, audio or video line says which.
        feature: what a line without a model pays for: guardrail, agentcore, flows, ...
        reason: why a line is unmapped.
        alias_line: for an unmapped line, what to paste under `[names]` of an alias file.
    """

    bucket: Bucket
    model: str | None = None
    token_kind: str | None = None
    route: str | None = None
    tier: str | None = None
    context: str | None = None
    unit_tokens: int | None = None
    region: str | None = None
    raw: str = ""
    direction: str | None = None
    feature: str | None = None
    reason: str = ""
    alias_line: str = ""
