"""Words are explained where they stand, once, in text and never inside a tag."""

from __future__ import annotations

import re

import pytest

from bedrock_guard.present.terms import TERMS, explained


@pytest.mark.parametrize("word", sorted(TERMS))
def test_a_word_can_be_reached_by_key_and_says_what_it_means(word: str) -> None:
    made = explained(f"<p title='{word}'>the {word}, and {word} again</p>")
    assert made.startswith(f"<p title='{word}'>")
    assert made.count("<abbr") == 1
    assert re.search(rf'<abbr tabindex="0" title="[^"]{{20,}}">{word}</abbr>, and', made)


def test_other_words_and_what_was_escaped_stay_as_they_are() -> None:
    said = "reroute &lt;route&gt;x"
    assert explained("reroute, canary_name, unknowns") == "reroute, canary_name, unknowns"
    assert explained(said).startswith("reroute &lt;<abbr")
