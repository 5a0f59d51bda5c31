"""Which models, by which route, from which region: the controls on direct invocation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bedrock_guard.boundary.catalogue import Model
from bedrock_guard.boundary.controls.lifting import PRINCIPAL, lifted
from bedrock_guard.boundary.controls.model import BATCH, INVOKE, Accepted, Control, Rule, Scope
from bedrock_guard.boundary.spec import ModelChoice, Profile, SpecException

GEO = "https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html"
GLOBAL = "https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html"
PROFILES = "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html"
ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock.html"
POLICIES = "https://docs.aws.amazon.com/bedrock/latest/userguide/security_iam_id-based-policy-examples.html"
PROFILE_KEY = "bedrock:InferenceProfileArn"
_SHORTEST_PART = 500
OTHER_TARGETS: Mapping[str, tuple[str, ...]] = {
    "application_profiles": ("application-inference-profile",),
    "prompt_routers": ("prompt-router", "default-prompt-router"),
    "provisioned_throughput": ("provisioned-model",),
    "customization": ("custom-model-deployment", "custom-model", "imported-model"),
    "marketplace_endpoints": ("marketplace/model-endpoint",),
    "system_tools": ("system-tool",),
}
"""Kinds of targets that are no approved model, by the control that closes them."""
_ASYNC = "async-invoke"
_JOB = "model-invocation-job"


@dataclass
class _Ways:
    """What a choice admits: profile ARNs, and (model, region) pairs reached directly or through a profile."""

    profiles: set[str] = field(default_factory=set)
    profile_ids: set[str] = field(default_factory=set)
    direct: set[tuple[str, str]] = field(default_factory=set)
    routed: set[tuple[str, str]] = field(default_factory=set)

    def arns(self, scope: Scope) -> set[str]:
        """Everything that must stand in NotResource for these ways to work."""
        return self.profiles | {scope.model_arn(region, model) for model, region in self.direct | self.routed}


def _ways(scope: Scope, choices: Iterable[ModelChoice]) -> _Ways:
    ways = _Ways()
    for choice in choices:
        for region in choice.regions or scope.profile.regions:
            for route in choice.routes:
                _add(ways, scope, choice, region, route)
    return ways


def _add(ways: _Ways, scope: Scope, choice: ModelChoice, region: str, route: str) -> None:
    model = scope.catalogue.get(choice.id)
    if route == "in-region":
        if model is None or region in model.in_region:
            ways.direct.add((choice.id, region))
        return
    for name in _scopes(model, route):
        destinations = _destinations(scope, choice, model, name, region)
        if destinations is None:
            continue
        profile_id = f"{name}.{choice.id}"
        ways.profile_ids.add(profile_id)
        ways.profiles.add(scope.arn("bedrock", region, f"inference-profile/{profile_id}"))
        ways.routed.update((choice.id, place) for place in (region, *destinations))


def _scopes(model: Model | None, route: str) -> tuple[str, ...]:
    if route != "geo":
        return (route,)
    return tuple(p.scope for p in model.profiles if p.scope != "global") if model else ()


def _destinations(
    scope: Scope, choice: ModelChoice, model: Model | None, name: str, region: str
) -> tuple[str, ...] | None:
    """Where a profile sends a call from a region; None where it is not offered there."""
    if name == "global":
        offered = model is None or any(
            p.scope == "global" and region in p.destinations for p in model.profiles
        )
        return ("",) if offered else None
    if model:
        profile = model.profile(name)
        return profile.destinations.get(region) if profile else None
    if choice.family:
        return _family_destinations(scope, choice, name, region)
    return choice.destinations


def _family_destinations(scope: Scope, choice: ModelChoice, name: str, region: str) -> tuple[str, ...] | None:
    stem = choice.id.removesuffix("*")
    members = [model for model in scope.catalogue.models if model.model_id.startswith(stem)]
    known = [
        p.destinations[region]
        for m in members
        for p in m.profiles
        if p.scope == name and region in p.destinations
    ]
    if members and not known:
        return None
    return tuple(sorted({place for places in known for place in places} | set(choice.destinations)))


def _other_targets(scope: Scope) -> set[str]:
    """Targets that are no approved model and stay callable because their own control is off."""
    controls = scope.profile.controls
    kinds = [kind for name, kinds in OTHER_TARGETS.items() if not getattr(controls, name) for kind in kinds]
    if any(_runs_async(model) for model in _listed(scope)):
        kinds.append(_ASYNC)
    return {scope.arn("bedrock", "*", f"{kind}/*") for kind in kinds}


def other_target(resource: str) -> tuple[str, str] | None:
    """The control that closes a target which is no approved model, and the target's account; None for other resources.

    Example:
        >>> other_target("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc")
        ('provisioned_throughput', '111122223333')

    """
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[2] != "bedrock":
        return None
    found = (
        name for name, kinds in OTHER_TARGETS.items() if any(parts[5].startswith(f"{k}/") for k in kinds)
    )
    name = next(found, None)
    return (name, parts[4]) if name else None


def closed_by(resource: str, profile: Profile) -> str | None:
    """The control that must be off before a target passes that no list of models can name; None where none would do."""
    found = other_target(resource)
    if found is None or found[1] not in profile.accounts or not getattr(profile.controls, found[0]):
        return None
    return found[0]


def _runs_async(model: Model) -> bool:
    """Whether it answers StartAsyncInvoke: video, and embeddings of video."""
    return "VIDEO" in model.output_modalities or {"VIDEO", "EMBEDDING"} <= model.modalities


def _listed(scope: Scope) -> list[Model]:
    found = (scope.catalogue.get(choice.id) for choice in scope.choices)
    return [model for model in found if model]


def _approved(scope: Scope) -> tuple[Rule, ...]:
    ways = _ways(scope, scope.choices)
    allowed = tuple(sorted(ways.arns(scope) | _other_targets(scope)))
    lists = _by_place(scope, allowed) if _characters(allowed) > scope.longest_list else [allowed]
    batch = _batch(scope, lists)
    if not allowed:
        return Rule(INVOKE), *batch
    rules = [Rule(INVOKE, resources=(), not_resources=part) for part in lists]
    rules += _through_profile(scope, ways)
    return *rules, *_timed(scope), *batch


def _batch(scope: Scope, lists: Iterable[tuple[str, ...]]) -> list[Rule]:
    """Batch jobs, for those to whom they are not forbidden: of approved models, which AWS asks for beside the job.

    A profile's key is not sent with them, so that the models alone decide.
    """
    if not _batches(scope):
        return []
    job = scope.arn("bedrock", "*", f"{_JOB}/*")
    rules = [Rule((BATCH,), resources=(), not_resources=(*part, job)) for part in lists]
    named = {arn for entry in scope.batch_exceptions for arn in entry.principals}
    if scope.profile.controls.batch_inference and all(entry.principals for entry in scope.batch_exceptions):
        return [rule.when("ArnEquals", PRINCIPAL, named) for rule in rules]
    return rules


def _batches(scope: Scope) -> bool:
    """Whether batch jobs are open to anybody."""
    return not scope.profile.controls.batch_inference or bool(scope.batch_exceptions)


def _characters(arns: Iterable[str]) -> int:
    return sum(len(arn) + 3 for arn in arns)


def _by_place(scope: Scope, allowed: Sequence[str]) -> list[tuple[str, ...]]:
    """A long list as several, which together allow the same: each is exact for some places and open for the others.

    A place is a region and a kind of resource. A resource is in one place, and must pass the list that is exact there.
    """
    places: dict[tuple[str, str], list[str]] = {}
    for arn in allowed:
        region, resource = arn.split(":", 5)[3], arn.split(":", 5)[5]
        places.setdefault((region, resource.partition("/")[0]), []).append(arn)
    anywhere = [arn for place in [key for key in places if key[0] == "*"] for arn in places.pop(place)]
    wide = {(region, kind): scope.arn("bedrock", region, f"{kind}/*", "*") for region, kind in places}
    room = scope.longest_list - _characters((*anywhere, *wide.values()))
    groups: list[list[tuple[str, str]]] = []
    for place in sorted(places, key=lambda key: (-_characters(places[key]), key)):
        fitting = (
            g for g in groups if _characters(arn for key in (*g, place) for arn in places[key]) <= room
        )
        group = next(fitting, None)
        if group is None:
            groups.append(group := [])
        group.append(place)
    return [tuple(sorted({*anywhere, *_exact_and_wide(places, wide, group)})) for group in groups]


def _exact_and_wide(
    places: Mapping[tuple[str, str], Sequence[str]],
    wide: Mapping[tuple[str, str], str],
    group: Sequence[tuple[str, str]],
) -> Iterator[str]:
    for place in places:
        yield from places[place] if place in group else (wide[place],)


def _through_profile(scope: Scope, ways: _Ways) -> list[Rule]:
    """A region that is only a destination, or only a profile's source, may not be called directly."""
    own = _ways(scope, scope.profile.models)
    timed = [_ways(scope, [entry.model] if entry.model else []) for entry in scope.model_exceptions]
    groups: dict[tuple[int, ...], set[tuple[str, str]]] = {}
    for pair in ways.routed - own.direct:
        lifting = tuple(number for number, found in enumerate(timed) if pair in found.direct)
        groups.setdefault(lifting, set()).add(pair)
    direct = {model for model, _ in ways.direct}
    profiles = {scope.arn("bedrock", "*", f"inference-profile/{name}") for name in ways.profile_ids}
    if not scope.profile.controls.application_profiles:
        profiles.add(scope.arn("bedrock", "*", "application-inference-profile/*"))
    rules: list[Rule] = []
    for lifting, pairs in sorted(groups.items()):
        arns = sorted({scope.model_arn(region if model in direct else "*", model) for model, region in pairs})
        for part in _parts(arns, scope.longest_list - _characters(profiles)):
            rule = Rule(INVOKE, resources=part).when("ArnNotLike", PROFILE_KEY, profiles)
            rules += lifted(rule, [scope.model_exceptions[number] for number in lifting])
    return rules


