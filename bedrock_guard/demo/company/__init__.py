"""The demo account's company: a seeded, believable history made of plain data.

Tidewater Freight ships parcels and has three accounts. In `111122223333` (tidewater-main, the management
account, where the analyst sits) run the products: contract review on Claude Opus 4.8 (the dearest by far),
search on Claude Haiku 4.5 and Titan embeddings, a support assistant on Nova with a guardrail (and lately some
calls without it), an agent, developers with Claude Code over SigV4, one with a short-term key, Codex on the
mantle endpoint, and a purchased unit of Claude 3.7 Sonnet committed until 2027-02-25. In `000000000011`
(research) people of an Identity Center role use Sonnet through the `global.` profile, Llama and DeepSeek, a
batch job tags documents twice a week, and a Llama model was fine-tuned. In `000000000012` (operations) live an
application inference profile for invoices, CI, and Terraform.

Two long-term Bedrock keys are usable: one on the ordinary user `reporting-batch`, older than Event history,
which never expires; one on the console-made user `BedrockAPIKey-h7qz`, whose making is in the history. The
second one leaked: eleven days before the end somebody at 203.0.113.66 listed models in four Regions, tried to
delete the invocation logging, probed with ValidationExceptions, and then spent some hundred dollars on Opus in
three days. It is still active. A further key is switched off, one has expired, and a CodeCommit credential is
no Bedrock key at all. `DataTeamBoundary` is a colleague's.

Calls and bill come from one plan (`plan.py`) by separate code (`calls.py`, `bill.py`), as on AWS: cache tokens,
batch jobs and mantle inference are on the bill only; some records state no token counts; two bill lines cannot
be mapped; credits, one refund, discounts and tax are lines of their own. `Company.truth` (`truth.py`) says as
data what is so.
"""

from __future__ import annotations

from bedrock_guard.demo.company.make import Company, make_company

__all__ = ["Company", "make_company"]
