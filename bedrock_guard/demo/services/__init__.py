"""Which module answers for which service; loaded when first asked."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from bedrock_guard.demo.service import Service

MODULES = {
    "accessanalyzer": "bedrock_guard.demo.services.accessanalyzer",
    "bedrock": "bedrock_guard.demo.services.bedrock",
    "bedrock-agent": "bedrock_guard.demo.services.bedrock_agent",
    "budgets": "bedrock_guard.demo.services.budgets",
    "ce": "bedrock_guard.demo.services.ce",
    "cloudtrail": "bedrock_guard.demo.services.cloudtrail",
    "ec2": "bedrock_guard.demo.services.ec2",
    "iam": "bedrock_guard.demo.services.iam",
    "organizations": "bedrock_guard.demo.services.organizations",
    "pricing": "bedrock_guard.demo.services.pricing",
    "sns": "bedrock_guard.demo.services.sns",
    "sts": "bedrock_guard.demo.services.sts",
}


def find_service(name: str) -> Service | None:
    """The service of that boto3 name, or None where the demo has none."""
    module = MODULES.get(name)
    if module is None or find_spec(module) is None:
        return None
    service = import_module(module).SERVICE
    if not isinstance(service, Service):
        raise TypeError(f"{module}.SERVICE is not a Service")
    return service
