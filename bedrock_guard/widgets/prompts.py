"""The rules for prompts as a person edits them, and what follows: request, enforcement, gaps, a try, files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets as w
import tomlkit
import traitlets as t
from pydantic import ValidationError

from bedrock_guard.account.prompts import Existing, apply_guardrail, guardrails
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec, open_account
from bedrock_guard.boundary import names
from bedrock_guard.boundary.builder import build
from bedrock_guard.boundary.export import write
from bedrock_guard.boundary.guardrail import GAPS, create_request, enforcement_request, matched_words
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.errors import GuardError
from bedrock_guard.widgets.parts import alert, shows_errors, status
from bedrock_guard.widgets.prompt_editors import HARM, editors, sentence
from bedrock_guard.widgets.prompt_words import (
    Told,
    counted,
    gaps,
    judged,
    line,
    more,
    not_judged,
    visible,
    words_verdict,
)


class PromptChoices(t.HasTraits):
    """The prompt rules as edited, and what they make. No widget here, and no prompt.

    Args:
        spec: the spec to start from, the path of its TOML file, or nothing for the shipped example.
        profile: the profile that enforces the guardrail; may be left out where the spec has one.

    Attributes:
        table: the `[guardrail]` table of the spec as plain data, whether valid or not.
        guardrail: ARN of the guardrail in AWS, without a version; empty before there is one.
        version: the version to enforce or to try.
        rules: the rules of `table`; None while something is wrong with it.
        problems: what is wrong -> the error. Keys are `spec`, `rules`, a field, or `denied_topics.N`.

    """

    table = t.Dict()
    guardrail = t.Unicode()
    version = t.Unicode("1")
    rules = t.Instance(PromptRules, allow_none=True)
    problems = t.Dict()

    def __init__(self, spec: BoundarySpec | str | Path | None = None, profile: str | None = None) -> None:
        super().__init__()
        self.start: BoundarySpec | None = None
        self.profile_name = ""
        self._unread: dict[str, GuardError] = {}
        try:
            self.start = _spec(spec)
            self.profile_name, chosen = self.start.only(profile or None)
        except GuardError as error:
            self._unread = {"spec": error}
        else:
            required = chosen.controls.guardrail_required
            self.guardrail = required if isinstance(required, str) else ""
        self.table = _plain((self.start and self.start.guardrail) or PromptRules())
        self.observe(self._follow, names="table")
        self._follow()

    def change(self, **fields: Any) -> None:
        """Set fields of the table, as plain data."""
        self.table = {**self.table, **fields}

    def strength(self, name: str) -> str:
        """The strength of one harm filter."""
        return str(self.table.get("filters", {}).get(name, self.table.get("explicit_language", "NONE")))

    def set_strength(self, name: str, strength: str) -> None:
        """Set one harm filter; the table names only those that differ from `explicit_language`."""
        filters = {**self.table.get("filters", {}), name: strength}
        common = self.table.get("explicit_language", "NONE")
        self.change(filters={key: value for key, value in filters.items() if value != common})

    def set_all_strengths(self, strength: str) -> None:
        """Set all five harm filters."""
        self.change(explicit_language=strength, filters={})

    @property
    def valid(self) -> PromptRules:
        """The rules.

        Raises:
            GuardError: something is wrong with them; the first of `problems`.

        """
        if self.problems:
            raise next(iter(self.problems.values()))
        assert self.rules is not None
        return self.rules

    def request(self) -> dict[str, Any]:
        """The parameters of CreateGuardrail.

        Raises:
            GuardError: the rules are not valid.

        """
        return create_request(self.valid)

    def toml(self) -> str:
        """The `[guardrail]` part of the spec.

        Raises:
            GuardError: the rules are not valid.

        """
        return tomlkit.dumps({"guardrail": _plain(self.valid)})

    @property
    def arn(self) -> str:
        """The guardrail's ARN, or while there is none a stand-in that no guardrail has."""
        if self.guardrail.strip():
            return self.guardrail.strip()
        if self.start is None or not self.profile_name:
            return "arn:aws:bedrock:us-east-1:111122223333:guardrail/placeholder"
        _, profile = self.start.only(self.profile_name)
        return f"arn:{profile.partition}:bedrock:{profile.regions[0]}:{profile.accounts[0]}:guardrail/placeholder"

    @property
    def named(self) -> bool:
        """Whether a real guardrail is named."""
        return bool(self.guardrail.strip())

    def statements(self) -> dict[str, list[dict[str, Any]]]:
        """Document -> the statements in it that make the guardrail a must, as the builder writes them.

        Raises:
            GuardError: the ARN is none, or the documents cannot be built.

        """
        if self.start is None or not self.profile_name:
            raise self._unread["spec"]
        self._check_arn()
        wanted = self.start.with_controls(self.profile_name, guardrail_required=self.arn)
        built = build(BoundarySpec.loads(wanted.dumps()), profile=self.profile_name)
        found: dict[str, list[dict[str, Any]]] = {}
        for packed in built.packed:
            for statement in packed.document["Statement"]:
                if "guardrail_required" in built.controls_of(packed.name, statement.get("Sid", "")):
                    found.setdefault(packed.name, []).append(statement)
        return found

    def enforced(self) -> dict[str, Any]:
        """The parameters of PutEnforcedGuardrailConfiguration.

        Raises:
            GuardError: the ARN is none, or the version no number.

        """
        self._check_arn()
        return enforcement_request(self.arn, self.version.strip())

    def files(self) -> dict[str, str]:
        """What to take away: name -> text. Enforcement only once a real guardrail is named.

        Raises:
            GuardError: the rules, the ARN or the version are not valid.

        """
        found = {"create-guardrail.json": _json(self.request()), "guardrail.toml": self.toml()}
        if self.named:
            found["enforcement-statements.json"] = _json(self.statements())
            found["enforced-configuration.json"] = _json(self.enforced())
        return found

    def _check_arn(self) -> None:
        if names.guardrail(self.arn) is None:
            raise GuardError(
                "This is no guardrail ARN.",
                remedy="Give it without a version, such as arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123.",
            )

    def _follow(self, _change: object = None) -> None:
        problems = dict(self._unread)
        rules = None
        try:
            rules = PromptRules.model_validate(self.table)
            create_request(rules)
        except ValidationError as error:
            problems |= _problems(error)
        except GuardError as error:
            problems["rules"] = error
        with self.hold_trait_notifications():
            self.rules, self.problems = rules, problems


