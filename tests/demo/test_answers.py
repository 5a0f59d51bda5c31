"""The check of the demo's own answers, held against botocore's validator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import OperationModel
from botocore.validate import ParamValidator

from bedrock_guard.demo.answers import checked_answer
from bedrock_guard.demo.contract import rows
from bedrock_guard.demo.errors import DemoDefectError
from bedrock_guard.demo.protocol import service_model

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sample(shape: Any, depth: int = 3) -> Any:
    """An answer with every member, as deep as asked; a union gets its first."""
    kind = shape.type_name
    if kind == "structure":
        names = list(shape.members)[:1] if shape.is_tagged_union else list(shape.members)
        wanted = (
            names
            if depth or shape.is_tagged_union
            else [name for name in names if name in shape.required_members]
        )
        return {name: sample(shape.members[name], max(depth - 1, 0)) for name in wanted}
    if kind == "list":
        return [sample(shape.member, max(depth - 1, 0))]
    if kind == "map":
        return {sample(shape.key, 0): sample(shape.value, max(depth - 1, 0))}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
    return {"timestamp": AT, "boolean": True, "blob": b"x"}.get(kind, max(1, shape.metadata.get("min", 1)))


def broken(value: Any, shape: Any) -> Any:
    """The same answer in every way wrong in one place: (what, answer)."""
    yield "unknown", {**value, "NotAMember": "x"}
    for name in shape.required_members:
        yield f"without {name}", {k: v for k, v in value.items() if k != name}
    for name, item in value.items():
        yield f"type of {name}", {**value, name: object()}
        member = shape.members[name]
        if member.type_name == "structure" and not member.is_document_type:
            for what, inner in broken(item, member):
                yield f"{name}.{what}", {**value, name: inner}
        if member.type_name == "list" and member.member.type_name == "structure" and item:
            for what, inner in broken(item[0], member.member):
                yield f"{name}[].{what}", {**value, name: [inner]}


def refused(operation: OperationModel, answer: Any) -> bool:
    try:
        checked_answer(operation, answer)
    except DemoDefectError:
        return True
    return False


OPERATIONS = [(row.service, row.operation) for row in rows()]


@pytest.mark.parametrize("service", sorted({service for service, _ in OPERATIONS}))
def test_the_compiled_check_refuses_what_botocores_validator_refuses(service: str) -> None:
    checked = 0
    for name in [operation for of, operation in OPERATIONS if of == service]:
        operation = service_model(service).operation_model(name)
        shape = operation.output_shape
        if shape is None:
            assert refused(operation, {"x": 1})
            continue
        good = sample(shape)
        assert not ParamValidator().validate(good, shape).has_errors(), name
        assert not refused(operation, good), name
        for what, bad in list(broken(good, shape))[:400]:
            theirs = ParamValidator().validate(bad, shape).has_errors()
            assert refused(operation, bad) == theirs, f"{name}: {what}"
            checked += 1
    assert checked > 3


def users() -> OperationModel:
    return service_model("iam").operation_model("ListUsers")


def test_times_become_datetimes_and_absent_members_are_left_out() -> None:
    user = {"Path": "/", "UserName": "a", "UserId": "A" * 16, "Arn": "arn:aws:iam::111122223333:user/a"}
    made = {**user, "CreateDate": "2026-01-05T09:00:00Z", "PasswordLastUsed": None}
    typed = checked_answer(users(), {"Users": [made], "IsTruncated": False})
    assert typed["Users"] == [{**user, "CreateDate": datetime(2026, 1, 5, 9, tzinfo=UTC)}]


def test_a_value_outside_an_enum_is_refused_unless_the_operation_is_known_to_give_it() -> None:
    operation = service_model("bedrock").operation_model("ListFoundationModels")
    model = {"modelArn": "arn", "modelId": "m", "inputModalities": ["VIDEO"]}
    with pytest.raises(DemoDefectError, match="VIDEO"):
        checked_answer(operation, {"modelSummaries": [model]})
    checked_answer(operation, {"modelSummaries": [model]}, beyond={"ModelModality": ("VIDEO",)})
    with pytest.raises(DemoDefectError, match="AUDIO"):
        wrong = {**model, "inputModalities": ["AUDIO"]}
        checked_answer(operation, {"modelSummaries": [wrong]}, beyond={"ModelModality": ("VIDEO",)})


def test_every_defect_is_told_at_once_and_with_its_place() -> None:
    with pytest.raises(DemoDefectError) as caught:
        checked_answer(users(), {"Users": [{"UserName": 1}], "Nonsense": 1})
    told = caught.value.why
    assert "Users.UserName: int is no text" in told
    assert "Users.CreateDate: missing" in told
    assert "Nonsense: unknown member" in told


def test_a_boolean_is_no_number() -> None:
    operation = service_model("ce").operation_model("GetDimensionValues")
    assert refused(operation, {"DimensionValues": [], "ReturnSize": True, "TotalSize": 0})
