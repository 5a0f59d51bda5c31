"""Keys read offline: what they say, the hard names, and no secret anywhere."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_guard.evidence.decode import NotAKeyError, account_of_key_id, decode_key

ACCOUNT = "111122223333"
SECRET = "notARealSecret+Of/Anything=="


def long_key(alias: str, *, padded: bool = True, prefix: str = "ABSK") -> str:
    text = base64.b64encode(f"{alias}:{SECRET}".encode()).decode()
    return prefix + (text if padded else text.rstrip("="))


def key_id(prefix: str, account: str) -> str:
    """A key id that holds the account, by turning the reading rule round."""
    number = (1 << 47) | (int(account) << 7) | 0x55
    return prefix + base64.b32encode(number.to_bytes(6, "big") + b"\x01\x02\x03\x04").decode()


def short_key(key: str, *, prefix: str = "bedrock-api-key-", padded: bool = True, **changes: str) -> str:
    query = {
        "Action": "CallWithBearerToken",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key}/20261001/eu-central-1/bedrock/aws4_request",
        "X-Amz-Date": "20261001T080000Z",
        "X-Amz-Expires": "43200",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Security-Token": "IQoJb3JpZ2luX2VjEXAMPLE",
        "X-Amz-Signature": "0" * 64,
        "Version": "1",
        **changes,
    }
    url = "bedrock.amazonaws.com/?" + "&".join(
        f"{name}={quote(value, safe='')}" for name, value in query.items()
    )
    text = base64.b64encode(url.encode()).decode()
    return prefix + (text if padded else text.rstrip("="))


@pytest.mark.parametrize(
    ("alias", "user", "number"),
    [
        (f"ana-at-{ACCOUNT}", "ana", None),
        (f"BedrockAPIKey-ab12-at-{ACCOUNT}", "BedrockAPIKey-ab12", None),
        (f"BedrockAPIKey-ab12+1-at-{ACCOUNT}", "BedrockAPIKey-ab12", 1),
        (f"chat-at-work-at-{ACCOUNT}", "chat-at-work", None),
        (f"a-at-123456789012-at-{ACCOUNT}", "a-at-123456789012", None),
        (f"team+ml-at-{ACCOUNT}", "team+ml", None),
        (f"team+ml+2-at-{ACCOUNT}", "team+ml", 2),
        (f"x@y.example-at-{ACCOUNT}", "x@y.example", None),
    ],
)
@pytest.mark.parametrize("padded", [True, False])
def test_the_hard_names_of_long_term_keys(alias: str, user: str, number: int | None, padded: bool) -> None:
    found = decode_key(long_key(alias, padded=padded))
    assert (found.kind, found.user, found.key_number, found.account_id) == (
        "long_term",
        user,
        number,
        ACCOUNT,
    )
    assert found.expires_at_latest is None


def test_a_number_may_belong_to_the_name_and_the_answer_says_so() -> None:
    notes = decode_key(long_key(f"ana+1-at-{ACCOUNT}")).notes
    assert any("ana+1" in note for note in notes)


@pytest.mark.parametrize(("prefix", "signer"), [("ASIA", "session"), ("AKIA", "access_key")])
@pytest.mark.parametrize("padded", [True, False])
def test_short_term_keys_of_sessions_and_of_access_keys(prefix: str, signer: str, padded: bool) -> None:
    found = decode_key(short_key(key_id(prefix, ACCOUNT), padded=padded))
    assert (found.kind, found.signer, found.account_id) == ("short_term", signer, ACCOUNT)
    assert (found.region, found.signed_by) == ("eu-central-1", key_id(prefix, ACCOUNT))
    assert found.issued == datetime(2026, 10, 1, 8, tzinfo=UTC)
    assert found.expires_at_latest == datetime(2026, 10, 1, 20, tzinfo=UTC)
    assert any("TokenIssueTime" in note for note in found.notes) == (signer == "access_key")


def test_claude_platform_keys() -> None:
    assert decode_key(long_key(f"ana-at-{ACCOUNT}", prefix="AEAA")).service == "claude_platform"
    other = short_key(key_id("ASIA", ACCOUNT), prefix="aws-external-anthropic-api-key-")
    assert decode_key(other).service == "claude_platform"


AROUND = [
    "{}",
    " {}\n",
    '"{}"',
    "'{}'",
    "`{}`",
    "\ufeff{}\r\n",
    "{}.",
    "export AWS_BEARER_TOKEN_BEDROCK={}",
    'AWS_BEARER_TOKEN_BEDROCK="{}"\n',
    "Authorization: Bearer {}",
    '{{"ServiceCredentialSecret": "{}"}}',
]


@pytest.mark.parametrize("wrapping", AROUND)
def test_what_stands_around_a_key(wrapping: str) -> None:
    key = long_key(f"ana-at-{ACCOUNT}")
    assert decode_key(wrapping.format(key)) == decode_key(key)
    short = short_key(key_id("ASIA", ACCOUNT))
    assert decode_key(wrapping.format(short)) == decode_key(short)


def test_a_key_wrapped_over_lines_is_one_and_two_keys_are_refused() -> None:
    key = long_key(f"ana-at-{ACCOUNT}")
    assert decode_key("\n".join(key[i : i + 30] for i in range(0, len(key), 30))).user == "ana"
    other = long_key(f"bob-at-{ACCOUNT}")
    with pytest.raises(NotAKeyError, match="several keys") as caught:
        decode_key(f"{key}\n{other}")
    assert key[10:] not in str(caught.value)


def test_a_key_typed_at_a_terminal_is_asked_for_and_not_shown() -> None:
    key = long_key(f"ana-at-{ACCOUNT}")
    ours, its = os.openpty()
    command = [sys.executable, "-c", "from bedrock_guard.cli import main; main()", "decode"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = subprocess.Popen(command, stdin=its, start_new_session=True, **pipes)
    asked = b""
    while not asked.endswith(b"): "):
        asked += run.stderr.read(1) or pytest.fail(f"it asked nothing but {asked!r}")
    os.write(ours, key.encode() + b"\n")
    said = b"".join(run.communicate(timeout=60))
    os.set_blocking(ours, False)
    echoed = b""
    with contextlib.suppress(OSError):
        echoed = os.read(ours, 65_536)
    for end in (ours, its):
        os.close(end)
    assert b"ana" in said
    for shown in (said, echoed):
        assert key.encode()[8:] not in shown


def test_the_fingerprint_is_the_same_with_and_without_padding() -> None:
    alias = f"ana1-at-{ACCOUNT}"
    keys = {decode_key(long_key(alias, padded=padded)).fingerprint for padded in (True, False)}
    assert len(keys) == 1
    assert keys != {decode_key(long_key(f"ana2-at-{ACCOUNT}")).fingerprint}


def test_nothing_secret_is_kept() -> None:
    for key in (long_key(f"ana-at-{ACCOUNT}"), short_key(key_id("ASIA", ACCOUNT))):
        shown = repr(decode_key(key))
        for secret in (SECRET, key, "IQoJ", "0" * 64, "X-Amz-Signature"):
            assert secret not in shown


DATES = [
    {"X-Amz-Date": "yesterday"},
    {"X-Amz-Expires": "soon"},
    {"X-Amz-Expires": "-5"},
    {"X-Amz-Date": "20261341T0"},
]


@pytest.mark.parametrize("changes", DATES)
def test_an_unreadable_end_is_unknown(changes: dict[str, str]) -> None:
    assert decode_key(short_key(key_id("ASIA", ACCOUNT), **changes)).expires_at_latest is None


WRONG = [
    "",
    "ABSK",
    "sk-something",
    "ABSK" + "*" * 40,
    "ABSK" + base64.b64encode(b"\xff\xfe" * 20).decode(),
    long_key("no account here"),
    long_key("ana-at-12345"),
    long_key(f"a b-at-{ACCOUNT}"),
    long_key(f"<b>-at-{ACCOUNT}"),
    long_key(f"ana-at-{'٣' * 12}"),
    "bedrock-api-key-" + base64.b64encode(b"https://example.com/").decode(),
    short_key("not/a/credential"),
    short_key(key_id("ASIA", ACCOUNT), Action="Other"),
    short_key(key_id("ASIA", ACCOUNT), **{f"field-{number}": "x" for number in range(60)}),
    long_key(f"ana-at-1111{SECRET[:12]}-at-{ACCOUNT}"),
    "ABSK" + "A" * 100_000,
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(NotAKeyError) as caught:
        decode_key(text)
    assert not text[8:40] or text[8:40] not in str(caught.value)
    assert caught.value.__context__ is None  # an error beneath would hold what it could not read


LONG_SECRET = "Qx7ZqSyYvysjBfRsDLHZgRakGnRAxPcTMaLzEJWm"
TOKEN = "IQoJb3JpZ2luX2VjEHUaCXVzLWVhc3QtMSJHMEUCIQDfakefakefake"
SIGNATURE = "f00dfacecafe" + "5e" * 26
KEYS = [
    *("ABSK" + base64.b64encode(f"{name}-at-{ACCOUNT}:{LONG_SECRET}".encode()).decode() for name in ("ana", "a+2")),
    *(
        short_key(key_id(kind, ACCOUNT), **{"X-Amz-Security-Token": TOKEN, "X-Amz-Signature": SIGNATURE})
        for kind in ("ASIA", "AKIA")
    ),
]  # fmt: skip
PARTS = {
    part[at : at + 7] for part in (LONG_SECRET, TOKEN, SIGNATURE, *KEYS) for at in range(9, len(part) - 7)
}


def damaged(dice: random.Random, text: str) -> str:
    """A key as bad copying leaves it: letters changed, added, lost, cut off, pasted twice, wrapped in other text."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        at, to = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
        added = dice.choice(
            ["\n", "\r", "=", "\x00", "é", "\ud800", "\u202e", "%", "Bearer ", 'X="', "&&", "A"]
        )
        text = dice.choice([
            text[:at] + added + text[at:],
            text[:at] + text[min(to, at + 2):],
            text[:at] + text[at : at + 40] + text[at:],
            text[:to] + text[at:],
            text[:max(to, 30)],
        ])  # fmt: skip
    return text


