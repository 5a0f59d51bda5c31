"""The face people know: the parameters and the response of IAM's SimulateCustomPolicy, answered locally.

Shape and meaning: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html

Beyond AWS's call: `SessionPolicyInputList` (the policies passed when a session was made);
`OrderedResourceControlPolicyInputList` (levels of `{"ResourceControlPolicyInputList": [document, …]}`); `CallerArn` may
be a role, an assumed-role session, an account root or a service; and `MissingContextValues` names the keys of
service and resource control policies too, which AWS leaves out. Without `MaxItems` the answer is never truncated.
`ResourceHandlingOption` is accepted and has no effect. The `EvalResourceName` of an action is the resource where
one is asked for and else "*"; AWS may give the ARN format of the resource type, and no list of these is kept
here. For cross-account requests `EvalDecisionDetails` has the entries "IdentityPolicy" and "ResourcePolicy".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.simulation import Simulation
from bedrock_guard.iam.simulation_request import parse_request
from bedrock_guard.iam.values import RequestError

__all__ = ["run_cases", "simulate_custom_policy"]

_LONGEST_LINE = 4_000_000


def simulate_custom_policy(**request: Any) -> dict[str, Any]:
    """Answer what `boto3.client("iam").simulate_custom_policy(**request)` would, without an account.

    Args:
        request: the parameters of SimulateCustomPolicy and the extensions named in this module's docstring.

    Returns:
        A response of AWS's shape: `EvaluationResults`, one for each action, and `IsTruncated` (with `Marker`).

    Raises:
        PolicyError: for a policy that is not understood, with line and column.
        RequestError: for a parameter that is missing, unknown or of the wrong type.

    Example:
        >>> allow = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}'
        >>> answer = simulate_custom_policy(PolicyInputList=[allow], ActionNames=["s3:GetObject"])
        >>> answer["EvaluationResults"][0]["EvalDecision"]
        'allowed'
    """
    return Simulation(parse_request(request)).response()


def run_cases(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Answer requests given one a line as JSON.

    Yields:
        For each line, in order: the response as one line of JSON and True, or `{"Error": {"Code", "Message"}}`
        and False for a line that cannot be answered.

    Example:
        >>> [(answer[:9], good) for answer, good in run_cases(["{}"])]
        [('{"Error":', False)]
    """
    for line in lines:
        try:
            answer = simulate_custom_policy(**_request(line))
        except GuardError as error:
            message = {"Error": {"Code": type(error).__name__, "Message": str(error)}}
            yield json.dumps(message), False
        else:
            yield json.dumps(answer), True


def _request(line: str) -> Mapping[str, Any]:
    if len(line) > _LONGEST_LINE:
        raise RequestError(
            f"The line has {len(line):,} characters.", why=f"At most {_LONGEST_LINE:,} are read."
        )
    try:
        request = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # ValueError: also an integer too long to read
        raise RequestError("The line is not one JSON object.", why=str(error)) from error
    if not isinstance(request, dict):
        raise RequestError("The line is not one JSON object.")
    return request


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RequestError("A name occurs twice in one object of the request.")
    return found


def _no_constant(name: str) -> Any:
    raise RequestError(f"{name} is no JSON number.")
