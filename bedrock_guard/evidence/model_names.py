"""Which model a name on a bill means: whole names only, from the catalogue and the alias file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.usage_types import understand, words

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue, Model

EDITION: Final = "(Amazon Bedrock Edition)"
"""How AWS Marketplace marks a model in SERVICE and in CUR's product name."""

FILL_IN: Final = "provider.model-id"
FILL_IN_WORDS: Final = "words of a usage type that is known"
"""What a proposed alias line holds until a person fills it in; refused when read back."""

_PARTS: Final = re.compile(r"[a-z]+|[0-9]+")
_ZERO_MINOR: Final = re.compile(r"(?<=\d)\.0(?!\d)")
_VERSION: Final = re.compile(r"(?:-v[01])?:\d+$")
_CONTEXT: Final = re.compile(r"(?<=\d):(?:\d+k|mm)$")
_DATE: Final = re.compile(r"-\d{8}$")
_MODEL_ID: Final = re.compile(r"[a-z0-9-]+\.[a-z0-9][a-z0-9._:-]*")
_VENDORS: Final = (
    "amazon",
    "anthropic",
    "meta",
    "openai",
    "writer",
    "nvidia",
    "twelvelabs",
    "cohere",
    "stabilityai",
    "stability",
    "luma",
    "lumaai",
    "google",
    "xai",
    "moonshotai",
    "zai",
    "ai21labs",
    "mistralai",
)


class AliasError(GuardError):
    """An alias file that cannot be used."""


def name_key(text: str) -> str:
    """What all spellings of one display name share.

    Case, blanks, dashes and underscores go; numbers stay apart, so "3.1" is not "31"; ".0" of a version goes; Claude's
    numbers go to the end, because AWS has written both "Claude 3.5 Haiku" and "Claude Haiku 4.5".

    Example:
        >>> name_key("Claude4.6Sonnet") == name_key("Claude Sonnet 4.6 (Amazon Bedrock Edition)")
        True
        >>> name_key("Claude Opus 5") == name_key("Claude Opus 5.5")
        False
    """
    plain = text.lower().replace(EDITION.lower(), "").replace("+", "plus")
    parts = _PARTS.findall(_ZERO_MINOR.sub("", plain.removeprefix("aws marketplace-")))
    if parts and parts[0].startswith("claude"):
        parts.sort(key=str.isdigit)
    return "".join(
        f".{part}" if part.isdigit() and place and parts[place - 1].isdigit() else part
        for place, part in enumerate(parts)
    )


def id_forms(model_id: str) -> Iterator[str]:
    """A model id and its forms without version and date, as bedrock-mantle usage types write it.

    Example:
        >>> list(id_forms("anthropic.claude-haiku-4-5-20251001-v1:0"))[-1]
        'anthropic.claude-haiku-4-5'
    """
    lower = model_id.lower()
    bare = _VERSION.sub("", lower)
    yield lower
    yield bare
    yield _DATE.sub("", bare)