def _spec(spec: BoundarySpec | str | Path | None) -> BoundarySpec:
    if isinstance(spec, BoundarySpec):
        return spec
    return BoundarySpec.load(spec) if spec else example_spec()


def _plain(rules: PromptRules) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(rules.model_dump_json(exclude_defaults=True))
    return {"name": rules.name, **data}


def _problems(error: ValidationError) -> dict[str, GuardError]:
    found: dict[str, GuardError] = {}
    for detail in error.errors(include_url=False):
        steps = detail["loc"]
        topic = steps[0] == "denied_topics" and len(steps) > 1
        found.setdefault(f"{steps[0]}.{steps[1]}" if topic else str(steps[0]), sentence(detail))
    return found


def _json(value: Any) -> str:
    return f"{json.dumps(value, indent=2)}\n"


class PromptBench:
    """Widgets bound to `PromptChoices`; show `bench.widget` as a cell's last line.

    Args:
        account: "demo", the name of an AWS profile, or an open account. Rules can be edited without any.
        spec: the spec to start from, or the path of its TOML file; by default the shipped example.
        profile: the profile that enforces the guardrail, where the spec has several.

    """

    def __init__(
        self,
        account: Account | str = "demo",
        spec: BoundarySpec | str | Path | None = None,
        profile: str | None = None,
    ) -> None:
        self.choices = PromptChoices(spec, profile)
        self._head = w.HTML()
        self._request, self._statement, self._enforced, self._toml = (w.HTML() for _ in range(4))
        self.target = Target(self.choices, account)
        self.trial = Trial(self.choices, self.target.account)
        self.export = Export(self.choices)
        right = w.VBox(
            [self.target.widget, self._pages()], layout={"min_width": "20rem", "flex": "3 1 34rem"}
        )
        self.widget = w.VBox(
            [self._head, w.HBox([editors(self.choices), right], layout={"flex_flow": "row wrap"})]
        )
        self.choices.observe(self._rules_changed, names=["rules", "problems"])
        self.choices.observe(self._target_changed, names=["guardrail", "version"])
        self._rules_changed()
        self._target_changed()

    def request(self) -> Told:
        """The CreateGuardrail request of the rules as they are now."""
        note = "Parameters of CreateGuardrail. Nothing is sent from this page."
        return Told.of(self.choices.request, note)

    def statement(self) -> Told:
        """The policy statements that refuse a call without the guardrail."""
        return Told.of(self.choices.statements, f"By document of the boundary. {self._stand_in()}")

    def enforced(self) -> Told:
        """The account-level enforced configuration."""
        note = (
            "Parameters of PutEnforcedGuardrailConfiguration, once in each Region. A wrong ARN in it blocks all "
            f"inference in that Region, and every caller then needs bedrock:ApplyGuardrail. {self._stand_in()}"
        )
        return Told.of(self.choices.enforced, note)

    def gaps(self) -> Told:
        """What no guardrail closes."""
        return Told.of(
            lambda: "\n".join(f"• {gap}" for gap in GAPS), "What stays open whatever the rules say:"
        )

    def toml(self) -> Told:
        """The `[guardrail]` part of the spec."""
        return Told.of(self.choices.toml, "Replaces [guardrail] in the spec file.")

    def _stand_in(self) -> str:
        if self.choices.named:
            return "To keep it, set guardrail_required to this ARN in the profile's controls."
        return "Its ARN ends in /placeholder: no such guardrail exists. Name yours above once it is created."

    def _pages(self) -> w.Tab:
        pages: Mapping[str, w.Widget] = {
            "Request": self._request,
            "Enforcement": w.VBox(
                [
                    w.HTML("<b>Statement: refuse calls without it</b>"),
                    self._statement,
                    w.HTML("<b>Configuration: the account enforces it</b>"),
                    self._enforced,
                ]
            ),
            "Gaps": w.HTML(gaps()),
            "Try a prompt": self.trial.widget,
            "Take away": w.VBox([self.export.widget, self._toml]),
        }
        return w.Tab(list(pages.values()), titles=list(pages))

    def _rules_changed(self, _change: object = None) -> None:
        self._head.value = headline(self.choices)
        self._request.value = self.request().html()
        self._toml.value = self.toml().html()

    def _target_changed(self, _change: object = None) -> None:
        self._statement.value = self.statement().html()
        self._enforced.value = self.enforced().html()