def _parts(arns: Sequence[str], room: int) -> list[tuple[str, ...]]:
    """Resources in parts that find room in a document; one part where that cannot be."""
    if _characters(arns) <= room or room < _SHORTEST_PART:
        return [tuple(arns)]
    middle = len(arns) // 2
    return [*_parts(arns[:middle], room), *_parts(arns[middle:], room)] if middle else [tuple(arns)]


def _timed(scope: Scope) -> list[Rule]:
    """What is approved for some principals, until a day, is denied to the others and after it."""
    held = _ways(scope, scope.profile.models).arns(scope)
    admitted: dict[str, list[SpecException]] = {}
    for entry in scope.model_exceptions:
        for arn in sorted(_ways(scope, [entry.model] if entry.model else []).arns(scope) - held):
            admitted.setdefault(arn, []).append(entry)
    groups: dict[tuple[int, ...], list[str]] = {}
    for arn, entries in sorted(admitted.items()):
        groups.setdefault(tuple(map(scope.model_exceptions.index, entries)), []).append(arn)
    actions = (BATCH, *INVOKE) if _batches(scope) else INVOKE
    return [
        rule
        for places, arns in sorted(groups.items())
        for rule in lifted(Rule(actions, resources=tuple(arns)), [scope.model_exceptions[n] for n in places])
    ]


