"""Reading is strict, says where, and loses nothing."""

from __future__ import annotations

import json

import pytest

from bedrock_guard.errors import GuardError
from bedrock_guard.iam.document import Document, PolicyError, Statement, as_document, read
from bedrock_guard.iam.quotas import counted, room

ALLOW = '{"Effect":"Allow","Action":"*","Resource":"*"}'


def wrap(statement, version='"2012-10-17"'):
    return f'{{"Version":{version},"Statement":{statement}}}'


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "ends too early"),
        ("   ", 1, 4, "ends too early"),
        ('{"Version": "2012-10-17", // why\n}', 1, 27, "comment"),
        ("/* x */ {}", 1, 1, "comment"),
        ("{}\n# end", 2, 1, "comment"),
        ('{"Statement": [],}', 1, 17, "before the end"),
        ('{"Statement": [{},]}', 1, 18, "before the end"),
        ("{} {}", 1, 4, "run together"),
        (wrap(ALLOW) + wrap(ALLOW), 1, len(wrap(ALLOW)) + 1, "run together"),
        ('{"Statement": NaN}', 1, 15, "no JSON number"),
        ('{"Statement": -Infinity}', 1, 15, "no JSON number"),
        ('{"Statement": 01}', 1, 15, "no JSON value"),
        ("{'Statement': []}", 1, 2, "double quotes"),
        ('{"Statement": tru}', 1, 15, "no JSON value"),
        ('{"Statement": [}', 1, 16, "a value"),
        ('{"Statement" []}', 1, 14, "colon"),
        ('{"Statement": []', 1, 17, "too early"),
        ('{"Id": "a\nb", "Statement": []}', 1, 10, "control character"),
        ('{"Id": "\\x", "Statement": []}', 1, 9, "escape"),
        ('{"Id": "open', 1, 8, "Unterminated"),
        ('{"Id": "\\ud800", "Statement": []}', 1, 8, "lone surrogate"),
        ('{"Id": "\ud800", "Statement": []}', 1, 9, "lone surrogate"),
        ('{"Id": "\u4e2d", "Statement": []}', 1, 9, r"U\+4E2D"),
        ('\ufeff{"Statement": []}', 1, 1, r"U\+FEFF"),
        ('{"Id": "\x00", "Statement": []}', 1, 9, r"U\+0000"),
        ("[" * 50, 1, 13, "nests deeper"),
        ('{"a":' * 50, 1, 2 + 5 * 12 - 1, "nests deeper"),
        ("[]", 1, 1, "JSON object"),
        ('"x"', 1, 1, "JSON object"),
        ('{"Version": "2012-10-17"}', 1, 1, "no Statement"),
        ('{"Version": "2012-10-18", "Statement": []}', 1, 13, "not a version"),
        ('{"Version": 2012, "Statement": []}', 1, 13, "must be text"),
        ('{"version": "2012-10-17", "Statement": []}', 1, 2, "no element"),
        ('{"Statement": [], "Statements": []}', 1, 19, "no element"),
        ('{"Statement": [[]]}', 1, 16, "JSON object"),
        ('{"Id": 7, "Statement": []}', 1, 8, "Id must be text"),
        (wrap('{"Action":"*","Resource":"*"}'), 1, 37, "no Effect"),
        (wrap('{"Effect":"allow","Action":"*","Resource":"*"}'), 1, 47, "neither"),
        (wrap('{"Effect":"Allow","Resource":"*"}'), 1, 37, "neither Action"),
        (wrap('{"Effect":"Allow","Action":"*"}'), 1, 37, "neither Resource"),
        (wrap('{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}'), 1, 80, "never both"),
        (wrap('{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}'), 1, 97, "never both"),
        (wrap('{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}'), 1, 95, "no Principal"),
        (wrap('{"Effect":"Allow","Action":[],"Resource":"*"}'), 1, 64, "empty list"),
        (wrap('{"Effect":"Allow","Action":"GetObject","Resource":"*"}'), 1, 64, "no action"),
        (wrap('{"Effect":"Allow","Action":"s*:Get","Resource":"*"}'), 1, 64, "wildcard in the service"),
        (wrap('{"Effect":"Allow","Action":7,"Resource":"*"}'), 1, 64, "must be text"),
        (wrap('{"Effect":"Allow","Action":"*","Resource":"bucket"}'), 1, 79, "no resource"),
        (wrap('{"Effect":"Allow","Action":"*","Resource":"*","Comment":"x"}'), 1, 83, "no element"),
        (wrap('{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}'), 1, 44, "something else"),
    ],
)
def test_refused_with_its_place(text, line, column, message):
    with pytest.raises(PolicyError, match=message) as caught:
        read(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert isinstance(caught.value, GuardError)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('{"StringMatches":{"aws:k":"a"}}', "no condition operator"),
        ('{"StringEqualsIfExistsIfExists":{"aws:k":"a"}}', "no condition operator"),
        ('{"ForSomeValues:StringEquals":{"aws:k":"a"}}', "no condition operator"),
        ('{":StringEquals":{"aws:k":"a"}}', "no condition operator"),
        ('{"NullIfExists":{"aws:k":"true"}}', "no condition operator"),
        ('{"BinaryNotEquals":{"aws:k":"AA=="}}', "no condition operator"),
        ('{"BoolNotEquals":{"aws:k":"true"}}', "no condition operator"),
        ('{"StringEquals":"a"}', "object of condition keys"),
        ('["StringEquals"]', "object of operators"),
        ('{"StringEquals":{"aws:k":null}}', "not null"),
        ('{"StringEquals":{"aws:k":{}}}', "not an object"),
        ('{"StringEquals":{"aws:k":[["a"]]}}', "not a list"),
        ('{"StringEquals":{"aws:k":[]}}', "empty list"),
        ('{"StringEquals":{"k":"a"}}', "no condition key"),
        ('{"StringEquals":{"":"a"}}', "no condition key"),
        ('{"StringEquals":{"aws:k":"a","aws:k":"b"}}', "twice"),
        ('{"StringEquals":{"aws:k":"a"},"stringequals":{"aws:k":"b"}}', "twice"),
        ('{"NumericEquals":{"aws:k":"ten"}}', "no value for"),
        ('{"DateEquals":{"aws:k":"2026-13-01"}}', "no value for"),
        ('{"IpAddress":{"aws:k":"300.0.0.0"}}', "no value for"),
        ('{"IpAddress":{"aws:k":"10.0.0.0/33"}}', "no value for"),
        ('{"IpAddress":{"aws:k":"10.0.0.0/255.0.0.0"}}', "no value for"),
        ('{"BinaryEquals":{"aws:k":"%"}}', "no value for"),
        ('{"Bool":{"aws:k":"yes"}}', "no value for"),
        ('{"Null":{"aws:k":"maybe"}}', "no value for"),
    ],
)
def test_conditions_that_are_refused(condition, message):
    with pytest.raises(PolicyError, match=message) as caught:
        read(wrap(f'{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}'))
    assert caught.value.line == 1