class Target:
    """Which guardrail in AWS is meant: the account's list, an ARN and a version."""

    def __init__(self, choices: PromptChoices, account: Account | str) -> None:
        self.account: Account | None = None
        self.told = w.HTML()
        style = {"description_width": "6.5rem"}
        self.arn = w.Text(
            choices.guardrail,
            description="Guardrail ARN",
            placeholder="empty: not created yet",
            layout={"width": "98%"},
            style=style,
        )
        self.version = w.Text(choices.version, description="Version", layout={"width": "13rem"}, style=style)
        t.link((self.arn, "value"), (choices, "guardrail"))
        t.link((self.version, "value"), (choices, "version"))
        rows = [self.told, self.arn, self.version]
        found = self._look(account)
        if found:
            rows.insert(1, self._picker(found, style))
        self.widget = w.VBox(rows)

    def _look(self, account: Account | str) -> tuple[Existing, ...]:
        try:
            self.account = open_account(account) if isinstance(account, str) else account
            found = guardrails(self.account)
        except GuardError as error:
            self.told.value = alert(error)
            return ()
        place = "Demo account" if self.account.mode == "demo" else "Account"
        count = f"{len(found):,} guardrails" if found else "no guardrail yet"
        self.told.value = status(f"{place}, {self.account.region}: {count}.")
        return tuple(row for row in found if names.guardrail(row.arn))

    def _picker(self, found: tuple[Existing, ...], style: Mapping[str, str]) -> w.Dropdown:
        options = [("none of them", "")]
        options += [(f"{visible(row.name)[:60]} ({row.arn.rpartition('/')[2]})", row.arn) for row in found]
        picker = w.Dropdown(
            options=options, description="In the account", layout={"width": "98%"}, style=style
        )
        picker.observe(lambda change: setattr(self.arn, "value", change["new"]), names="value")
        return picker


