"""From what a caller sent as `modelId` to the model and the route, by the catalogue and a kept map.

An application inference profile, a provisioned model or a deployment has an opaque id. What it stood for is known from
the account's lists or from the record that created it; once deleted, only from the latter, so the map is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bedrock_guard.boundary.catalogue import scope_of
from bedrock_guard.evidence.kinds import identifier

if TYPE_CHECKING:
    import pandas as pd

    from bedrock_guard.boundary.catalogue import Catalogue

PATHS: Final = (
    ("modelId",),
    ("model",),
    ("modelIdentifier",),
    ("foundationModel",),
    ("baseModelIdentifier",),
    ("modelArn",),
    ("sourceModelArn",),
    ("inferenceProfileIdentifier",),
    ("modelSource", "copyFrom"),
    ("modelSourceIdentifier",),
    ("retrieveAndGenerateConfiguration", "knowledgeBaseConfiguration", "modelArn"),
    ("retrieveAndGenerateConfiguration", "externalSourcesConfiguration", "modelArn"),
)
"""Where a request names its model, in the order they are looked at."""

MAKERS: Final = {
    "CreateInferenceProfile": ("inferenceProfileArn", ("modelSource", "copyFrom")),
    "CreateProvisionedModelThroughput": ("provisionedModelArn", ("modelId",)),
    "CreateCustomModelDeployment": ("customModelDeploymentArn", ("modelArn",)),
}
"""Operations that name a model anew: the response's member with the name, the request's path to the model."""

UNNAMED: Final = (
    "name a model that neither the catalogue nor a record here knows; the account's lists may know it: keys and the "
    "reports ask them"
)
"""What is said of so many calls."""

_ARN: Final = re.compile(r"arn:aws[a-z-]*:bedrock[a-z-]*:[a-z0-9-]*:\d*:(?P<kind>[a-z-]+)/(?P<id>.+)")
_MODEL: Final = re.compile(r"[a-z0-9-]+\.[A-Za-z0-9][A-Za-z0-9._:-]*")
_DIRECT: Final = ("foundation-model", "inference-profile")
_MOST_STEPS: Final = 4


def raw_model(parameters: Mapping[str, object]) -> str | None:
    """What the request calls its model, as sent; None when it names none.

    Example:
        >>> raw_model({"model": "anthropic.claude-opus-4-7"})
        'anthropic.claude-opus-4-7'
    """
    for path in PATHS:
        value = at(parameters, path)
        if isinstance(value, str) and (decoded := unquote(value).strip()) and identifier(decoded):
            return value.strip()
    return None


def at(value: object, path: Iterable[str]) -> object:
    """The member at a path of names; None when the path leaves the objects."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


class ModelIds:
    """Resolves any form of a `modelId`.

    Args:
        catalogue: the models and profiles known.
        kept: what opaque names stand for: ARN to model id, profile id or a further ARN.

    Example:
        >>> from bedrock_guard.boundary.catalogue import shipped
        >>> arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123def456"
        >>> ModelIds(shipped(), {arn: "eu.anthropic.claude-haiku-4-5-20251001-v1:0"}).resolve(arn)
        ('anthropic.claude-haiku-4-5-20251001-v1:0', 'geo')
    """

    def __init__(self, catalogue: Catalogue, kept: Mapping[str, str] | None = None) -> None:
        self._catalogue = catalogue
        self.kept = dict(kept or {})
        self._by_tail = {arn.rpartition("/")[2]: arn for arn in self.kept if arn.startswith("arn:")}

    def resolve(self, raw: str | None) -> tuple[str | None, str | None]:
        """Model id and route (in_region, geo, global); each None where it is not known."""
        name = unquote(raw.strip()) if raw else ""
        for _ in range(_MOST_STEPS):
            target = self.kept.get(name) or self.kept.get(self._by_tail.get(name, ""))
            if target is None or target == name:
                break
            name = target
        found = self._catalogue.resolve(name) if name else None
        return (found.model_id, found.route) if found else _by_grammar(name)


def _by_grammar(name: str) -> tuple[str | None, str | None]:
    """Model and route of an id the catalogue does not list yet, as far as its form tells."""
    arn = _ARN.fullmatch(name)
    if arn and arn["kind"] not in _DIRECT:
        return None, None
    plain = arn["id"] if arn else name
    scope, base = scope_of(plain)
    if not _MODEL.fullmatch(base):
        return None, None
    if scope is None:
        return base, "in_region"
    return base, "global" if scope == "global" else "geo"


def learned(frame: pd.DataFrame) -> dict[str, str]:
    """What the creating records of a trail table say opaque names stand for: new ARN to the model it was made from."""
    makers = frame[
        frame["operation"].isin(list(MAKERS)) & frame["outcome"].notna() & frame["parameters"].notna()
    ]
    known: dict[str, str] = {}
    for operation, outcome, parameters in zip(
        makers["operation"], makers["outcome"], makers["parameters"], strict=True
    ):
        member, path = MAKERS[str(operation)]
        arn, model = json.loads(outcome).get(member), at(json.loads(parameters), path)
        if isinstance(arn, str) and isinstance(model, str):
            known[arn] = model
    return known


def resolve_models(
    frame: pd.DataFrame, catalogue: Catalogue, kept: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The trail table with `model` and `route` read anew from `model_raw`.

    What `kept` says goes before what the table's own creating records say. Each distinct `model_raw` is read once.
    """
    ids = ModelIds(catalogue, {**learned(frame), **(kept or {})})
    resolved = {raw: ids.resolve(raw) for raw in frame["model_raw"].dropna().unique()}
    models = frame["model_raw"].map({raw: found[0] for raw, found in resolved.items()})
    routes = frame["model_raw"].map({raw: found[1] for raw, found in resolved.items()})
    attrs = frame.attrs
    changed = frame.assign(model=models.astype("string"), route=routes.astype("string"))
    changed.attrs = attrs
    return changed


def fill_models(frame: pd.DataFrame, catalogue: Catalogue, kept: Mapping[str, str]) -> pd.DataFrame:
    """Calls, or tuples of them, with the models that `kept` knows where they had none. What they had stays."""
    import pandas as pd

    ids = ModelIds(catalogue, kept)
    bare = frame.loc[frame["model"].isna() & frame["model_raw"].notna(), "model_raw"]
    found = {raw: ids.resolve(str(raw)) for raw in bare.unique()}
    known = bare[bare.map(lambda raw: found[raw][0] is not None)]
    if known.empty:
        return frame
    attrs, filled = frame.attrs, {}
    for place, name in enumerate(("model", "route")):
        values = frame[name].astype("string").copy()
        values.loc[known.index] = pd.array([found[raw][place] for raw in known], dtype="string")
        filled[name] = values.astype(frame[name].dtype)
    changed = frame.assign(**filled)
    changed.attrs = attrs
    return changed


def unnamed(frame: pd.DataFrame) -> int:
    """How many calls name a model that is not known: by an ARN of the account's own whose making no record here tells.

    Args:
        frame: calls, or tuples of them.
    """
    bare = frame[frame["model"].isna() & frame["model_raw"].notna()]
    return int(bare["calls"].sum()) if "calls" in bare.columns else len(bare)
