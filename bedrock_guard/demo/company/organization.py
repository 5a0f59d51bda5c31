"""The demo company's accounts and organisation, in the shapes of AWS Organizations."""

from __future__ import annotations

import json
from typing import Any, Final

from bedrock_guard.demo.company import policies
from bedrock_guard.demo.company.clock import ago, stamp
from bedrock_guard.demo.company.plan import Plan

ORGANIZATION: Final = "o-demo000001"
ROOT: Final = "r-demo"
WORKLOADS_OU: Final = "ou-demo-workload1"
GUARDRAIL_POLICY: Final = "p-demoguard1"
_NAMES: Final = ("tidewater-main", "tidewater-research", "tidewater-operations")


def account_list(plan: Plan) -> list[dict[str, Any]]:
    """Accounts as ListAccounts has them, the management account first."""
    return [
        {
            "Id": account,
            "Arn": f"arn:aws:organizations::{plan.accounts[0]}:account/{ORGANIZATION}/{account}",
            "Email": f"aws+{account}@example.com",
            "Name": _NAMES[number] if number < len(_NAMES) else f"tidewater-{number + 1:02d}",
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "JoinedMethod": "INVITED" if number == 0 else "CREATED",
            "JoinedTimestamp": stamp(ago(690 - number)),
        }
        for number, account in enumerate(plan.accounts)
    ]


def organization(plan: Plan) -> dict[str, Any]:
    """The organisation, its one unit that holds every member, and its service control policies."""
    payer = plan.accounts[0]
    arn = f"arn:aws:organizations::{payer}"
    enabled = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    return {
        "Organization": {
            "Id": ORGANIZATION,
            "Arn": f"{arn}:organization/{ORGANIZATION}",
            "FeatureSet": "ALL",
            "MasterAccountArn": f"{arn}:account/{ORGANIZATION}/{payer}",
            "MasterAccountId": payer,
            "MasterAccountEmail": f"aws+{payer}@example.com",
            "AvailablePolicyTypes": enabled,
        },
        "Roots": [
            {"Id": ROOT, "Arn": f"{arn}:root/{ORGANIZATION}/{ROOT}", "Name": "Root", "PolicyTypes": enabled}
        ],
        "OrganizationalUnits": [
            {
                "Id": WORKLOADS_OU,
                "Arn": f"{arn}:ou/{ORGANIZATION}/{WORKLOADS_OU}",
                "Name": "Workloads",
                "ParentId": ROOT,
            }
        ],
        "parents": {
            payer: ROOT,
            WORKLOADS_OU: ROOT,
            **dict.fromkeys(plan.accounts[1:], WORKLOADS_OU),
        },
        "Policies": [
            _policy("arn:aws:organizations::aws", "p-FullAWSAccess", "FullAWSAccess", policies.everything()),
            _policy(arn, GUARDRAIL_POLICY, "CompanyGuardrail", policies.guardrail_scp()),
        ],
        "targets": {
            "p-FullAWSAccess": [ROOT, WORKLOADS_OU, *plan.accounts],
            GUARDRAIL_POLICY: [WORKLOADS_OU],
        },
    }


def _policy(arn: str, policy_id: str, name: str, content: policies.Document) -> dict[str, Any]:
    owner = ORGANIZATION if policy_id == GUARDRAIL_POLICY else ""
    path = "/".join(filter(None, ("policy", owner, "service_control_policy", policy_id)))
    return {
        "PolicySummary": {
            "Id": policy_id,
            "Arn": f"{arn}:{path}",
            "Name": name,
            "Description": "",
            "Type": "SERVICE_CONTROL_POLICY",
            "AwsManaged": policy_id == "p-FullAWSAccess",
        },
        "Content": json.dumps(content, separators=(",", ":")),
    }
