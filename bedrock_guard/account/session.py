"""One object that stands for an AWS account, real or demo: clients, who is asking, what was asked and its price."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from bedrock_guard import __version__
from bedrock_guard.account.answers import NotAwsAnswer, demanded
from bedrock_guard.account.requests import RequestCounter
from bedrock_guard.demo.clock import Clock, DemoClock, SystemClock
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    import boto3
    import pandas as pd
    from botocore.client import BaseClient
    from botocore.config import Config

    from bedrock_guard.account.caller_spend import CallerSpend
    from bedrock_guard.account.cost_explorer import Window
    from bedrock_guard.account.costs import BillReading
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.account.keys import Keys
    from bedrock_guard.account.principals import Principals
    from bedrock_guard.account.resources import Resources
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.account.spending import Spending
    from bedrock_guard.account.trail_lookup import Lookup
    from bedrock_guard.demo.dispatch import Backend
    from bedrock_guard.demo.faults import Fault

READ_ATTEMPTS = 8
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws")
# botocore names events by service id; where that is not boto3's name of the service.
_SERVICE_OF_ID = {"cost-explorer": "ce"}


class EndpointRefusedError(GuardError):
    """A request was about to leave for a host that is not AWS's."""


class SessionError(GuardError):
    """No session: profile, Region or credentials are missing."""


