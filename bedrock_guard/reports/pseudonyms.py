"""Other names for people, roles, accounts and addresses, the same everywhere in a report, so that it can be forwarded.

A pseudonym is a keyed hash. The key is made anew for each run and forgotten, so that nobody can try names or the few
account numbers there are; with a key of one's own in BEDROCK_GUARD_PSEUDONYM_KEY the names stay the same from run to
run, and trends of findings go on.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from nbformat import NotebookNode

from bedrock_guard.errors import GuardError

VARIABLE: Final = "BEDROCK_GUARD_PSEUDONYM_KEY"
_SHORTEST_KEY: Final = 16
_SHORTEST_NAME: Final = 3
_HEX: Final = 6
_OWNED_BY_AWS: Final = frozenset({"", "aws"})

_ARN: Final = re.compile(r"\barn:(aws[\w-]*):([\w-]+):([\w-]*):([\w-]*):([^\s\"'<>,;)\]}\\]+)")
_KINDS: Final = (
    ("person", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("bucket", re.compile(r"(?<=s3://)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")),
    ("network", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}/\d{1,2}(?![\d.])")),
    ("address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")),
    ("address", re.compile(
        r"(?<![\w:])(?=[0-9a-f:]*(?:::|[0-9a-f]{3,}:))(?:[0-9a-f]{1,4}:){2,7}:?"
        r"(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?(?:/\d{1,3})?(?![\w:])", re.I)),
    ("key", re.compile(r"\b(?:AKIA|ASIA|ACCA|AIDA|AROA|DEMO)[A-Z0-9]{10,}\b")),
    ("account", re.compile(r"(?<![\d.\-])\d{12}(?!\d)(?![.\-]\d)")),
)  # fmt: skip


@dataclass(frozen=True)
class Pseudonyms:
    """Replaces known names, and whatever has the form of an ARN, account number, address, e-mail or key id.

    Args:
        key: what the pseudonyms are made with.
        names: name -> its kind (user, role, session, tag, ...), as the report knows them.

    Example:
        >>> other = Pseudonyms(b"a key of sixteen", {"search-api": "role"})
        >>> other.text("search-api in 111122223333") == other.text("search-api in 111122223333")
        True
        >>> "search" in other.text("search-api called from 192.0.2.7")
        False

    """

    key: bytes
    names: Mapping[str, str]

    @property
    def mark(self) -> str:
        """What tells two keys apart, and nothing else of them."""
        return self._hash("mark", "")[:8]

    def text(self, text: str) -> str:
        """The text with other names in it."""
        text = _ARN.sub(self._arn, text)
        text = self._known.sub(lambda found: self._name(found[0]), text) if self.names else text
        for kind, pattern in _KINDS:
            text = pattern.sub(lambda found, kind=kind: self._alias(kind, found[0]), text)  # type: ignore[misc]
        return text

    def value(self, value: Any) -> Any:
        """Plain data with every text in it replaced; keys of mappings too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(held) for key, held in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(held) for held in value]
        return value

    def notebook(self, notebook: NotebookNode) -> None:
        """Replace in place: outputs, and the source of the cell that holds the parameters given."""
        for cell in notebook.cells:
            if "injected-parameters" in cell.metadata.get("tags", ()):
                cell.source = self.text(cell.source)
            for output in cell.get("outputs", ()):
                for name in ("data", "text", "evalue", "traceback"):
                    if name in output:
                        output[name] = self.value(output[name])
        told = notebook.metadata.get("papermill", {})
        told["parameters"] = self.value(told.get("parameters", {}))

    @cached_property
    def _known(self) -> re.Pattern[str]:
        from html import escape

        forms = {form for name in self.names for form in (name, escape(name)) if len(name) >= _SHORTEST_NAME}
        if not forms:
            return re.compile(r"(?!)")
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        return re.compile(rf"(?<![\w@])(?:{'|'.join(map(self._form, longest_first))})(?![\w@])")

    def _form(self, form: str) -> str:
        """A name as a pattern; a path is often a plain word, such as service, and a name only before its sign."""
        return rf"(?<!-){re.escape(form)}(?=/)" if self.names.get(form) == "path" else re.escape(form)

    def _name(self, form: str) -> str:
        from html import unescape

        name = form if form in self.names else unescape(form)
        return self._alias(self.names.get(name, "name"), name)

    def _arn(self, found: re.Match[str]) -> str:
        partition, service, region, account, rest = found.groups()
        if account in _OWNED_BY_AWS:
            return found[0] if service != "s3" else f"arn:{partition}:s3:::{self._alias('bucket', rest)}"
        kind, sign, name = _split(rest)
        end = f"{kind}{sign}{self._name(name)}" if sign else self._name(rest)
        return f"arn:{partition}:{service}:{region}:{self._alias('account', account)}:{end}"

    def _alias(self, kind: str, name: str) -> str:
        return f"{kind}-{self._hash(kind, name)[:_HEX]}"

    def _hash(self, kind: str, name: str) -> str:
        return hmac.new(self.key, f"{kind}\0{name}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _split(rest: str) -> tuple[str, str, str]:
    """An ARN's last part as kind, sign and the last name: a path is dropped, since it can name a team."""
    kind, sign, name = rest.partition("/") if "/" in rest else rest.partition(":")
    return kind, sign, name.rpartition("/")[2]


def chosen_key() -> bytes:
    """The key of the environment, or a new one.

    Raises:
        GuardError: the environment's key is too short to be none that can be guessed.

    """
    given = os.environ.get(VARIABLE, "")
    if not given:
        return secrets.token_bytes(32)
    if len(given) < _SHORTEST_KEY:
        raise GuardError(
            f"{VARIABLE} is too short.", remedy=f"Give at least {_SHORTEST_KEY} random characters."
        )
    return given.encode()
