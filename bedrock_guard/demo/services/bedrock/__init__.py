"""Amazon Bedrock's control plane: the catalogue, what the company has, guardrails and their enforcement.

https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html
"""

from __future__ import annotations

from bedrock_guard.demo.services.bedrock import catalogue, enforced, guardrails, listings, tags
from bedrock_guard.demo.services.bedrock.common import SERVICE

__all__ = ["SERVICE", "catalogue", "enforced", "guardrails", "listings", "tags"]
