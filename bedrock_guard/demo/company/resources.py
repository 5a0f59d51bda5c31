"""What exists in Bedrock at the demo company: commitments, jobs, guardrails, agents, prompts, logging.

Items have the shapes of Bedrock's own answers; a key that begins with `_` is not AWS's and is read by the handler.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from bedrock_guard.demo.company import people, prices, story
from bedrock_guard.demo.company.calls import GUARDRAIL_ID
from bedrock_guard.demo.company.charges import COMMITMENT_AT
from bedrock_guard.demo.company.clock import NOW, ago, stamp
from bedrock_guard.demo.company.people import CALLERS
from bedrock_guard.demo.company.plan import Plan
from bedrock_guard.demo.company.workloads import APPLICATION_PROFILE, PROVISIONED_MODEL, WORKLOADS

COMMITMENT_ENDS: Final = datetime(2027, 2, 25, 17, 0, tzinfo=NOW.tzinfo)
"""When the six months of the purchased model unit are over."""

REGIONS: Final = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1")
Places = dict[str, dict[str, dict[str, Any]]]


def bedrock_state(plan: Plan) -> Places:
    """Account -> Region -> kind -> items."""
    places: Places = {account: {region: {} for region in REGIONS} for account in plan.accounts}
    main, research, operations = (plan.account(number) for number in range(3))
    places[main]["us-west-2"]["provisioned_throughput"] = [_provisioned(main)]
    places[main]["eu-west-1"]["guardrail"] = [_guardrail(main)]
    places[main]["us-east-1"].update(_agents(main))
    places[operations]["us-east-1"]["application_profile"] = [_profile(operations)]
    places[research]["us-west-2"].update(_training(research))
    for volume in plan.volumes:
        if volume.workload.endpoint == "batch":
            account = plan.account(CALLERS[volume.workload.caller].home)
            place = places[account][volume.workload.region]
            place.setdefault("invocation_job", []).append(
                _batch_job(account, volume.workload.key, volume.day)
            )
    for region in ("us-east-1", "us-west-2"):
        places[main][region]["logging"] = _logging(main)
    return places


def _provisioned(account: str) -> dict[str, Any]:
    model = f"arn:aws:bedrock:us-west-2::foundation-model/{prices.SONNET_37}"
    return {
        "provisionedModelName": "policy-qa-unit",
        "provisionedModelArn": f"arn:aws:bedrock:us-west-2:{account}:provisioned-model/{PROVISIONED_MODEL}",
        "modelArn": model,
        "desiredModelArn": model,
        "foundationModelArn": model,
        "modelUnits": 1,
        "desiredModelUnits": 1,
        "status": "InService",
        "commitmentDuration": "SixMonths",
        "commitmentExpirationTime": stamp(COMMITMENT_ENDS),
        "creationTime": stamp(COMMITMENT_AT),
        "lastModifiedTime": stamp(COMMITMENT_AT + timedelta(minutes=14)),
    }


def _guardrail(account: str) -> dict[str, Any]:
    strengths = {"inputStrength": "HIGH", "outputStrength": "HIGH"}
    filters = [
        {"type": name, **strengths} for name in ("HATE", "INSULTS", "SEXUAL", "VIOLENCE", "MISCONDUCT")
    ]
    draft = {
        "name": "support-guardrail",
        "description": "What the support assistant may say.",
        "guardrailId": GUARDRAIL_ID,
        "guardrailArn": f"arn:aws:bedrock:eu-west-1:{account}:guardrail/{GUARDRAIL_ID}",
        "contentPolicy": {
            "filters": [
                *filters,
                {"type": "PROMPT_ATTACK", "inputStrength": "HIGH", "outputStrength": "NONE"},
            ]
        },
        "sensitiveInformationPolicy": {"piiEntities": [{"type": "EMAIL", "action": "ANONYMIZE"}]},
        "blockedInputMessaging": "Sorry, I cannot help with that.",
        "blockedOutputsMessaging": "Sorry, I cannot answer that.",
        "createdAt": stamp(ago(190)),
        "updatedAt": stamp(ago(58, 7)),
    }
    # Version 1 came before personal data was masked.
    born = {name: value for name, value in draft.items() if name != "sensitiveInformationPolicy"}
    versions = {
        "1": {**born, "createdAt": stamp(ago(188)), "updatedAt": stamp(ago(188))},
        "2": {**draft, "createdAt": stamp(ago(58, 6)), "updatedAt": stamp(ago(58, 6))},
    }
    return {**draft, "_versions": versions}


def _profile(account: str) -> dict[str, Any]:
    arn = f"arn:aws:bedrock:us-east-1:{account}"
    return {
        "inferenceProfileName": "invoices",
        "description": "Invoice extraction, finance",
        "inferenceProfileArn": f"{arn}:application-inference-profile/{APPLICATION_PROFILE}",
        "inferenceProfileId": APPLICATION_PROFILE,
        "models": [
            {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{prices.HAIKU}"}
            for region in ("us-east-1", "us-east-2", "us-west-2")
        ],
        "status": "ACTIVE",
        "type": "APPLICATION",
        "createdAt": stamp(story.PROFILE_AT),
        "updatedAt": stamp(story.PROFILE_AT),
    }


def _training(account: str) -> dict[str, Any]:
    base = f"arn:aws:bedrock:us-west-2::foundation-model/{prices.LLAMA}"
    arn = f"arn:aws:bedrock:us-west-2:{account}:custom-model/{prices.LLAMA}/tide00labels"
    done = story.TRAINING_AT + timedelta(hours=5)
    return {
        "customization_job": [
            {
                "jobArn": f"arn:aws:bedrock:us-west-2:{account}:model-customization-job/{prices.LLAMA}/tide00job001",
                "baseModelArn": base,
                "jobName": "tide-labels-1",
                "status": "Completed",
                "creationTime": stamp(story.TRAINING_AT),
                "lastModifiedTime": stamp(done),
                "endTime": stamp(done),
                "customModelArn": arn,
                "customModelName": "tide-labels",
                "customizationType": "FINE_TUNING",
            }
        ],
        "custom_model": [
            {
                "modelArn": arn,
                "modelName": "tide-labels",
                "creationTime": stamp(done),
                "baseModelArn": base,
                "baseModelName": prices.LLAMA.partition(":")[0],
                "customizationType": "FINE_TUNING",
                "ownerAccountId": account,
                "modelStatus": "Active",
            }
        ],
    }


def _batch_job(account: str, key: str, day: Any) -> dict[str, Any]:
    workload = next(w for w in WORKLOADS if w.key == key)
    submitted = datetime.combine(day, datetime.min.time(), NOW.tzinfo) + timedelta(hours=6, minutes=4)
    finished = submitted + timedelta(hours=3)
    name = f"{key}-{day}"
    bucket = f"s3://tidewater-batch-{account}/{key}"
    role = CALLERS[workload.caller].name
    job_id = people.identifier("", name)[4:16].lower()
    arn = f"arn:aws:bedrock:{workload.region}:{account}"
    return {
        "jobArn": f"{arn}:model-invocation-job/{job_id}",
        "jobName": name,
        "modelId": f"{arn}:inference-profile/{workload.model_raw}",
        "roleArn": f"arn:aws:iam::{account}:role/{role}",
        "status": "Completed",
        "submitTime": stamp(submitted),
        "lastModifiedTime": stamp(finished),
        "endTime": stamp(finished),
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": f"{bucket}/in/{day}/", "s3InputFormat": "JSONL"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"{bucket}/out/{day}/"}},
    }


def _logging(account: str) -> dict[str, Any]:
    return {
        "loggingConfig": {
            "s3Config": {"bucketName": f"tidewater-model-logs-{account}", "keyPrefix": "bedrock"},
            "textDataDeliveryEnabled": True,
            "imageDataDeliveryEnabled": False,
            "embeddingDataDeliveryEnabled": False,
        }
    }


def _agents(account: str) -> dict[str, Any]:
    at = stamp(ago(140))
    arn = f"arn:aws:bedrock:us-east-1:{account}"
    return {
        "agent": [
            {
                "agentId": "T1DEAGENT1",
                "agentName": "support-agent",
                "agentStatus": "PREPARED",
                "description": "Answers shipping questions",
                "updatedAt": at,
                "latestAgentVersion": "3",
            }
        ],
        "knowledge_base": [
            {
                "knowledgeBaseId": "T1DEKB0001",
                "name": "shipping-handbook",
                "status": "ACTIVE",
                "updatedAt": at,
            }
        ],
        "prompt": [
            {
                "name": "shipping-answer",
                "id": "T1DEPRMPT1",
                "arn": f"{arn}:prompt/T1DEPRMPT1",
                "version": "DRAFT",
                "createdAt": at,
                "updatedAt": stamp(ago(12)),
            }
        ],
        "flow": [
            {
                "name": "claims-intake",
                "id": "T1DEFLOW01",
                "arn": f"{arn}:flow/T1DEFLOW01",
                "status": "Prepared",
                "createdAt": at,
                "updatedAt": at,
                "version": "DRAFT",
            }
        ],
    }


def budgets(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Account -> budgets: one for Bedrock as most companies set it up, one for everything."""
    common = {
        "TimeUnit": "MONTHLY",
        "BudgetType": "COST",
        "LastUpdatedTime": stamp(ago(190)),
        "CostTypes": {
            "IncludeTax": True,
            "IncludeCredit": False,
            "IncludeRefund": False,
            "UseAmortized": False,
        },
    }
    bedrock = {
        "BudgetName": "bedrock-monthly",
        "BudgetLimit": {"Amount": "4000.0", "Unit": "USD"},
        "CostFilters": {"Service": [prices.AWS]},
        **common,
    }
    everything = {"BudgetName": "all-monthly", "BudgetLimit": {"Amount": "20000.0", "Unit": "USD"}, **common}
    return {plan.account(0): [bedrock, everything]}