def _global(scope: Scope) -> tuple[Rule, ...]:
    routing = Rule(INVOKE).when("StringEquals", "aws:RequestedRegion", ("unspecified", "global"))
    worldwide = scope.arn("bedrock", "*", "inference-profile/global.*", "*")
    approved = {choice.id for choice in scope.choices if "global" in choice.routes}
    if not approved:
        return routing, Rule((*INVOKE, "bedrock:CreateInferenceProfile"), resources=(worldwide,))
    profiles = {scope.arn("bedrock", "*", f"inference-profile/global.{model}") for model in approved}
    through = Rule(INVOKE, resources=(scope.model_arn("*", "*"),)).when("ArnLike", PROFILE_KEY, (worldwide,))
    other = through.when("ArnNotLike", PROFILE_KEY, profiles)
    if not scope.profile.controls.application_profiles:
        profiles.add(scope.arn("bedrock", "*", "application-inference-profile/*"))
    return routing.when("ArnNotLike", PROFILE_KEY, profiles), other


def _tiers(scope: Scope) -> tuple[Rule, ...]:
    kept = scope.profile.controls.service_tiers
    allowed = kept if isinstance(kept, tuple) else ("default", "flex")
    tiers: list[tuple[tuple[str, ...], str]] = [(INVOKE, "bedrock:ServiceTier")]
    if scope.profile.controls.mantle is not True:
        tiers.append((("bedrock-mantle:CreateInference",), "bedrock-mantle:ServiceTier"))
    if "default" not in allowed:
        # A call that names no tier runs in the default one: the negated operator refuses it too.
        return tuple(Rule(actions).when("StringNotEquals", key, allowed) for actions, key in tiers)
    refused = sorted({"flex", "priority", "reserved"} - set(allowed))
    return tuple(Rule(actions).when("StringEquals", key, refused) for actions, key in tiers if refused)


