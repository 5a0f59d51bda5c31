"""Amazon SNS: topics, and publishing to them. What was published is counted and not kept."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from bedrock_guard.demo.service import Answer, Need, Request, Service, ServiceError, page


def _needs(request: Request) -> list[Need]:
    arn = request.parameters.get("TopicArn") or request.parameters.get("TargetArn")
    return [Need(f"sns:{request.operation}", arn or "*")]


LARGEST_MESSAGE: Final = 262_144
_SUBJECT: Final = re.compile(r"[!-~][ -~]{0,98}")

SERVICE = Service(
    "sns",
    bad_token=ServiceError("InvalidParameter", "Invalid parameter: NextToken"),
    invalid_input="InvalidParameter",
    default_needs=_needs,
)


@SERVICE.operation("CreateTopic", gap="attributes are not kept")
def create_topic(request: Request) -> Answer:
    """A topic; making one that is there gives its ARN."""
    name = request.parameters["Name"]
    arn = f"arn:aws:sns:{request.region}:{request.account}:{name}"
    request.items.at(region=request.region).put("topic", name, {"TopicArn": arn, "Published": 0})
    return {"TopicArn": arn}


@SERVICE.operation("ListTopics")
def list_topics(request: Request) -> Answer:
    """Topics of this account and Region."""
    rows = [
        {"TopicArn": body["TopicArn"]} for body in request.items.at(region=request.region).bodies("topic")
    ]
    return page(rows, request).answer("Topics")


@SERVICE.operation("Publish", gap="nothing is delivered")
def publish(request: Request) -> Answer:
    """Give a message to a topic."""
    arn = request.parameters.get("TopicArn") or request.parameters.get("TargetArn") or ""
    _check_message(request.parameters["Message"], request.parameters.get("Subject"))
    items = request.items.at(region=request.region)
    topic = items.get("topic", arn.rpartition(":")[2])
    if topic is None or topic["TopicArn"] != arn:
        raise ServiceError("NotFound", "Topic does not exist", 404)
    topic["Published"] += 1
    items.put("topic", arn.rpartition(":")[2], topic)
    digest = hashlib.sha256(f"{arn}:{topic['Published']}".encode()).hexdigest()
    return {"MessageId": f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"}


def _check_message(message: str, subject: str | None) -> None:
    """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""
    if not message:
        raise ServiceError("InvalidParameter", "Invalid parameter: Empty message", 400)
    if len(message.encode()) > LARGEST_MESSAGE:
        raise ServiceError("InvalidParameter", "Invalid parameter: Message too long", 400)
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise ServiceError("InvalidParameter", "Invalid parameter: Subject", 400)
