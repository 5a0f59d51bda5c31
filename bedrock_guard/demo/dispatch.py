"""One request from the wire to the answer: the account's front door."""

from __future__ import annotations

import threading
import uuid
from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from botocore.model import OperationModel

from bedrock_guard.demo import callers, enforce, record
from bedrock_guard.demo.answers import checked_answer
from bedrock_guard.demo.checks import input_problems, member_at_fault
from bedrock_guard.demo.errors import NotInDemo
from bedrock_guard.demo.faults import Fault, Faults, Kind, NoAnswer, SimulatedCrash, error_for, skewed
from bedrock_guard.demo.protocol import WireAnswer, WireProtocol, WireRequest, error_status, service_model
from bedrock_guard.demo.protocols import protocol_of
from bedrock_guard.demo.service import Answer, Need, Operation, Paging, Request, Service, ServiceError
from bedrock_guard.demo.services import find_service
from bedrock_guard.demo.state import State
from bedrock_guard.demo.tokens import Tokens

_PROXY_PAGE = (
    b"<html><head><title>Blocked</title></head><body>This page is blocked by your proxy.</body></html>"
)
_INVALID_INPUT = {"query": "ValidationError", "ec2": "InvalidParameterValue"}


class Backend:
    """Answers requests from a state file.

    Args:
        state: the account's state.
        token_key: what page tokens are signed with; the same for every process on one state.
        enforce: decide every call by the caller's policies.
        faults: what goes wrong.
        read_timeout: seconds after which the client stops waiting (a ``slow`` fault beyond it has no answer).

    Attributes:
        faults: ``backend.faults.set(Fault(...))`` changes what goes wrong.
        calls: the names of the last 10,000 calls, ``service:Operation``, refused and failed ones included.
        asked: with ``enforce``, the last 10,000 authorisations that were decided.
    """

    def __init__(
        self,
        state: State,
        token_key: bytes,
        *,
        enforce: bool = False,
        faults: Iterable[Fault] = (),
        read_timeout: float = 60.0,
    ) -> None:
        self.state = state
        self.enforce = enforce
        self.faults = Faults(faults)
        self.read_timeout = read_timeout
        self.calls: deque[str] = deque(maxlen=10_000)
        self.asked: deque[Need] = deque(maxlen=10_000)
        self._tokens = Tokens(token_key)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._buckets: dict[str, tuple[float, datetime]] = {}

    def answer(self, service: str, operation: str, wire: WireRequest) -> WireAnswer:
        """Answer one request.

        Raises:
            NotInDemo: there is no such operation here.
            NoAnswer: a fault took the answer away.
            SimulatedCrash: a fault that ends the caller.
            DemoDefectError: the answer would not be AWS's.
        """
        definition = find_service(service)
        if definition is None or operation not in definition.operations:
            raise NotInDemo(service, operation)
        call = f"{service}:{operation}"
        self.calls.append(call)
        due = self.faults.due(call)
        self._before(due)
        if "html200" in due:
            return WireAnswer(200, {"Content-Type": "text/html"}, _PROXY_PAGE)
        return self._after(due, self._work(definition, definition.operations[operation], wire, due))

    def _before(self, due: dict[Kind, Fault]) -> None:
        admin = due.get("other_admin")
        if admin is not None and admin.act is not None:
            admin.act(self)
        if "crash_before" in due:
            raise SimulatedCrash
        if "reset_before" in due:
            raise NoAnswer("reset")

    def _after(self, due: dict[Kind, Fault], answer: WireAnswer) -> WireAnswer:
        if "crash_after" in due:
            raise SimulatedCrash
        if "slow" in due:
            self.state.clock.sleep(due["slow"].seconds)
            if due["slow"].seconds > self.read_timeout:
                raise NoAnswer("timeout")
        if "lost_after" in due:
            raise NoAnswer("reset")
        if "truncated" in due:
            return WireAnswer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        return answer

    def _work(
        self, definition: Service, operation: Operation, wire: WireRequest, due: dict[Kind, Fault]
    ) -> WireAnswer:
        model = service_model(definition.name)
        speaks = protocol_of(definition.name)
        request_id = self._request_id(f"{definition.name}:{operation.name}")
        skew = _skew(due, wire, model.resolved_protocol)
        if skew is not None:
            error, own_time = skew
            said = speaks.encode_error(model, error, error_status(model, error), request_id)
            return WireAnswer(said.status, said.headers | own_time, said.body)
        try:
            refused = error_for(due, model.resolved_protocol)
            if refused is not None:
                raise refused
            for section in ("core", *definition.sections):
                self.state.ensure(section)
            operation_model = model.operation_model(operation.name)
            request = self._request(definition, operation_model, speaks, wire, due, request_id)
            answer = self._handle(request, operation, operation_model, wire)
            return speaks.encode(operation_model, answer, request_id)
        except ServiceError as error:
            return speaks.encode_error(model, error, error_status(model, error), request_id)

    def _request(
        self,
        definition: Service,
        model: OperationModel,
        speaks: WireProtocol,
        wire: WireRequest,
        due: dict[Kind, Fault],
        request_id: str,
    ) -> Request:
        protocol = model.service_model.resolved_protocol
        now = self.state.clock.now()
        caller, region = callers.identify(self.state, wire, protocol, now)
        stale = (
            due["stale"].seconds if "stale" in due and not definition.operations[model.name].writes else 0.0
        )
        return Request(
            definition=definition,
            operation=model.name,
            parameters=_checked_input(definition, model, speaks, wire),
            caller=caller,
            account=caller.account,
            region=region,
            now=now,
            state=self.state,
            items=self.state.items(definition.name, caller.account, seconds_old=stale),
            tokens=self._tokens,
            request_id=request_id,
            paging=_paging(due),
            take=self._take,
        )

    def _handle(
        self, request: Request, operation: Operation, model: OperationModel, wire: WireRequest
    ) -> Answer:
        """Decide, do and check in one transaction; a refusal is in CloudTrail, and nothing else is left of it."""
        try:
            with self.state.transaction(write=operation.writes):
                return self._decide_and_do(request, operation, model, wire)
        except enforce.RefusedError as refused:
            with self.state.transaction(write=True):
                record.remember(request, wire, refused=refused)
            raise

    def _decide_and_do(
        self, request: Request, operation: Operation, model: OperationModel, wire: WireRequest
    ) -> Answer:
        if self.enforce:
            enforce.authorise(request, self.asked.append)
        found = operation.handler(request) or {}
        answer = checked_answer(model, found, operation.may_lack, operation.beyond)
        if operation.writes:
            record.remember(request, wire, answer)
        return answer

    def _request_id(self, call: str) -> str:
        with self._lock:
            self._counts[call] += 1
            return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{call}:{self._counts[call]}"))

    def _take(self, name: str, per_second: float) -> bool:
        """A token bucket as deep as one second."""
        now = self.state.clock.now()
        with self._lock:
            left, at = self._buckets.get(name, (per_second, now))
            left = min(per_second, left + (now - at).total_seconds() * per_second)
            enough = left >= 1
            self._buckets[name] = (left - 1 if enough else left, now)
        return enough