def principal(text, name="Principal"):
    return wrap(f'{{"Effect":"Allow","{name}":{text},"Action":"sts:AssumeRole"}}')


@pytest.mark.parametrize(
    "text",
    [
        '"*"',
        '{"AWS":"*"}',
        '{"AWS":"111122223333"}',
        '{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/team/ada"]}',
        '{"AWS":"arn:aws-us-gov:iam::111122223333:role/service-role/r"}',
        '{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s"}',
        '{"Service":["ec2.amazonaws.com","logs.us-east-1.amazonaws.com"]}',
        '{"Federated":"accounts.google.com","CanonicalUser":"79a59df900b949e55d96a1e6"}',
    ],
)
def test_principals_that_are_read(text):
    assert read(principal(text), "trust").statements[0].principals
    spared = principal(text, "NotPrincipal").replace("Allow", "Deny")
    assert read(spared, "resource").statements[0].not_principals


@pytest.mark.parametrize(
    "text",
    [
        '"ada"',
        "[]",
        '["*"]',
        '{"aws":"*"}',
        '{"AWS":[]}',
        '{"AWS":"arn:aws:iam::111122223333:role/*"}',
        '{"AWS":"12"}',
        '{"Service":"ec2"}',
        '{"AWS":7}',
        "{}",
        '{"AWS":"arn:aws:s3:::b"}',
    ],
)
def test_principals_that_are_refused(text):
    with pytest.raises(PolicyError):
        read(principal(text), "trust")


