"""What both reports are: parameters checked, an account read, and figures with names handed over to the runner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

from bedrock_guard.account.card import AccountCard
from bedrock_guard.account.facts import load_facts
from bedrock_guard.account.session import open_account
from bedrock_guard.evidence.tables import Provenance
from bedrock_guard.present.note import Note
from bedrock_guard.present.table import Shown
from bedrock_guard.reports.figures import Figure, Figures, Finding, HandedOver, sources_of
from bedrock_guard.reports.parts import Html, findings_list, sources_list
from bedrock_guard.reports.settings import SETTINGS, Settings
from bedrock_guard.reports.trend import Earlier, news

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

S = TypeVar("S", bound=Settings)


class AccountReport(ABC, Generic[S]):
    """One run's evidence and what is shown of it; a report says what it reads and which figures that gives."""

    kind: ClassVar[str]
    settings: S
    earlier: Earlier

    @classmethod
    def make(cls, **parameters: Any) -> Self:
        """Read the account and compute.

        Raises:
            ValidationError: a parameter is unknown or does not fit.
            GuardError: the spec cannot be used, or no session could be made.

        """
        settings = cast("S", SETTINGS[cls.kind].model_validate(parameters))
        return cls.of(open_account(settings.account, settings.region or None), settings)

    @classmethod
    @abstractmethod
    def of(cls, account: Account, settings: S) -> Self:
        """The report of an open account."""

    @property
    @abstractmethod
    def card(self) -> AccountCard:
        """Who was asked, and what asking cost."""

    @property
    @abstractmethod
    def window(self) -> tuple[datetime, datetime]:
        """The first instant of the window, and the first no longer in it, UTC."""

    @property
    @abstractmethod
    def gaps(self) -> tuple[str, ...]:
        """What should have been read and was not."""

    @property
    @abstractmethod
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to look at, gravest first."""

    @property
    @abstractmethod
    def lead(self) -> tuple[str, ...]:
        """What it comes to, a sentence each: the first thing that a person reads."""

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Figure]:
        """Every figure by its name."""

    @property
    @abstractmethod
    def own_names(self) -> dict[str, str]:
        """Names in what was read -> their kind."""

    @abstractmethod
    def provenances(self) -> dict[str, Provenance]:
        """Table -> where it came from."""

    @property
    def behind(self) -> dict[str, Provenance]:
        """Provenance of every table that a figure names."""
        return self.provenances()

    @property
    def unseen(self) -> tuple[str, ...]:
        """What no table of this report can show."""
        return ()

    @property
    def findings_shown(self) -> Html:
        """The findings as a list."""
        return findings_list(self.findings)

    @property
    def news(self) -> Shown | Note:
        """What changed since the last run."""
        return news(self.numbers, self.findings, self.earlier)

    @property
    def sources(self) -> Html:
        """Where each table came from, what cannot be seen, and what `doctor` found out about this account."""
        said = [f"In all {self.card.asked}.", *self.unseen]
        return sources_list(self.provenances(), said, load_facts(self.card.account_id))

    @cached_property
    def figures(self) -> Figures:
        """Every figure of the report, as data."""
        start, end = self.window
        return Figures(
            report=self.kind,
            account_id=self.card.account_id,
            window_start=start,
            window_end=end,
            made_at=self.card.now,
            time_zone=self.settings.time_zone,
            sources=sources_of(self.behind),
            figures=self.numbers,
            findings=self.findings,
            gaps=self.gaps,
            lead=self.lead,
            compared_with=self.earlier.last.window_end if self.earlier.last else None,
            alarm_from=self.settings.alarm_from,
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """Names that pseudonyms replace -> their kind."""
        profile = {} if self.settings.account == "demo" else {self.settings.account: "profile"}
        return self.own_names | profile

    @property
    def handed_over(self) -> HandedOver:
        """The figures, and the names for the runner."""
        return HandedOver(self.figures, self.names)