CONTROLS = (
    Control(
        id="approved_models",
        word="Models",
        family="Models and routes",
        title="Only the approved models, by the approved routes, from the approved regions.",
        why="One dear model called in a loop costs more than a year of the approved one.",
        stops="InvokeModel and InvokeModelWithResponseStream on everything that is not listed, and so Converse, "
        "ConverseStream, Chat Completions, Responses and Messages on bedrock-runtime, StartAsyncInvoke, "
        "bidirectional streams and the playground. A model approved through a profile cannot be called directly. "
        "Batch jobs of other models, where `batch_inference` does not forbid all. Responses also asks for the "
        "account's project, so that it is refused for approved models too.",
        leaves="What stands behind a provisioned unit, a custom model or a Marketplace endpoint, where its own control "
        "is off: its ARN does not tell the model. Text, images and code within an approved model: IAM has no key for "
        "them; `modalities` chooses models. "
        "An agent's or a function's own role, unless it carries the boundary too or an SCP holds this control. "
        "Tokens, requests a minute and spend: use Service Quotas and budgets. The playground cannot be told from the "
        "API.",
        source=(GEO, GLOBAL, POLICIES, ACTIONS),
        rules=_approved,
        first=True,
        accepted=tuple(
            Accepted(
                "wildcard-region-in-not-resource",
                "NotResource",
                "No model and no routing profile: a kind of target that the spec leaves open in every region, and that "
                "exists in regions only.",
                value=f"arn:*:bedrock:[*]:*:{kind}/[*]",
            )
            for kind in (*(kind for kinds in OTHER_TARGETS.values() for kind in kinds), _ASYNC, _JOB)
        ),
    ),
    Control(
        id="global_profiles",
        word="Global",
        family="Models and routes",
        title="No worldwide routing.",
        why="A global profile may send prompts to any commercial region.",
        stops="Calls through `global.` profiles, and application profiles made from one.",
        leaves="Nothing known. AWS's page names two values of aws:RequestedRegion for such calls; both are denied, and "
        "the profile itself is denied by its ARN. Once a model is approved for the global route, all worldwide calls "
        "but that model's are denied, and application profiles may be made from any global profile where "
        "`application_profiles` is off; calls through them reach approved models only.",
        source=(GLOBAL,),
        rules=_global,
        accepted=(
            Accepted(
                "deny-fails-open",
                PROFILE_KEY,
                "A call without the key goes through no profile, so through no worldwide one.",
            ),
        ),
    ),
    Control(
        id="application_profiles",
        word="AppProfiles",
        family="Models and routes",
        title="No application inference profiles.",
        why="An application profile is a new name for any model.",
        stops="Creating them; calling through any, by the list of approved models.",
        leaves="Nothing known. Switched off, calls through them are still limited to the approved models, because AWS "
        "authorises the model in each region too.",
        source=(PROFILES,),
        rules=lambda _: (Rule(("bedrock:CreateInferenceProfile",)),),
    ),
    Control(
        id="prompt_routers",
        word="Routers",
        family="Models and routes",
        title="No prompt routers.",
        why="A router, not the caller, chooses the model.",
        stops="Creating them; calling through any, AWS's default routers included, by the list of approved models.",
        leaves="Nothing known.",
        source=(ACTIONS,),
        rules=lambda _: (Rule(("bedrock:CreatePromptRouter",)),),
    ),
    Control(
        id="service_tiers",
        word="Tiers",
        family="Models and routes",
        title="Only the cheaper service tiers.",
        why="The priority tier costs more for the same answer.",
        stops="Calls that ask for another tier.",
        leaves="A call that names no tier runs in the default tier. Whether AWS sends the key then is not documented: "
        "either way the call passes where default is allowed and is refused where it is not. Buying reserved capacity "
        "is another act; only calls that ask for it are refused, and its price runs on to the end of its term.",
        source=(ACTIONS, "https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html"),
        rules=_tiers,
        accepted=tuple(
            Accepted(
                "deny-fails-open",
                key,
                "A call that names no tier runs in the default one, which is allowed here. Where it is not, the "
                "statement refuses calls without the key too.",
            )
            for key in ("bedrock:ServiceTier", "bedrock-mantle:ServiceTier")
        ),
    ),
)