@dataclass(frozen=True, slots=True)
class Aliases:
    r"""What stands on a bill, and what it means; `names` is keyed as written.

    A name means a model id. The words of a usage type (without region, `MP:` and `-Units`) mean other words, whose
    meaning is known: `"InputTokenCount_Turbo" = "InputTokenCount_Fast"`.

    Example:
        >>> Aliases.loads('[names]\n"Claude Opus 9" = "anthropic.claude-opus-9"').names
        {'Claude Opus 9': 'anthropic.claude-opus-9'}
    """

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Aliases:
        """Read an alias file.

        Raises:
            AliasError: it cannot be read, or is no alias file.
        """
        try:
            return cls.loads(Path(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise AliasError(f"The alias file {path} cannot be read.", why=str(error)) from error

    @classmethod
    def loads(cls, text: str) -> Aliases:
        """Read the text of an alias file: a table `[names]` of name = model id.

        Raises:
            AliasError: the text is not TOML, has no such table, or holds what is no model id.
        """
        try:
            names = tomllib.loads(text).get("names", {})
        except tomllib.TOMLDecodeError as error:
            raise AliasError("The alias file is not TOML.", why=str(error)) from error
        if not isinstance(names, dict):
            raise AliasError(
                "The alias file's [names] is no table.", remedy='Write "name" = "model id" lines.'
            )
        for name, model_id in names.items():
            if not isinstance(model_id, str) or model_id == FILL_IN or not _means_something(model_id):
                raise AliasError(
                    f"The alias {name!r} says neither a model id nor known words.",
                    why=f"It says {model_id!r}.",
                    remedy="Put the model id there, as ListFoundationModels writes it.",
                )
        return cls(dict(names))

    def over(self, other: Aliases) -> Aliases:
        """These aliases, and those of `other` where these say nothing."""
        mine = {name_key(name) for name in self.names}
        kept = {name: model for name, model in other.names.items() if name_key(name) not in mine}
        return Aliases({**kept, **self.names})


def _means_something(text: str) -> bool:
    if _MODEL_ID.fullmatch(text):
        return True
    return understand([word for part in re.split(r"[-_]", text) for word in words(part)]) is not None


@cache
def shipped_aliases() -> Aliases:
    """The alias file of this package."""
    return Aliases.loads(resources.files(__package__).joinpath("aliases.toml").read_text("utf-8"))


class Index:
    """Names and ids -> model id. Built once per catalogue; a name that two models share means neither.

    The alias file is believed before the catalogue's names, an id before any name.
    """

    __slots__ = ("_bodies", "_ids", "_names")

    def __init__(self, models: Iterable[Model], aliases: Aliases) -> None:
        listed = tuple(model for model in models if not _CONTEXT.search(model.model_id))
        self._bodies = {text: said for text, said in aliases.names.items() if not _MODEL_ID.fullmatch(said)}
        aliases = Aliases({text: said for text, said in aliases.names.items() if text not in self._bodies})
        known = [model.model_id for model in listed]
        targets = [model for model in dict.fromkeys(aliases.names.values()) if model not in known]
        self._ids = _id_index(listed, targets, aliases)
        self._names = _name_index(listed, aliases)

    def body(self, text: str) -> str:
        """The words of a usage type, or those that an alias file gives for them."""
        return self._bodies.get(text, text)

    def by_id(self, text: str) -> str | None:
        """The model with exactly this id, in any of its forms; letters of either case."""
        return self._ids.get(text.lower())

    def by_name(self, text: str) -> str | None:
        """The model that a whole display name means, with or without its maker in front."""
        key = name_key(text)
        found = self._names.get(key)
        if found:
            return found
        rests = (key.removeprefix(vendor) for vendor in _VENDORS if key.startswith(vendor))
        return next((self._names[rest] for rest in rests if rest in self._names), None)

    def find(self, text: str) -> str | None:
        """By id when it has the shape of one, else by name."""
        return self.by_id(text) or self.by_name(text)


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for key, model_id in pairs:
        if key:
            found.setdefault(key, set()).add(model_id)
    return {key: next(iter(models)) for key, models in found.items() if len(models) == 1}


def _id_index(models: tuple[Model, ...], targets: list[str], aliases: Aliases) -> dict[str, str]:
    exact = {
        text.lower(): model for text, model in aliases.names.items() if _MODEL_ID.fullmatch(text.lower())
    }
    exact |= {model_id.lower(): model_id for model_id in targets}
    exact |= {model.mantle_id.lower(): model.model_id for model in models if model.mantle_id}
    exact |= {model.model_id.lower(): model.model_id for model in models}
    forms = _unambiguous((form, model) for model in dict.fromkeys(exact.values()) for form in id_forms(model))
    return forms | exact


def _name_index(models: tuple[Model, ...], aliases: Aliases) -> dict[str, str]:
    spelled = _unambiguous(
        (name_key(text), model.model_id) for model in models for text in (model.name, *model.aliases)
    )
    return spelled | {name_key(name): model_id for name, model_id in aliases.names.items()}


def index_of(catalogue: Catalogue | None = None, aliases: Aliases | None = None) -> Index:
    """The index of a catalogue (the shipped one by default) and of aliases on top of the shipped ones."""
    if catalogue is None:
        catalogue = shipped()
    extra = tuple((aliases or Aliases()).names.items())
    return _index(_Models(catalogue.models), extra)


class _Models:
    """A catalogue's models, compared by identity, so that an index is built once per catalogue."""

    __slots__ = ("models",)

    def __init__(self, models: tuple[Model, ...]) -> None:
        self.models = models

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Models) and self.models is other.models

    def __hash__(self) -> int:
        return id(self.models)


@lru_cache(maxsize=8)
def _index(models: _Models, extra: tuple[tuple[str, str], ...]) -> Index:
    return Index(models.models, Aliases(dict(extra)).over(shipped_aliases()))
