"""What leaves the machine: pseudonyms, the ten lines, the bucket, the topic and the hook."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loopback_s3 import s3_server
from stub_report import END, finding, made_figures, stub

from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.faults import Fault
from bedrock_guard.errors import GuardError
from bedrock_guard.reports.deliver import Delivery, DeliveryFailed, Message
from bedrock_guard.reports.figures import Figures
from bedrock_guard.reports.places import PlaceFailed
from bedrock_guard.reports.pseudonyms import VARIABLE, Pseudonyms, chosen_key
from bedrock_guard.reports.run import BadParameters, Options, ReportFailed, run
from bedrock_guard.reports.summary import summary

KEY = b"a key of sixteen bytes"
NAMES = {"search-api": "role", "ana.silva@example.com": "session", "finance": "tag", "a&b": "tag"}


@pytest.mark.parametrize(
    "text",
    [
        "search-api called 3 times",
        "role/search-api",
        "arn:aws:iam::111122223333:role/service-role/search-api",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcd1234efgh",
        "ana.silva@example.com",
        "someone.else@example.org",
        "from 192.0.2.7 and 203.0.113.0/24 and 2001:db8::1",
        "account 111122223333",
        "AKIAABCDEFGHIJKLMNOP",
        "s3://team-logs-bucket",
        "a&amp;b and a&b",
    ],
)
def test_names_and_whatever_has_a_names_form_are_replaced(text: str) -> None:
    other = Pseudonyms(KEY, NAMES).text(text)
    for part in (
        "search-api",
        "abcd1234",
        "silva",
        "someone",
        "192.0.2",
        "203.0.113",
        "2001:db8",
        "1111222",
        "AKIA",
    ):
        assert part not in other
    assert "team-logs" not in other
    assert "a&" not in other
    assert Pseudonyms(KEY, NAMES).text(text) == other


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20 12:00:05 UTC",
        "2026-11-20T12:00:00+00:00",
        "$1,234.50 and 99.8 %",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:iam::aws:policy/AmazonBedrockFullAccess",
        "research and searching",
        "0.123456789012345",
        "us-east-1",
    ],
)
def test_what_is_nobodys_name_stays(text: str) -> None:
    assert Pseudonyms(KEY, NAMES).text(text) == text


def test_a_path_is_a_name_before_its_sign_only() -> None:
    other = Pseudonyms(KEY, {"service": "path", "reporting": "user"})
    told = other.text("service/reporting ran aws iam update-service-specific-credential for a service")
    assert told.endswith("ran aws iam update-service-specific-credential for a service")
    assert "service/" not in told
    assert "reporting" not in told


def test_a_name_is_the_same_in_every_form_and_another_key_gives_another() -> None:
    other = Pseudonyms(KEY, NAMES)
    alone = other.text("search-api")
    assert other.text("arn:aws:iam::111122223333:role/path/search-api").endswith(f"/{alone}")
    assert other.text("a&amp;b") == other.text("a&b")
    assert Pseudonyms(b"another key of sixteen", NAMES).text("search-api") != alone


def test_a_short_key_is_refused_and_none_gives_a_new_one_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen_key() != chosen_key()
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(GuardError, match="too short"):
        chosen_key()


def distinctive() -> list[str]:
    truth = make_company().truth
    names = {arn.rpartition("/")[2] for arn in truth["calls"]["by_principal"]}
    names |= {key["user"] for key in truth["keys"]} | {key["id"] for key in truth["keys"]}
    return sorted(
        names
        | set(truth["accounts"])
        | {"policy-qa-unit", "support-guardrail", "shipping-handbook", "support-agent", "t1degr0ail01"}
        | {"omar.haddad", "mira.okafor", "tidewater", "203.0.113", "192.0.2"}
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cost", "keys"])
def test_a_forwarded_report_names_nobody_anywhere(name: str, tmp_path: Path) -> None:
    made = run(name, {"account": "demo"}, tmp_path, options=Options(plots="script", pseudonymise=True))
    for file in ("report.html", "report.ipynb", "figures.json", "summary.md"):
        text = (Path(made.address) / file).read_text(encoding="utf-8")
        text = re.sub(r"<script data-plotly>.*?</script>", "", text, flags=re.DOTALL)
        assert [one for one in distinctive() if one in text] == [], file
        assert "arn:aws:iam::1" not in text
        assert "update-path" not in text
    assert ("update-service-specific-credential" in made.summary) == (name == "keys"), "a command is no name"
    assert made.summary.count("(names are replaced here: put in the true ones)") == (name == "keys")
    assert made.figures.pseudonyms
    assert made.figures.findings


def test_a_failed_run_that_is_forwarded_keeps_no_output(tmp_path: Path) -> None:
    book = stub(
        tmp_path / "b.ipynb", None, "print('user zelda')", "raise ValueError('AccessDenied: 111122223333')"
    )
    with pytest.raises(ReportFailed):
        run("cost", {}, tmp_path / "out", options=Options(notebook=book, pseudonymise=True))
    (kept,) = (tmp_path / "out" / "failed").iterdir()
    cells = json.loads(kept.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells)
    assert "111122223333" not in "".join(cells[0]["source"])


def test_ten_lines_and_no_text_of_aws_formats_or_mentions_anything() -> None:
    hostile = "<!channel> @everyone *bold* [x](https://evil.example) `code` | \n# heading"
    many = tuple(finding(f"f{n}", "high", hostile) for n in range(30))
    text = summary(made_figures(findings=many, gaps=("a Region",)))
    lines = text.splitlines()
    assert len(lines) == 10
    assert "24 more" in lines[-1] or "more in the report" in lines[-1]
    assert "@everyone" not in text
    assert "https://" not in text
    assert "<!" not in text.replace("\\<", "")
    assert summary(made_figures()).splitlines()[-1] == "0 findings"
    command = made_figures(lead=("Stop it first with: aws iam update-user --user-name a",))
    assert "replaced" not in summary(command)
    assert "--user-name a (names are replaced here" in summary(command.model_copy(update={"pseudonyms": "m"}))
    plain = summary(made_figures(findings=(finding("a", text="a_b@example.com \x1b[2J"),)), markdown=False)
    assert plain.splitlines()[-1].endswith("a_b@example.com \\x1b[2J")
    assert "**" not in plain


def test_the_findings_that_stand_above_are_counted() -> None:
    told = tuple(finding(f"f{n}", "high", f"Thing {n} is wrong.") for n in range(9))
    lines = summary(made_figures(findings=told, lead=("Perhaps: Thing 3 is wrong.", "B."))).splitlines()
    (counted,) = (line for line in lines if "findings" in line)
    assert counted == "9 findings; 1 of them above"
    listed = sum(line.startswith("🔴") for line in lines)
    assert lines[-1] == f"… and {9 - 1 - listed} more in the report."
    assert len(lines) == 10


def hook(tmp_path: Path, status: int = 0) -> str:
    program = tmp_path / "hook.py"
    program.write_text(
        "import json, os, sys\n"
        "json.dump({'text': sys.stdin.read(), 'env': dict(os.environ)}, open(sys.argv[1], 'w'))\n"
        f"print('no route', file=sys.stderr)\nsys.exit({status})\n"
    )
    return f"{sys.executable} '{program}' '{tmp_path / 'told'}'"


def test_the_hook_gets_the_lines_and_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for hooks")
    Delivery(hook=hook(tmp_path)).tell(Message("cost", 1, "ten lines", "/out/run"))
    told = json.loads((tmp_path / "told").read_text())
    assert told["text"] == "ten lines"
    assert told["env"]["BEDROCK_GUARD_STATUS"] == "1"
    assert told["env"]["BEDROCK_GUARD_ADDRESS"] == "/out/run"
    assert "AWS_SECRET_ACCESS_KEY" not in told["env"]


def test_nothing_is_told_of_a_fine_run_unless_asked(tmp_path: Path) -> None:
    quiet = Delivery(hook=hook(tmp_path))
    quiet.tell(Message("cost", 0, "fine", "x"))
    assert not (tmp_path / "told").exists()
    Delivery(hook=hook(tmp_path), when="always").tell(Message("cost", 0, "fine", "x"))
    assert (tmp_path / "told").exists()


@pytest.mark.parametrize("words", ["/no/such/program", "false", "'open quote"])
def test_a_hook_that_does_not_work_is_an_error_of_its_own(words: str) -> None:
    with pytest.raises(DeliveryFailed):
        Delivery(hook=words).tell(Message("cost", 1, "x", "y"))


def test_a_hook_is_no_shell(tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed):
        Delivery(hook=f"true; touch {tmp_path}/owned").tell(Message("cost", 1, "x", "y"))
    assert not (tmp_path / "owned").exists()


def test_a_topic_is_told_through_the_demos_sns() -> None:
    from bedrock_guard.account.session import Account

    account = Account.demo()
    topic = account.client("sns").create_topic(Name="reports")["TopicArn"]
    Delivery(topic=topic, client=lambda region: account.client("sns", region)).tell(
        Message("keys", 3, "ten", "/run")
    )
    assert account.requests.total("sns", "Publish") == 1
    with pytest.raises(DeliveryFailed, match="no ARN"):
        Delivery(topic="reports").check()


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [("access_denied", "sns:Publish"), ("clock_skew", "60 minutes slow"), ("reset_before", "check network")],
)
def test_a_topic_that_is_not_told_says_what_to_do(kind: Any, remedy: str) -> None:
    from bedrock_guard.account.session import Account

    account = Account.demo(calls=200, faults=[Fault("sns:Publish", kind, seconds=-3600)])
    topic = account.client("sns").create_topic(Name="reports")["TopicArn"]
    told = Delivery(topic=topic, client=lambda region: account.client("sns", region))
    with pytest.raises(DeliveryFailed) as caught:
        told.tell(Message("cost", 1, "ten lines", "out/cost_1"))
    assert caught.value.exit_status == 4
    assert remedy in caught.value.remedy


@pytest.fixture
def s3() -> Iterator[Any]:
    with s3_server("reports") as served:
        yield served.client


def keys_in(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="reports").get("Contents", ())]


def test_a_bucket_gets_the_run_with_figures_last_and_earlier_runs_are_read(s3: Any, tmp_path: Path) -> None:
    order: list[str] = []
    s3.meta.events.register("before-call.s3.PutObject", lambda params, **_: order.append(params["url_path"]))
    book = stub(tmp_path / "b.ipynb", made_figures())
    options = Options(plots="script", notebook=book)
    first = run("cost", {}, "s3://reports/bedrock/x", options=options, s3=lambda: s3)
    assert first.address.startswith("s3://reports/bedrock/x/cost_")
    assert order[-1].endswith("/figures.json")
    assert len(keys_in(s3)) == 4
    body = s3.get_object(Bucket="reports", Key=first.address.removeprefix("s3://reports/") + "/figures.json")
    assert Figures.model_validate_json(body["Body"].read()) == first.figures
    seen = stub(
        tmp_path / "c.ipynb",
        made_figures(),
        "import pathlib\nassert list(pathlib.Path(previous).glob('cost_*/figures.json'))",
    )
    run("cost", {}, "s3://reports/bedrock/x", options=Options(plots="script", notebook=seen), s3=lambda: s3)


def test_a_bucket_that_is_not_there_fails_before_anything_runs(s3: Any, tmp_path: Path) -> None:
    book = stub(tmp_path / "b.ipynb", made_figures(), f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(PlaceFailed, match="NoSuchBucket"):
        run("cost", {}, "s3://nowhere/x", options=Options(notebook=book), s3=lambda: s3)
    assert not (tmp_path / "ran").exists()


def refusing(s3: Any, code: str, after: int) -> None:
    """S3 answers as it does when it refuses, on the wire below boto3, from the object after so many on."""
    from botocore.awsrequest import AWSResponse

    class Raw:
        def __init__(self, body: bytes) -> None:
            self.body = body

        def stream(self, **_: Any) -> Iterator[bytes]:
            yield self.body

    left = [after]

    def answer(request: Any, **_: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            return None
        body = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
        return AWSResponse(request.url, 403, {"Content-Type": "application/xml"}, Raw(body))

    s3.meta.events.register("before-send.s3.PutObject", answer)


@pytest.mark.parametrize(
    ("code", "after", "remedy"),
    [
        ("AccessDenied", 0, "s3:PutObject"),
        ("AccessDenied", 2, "s3:PutObject"),
        ("AccessDenied", 3, "s3:PutObject"),
        ("RequestTimeTooSkewed", 0, "This machine's clock is off"),
        ("ExpiredToken", 1, "sign in again"),
        ("SignatureDoesNotMatch", 0, "another secret"),
    ],
)
def test_a_bucket_that_refuses_is_a_failed_run_without_figures(
    code: str, after: int, remedy: str, s3: Any, tmp_path: Path
) -> None:
    book = stub(tmp_path / "b.ipynb", made_figures())
    before = keys_in(s3)
    refusing(s3, code, after)
    with pytest.raises(PlaceFailed, match=code) as caught:
        run("cost", {}, "s3://reports/x", options=Options(plots="script", notebook=book), s3=lambda: s3)
    assert caught.value.exit_status == 4
    assert remedy in caught.value.remedy
    new = [key for key in keys_in(s3) if key not in before]
    assert len(new) == after
    assert not any(key.endswith("figures.json") for key in new)


def test_an_address_without_a_bucket_is_refused() -> None:
    with pytest.raises(BadParameters, match="names no bucket"):
        run("cost", {}, "s3:///x")


def test_figures_that_do_not_fit_their_schema_are_refused() -> None:
    good = made_figures().model_dump(mode="json")
    for bad in (
        good | {"figures": {"total": good["figures"]["total"] | {"source": "nobody"}}},
        good | {"figures": {"total": good["figures"]["total"] | {"value": None}}},
        good | {"schema_version": 1},
        good | {"extra": 1},
    ):
        with pytest.raises(ValueError, match=r"sources|why|schema_version|extra"):
            Figures.model_validate(bad)


def test_the_schema_of_figures_is_in_the_documents() -> None:
    import jsonschema

    from bedrock_guard.reports.figures import schema

    kept = json.loads((Path(__file__).parent.parent.parent / "docs" / "figures.schema.json").read_text())
    assert kept == schema()
    jsonschema.validate(made_figures(window_end=END + timedelta(days=1)).model_dump(mode="json"), kept)
