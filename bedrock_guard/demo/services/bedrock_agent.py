"""Agents, knowledge bases, prompts and flows of the demo account: that they exist, never what they say."""

from __future__ import annotations

from typing import Final

from bedrock_guard.demo.service import Answer, Handler, Request, Service, ServiceError, page
from bedrock_guard.demo.services.bedrock.common import here

SERVICE = Service(
    "bedrock-agent",
    prefix="bedrock",
    bad_token=ServiceError("ValidationException", "The provided token is invalid."),
)

_LISTS: Final = {
    "ListAgents": ("agent", "agentSummaries"),
    "ListKnowledgeBases": ("knowledge_base", "knowledgeBaseSummaries"),
    "ListPrompts": ("prompt", "promptSummaries"),
    "ListFlows": ("flow", "flowSummaries"),
}


def _listing(kind: str, answer: str) -> Handler:
    def handler(request: Request) -> Answer:
        rows = here(request, kind)
        part = page(rows, request, token_name="nextToken", size_name="maxResults", default=10)  # noqa: S106 - a member's name
        return part.answer(answer)

    return handler


for _name, (_kind, _answer) in _LISTS.items():
    SERVICE.operation(_name)(_listing(_kind, _answer))