def test_ten_thousand_damaged_keys_are_read_or_refused_and_tell_nothing() -> None:
    dice, read = random.Random(7), 0
    for number in range(10_000):
        key = dice.choice(KEYS)
        prefix = "ABSK" if key.startswith("ABSK") else "bedrock-api-key-"
        if number % 2:
            inner = damaged(dice, base64.b64decode(key.removeprefix(prefix)).decode())
            text = prefix + base64.b64encode(inner.encode("utf-8", "replace")).decode()
        else:
            text = damaged(dice, key)
        try:
            said, read = repr(decode_key(text)), read + 1
        except NotAKeyError as error:
            said = f"{error!r} {error} {error.__context__!r}"
        assert not any(said[at : at + 7] in PARTS for at in range(len(said) - 6)), (number, said)
    assert 500 < read < 9_500


@pytest.mark.parametrize(
    "given", [b"\xff\xfe" + b"\x80" * 40, b"", b"ABSK\x00", b"A" * 300_000, None], ids=range(5)
)
def test_bytes_that_are_no_text_end_in_plain_words(given: bytes | None) -> None:
    command = [sys.executable, "-c", "from bedrock_guard.cli import main; main()", "decode"]
    if given is None:
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    run = subprocess.run(command, capture_output=True, check=False, env=strict, input=given)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.startswith(b"error: ")
    assert b"Traceback" not in run.stderr


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    for prefix in ("", "ABSK", "bedrock-api-key-", "AEAA"):
        with contextlib.suppress(NotAKeyError):
            decode_key(prefix + text)


@given(st.integers(1, 10**12 - 1).map(lambda number: f"{number:012}"))
def test_the_account_in_a_key_id(account: str) -> None:
    for prefix in ("AKIA", "ASIA", "ACCA"):
        made = key_id(prefix, account)
        assert account_of_key_id(made) == (None if made[4] in "IJ" else account)


@pytest.mark.parametrize(
    "old", ["AKIAIOSFODNN7EXAMPLE", "AKIAJ" + "A" * 15, "ASIA", "", "AKIA" + "1" * 16, "x" * 500]
)
def test_ids_that_hold_no_account(old: str) -> None:
    assert account_of_key_id(old) is None
