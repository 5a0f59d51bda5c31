"""Numbers, lists and foreign text in the sentences that people read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def many(number: int, one: str, several: str | None = None) -> str:
    """A count with its noun.

    Example:
        >>> many(1, "finding"), many(1200, "finding"), many(0, "person", "people")
        ('1 finding', '1,200 findings', '0 people')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def listed(items: Iterable[object]) -> str:
    """Items with commas between them; `none` where there are none."""
    return ", ".join(map(str, items)) or "none"


def together(items: Sequence[str]) -> str:
    """Items with commas, and "and" before the last.

    Example:
        >>> together(["a"]), together(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(items[:-1]), items[-1]) if part)


def some(items: Sequence[str], most: int) -> str:
    """The first of the items, and how many more there are.

    Example:
        >>> some(["a", "b", "c", "d"], 2)
        'a, b and 2 more'
    """
    more = [f"{len(items) - most:,} more"] if len(items) > most else []
    return together([*items[:most], *more])


def accounts_words(accounts: Sequence[str], most: int = 4) -> str:
    """Accounts by number, a few of many.

    Example:
        >>> accounts_words(["000000000011"]), accounts_words(["000000000011", "000000000012"])
        ('account 000000000011', 'accounts 000000000011 and 000000000012')

    """
    return f"account{'' if len(accounts) == 1 else 's'} {some(accounts, most)}"


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text, uncut, with what cannot be seen or turns a line round written out: no name can steer a terminal.

    Args:
        text: from anywhere.
        lines: ends of lines stay what they are.

    Example:
        >>> print(visible("a\x1b[2J"))
        a\x1b[2J
    """
    return "".join(
        c if c.isprintable() or (lines and c == "\n") else c.encode("unicode_escape").decode() for c in text
    )