def _checked_input(
    definition: Service, model: OperationModel, speaks: WireProtocol, wire: WireRequest
) -> Answer:
    protocol = model.service_model.resolved_protocol
    try:
        parameters = speaks.decode(model, wire)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        code = "MalformedInput" if protocol in {"query", "ec2"} else "SerializationException"
        raise ServiceError(code, "The request could not be read.") from None
    problems = input_problems(model.input_shape, parameters, enums=definition.checks_enums)
    if problems:
        own = definition.operations[model.name].input_errors.get(member_at_fault(problems[0]))
        code = own or definition.invalid_input or _INVALID_INPUT.get(protocol, "ValidationException")
        errors = "error" if len(problems) == 1 else "errors"
        raise ServiceError(code, f"{len(problems)} validation {errors} detected: {'; '.join(problems)}", 400)
    return parameters


def _skew(
    due: dict[Kind, Fault], wire: WireRequest, protocol: str
) -> tuple[ServiceError, dict[str, str]] | None:
    signed_at = next((value for name, value in wire.headers.items() if name.lower() == "x-amz-date"), "")
    return skewed(due["clock_skew"], signed_at, protocol) if "clock_skew" in due and signed_at else None


def _paging(due: dict[Kind, Any]) -> Paging:
    if "empty_page" in due:
        return "empty"
    return "short" if "short_page" in due else "normal"
