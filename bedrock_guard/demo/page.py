"""docs/demo.md, made from the code: the company with its ground truth, what is answered, what faults do.

Write it anew with ``python -m bedrock_guard.demo.page docs/demo.md``; a test holds the file against the code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bedrock_guard.demo import contract, fault_matrix
from bedrock_guard.demo.company.make import make_company

_STORY: Final = """\
# The demo account

An embedded AWS account behind real boto3 clients. `Account.demo()` opens it; nothing leaves the machine, and no
environment variable, profile or credential is read. Its clock stands at 2026-11-20T12:00Z and moves only when somebody
sleeps on it. `bedrock-guard demo --serve` answers the AWS CLI and other SDKs on a loopback port, to requests that name
a loopback host and come from no web page; there the clock also runs with the machine's.
With `enforce=True` every call is decided by the caller's identity-based policies, boundary and SCPs: `demo_backend.asked` keeps
what was decided, and a refused call shows in Event history.

## The company

Tidewater (invented) has three accounts under one organisation, 90 days of history and about 20,000 model calls.

| who | what is to be found |
| --- | --- |
| contracts | the dearest team: a role on Opus through a `us.` profile, some calls at the long-context rate |
| platform | developers in Identity Center roles with Claude Code over SigV4; CI through a web identity; one short-term key |
| research | its own account, billed through Marketplace; a `global.` profile, a training job, batch jobs, mantle |
| search, support | embeddings; an agent; a guardrail, and calls that leave it out |
| finance | an application inference profile; a long-term key that never expires, on an ordinary user |
| the leak | a phantom user's long-term key, used from an odd network after an enumeration, in two Regions |
| commitments | provisioned throughput with an end date, reserved capacity |
| EC2 | six fleets of several types and purchase options; one volume is not encrypted |
| guards | a data boundary of a colleague that is not ours, SCPs, a break-glass role; refused calls with and without message |
| the bill | all usage-type grammars, three service lanes, cache tokens, credit, refund, discount, tax, two unmappable lines |
| budgets | one on the service name "Amazon Bedrock" alone, which misses Marketplace and most Claude lines |

Calls and bill are written by separate code from one plan (`demo/company/plan.py`). The native model dimension starts
on 2026-09-01, callers in exports and on the `iamPrincipal/team` tag on 2026-10-01. The same seed makes the same bytes.
`bedrock-guard demo --history FOLDER --events 1000000` writes the history as CloudTrail files in the S3 layout, CUR 2.0
and FOCUS 1.2 (`demo.company.exports.write_files`), a day in memory at a time.
No call is larger than its model's window, and whoever made a call was allowed every authorisation of it.

Assumed, not seen on a real account: discounts are an `Adjustment` and refunds a `Credit` in the FOCUS file; the
exports split a role's lines evenly over its sessions.

## Ground truth

What tests hold a reading against (`make_company().truth`; US dollars before credits, discounts and tax):

```json
"""
_SHOWN: Final = (
    "window", "accounts", "calls", "dollars", "keys", "leak", "phantom_user", "identity_center_roles",
    "foreign_boundary", "application_profile", "commitment", "unmappable", "denied", "logging_gap",
)  # fmt: skip


def as_markdown() -> str:
    """The page."""
    truth = make_company().truth
    shown = {name: _plain(truth[name]) for name in _SHOWN}
    return "".join(
        (
            _STORY,
            json.dumps(shown, indent=1),
            "\n```\n\n## Faults\n\n",
            "`Fault(pattern, kind, at=...)` on `account.demo_backend.faults`; what botocore makes of a read whose every\n"
            "attempt has the fault. Success without the key is an empty account to whoever does not demand the key.\n\n",
            fault_matrix.as_markdown(),
            "\n## Operations\n\n",
            "\n".join(_summary()),
            "\n\nAn empty last column: faithful as far as is known. What is not listed is not implemented and raises\n"
            "`NotInDemo`. Simulation is answered by the kit's own evaluator.\n\n",
            contract.as_markdown(),
        )
    )


def _summary() -> Iterator[str]:
    found = list(contract.rows())
    gaps = sum(bool(row.gap) for row in found)
    yield f"{len(found)} operations: {len(found) - gaps} faithful, {gaps} with a gap that is named."


def _plain(value: Any) -> Any:
    """Truth as JSON: money in cents, times as ISO text."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value.quantize(Decimal("0.01")))
    return value.isoformat() if isinstance(value, (date, datetime)) else value


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_markdown(), encoding="utf-8")
