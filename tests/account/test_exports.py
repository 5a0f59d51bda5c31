"""CUR 2.0 and FOCUS files become the same bill: exact, Marketplace lines and lines without a caller kept."""

from __future__ import annotations

import gzip
import time
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedrock_guard.account.exports import ExportError, read_export
from bedrock_guard.evidence.spend import classify_bill, reconcile
from bedrock_guard.evidence.tables import total

ALICE = "arn:aws:sts::000000000011:assumed-role/App/alice"
OPAQUE = "4a1example0market0product0code0"
EDITION = "Claude Haiku 4.5 (Amazon Bedrock Edition)"
HEAD = (
    "line_item_usage_start_date,line_item_usage_account_id,line_item_product_code,bill_billing_entity,product,"
    "line_item_usage_type,line_item_operation,line_item_line_item_type,line_item_usage_amount,pricing_unit,"
    "line_item_line_item_description,line_item_unblended_cost,line_item_currency_code,line_item_iam_principal"
)
MILLION = "AWS Marketplace software usage|us-east-1|Million Input Tokens"
ROWS = [
    (
        "AmazonBedrock",
        "AWS",
        "",
        "USE1-NovaLite-input-tokens",
        "Usage",
        "100.5",
        "1K tokens",
        "",
        "0.0060300000",
        ALICE,
    ),
    (
        "AmazonBedrock",
        "AWS",
        "",
        "USE1-NovaLite-input-tokens",
        "Usage",
        "0.1",
        "1K tokens",
        "",
        "0.0000060000",
        "",
    ),
    (
        "AmazonBedrockService",
        "AWS",
        "",
        "USE1-Claude4.6Opus-output-tokens",
        "Usage",
        "7",
        "1K tokens",
        "",
        "0.1925",
        ALICE,
    ),
    (
        OPAQUE,
        "AWS Marketplace",
        EDITION,
        "USE1-MP:USE1_InputTokenCount-Units",
        "Usage",
        "2",
        "Units",
        MILLION,
        "2.2",
        ALICE,
    ),
    ("AmazonBedrock", "AWS", "", "USE1-NovaLite-input-tokens", "Credit", "0", "", "", "-0.5", ""),
    ("AmazonEC2", "AWS", "", "BoxUsage:t3.micro", "Usage", "1", "Hrs", "", "99", ALICE),
    (
        "5zother0product",
        "AWS Marketplace",
        "Some Other Software",
        "USE1-MP:x-Units",
        "Usage",
        "1",
        "Units",
        "",
        "77",
        "",
    ),
]
WANTED = Decimal("0.00603") + Decimal("0.000006") + Decimal("0.1925") + Decimal("2.2") - Decimal("0.5")


