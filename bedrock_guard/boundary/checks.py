"""What a spec must hold beyond its shape: accounts, partitions, models the catalogue offers, principals.

The first fault is raised, with its key and line. Nothing is repaired silently; what an id given in another form became
is said in `BoundarySpec.notes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations

from bedrock_guard.boundary import names
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.checks_models import approved, choice_of, on_mantle
from bedrock_guard.boundary.checks_reader import Path, Reader, each, regions, unique
from bedrock_guard.boundary.profile import Controls, ModelChoice, Names, Profile, SpecException

_SESSION = "It is a session. The condition keys know sessions by the ARN of their role: name the role, with its path."


@dataclass(frozen=True, slots=True)
class Checked:
    """Profiles and exceptions with their model ids normalised, and in sentences what that changed."""

    profiles: Mapping[str, Profile]
    exceptions: tuple[SpecException, ...]
    notes: tuple[str, ...]


def check(
    profiles: Mapping[str, Profile], exceptions: Sequence[SpecException], catalogue: Catalogue, text: str = ""
) -> Checked:
    """The profiles and exceptions of a spec against a catalogue; `text` is the file, for the lines of faults.

    Raises:
        SpecError: the first fault found.
    """
    reader = Reader(text, catalogue)
    known = {name: _profile(reader, ("profile", name), profile) for name, profile in profiles.items()}
    apart = tuple(
        _exception(reader, ("exception", index), entry, known) for index, entry in enumerate(exceptions)
    )
    _distinct(reader, known)
    return Checked(known, apart, tuple(reader.notes))


def _distinct(reader: Reader, profiles: Mapping[str, Profile]) -> None:
    """Two profiles of one account must not write the same policies, nor bind the same principals."""
    for (first, one), (second, other) in combinations(profiles.items(), 2):
        shared = sorted(set(one.accounts) & set(other.accounts))
        if shared and one.policy_prefix == other.policy_prefix:
            raise reader.fault(
                ("profile", second, "policy_prefix"),
                f"{first} and {second} would both write {other.boundary_name} in account {shared[0]}.",
                remedy="Give each profile a policy_prefix of its own.",
            )
        both = sorted(set(one.targets) & set(other.targets))
        if both:
            raise reader.fault(
                ("profile", second, "targets"),
                f"{both[0]} is a target of {first} already.",
                "A principal has one permissions boundary.",
            )


def _profile(reader: Reader, path: Path, profile: Profile) -> Profile:
    _accounts(reader, path, profile)
    regions(reader, (*path, "regions"), profile.regions, profile.partition)
    if not profile.documents:
        raise reader.fault(
            (*path, "documents"), "No kind of document is asked for.", remedy='Use ["boundary"].'
        )
    if not names.is_policy_name(profile.policy_prefix):
        raise reader.fault((*path, "policy_prefix"), f"{profile.policy_prefix!r} cannot begin a policy name.")
    for name in ("targets", "break_glass", "administrators", "responders"):
        _principals(reader, (*path, name), getattr(profile, name), profile)
    for index, arn in enumerate(profile.targets):
        if arn.endswith(":root"):
            raise reader.fault((*path, "targets", index), "The root user can carry no boundary.")
    _unreachable(reader, path, profile)
    if profile.alert_email is not None and not names.is_email(profile.alert_email):
        why = names.foreign(profile.alert_email)
        raise reader.fault((*path, "alert_email"), f"{profile.alert_email!r} is no e-mail address.", why)
    _budgets(reader, path, profile)
    _key_services(reader, (*path, "key_services"), profile)
    _controls(reader, (*path, "controls"), profile)
    chosen = approved(reader, path, profile)
    on_mantle(reader, path, profile)
    return profile.model_copy(update={"models": chosen})


def _unreachable(reader: Reader, path: Path, profile: Profile) -> None:
    """No exempt principal is a role that everyone under the boundary may assume, or a target."""
    paths = profile.controls.bounded_roles
    roles = [f"role/{name}" for name in paths] if isinstance(paths, tuple) else []
    for kind in ("break_glass", "administrators", "responders"):
        for index, arn in enumerate(getattr(profile, kind)):
            if any(fnmatchcase(arn.split(":", 5)[5], role) for role in roles):
                raise reader.fault(
                    (*path, kind, index),
                    f"{arn} lies under bounded_roles.",
                    "Everyone under the boundary may assume it, and so be exempt too.",
                    "Name a role of another path.",
                )
    for index, arn in enumerate(profile.break_glass):
        if arn in profile.targets:
            raise reader.fault(
                (*path, "break_glass", index), f"{arn} is a target.", "Who can always undo stays unbounded."
            )


def _budgets(reader: Reader, path: Path, profile: Profile) -> None:
    capped = [index for index, choice in enumerate(profile.models) if choice.monthly_usd]
    if not capped:
        return
    if profile.partition == "aws-us-gov":
        raise reader.fault(
            (*path, "model", capped[0], "monthly_usd"),
            "AWS Budgets does not exist in GovCloud.",
            remedy="Set the budget in the standard account that pays for this one.",
        )
    if not profile.alert_email:
        raise reader.fault(
            (*path, "alert_email"), "A budget needs someone who hears of it.", remedy="Set alert_email."
        )


def _key_services(reader: Reader, path: Path, profile: Profile) -> None:
    each(reader, path, profile.key_services, names.is_service, "a service principal")
    if profile.controls.api_key_creation is False and profile.controls.api_key_reactivation is False:
        return
    for index, service in enumerate(profile.key_services):
        if service.partition(".")[0] in ("bedrock", "aws-external-anthropic"):
            raise reader.fault(
                (*path, index),
                f"{service} is a model service: its keys are what api_key_creation is about.",
                remedy="Drop it here, or give api_key_creation the highest age in days.",
            )


def _accounts(reader: Reader, path: Path, profile: Profile) -> None:
    if not profile.accounts:
        raise reader.fault((*path, "accounts"), "No account is named.")
    for index, account in enumerate(profile.accounts):
        if not names.is_account(account):
            why = names.foreign(account) or f"it has {len(account)} characters; a leading zero may be lost"
            remedy = 'Write it in quotes: "111122223333".'
            raise reader.fault((*path, "accounts", index), f"{account!r} is no account id.", why, remedy)
    unique(reader, (*path, "accounts"), profile.accounts)


def _principals(reader: Reader, path: Path, arns: Sequence[str], profile: Profile) -> None:
    for index, arn in enumerate(arns):
        found = names.principal(arn)
        if not found:
            why = (
                names.foreign(arn)
                or names.syntax(arn)
                or (_SESSION if ":assumed-role/" in arn else "")
                or "It is not arn:PARTITION:iam::ACCOUNT:user/... or role/..."
            )
            raise reader.fault((*path, index), f"{arn!r} is no exact principal ARN.", why)
        _own(reader, (*path, index), arn, found["partition"], found["account"], profile)
    unique(reader, path, arns)


def _own(reader: Reader, path: Path, arn: str, partition: str, account: str, profile: Profile) -> None:
    if partition != profile.partition:
        raise reader.fault(path, f"{arn} is in another partition.", f"The profile says {profile.partition}.")
    if account not in profile.accounts:
        raise reader.fault(
            path, f"{arn} is in another account.", f"The profile has {', '.join(profile.accounts)}."
        )


def _controls(reader: Reader, path: Path, profile: Profile) -> None:
    controls = profile.controls
    if controls.service_tiers == ():
        remedy = "Name the tiers that stay allowed, or use true."
        raise reader.fault((*path, "service_tiers"), "The list is empty.", remedy=remedy)
    _guardrails(reader, (*path, "guardrail_required"), profile)
    if isinstance(controls.privileged_functions, tuple):
        if not controls.privileged_functions:
            remedy = "Use true to protect all functions, false to switch it off."
            raise reader.fault((*path, "privileged_functions"), "The list is empty.", remedy=remedy)
        for index, arn in enumerate(controls.privileged_functions):
            function = names.function(arn)
            here = (*path, "privileged_functions", index)
            if not function:
                raise reader.fault(here, f"{arn!r} is no Lambda function ARN.", names.foreign(arn))
            _own(reader, here, arn, function["partition"], function["account"], profile)
    _listed(reader, (*path, "bounded_roles"), controls.bounded_roles, names.is_role_path, "a role path")
    _listed(
        reader,
        (*path, "instance_types"),
        controls.instance_types,
        names.is_instance_type,
        "an EC2 instance type",
    )
    if isinstance(controls.instance_types, tuple):
        reader.notes.extend(
            f"{'.'.join(map(str, path))}.instance_types: {name} ends in no size that EC2 is known to have, so no "
            "instance may match it."
            for name in controls.instance_types
            if not names.has_instance_size(name)
        )


def _guardrails(reader: Reader, path: Path, profile: Profile) -> None:
    """Guardrails of regions from which models are called: a call can name one of its own region only."""
    required = profile.controls.guardrail_required
    if required is False:
        return
    listed = required if isinstance(required, tuple) else (required,)
    if not listed:
        raise reader.fault(path, "The list is empty.", remedy="Use false to switch it off.")
    unique(reader, path, listed)
    served = {_guardrail_region(reader, path, index, arn, profile) for index, arn in enumerate(listed)}
    without = sorted(_sources_of(profile) - served)
    if without:
        reader.notes.append(
            f"{'.'.join(map(str, path))}: no guardrail of {', '.join(without)} is named, and a guardrail serves its "
            "own region, so calls from there are refused (embedding models excepted)."
        )


def _guardrail_region(reader: Reader, path: Path, index: int, arn: str, profile: Profile) -> str:
    here = (*path, index) if isinstance(profile.controls.guardrail_required, tuple) else path
    found = names.guardrail(arn)
    if not found:
        remedy = "Give the guardrail's ARN without a version."
        raise reader.fault(here, f"{arn!r} is no guardrail ARN.", remedy=remedy)
    if found["partition"] != profile.partition:
        raise reader.fault(here, "The guardrail is in another partition.")
    if found["region"] not in _sources_of(profile):
        why = "A guardrail serves calls of its own region, so every call would be refused."
        raise reader.fault(here, f"No model is called from {found['region']}.", why)
    return found["region"]


def _sources_of(profile: Profile) -> set[str]:
    return {region for choice in profile.models for region in choice.regions or ()} | set(profile.regions)


def _listed(reader: Reader, path: Path, value: Names, good: Callable[[str], bool], kind: str) -> None:
    if isinstance(value, tuple):
        if not value:
            raise reader.fault(
                path, "The list is empty.", remedy="Use true to forbid all, false to switch it off."
            )
        each(reader, path, value, good, kind)


def _exception(
    reader: Reader, path: Path, entry: SpecException, profiles: dict[str, Profile]
) -> SpecException:
    profile = profiles.get(entry.profile)
    if profile is None:
        raise reader.fault(
            (*path, "profile"), f"No profile {entry.profile!r}.", f"There are: {', '.join(profiles)}."
        )
    if (entry.control is None) == (entry.model is None):
        raise reader.fault(path, "An exception names either a control or a model.")
    if entry.control is not None:
        _lifted(reader, path, entry, entry.control, profile)
    for key in ("owner", "reason"):
        why = names.unprintable(getattr(entry, key))
        if why:
            raise reader.fault((*path, key), f"The {key} holds a character that cannot be shown.", why)
    _principals(reader, (*path, "principals"), entry.principals, profile)
    if entry.model is None:
        return entry
    if entry.model.mantle and profile.controls.mantle is True:
        remedy = 'Set the control mantle to "approved".'
        raise reader.fault(
            (*path, "model", "mantle"), "bedrock-mantle is forbidden to every model.", remedy=remedy
        )
    chosen = choice_of(reader, (*path, "model"), entry.model, profile)
    _adds(reader, (*path, "model"), chosen, profile)
    return entry.model_copy(update={"model": chosen})


def _lifted(reader: Reader, path: Path, entry: SpecException, control: str, profile: Profile) -> None:
    """An exception for a control must lift one that is on."""
    where = (*path, "control")
    if control not in Controls.model_fields:
        known = ", ".join(Controls.model_fields)
        raise reader.fault(where, f"No control {control!r}.", remedy=f"The controls are: {known}.")
    if getattr(profile.controls, control) is False:
        raise reader.fault(where, f"{control} is off anyway.", remedy="Drop the exception.")
    if control == "boundary_protection" and not entry.principals:
        reader.notes.append(
            f"{'.'.join(map(str, path))}: until {entry.until} everyone under the boundary may take it off or edit it, "
            "and with it every other control goes. Name principals, or let administrators do it."
        )


def _adds(reader: Reader, path: Path, chosen: ModelChoice, profile: Profile) -> None:
    """An exception for a model must admit something that the profile does not."""
    for own in profile.models:
        if own.family and chosen.id.startswith(own.id.removesuffix("*")):
            what = f"{chosen.id} is approved by the family {own.id}."
            raise reader.fault(path, what, remedy="Drop the exception.")
        regions = set(chosen.regions or profile.regions) - set(own.regions or profile.regions)
        more = set(chosen.routes) - set(own.routes) or regions or (chosen.mantle and not own.mantle)
        if own.id == chosen.id and not more:
            raise reader.fault(path, f"{chosen.id} is approved anyway.", remedy="Drop the exception.")
