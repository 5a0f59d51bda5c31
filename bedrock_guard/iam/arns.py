"""Does a resource fit one of several patterns? One split of the ARN serves them all.

Meaning: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html and
`globs.compile_resource`, which this agrees with pattern by pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bedrock_guard.iam import globs

OnText = Callable[[str], bool]
_PARTS = 6


def any_glob(patterns: Sequence[str]) -> OnText:
    """Whether a whole text fits one of the patterns: literal ones by look-up, prefixes in one test.

    Example:
        >>> fits = any_glob(["t3.*", "m7g.large"])
        >>> fits("t3.micro"), fits("m7g.large"), fits("m7g.xlarge")
        (True, True, False)
    """
    literal = [globs.unescape(one) for one in patterns if not globs.has_wildcard(one)]
    prefixes = tuple(globs.unescape(one[:-1]) for one in patterns if _is_prefix(one))
    predicates = [
        globs.compile_glob(one) for one in patterns if globs.has_wildcard(one) and not _is_prefix(one)
    ]
    if prefixes:
        predicates.insert(0, lambda text: text.startswith(prefixes))
    if literal or not predicates:
        predicates.insert(0, frozenset(literal).__contains__)
    return one_of(predicates)


def _is_prefix(pattern: str) -> bool:
    return pattern.endswith("*") and not globs.has_wildcard(pattern[:-1])


def one_of(predicates: Sequence[OnText]) -> OnText:
    """The predicate "one of these holds"."""
    if len(predicates) == 1:
        return predicates[0]
    if len(predicates) == 2:
        first, second = predicates
        return lambda text: first(text) or second(text)
    each = tuple(predicates)

    def predicate(text: str) -> bool:
        for one in each:  # noqa: SIM110 - a generator would cost more than the tests
            if one(text):
                return True
        return False

    return predicate


def any_resource(patterns: Sequence[str]) -> OnText:
    """Whether a resource fits one of the patterns of a Resource element (escaped, variables replaced)."""
    simple: list[str] = []
    others: list[str] = []
    for pattern in patterns:
        parts = pattern.split(":", _PARTS - 1)
        plain = len(parts) == _PARTS and all(one == "*" or not globs.has_wildcard(one) for one in parts[:-1])
        (simple if plain and "*" in parts[:-1] else others).append(pattern)
    predicates = [globs.compile_resource(one) for one in others]
    if simple:
        predicates.append(_by_parts([one.split(":", _PARTS - 1) for one in simple]))
    return one_of(predicates) if predicates else frozenset[str]().__contains__


def _by_parts(patterns: Sequence[Sequence[str]]) -> OnText:
    """For patterns whose first five parts are each literal or `*`: those with the same five share one test."""
    heads: dict[tuple[str | None, ...], list[str]] = {}
    for *head, last in patterns:
        heads.setdefault(tuple(None if one == "*" else globs.unescape(one) for one in head), []).append(last)
    table = [(head[0], head[1], head[2], head[3], head[4], any_glob(lasts)) for head, lasts in heads.items()]

    def predicate(resource: str) -> bool:
        parts = resource.split(":", _PARTS - 1)
        if len(parts) != _PARTS:
            return False
        scheme, partition, service, region, account, last = parts
        for a, b, c, d, e, fits in table:
            if (
                (c is None or c == service)
                and (e is None or e == account)
                and (d is None or d == region)
                and (b is None or b == partition)
                and (a is None or a == scheme)
                and fits(last)
            ):
                return True
        return False

    return predicate