def csv_text() -> str:
    lines = [HEAD]
    for code, entity, product, usage, kind, amount, unit, description, cost, principal in ROWS:
        name = f'"{{""product_name"": ""{product}""}}"' if product else "{}"
        operation = "InvokeModelInference" if "Bedrock" in code + product else "RunInstances"
        line = [
            "2026-10-01T03:00:00Z",
            "000000000011",
            code,
            entity,
            name,
            usage,
            operation,
            kind,
            amount,
            unit,
        ]
        lines.append(",".join([*line, description, cost, "USD", principal]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def cur_csv(tmp_path):
    folder = tmp_path / "data" / "BILLING_PERIOD=2026-10"
    folder.mkdir(parents=True)
    with gzip.open(folder / "cur-0001.csv.gz", "wt") as file:
        file.write(csv_text())
    return tmp_path


@pytest.fixture
def cur_parquet(tmp_path):
    source = tmp_path / "x.csv"
    source.write_text(csv_text())
    target = tmp_path / "parquet"
    target.mkdir()
    duckdb.sql(
        f"""COPY (SELECT * REPLACE (
            MAP {{'product_name': json_extract_string(product, '$.product_name')}} AS product,
            CAST(line_item_unblended_cost AS DOUBLE) AS line_item_unblended_cost,
            CAST(line_item_usage_amount AS DOUBLE) AS line_item_usage_amount,
            CAST(line_item_usage_start_date AS TIMESTAMP) AS line_item_usage_start_date)
            FROM read_csv('{source}', all_varchar = true)) TO '{target}/a.parquet'"""
    )
    return target


@pytest.mark.parametrize("kind", ["cur_csv", "cur_parquet"])
def test_a_cur_export_adds_up_and_loses_neither_marketplace_nor_lines_without_a_caller(kind, request):
    reading = read_export(request.getfixturevalue(kind))
    assert (reading.form, reading.files) == ("CUR 2.0", 1)
    frame = classify_bill(reading.frame)
    found = reconcile(frame, reading.control)
    assert (found.difference, found.withheld, found.total) == (0, (), WANTED)
    assert set(frame["service"]) == {"Amazon Bedrock", "Amazon Bedrock Service", EDITION}
    assert set(frame["model"].dropna()) == {
        "amazon.nova-lite-v1:0",
        "anthropic.claude-opus-4-6-v1",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
    }
    assert total(frame[frame["principal"].isna()]["cost"]) == Decimal("0.000006") - Decimal("0.5")
    assert total(frame[frame["principal"] == ALICE]["cost"]) == WANTED - Decimal("0.000006") + Decimal("0.5")
    sold = frame[frame["service"] == EDITION].iloc[0]
    assert (sold["unit"], sold["unit_tokens"], sold["region"]) == ("1M tokens", 1_000_000, "us-east-1")
    assert frame["day"].dt.strftime("%Y-%m-%d").unique().tolist() == ["2026-10-01"]


def test_an_amount_that_cannot_be_read_is_unknown_and_not_zero(tmp_path):
    (tmp_path / "cur.csv").write_text(csv_text().replace("0.1925", "oops"))
    reading = read_export(tmp_path)
    found = reconcile(classify_bill(reading.frame), reading.control)
    assert found.headline is None
    assert reading.frame["cost"].isna().sum() == 1


FOCUS = """BilledCost,ChargePeriodStart,SubAccountId,RegionId,ServiceName,x_ServiceCode,x_Operation,x_UsageType,\
ChargeCategory,PricingQuantity,PricingUnit,BillingCurrency,PublisherName
1.10,2026-10-01T00:00:00Z,000000000011,us-east-1,Amazon Bedrock,AmazonBedrock,InvokeModelInference,\
USE1-NovaLite-input-tokens,Usage,10,1K tokens,USD,AWS
2.20,2026-10-01T00:00:00Z,000000000011,us-east-1,,,InvokeModelInference,USE1-MP:USE1_InputTokenCount-Units,Usage,2,Units,\
USD,Anthropic
0.30,2026-10-01T00:00:00Z,000000000011,us-east-1,Amazon Bedrock,AmazonBedrock,,,Tax,,,USD,AWS
9.90,2026-10-01T00:00:00Z,000000000011,us-east-1,Amazon S3,AmazonS3,GetObject,Requests,Usage,1,Requests,USD,AWS
"""


def test_a_focus_export_keeps_marketplace_lines_without_a_service_as_unmapped(tmp_path):
    (tmp_path / "focus.csv").write_text(FOCUS)
    reading = read_export(tmp_path / "focus.csv")
    found = reconcile(classify_bill(reading.frame), reading.control)
    assert (reading.form, found.difference, found.total) == ("FOCUS 1.2", 0, Decimal("3.60"))
    assert {name: found.buckets[name] for name in ("model", "unmapped", "tax")} == {
        "model": Decimal("1.10"),
        "unmapped": Decimal("2.20"),
        "tax": Decimal("0.30"),
    }
    assert found.unmapped["service"].tolist() == ["Anthropic"]
    assert found.headline is None


def test_a_focus_export_without_usage_types_is_read_and_unmapped(tmp_path):
    lines = [line.split(",") for line in FOCUS.splitlines()]
    (tmp_path / "f.csv").write_text("\n".join(",".join(line[:7] + line[8:]) for line in lines))
    reading = read_export(tmp_path)
    found = reconcile(classify_bill(reading.frame), reading.control)
    assert (found.difference, found.buckets["unmapped"]) == (0, Decimal("3.30"))


def test_two_currencies_give_no_control_total(tmp_path):
    (tmp_path / "f.csv").write_text(FOCUS.replace("USD,Anthropic", "EUR,Anthropic"))
    assert read_export(tmp_path).control.amount is None


@pytest.mark.parametrize("content", ["a,b\n1,2\n", ""])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "f.csv").write_text(content)
    with pytest.raises(ExportError):
        read_export(tmp_path)


def test_no_files_and_mixed_files_are_refused(tmp_path):
    with pytest.raises(ExportError):
        read_export(tmp_path)
    (tmp_path / "a.csv").write_text(FOCUS)
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(ExportError):
        read_export(tmp_path)


def test_a_broken_parquet_file_is_refused(tmp_path):
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(ExportError):
        read_export(tmp_path)


def parquet(path, hours, costs):
    moments = ", ".join(f"TIMESTAMPTZ '2026-10-31 {hour}+00'" for hour in hours)
    duckdb.sql(
        f"""COPY (SELECT unnest([{moments}]) AS line_item_usage_start_date, unnest({costs}) AS line_item_unblended_cost,
            'AmazonBedrock' AS line_item_product_code, 'USE1-NovaLite-input-tokens' AS line_item_usage_type,
            'Usage' AS line_item_line_item_type, 'USD' AS line_item_currency_code) TO '{path}' (FORMAT parquet)"""
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_an_amount_that_is_no_number_beside_a_good_one_is_not_dropped(tmp_path, bad):
    columns = {
        "line_item_usage_start_date": ["2026-10-31T03:00:00Z"] * 2,
        "line_item_unblended_cost": pa.array([1.5, bad], pa.float64()),
        "line_item_product_code": ["AmazonBedrock"] * 2,
        "line_item_usage_type": ["USE1-NovaLite-input-tokens"] * 2,
        "line_item_line_item_type": ["Usage"] * 2,
        "line_item_currency_code": ["USD"] * 2,
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    reading = read_export(tmp_path)
    found = reconcile(classify_bill(reading.frame), reading.control)
    assert reading.frame["cost"].tolist() == [None]
    assert found.headline is None
    assert any("no amount" in why for why in found.withheld)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_the_last_hour_of_a_month_is_of_that_month_in_every_time_zone(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        parquet(tmp_path / "a.parquet", ["00:00:00", "23:59:59"], "[1.0::DOUBLE, 2.0::DOUBLE]")
        reading = read_export(tmp_path)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert reading.frame["day"].dt.strftime("%Y-%m-%d").tolist() == ["2026-10-31"]
    assert reading.control.amount == 3


def test_lines_below_zero_stay_below_zero(tmp_path):
    parquet(tmp_path / "a.parquet", ["03:00:00", "04:00:00"], "[1.5::DOUBLE, -2.0::DOUBLE]")
    reading = read_export(tmp_path)
    found = reconcile(classify_bill(reading.frame), reading.control)
    assert (found.total, found.difference, found.headline) == (Decimal("-0.5"), 0, Decimal("-0.5"))


def cur(path, *changes, columns=""):
    """A CUR in CSV: one line a change, each a mapping of columns to values."""
    usual = {
        "identity_line_item_id": "a",
        "line_item_usage_start_date": "2026-10-01T00:00:00Z",
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": "USE1-NovaLite-input-tokens",
        "line_item_usage_amount": "1",
        "line_item_unblended_cost": "1",
        "line_item_currency_code": "USD",
    }
    names = list(usual | dict.fromkeys(columns.split(), ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [",".join((usual | change).get(name, "") for name in names) for change in changes]
    path.write_text("\n".join([",".join(names), *rows]) + "\n")


def proven(path):
    reading = read_export(path)
    return reconcile(classify_bill(reading.frame), reading.control)


def test_a_period_that_lies_there_twice_is_told_and_gives_no_headline(tmp_path):
    for issue in ("first", "second"):
        cur(tmp_path / issue / "a.csv", {}, {"identity_line_item_id": "b", "line_item_unblended_cost": "2.5"})
    found = proven(tmp_path)
    assert found.headline is None
    assert "2 lines stand there again ($3.50)" in found.withheld[0]
    assert proven(tmp_path / "first").headline == Decimal("3.5")


def test_lines_of_one_identity_that_say_other_things_are_no_copies(tmp_path):
    cur(tmp_path / "a.csv", {}, {"line_item_unblended_cost": "2"})
    assert proven(tmp_path).headline == 3


def test_a_line_without_a_day_makes_the_bill_unknown(tmp_path):
    cur(tmp_path / "a.csv", {"line_item_usage_start_date": "some day"})
    found = proven(tmp_path)
    assert (found.headline, found.total) == (None, 1)
    assert "1 line has no day" in found.withheld[0]


@pytest.mark.parametrize("code", ["AmazonBedrockNewThing", "amazonbedrock"])
def test_a_product_code_of_bedrock_that_nobody_knows_yet_is_not_dropped(tmp_path, code):
    cur(tmp_path / "a.csv", {"line_item_product_code": code})
    assert proven(tmp_path).total == 1


def test_decimals_beyond_the_tenth_are_added_before_they_are_rounded(tmp_path):
    tiny = "0.000000000049999999"
    cur(
        tmp_path / "a.csv",
        *({"identity_line_item_id": str(n), "line_item_unblended_cost": tiny} for n in range(9)),
    )
    assert proven(tmp_path).total == 9 * Decimal(tiny)
    cur(tmp_path / "a.csv", {"line_item_unblended_cost": "1.5E-7"}, {"line_item_unblended_cost": "-3e2"})
    assert proven(tmp_path).total == Decimal("-299.99999985")


@pytest.mark.parametrize(("invoice", "estimated"), [("", True), ("1234", False)])
def test_a_bill_that_has_no_invoice_yet_is_estimated(tmp_path, invoice, estimated):
    cur(tmp_path / "a.csv", {"bill_invoice_id": invoice}, columns="bill_invoice_id")
    assert proven(tmp_path).estimated is estimated
    cur(tmp_path / "a.csv", {})
    assert proven(tmp_path).estimated is None


def test_a_day_is_a_utc_day_whatever_zone_a_line_tells_it_in(tmp_path):
    cur(tmp_path / "a.csv", {"line_item_usage_start_date": "2026-09-30T23:30:00-05:00"})
    assert read_export(tmp_path).frame["day"].dt.strftime("%Y-%m-%d").tolist() == ["2026-10-01"]


def test_exports_of_both_forms_in_one_folder_are_refused(tmp_path):
    cur(tmp_path / "a.csv", {})
    (tmp_path / "b.csv").write_text(FOCUS)
    with pytest.raises(ExportError, match="together"):
        read_export(tmp_path)


@pytest.mark.parametrize(
    ("category", "bucket"),
    [
        ("Usage", "model"),
        ("Purchase", "model"),
        ("Tax", "tax"),
        ("Credit", "credit"),
        ("Adjustment", "unmapped"),
    ],
)
def test_a_charge_category_of_focus_decides_the_bucket_or_leaves_the_line_unmapped(
    tmp_path, category, bucket
):
    lines = FOCUS.splitlines()
    (tmp_path / "f.csv").write_text("\n".join([lines[0], lines[1].replace(",Usage,", f",{category},")]))
    assert proven(tmp_path).buckets[bucket] == Decimal("1.10")