class Account:
    """An AWS account to read from. Made by ``Account.connect`` or ``Account.demo``.

    Attributes:
        mode: ``"real"`` or ``"demo"``.
        region: the Region that clients get when none is named.
        clock: what waits and tells the time; in the demo it stands still but for waiting.
        requests: what was asked so far, and its price.
        demo_backend: the demo's own side (faults, state); None on a real account.
    """

    def __init__(
        self,
        session: boto3.Session,
        mode: Literal["real", "demo"],
        region: str,
        clock: Clock,
        *,
        demo_backend: Backend | None = None,
        endpoints: Collection[str] = (),
    ) -> None:
        self.mode = mode
        self.region = region
        self.clock = clock
        self.requests = RequestCounter()
        self.demo_backend = demo_backend
        self._session = session
        self._endpoints = frozenset(endpoints)
        self._clients: dict[tuple[str, str, int], BaseClient] = {}
        self._lock = threading.RLock()
        self._identity: Mapping[str, str] | None = None
        session.events.register_first("before-send.*", self._on_request, unique_id="bedrock-guard-requests")

    @classmethod
    def connect(
        cls,
        profile: str | None = None,
        region: str | None = None,
        *,
        endpoints: Collection[str] = (),
        clock: Clock | None = None,
    ) -> Account:
        """A real account, through boto3's own credential chain. Nothing is sent yet.

        Args:
            profile: a profile of the AWS config files; by default what boto3 chooses.
            region: by default the profile's.
            endpoints: host names outside AWS's domains that may be asked all the same (a private proxy, an emulator).
            clock: by default the machine's.

        Raises:
            SessionError: the profile does not exist, or no Region is set.
        """
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            session = boto3.Session(profile_name=profile, region_name=region)
        except BotoCoreError as error:
            raise SessionError(
                "No session with AWS.",
                why=str(error),
                remedy="Name a profile of your AWS configuration, or unset AWS_PROFILE; the demo account needs none.",
            ) from error
        if not session.region_name:
            raise SessionError("No Region is set.", remedy="Give region=..., or set one in the profile.")
        return cls(session, "real", session.region_name, clock or SystemClock(), endpoints=endpoints)

    @classmethod
    def demo(  # noqa: PLR0913 - every one has a default and is given by name
        cls,
        state: Path | str | None = None,
        seed: int | None = None,
        days: int | None = None,
        accounts: int | None = None,
        calls: int | None = None,
        enforce: bool = False,  # noqa: FBT001, FBT002 - one flag of the public face, given by name
        *,
        principal: str | None = None,
        region: str = "us-east-1",
        clock: DemoClock | None = None,
        faults: Iterable[Fault] = (),
    ) -> Account:
        """The embedded account: real boto3 clients, no network, no credentials, always the same numbers.

        Args:
            state: a SQLite file to share between commands and processes; by default a temporary one.
            seed: what the company is made from; by default 7, or what the file was made with.
            days: length of its history; by default 90.
            accounts: how many accounts; by default 3.
            calls: how many calls of Bedrock in its history; by default 20,000.
            enforce: decide every request by the caller's policies, boundary and SCPs.
            principal: ARN of the user or role to act as; by default the company's analyst.
            region: the Region of the session.
            clock: by default one that stands at 2026-11-20T12:00Z.
            faults: what goes wrong, see ``bedrock_guard.demo.faults``.

        Raises:
            DemoStateError: the file is no demo state, or was made with other numbers.
        """
        from bedrock_guard.demo.opening import Size, open_backend

        backend = open_backend(
            Path(state) if state is not None else None,
            Size(seed, days, accounts, calls),
            enforce=enforce,
            faults=faults,
            clock=clock,
            read_timeout=READ_TIMEOUT_S,
        )
        return cls.on_demo(backend, principal=principal, region=region)

    @classmethod
    def on_demo(cls, backend: Backend, *, principal: str | None = None, region: str = "us-east-1") -> Account:
        """Another session on a demo account that is already open, as another principal or in another Region.

        Raises:
            DemoStateError: there is no such user or role in it.
        """
        from bedrock_guard.demo import callers, hook
        from bedrock_guard.demo.errors import DemoStateError

        who = principal or backend.state.meta("caller") or ""
        try:
            with backend.state.transaction(write=True):
                caller = callers.register(backend.state, who, session="demo")
        except LookupError as error:
            raise DemoStateError(
                f"{who} is nobody in the demo account.",
                remedy="Give the ARN of a user or role of the company.",
            ) from error
        session = hook.open_session(backend, caller, region)
        return cls(session, "demo", region, backend.state.clock, demo_backend=backend)

    @property
    def now(self) -> datetime:
        """The present moment (UTC); in the demo the fixed moment its clock started from."""
        return self.clock.start if isinstance(self.clock, DemoClock) else self.clock.now()

    @property
    def account_id(self) -> str:
        """The account of the caller, twelve digits. Asks STS once."""
        return self._who()["Account"]

    @property
    def caller_arn(self) -> str:
        """Who asks. Asks STS once."""
        return self._who()["Arn"]

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov``, ..."""
        return self.caller_arn.split(":")[1]

    def _who(self) -> Mapping[str, str]:
        with self._lock:
            if self._identity is None:
                try:
                    answer = self.client("sts").get_caller_identity()
                except KeyError as error:  # botocore's XML parser on a well-formed page that is not AWS's
                    raise NotAwsAnswer(
                        "The answer was not AWS's: it does not say who asks.",
                        why="Something between here and AWS (a proxy, a sign-in page) answered instead.",
                        remedy="Check the network and ask again.",
                    ) from error
                self._identity = {key: str(demanded(answer, key)) for key in ("Account", "Arn", "UserId")}
            return self._identity

    def situation(
        self, days: int = 28, regions: Sequence[str] | None = None, *, calls: str | Path = ""
    ) -> Situation:
        """The calls, the bill and the models of this account for a window; see `situation.look`.

        `calls` is a trail store, a file of the command `tuples`, files of a trail, or `s3://bucket/prefix`, to take the
        calls from instead of Event history.
        """
        from bedrock_guard.account.situation import look

        return look(self, days, regions, store=str(calls))

    def investigation(
        self, days: int = 90, regions: Sequence[str] = (), *, spec: str | Path = "", calls: str | Path = ""
    ) -> Investigation:
        """The keys of this account and what was done with them; see `investigation.investigate`.

        `spec` is a spec file whose [findings] say when a finding speaks, and which names `break_glass`; `calls` a
        trail store, files of a trail, or `s3://bucket/prefix`, to take the calls from, which may reach further back
        than Event history.
        """
        from bedrock_guard.account.investigation import break_glass_of, investigate, thresholds_of

        limits, glass = thresholds_of(spec), break_glass_of(spec)
        return investigate(self, days, regions, thresholds=limits, break_glass=glass, store=str(calls))

    def spending(self, days: int = 28, *, keep: str | Path = "") -> Spending:
        """What was spent, with all that a page of spend shows; see `spending.read_spending`. Costs money."""
        from bedrock_guard.account.spending import read_spending

        return read_spending(self, days, keep=keep)

    def caller_spend(
        self,
        found: Spending,
        *,
        history: bool = True,
        logs: str = "",
        export: str = "",
        calls: str | Path = "",
    ) -> CallerSpend:
        """Who spent it; see `caller_spend.read_caller_spend`. Free of charge, but for reading S3."""
        from bedrock_guard.account.caller_spend import read_caller_spend

        return read_caller_spend(self, found, history=history, logs=logs, export=export, calls=str(calls))

    def client(self, service: str, region: str | None = None, *, attempts: int = READ_ATTEMPTS) -> BaseClient:
        """A boto3 client, made once per service, Region and number of attempts.

        Args:
            service: boto3's name of the service.
            region: by default the account's.
            attempts: how often a request is tried in all. 1 for what must not be done twice.
        """
        key = (service, region or self.region, attempts)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._session.client(
                    service, region_name=key[1], config=self._config(service, attempts)
                )
                self._check_host(self._clients[key].meta.endpoint_url)
            return self._clients[key]

    def _config(self, service: str, attempts: int) -> Config:
        from botocore.config import Config

        # SigV4 by name, or a bearer token in the environment would speak instead of the caller that is shown.
        signature = {} if service == "s3" else {"signature_version": "v4"}
        return Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=32,
            user_agent_extra=f"bedrock-guard/{__version__}",
            **signature,
        )

    def _on_request(self, request: Any, event_name: str, **_more: Any) -> None:
        _event, service_id, operation = event_name.split(".")
        self._check_host(request.url)
        self.requests.add(_SERVICE_OF_ID.get(service_id, service_id), operation)

    def _check_host(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if host in self._endpoints or any(host.endswith(f".{domain}") for domain in AWS_DOMAINS):
            return
        stray = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))
        raise EndpointRefusedError(
            f"{host or 'This endpoint'} is not an AWS host; nothing was sent.",
            why=f"{', '.join(stray)} is set." if stray else "The AWS configuration names this endpoint.",
            remedy="Unset it, or name the host in Account.connect(endpoints=[...]).",
        )

    def bill(self, window: Window | None = None) -> BillReading:
        """The bill of Bedrock day by day and its control total; by default of the last 28 whole days. Costs money."""
        from bedrock_guard.account.costs import read_bill

        return read_bill(self, window)

    def calls(self, days: int = 7, regions: Collection[str] = ()) -> Lookup:
        """What CloudTrail's Event history tells of the last ``days`` days (at most 90), by default in one Region."""
        from bedrock_guard.account.trail_lookup import look_up

        return look_up(self, regions or (self.region,), self.now - timedelta(days=days), self.now)

    def keys(self, calls: pd.DataFrame | None = None) -> Keys:
        """Who holds keys of Bedrock; with the table of calls also who made and used them."""
        from bedrock_guard.account.keys import read_keys

        return read_keys(self, calls)

    def principals(self, calls: pd.DataFrame | None = None) -> Principals:
        """Users and roles with their boundaries and policies; with the table of calls also what they last did."""
        from bedrock_guard.account.principals import read_principals

        return read_principals(self, calls)

    def resources(self, regions: Collection[str] = ()) -> Resources:
        """What exists in Bedrock, by default in one Region: guardrails, jobs, agents, provisioned throughput."""
        from bedrock_guard.account.resources import read_resources

        return read_resources(self, regions or (self.region,))


def unknown_profile(name: str) -> SessionError | None:
    """Why a command cannot open an account under this name; None where there is a profile of it, or it needs none."""
    from botocore.session import Session

    known = [] if name in {"demo", "default"} else Session().available_profiles
    if name in {"demo", "default", *known}:
        return None
    return SessionError(
        f"There is no AWS profile {name!r}.",
        why=f"The AWS configuration has {', '.join(known) or 'none'}.",
        remedy="Give demo, default (boto3's own choice, such as a role of the machine), or a profile.",
    )


def open_account(name: str = "demo", region: str | None = None) -> Account:
    """The demo account, or a real one by the name of its AWS profile; "default" takes boto3's own choice.

    Raises:
        SessionError: the profile does not exist, or no Region is set.

    """
    if name == "demo":
        return Account.demo()
    if error := unknown_profile(name):
        raise error
    return Account.connect(None if name == "default" else name, region)