def test_what_each_kind_needs():
    for kind in ("identity", "boundary", "scp", "session"):
        assert read(wrap(ALLOW), kind).kind == kind
        with pytest.raises(PolicyError, match="no Principal"):
            read(wrap('{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}'), kind)
    for kind in ("resource", "trust", "rcp"):
        with pytest.raises(PolicyError):
            read(wrap(ALLOW), kind)
    with pytest.raises(PolicyError, match="no Resource"):
        read(wrap('{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}'), "trust")
    with pytest.raises(PolicyError, match='"Principal": "\\*"'):
        read(wrap('{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}'), "rcp")
    with pytest.raises(PolicyError, match="no kind"):
        read(wrap(ALLOW), "group")  # type: ignore[arg-type]


def test_sids():
    one = '{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}'
    two = f"[{one},{one}]"
    with pytest.raises(PolicyError, match="twice") as caught:
        read(wrap(two))
    assert caught.value.column == 37 + two.rindex('"A"')
    assert len(read(wrap(two), lenient=True).warnings) == 1
    free = wrap('{"Sid":"Allow: all of it","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}')
    assert read(free, "resource").statements[0].sid == "Allow: all of it"


def test_what_aws_returned_stays_evaluable_with_warnings():
    text = wrap('{"Sid":"x y","Effect":"Allow","Action":"s3:Get Object","Resource":"bucket"}').replace(
        "x y", "x \u4e2d"
    )
    document = read(text, lenient=True)
    assert document.statements[0].sid == "x \u4e2d"
    assert len(document.warnings) == 3
    assert all("line 1" in warning for warning in document.warnings)
    with pytest.raises(PolicyError):
        read(
            wrap('{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Odd":{"aws:k":"a"}}}'),
            lenient=True,
        )


def test_an_operator_in_another_case_is_understood_and_noted():
    document = read(
        wrap('{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"stringlikeifexists":{"aws:k":"a"}}}')
    )
    (condition,) = document.statements[0].conditions
    assert condition.name == "StringLikeIfExists"
    assert "stringlikeifexists" in document.warnings[0]


def test_numbers_and_booleans_keep_their_spelling():
    condition = '{"NumericEquals":{"aws:n":[1,1.50,1e3,"2"]},"Bool":{"aws:b":true}}'
    document = read(wrap(f'{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}}}'))
    assert [one.values for one in document.statements[0].conditions] == [("1", "1.50", "1e3", "2"), ("true",)]


def test_bytes_and_mappings():
    assert read(wrap(ALLOW).encode()).statements == read(wrap(ALLOW)).statements
    with pytest.raises(PolicyError, match="UTF-8") as caught:
        read(b'{"Id":\n "\xff"}')
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert as_document(json.loads(wrap(ALLOW)), "boundary") == read(wrap(ALLOW), "boundary")
    for odd in ({"Statement": object()}, {"Statement": float("nan")}, 7, [1], None):
        with pytest.raises(PolicyError):
            as_document(odd, "identity")  # type: ignore[arg-type]


def test_canonical_and_minified_forms():
    text = (
        '{ "Statement" : { "Resource" : [ "*" ],\n "Action" : "s3:Get*", "Effect":"Allow", '
        '"Condition":{"StringEquals":{"aws:k":[" a b ", "\\u4e2d", "q\\"\\\\"]}} }, "Version":"2012-10-17" }'
    )
    document = read(text)
    minified = document.minified()
    assert json.loads(minified) == json.loads(text)
    assert len(minified) == len(json.dumps(json.loads(text), separators=(",", ":")))
    assert read(minified).minified() == minified
    assert read(document.to_json()) == document
    assert list(json.loads(document.to_json())) == ["Version", "Statement"]
    assert "\\u4e2d" in document.to_json()


def test_a_document_built_in_code_writes_itself():
    document = Document(
        "identity", "2012-10-17", (Statement("S", "Deny", actions=("s3:*",), resources=("*",)),)
    )
    assert document.minified() == (
        '{"Version":"2012-10-17","Statement":[{"Sid":"S","Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
    )
    assert read(document.to_json()) == document


def test_sizes_as_the_target_counts_them():
    text = wrap(ALLOW).replace(":", ": ").replace(",", ",\n")
    document = read(text)
    assert counted(document, "managed") == counted(document, "inline_user") == len(wrap(ALLOW))
    assert counted(document, "scp") == len(text)
    assert room(document, "managed") == 6_144 - len(wrap(ALLOW))
    with pytest.raises(GuardError, match="no policy target"):
        counted(document, "bucket")


def test_a_document_over_every_limit_is_refused_at_once():
    with pytest.raises(PolicyError, match="131,072"):
        read(wrap("[" + ",".join([ALLOW] * 4_000) + "]"))
