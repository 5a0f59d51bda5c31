"""Cost Explorer's filter expressions: checked as the service checks them, then a test on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from bedrock_guard.demo.services.ce.common import FILTERABLE, Line, Period, invalid, is_supported, unavailable
from bedrock_guard.demo.services.ce.common import PRODUCT_ATTRIBUTES_FROM as ATTRIBUTES_FROM

Expression = dict[str, Any]
Test = Callable[[Line], bool]
_ROOTS: Final = ("And", "Or", "Not", "Dimensions", "Tags", "CostCategories", "ProductAttributes")
_SIMPLE: Final = {"EQUALS", "CASE_SENSITIVE"}


def compiled(expression: Expression | None) -> Test:
    """The test an expression stands for; no expression lets every line through.

    Raises:
        ServiceError: ValidationException for what Cost Explorer refuses.
    """
    if expression is None:
        return lambda _line: True
    root = _root(expression)
    content = expression[root]
    if root in ("And", "Or"):
        if len(content) < 2:
            raise invalid(f"{root} must have at least 2 expressions")
        tests = [compiled(part) for part in content]
        return lambda line: (all if root == "And" else any)(test(line) for test in tests)
    if root == "Not":
        inner = compiled(content)
        return lambda line: not inner(line)
    if root == "Dimensions":
        return _dimension(content)
    if root == "ProductAttributes":
        return _attribute(content)
    return _tag(content, known=root == "Tags")


def _root(expression: Expression) -> str:
    roots = [name for name in _ROOTS if expression.get(name) is not None]
    if len(roots) > 1:
        names = "And, Or, Not, Dimensions, Tags, CostCategories, ProductAttributes"
        raise invalid(
            "Expression has more than one roots. Only one root operator is allowed for each expression: "
            + names
        )
    if not roots:
        raise invalid("Expression is empty: exactly one root operator is required")
    return roots[0]


def _dimension(content: Expression) -> Test:
    key, values = content.get("Key"), content.get("Values")
    if key is None or not values:
        raise invalid("Dimensions needs a Key and at least one value")
    if key not in FILTERABLE:
        raise invalid(f"Dimension {key} is not supported in this operation")
    if not set(content.get("MatchOptions", ())) <= _SIMPLE:
        raise invalid("Match options of Dimensions can only be EQUALS and CASE_SENSITIVE")
    wanted = frozenset(values)
    return lambda line: line.dimensions[key] in wanted


def _presence(content: Expression, what: str) -> tuple[frozenset[str], bool]:
    """The values asked for, and whether absence is asked for."""
    options, values = set(content.get("MatchOptions", ())), content.get("Values") or ()
    if not options <= {*_SIMPLE, "ABSENT"}:
        raise invalid(f"Match options of {what} can only be EQUALS, ABSENT and CASE_SENSITIVE")
    absent = "ABSENT" in options
    if absent and values:
        raise invalid(f"{what} must not have Values with the match option ABSENT")
    if not absent and not values:
        raise invalid(f"{what} needs Values")
    return frozenset(values), absent


def _attribute(content: Expression) -> Test:
    key = content["Key"]
    wanted, absent = _presence(content, "ProductAttributes")
    if absent:
        return lambda line: line.supported and not line.attributes.get(key)
    return lambda line: line.attributes.get(key, "") in wanted and bool(line.attributes.get(key))


def _tag(content: Expression, *, known: bool) -> Test:
    key = content.get("Key") or ""
    wanted, absent = _presence(content, "Tags" if known else "CostCategories")
    if absent:
        return lambda line: not line.tags.get(key)
    return lambda line: (line.tags.get(key, "") if known else "") in wanted


def uses_attributes(expression: Expression | None) -> bool:
    """Whether an expression filters by a product attribute anywhere."""
    return any(root == "ProductAttributes" for root, _ in _leaves(expression))


def _leaves(expression: Expression | None) -> Iterator[tuple[str, Expression]]:
    for root, content in (expression or {}).items():
        if root in ("And", "Or"):
            for part in content:
                yield from _leaves(part)
        elif root == "Not":
            yield from _leaves(content)
        elif content is not None:
            yield root, content


def _service_filters(expression: Expression | None) -> list[Expression]:
    return [c for root, c in _leaves(expression) if root == "Dimensions" and c.get("Key") == "SERVICE"]


def _binds(expression: Expression) -> bool:
    """Whether a SERVICE filter applies to everything an expression lets through."""
    if "And" in expression:
        return any(_binds(part) for part in expression["And"])
    if "Or" in expression:
        return all(_binds(part) for part in expression["Or"])
    return bool(expression.get("Dimensions", {}).get("Key") == "SERVICE")


def check_attributes(expression: Expression | None, period: Period, *, service_required: bool) -> None:
    """The rules that hold as soon as product attributes are filtered or grouped by.

    Raises:
        ServiceError: DataUnavailableException before 2026-09-01, ValidationException for a SERVICE filter that is
            missing where it must be, names another service, or does not hold for the whole request.
    """
    if period.start < ATTRIBUTES_FROM:
        raise unavailable(
            f"Product attribute data is available for time periods that start on or after {ATTRIBUTES_FROM}."
        )
    found = _service_filters(expression)
    if not found:
        if service_required:
            raise invalid("A SERVICE filter is required when you filter by product attributes")
        return
    for content in found:
        foreign = [name for name in content.get("Values") or () if not is_supported(name)]
        if foreign:
            raise invalid(f"Product attributes are not supported for the service {foreign[0]}")
    if expression is not None and not _binds(expression):
        raise invalid("The SERVICE filter must apply to the whole request")
