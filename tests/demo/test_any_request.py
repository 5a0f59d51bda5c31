"""Whatever a client can send, the demo answers: with what its model allows, or with the service's error."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from bedrock_guard.account.session import Account
from bedrock_guard.demo.protocol import service_model
from bedrock_guard.demo.services import MODULES, find_service

OPERATIONS = [(name, operation) for name in MODULES for operation in find_service(name).operations]
REQUESTS = 1_500
IAM = "arn:aws:iam::111122223333"
DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
SEEDS = {
    "username": ["legacy-etl", "reporting-batch", "nobody", "a b", "x" * 70],
    "rolename": ["bedrock-analyst", "search-api", "AWSServiceRoleForSupport"],
    "groupname": ["batch-users"],
    "policyarn": [f"{IAM}:policy/ModelUsers", "arn:aws:iam::aws:policy/AdministratorAccess", f"{IAM}:policy/none"],
    "permissionsboundary": [f"{IAM}:policy/DataTeamBoundary"],
    "policydocument": [DOCUMENT, "{nope", "[]", "x" * 7000, '{"Statement":[7]}', '{"Statement":{"Condition":[]}}'],
    "policyinputlist": [DOCUMENT, '{"Statement":[7]}', '{"Statement":{"Condition":[]}}'],
    "versionid": ["v1", "v2", "v9"],
    "arn": [f"{IAM}:user/legacy-etl", f"{IAM}:role/search-api", "arn:aws:s3:::some-bucket-name", "x" * 25],
    "policysourcearn": [f"{IAM}:user/legacy-etl", f"{IAM}:group/batch-users", "x" * 25],
    "start": ["2026-10-01", "2020-01-01", "yesterday"],
    "end": ["2026-11-01", "2026-10-02"],
    "policyid": ["p-FullAWSAccess", "p-demoguard1"],
    "targetid": ["r-demo", "000000000011"],
    "parentid": ["r-demo", "ou-demo-workload1"],
}  # fmt: skip


class Sender:
    """Makes requests of any shape, out of what was answered before and of nonsense."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.known: dict[str, list[str]] = defaultdict(list, {k: list(v) for k, v in SEEDS.items()})

    def make(self, shape: Shape | None, name: str = "", depth: int = 0) -> Any:
        if isinstance(shape, StructureShape):
            return self._structure(shape, depth)
        if isinstance(shape, ListShape):
            return [
                self.make(shape.member, name, depth + 1) for _ in range(self.dice.choice([0, 1, 1, 2, 3]))
            ]
        if isinstance(shape, MapShape):
            keys = [self.make(shape.key) for _ in range(self.dice.choice([0, 1, 2]))]
            return {key: self.make(shape.value, "", depth + 1) for key in keys}
        if shape is None:
            return {}
        return self._scalar(shape, name.lower())

    def _structure(self, shape: StructureShape, depth: int) -> dict[str, Any]:
        chosen = [
            key for key in shape.members
            if key in shape.required_members or (depth < 4 and self.dice.random() < 0.4)
        ]  # fmt: skip
        if shape.is_tagged_union:
            chosen = chosen[:1]
        return {key: self.make(shape.members[key], key, depth + 1) for key in chosen}

    def _scalar(self, shape: Shape, name: str) -> Any:
        dice = self.dice
        if shape.type_name == "string":
            if shape.enum and dice.random() < 0.95:
                return dice.choice(shape.enum)
            if self.known[name] and dice.random() < 0.8:
                return dice.choice(self.known[name])
            return "".join(dice.choices('abcXYZ019-_/ .:\u00e9<&\r\n"', k=dice.choice([1, 3, 12, 40])))
        if shape.type_name == "timestamp":
            return datetime(2026, 11, 20, tzinfo=UTC) - timedelta(days=dice.choice([-400, 0, 1, 30, 4000]))
        return {"boolean": dice.random() < 0.5, "blob": b"x", "float": 0.5, "double": 0.5}.get(
            shape.type_name, dice.choice([0, 1, 2, 50, 1000, -1])
        )

    def learn(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self.learn(item, key)
        elif isinstance(value, list):
            for item in value[:3]:
                self.learn(item, name)
        elif isinstance(value, str) and len(self.known[name.lower()]) < 30:
            self.known[name.lower()].append(value)


@pytest.mark.parametrize("seed", range(3))
def test_every_request_has_an_answer(seed: int) -> None:
    account, sender, told = Account.demo(calls=200), Sender(seed), Counter[str]()
    for _ in range(REQUESTS):
        service, operation = sender.dice.choice(OPERATIONS)
        asked = sender.make(service_model(service).operation_model(operation).input_shape)
        account.clock.advance(sender.dice.choice([0, 1, 3]))
        region = sender.dice.choice(["us-east-1", "us-west-2", "eu-west-1"])
        call = getattr(account.client(service, region, attempts=1), xform_name(operation))
        try:
            sender.learn({k: v for k, v in call(**asked).items() if k != "ResponseMetadata"})
            told["answered"] += 1
        except ClientError as error:
            told[error.response["Error"]["Code"]] += 1
        except ParamValidationError:
            told["not sent"] += 1
    assert told["answered"] > REQUESTS / 5
    assert len(told) > 15