class Trial:
    """A box to type a prompt into, and what is said to it. The box alone holds the prompt."""

    def __init__(self, choices: PromptChoices, account: Account | None) -> None:
        self._choices = choices
        self._account = account
        self.real = account is not None and account.mode == "real"
        self.box = w.Textarea(
            description="Prompt",
            placeholder="a prompt to try",
            continuous_update=False,
            rows=5,
            layout={"width": "98%"},
        )
        self.button = w.Button(description="Try it", button_style="primary")
        self.clear = w.Button(description="Empty the box")
        self.told = w.HTML(status("Nothing tried yet."))
        self.button.on_click(shows_errors(self.told)(self._try))
        self.clear.on_click(lambda _: setattr(self.box, "value", ""))
        self.box.observe(self._stale, names="value")
        choices.observe(self._stale, names=["rules", "problems", "guardrail", "version"])
        note = w.HTML(line(self._note()))
        self.widget = w.VBox([note, self.box, w.HBox([self.button, self.clear]), self.told])

    def _note(self) -> str:
        kept = "What you type is kept in the box only: not in a file, not in a log."
        if self.real:
            return (
                "Try it sends the text to Amazon Bedrock (ApplyGuardrail, charged per 1,000 characters), where the "
                "version of the guardrail named above judges it: as it stands in the account, not as the rules are "
                f"edited here. Of the edited rules, only the words are judged, on this machine. {kept}"
            )
        where = "The demo account has no ApplyGuardrail" if self._account else "No account is open"
        return (
            f"{where}: only the word rules are judged here, on this machine: whole words, in any "
            f"case. Nothing is sent. {kept}"
        )

    def _stale(self, _change: object) -> None:
        self.told.value = status("Not tried since the last change.")

    def _try(self, _button: object) -> None:
        rules = self._choices.valid
        if not self.box.value.strip():
            raise GuardError("There is no text to try.", remedy="Type a prompt into the box.")
        words = words_verdict(rules, matched_words(rules, self.box.value))
        if not self.real or self._account is None:
            self.told.value = words + line(not_judged(rules))
            return
        self.told.value = words + status("Asking Bedrock …")
        try:
            found = apply_guardrail(
                self._account, self._choices.guardrail.strip(), self._choices.version.strip(), self.box.value
            )
        except GuardError as error:
            self.told.value = words + alert(error)
        else:
            self.told.value = words + judged(found)


class Export:
    """A folder, a button, and a line that says what was written."""

    def __init__(self, choices: PromptChoices) -> None:
        self._choices = choices
        self.folder = w.Text("guardrail", description="Folder", layout={"width": "24rem"})
        self.button = w.Button(
            description="Export the guardrail", button_style="primary", layout={"width": "12rem"}
        )
        self.told = w.HTML(
            status("Nothing exported yet. Exporting writes files here and changes nothing in AWS.")
        )
        self.button.on_click(shows_errors(self.told)(self._write))
        self.widget = w.VBox(
            [w.HBox([self.folder, self.button], layout={"flex_flow": "row wrap"}), self.told]
        )

    def _write(self, _button: object) -> None:
        if not self.folder.value.strip():
            raise GuardError("No folder is named.", remedy="Name the folder to write into.")
        written = write(self._choices.files(), Path(self.folder.value.strip()).expanduser())
        listed = ", ".join(path.name for path in written)
        rest = "" if self._choices.named else " Enforcement is left out until a guardrail is named."
        self.told.value = status(f"Exported to {written[0].parent.resolve()}: {listed}.{rest}")


def headline(choices: PromptChoices) -> str:
    """What the rules are, or what has to be put right, in one line that is read out."""
    if choices.problems:
        parts = [visible(error.what) for error in choices.problems.values()]
        return alert(GuardError("To put right:", why=" ".join(parts[:3]), remedy=more(len(parts) - 3)))
    rules = choices.valid
    strengths = [
        f"{word} {choices.strength(name).lower()}"
        for name, word in HARM.items()
        if choices.strength(name) != "NONE"
    ]
    parts = [*strengths, *counted(rules)]
    return status(f"Guardrail {rules.name}: {' · '.join(parts)}")
