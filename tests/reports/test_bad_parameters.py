"""Bad parameters: status 2, nothing left behind, and what, why and remedy in words of our own."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from zoneinfo import available_timezones

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from bedrock_guard.boundary.unfit import unfit
from bedrock_guard.cli import app
from bedrock_guard.reports.misfits import reasons
from bedrock_guard.reports.places import Folder, PlaceFailed, check_place
from bedrock_guard.reports.settings import BadParameters, CostSettings, KeySettings

FOREIGN = re.compile(
    r"Input should|[Ee]rrno|valid (integer|string|decimal|number)|Traceback|pydantic|_type\b|codec|type="
)
PAIRS = {
    "days=abc": "'abc' is no whole number",
    "days=0": "'0' is below 1",
    "days=400": "'400' is above 395",
    "days=1.5": "'1.5' is no whole number",
    "days=": "'' is no whole number",
    "days=None": "None is no whole number",
    "days=True": "'True' is no whole number",
    "days=1e3": "'1e3' is no whole number",
    "days=１２": "is no whole number",
    "budget_usd=-1": "'-1' is not above 0",
    "budget_usd=many": "'many' is no number",
    "budget_usd=NaN": "'NaN' is no number",
    "budget_usd=inf": "'inf' is no number",
    "coverage_floor_percent=101": "'101' is above 100",
    "exception_days=-1": "from 0 to 365; by default 14",
    "alarm_from=urgent": "'urgent' is not 'high', 'medium' or 'low'",
    "dayz=3": "dayz: is no parameter of it; did you mean days?",
    "out=x": "out: is no parameter of it",
    "nonsense": "'nonsense' is no NAME=VALUE",
    "=5": "'=5' is no NAME=VALUE",
    "account=": "account: is empty",
    "account=nobodys": "There is no AWS profile 'nobodys'",
    "region=mars-1": "'mars-1' is no Region of AWS",
    "region=us-east-1 ": "'us-east-1 ' is no Region of AWS",
    "time_zone=Mars/Base": "'Mars/Base' is no time zone of the IANA list",
    "time_zone=europe/berlin": "did you mean Europe/Berlin?",
    "time_zone=": "'' is no time zone",
    "spec=nowhere.toml": "Cannot read nowhere.toml",
    "spec=.": "Is a directory",
    "spec=file": "This is not TOML",
    "spec=wrong.toml": "version, line 1: 'abc' is no whole number",
    "previous=nowhere": "There is no folder nowhere with earlier runs",
    "previous=file": "There is no folder file with earlier runs",
    "calls=nowhere": "nowhere holds no store of calls",
    "calls=file": "file holds no store of calls",
}
FILES = {
    "days: abc": "'abc' is no whole number",
    "days: yes": "'True' is no whole number",
    "days: 2026-11-01": "'2026-11-01' is no whole number",
    "days: 1.5": "1.5 is no whole number",
    "days: {a: 1}": "nests values in values",
    "days: [1, 2]": "nests values in values",
    "days: 3\ndays: 4": "gives a name twice: days",
    "days: 9999999999999999999999999": "is above 395",
    "budget_usd: .nan": "nan is no number",
    "a: &a 1\nb: *a": "has an alias",
    "- 1\n- 2": "is no list of parameters",
    "just words": "is no list of parameters",
    "1: 2": "is no list of parameters",
    "\tdays: 3": "Line 1 is not understood",
    "days: !!python/object:os.system x": "is no YAML",
    "account: null": "None is no text",
    "account: 12": "12 is no text",
    'spec: "a\\0b"': "has a sign in it that cannot be seen",
    "out: null": "The output folder (out) is None",
    "out: 5": "The output folder (out) is 5",
    'out: "a\\0b"': "that names none",
    "out: file": "file is there and is no folder",
}
PLACES = {
    "": "that names none",
    "file": "file is there and is no folder",
    "file/deeper": "file is there and is no folder",
    "a" * 300: "File name too long",
    "/proc/here": "No report can be kept in /proc/here",
    "s3://": "names no bucket",
    "s3:///x": "names no bucket",
    "s3://Bad Bucket/x": "names no bucket",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    (tmp_path / "file").write_text("mine")
    (tmp_path / "wrong.toml").write_text("version = 'abc'")
    return tmp_path


def refused(*words: str) -> str:
    before = sorted(Path().rglob("*"))
    told = CliRunner().invoke(app, ["report", *words])
    assert told.exit_code == 2, told.output
    assert sorted(Path().rglob("*")) == before, "nothing is left behind"
    assert not FOREIGN.search(told.output), told.output
    assert told.output.startswith("error: ")
    assert "\ndo:    " in told.output
    return told.output


@pytest.mark.parametrize(("pair", "said"), PAIRS.items())
def test_a_pair(pair: str, said: str) -> None:
    assert said in refused("cost", "--param", pair)


@pytest.mark.parametrize(
    ("pair", "said"),
    {
        "denied_calls=1": "denied_calls: so many denied calls of one caller are a finding; "
        "None takes the spec's [findings], else 5; from 2 to 100000",
        "days=91": "'91' is above 90",
        "budget_usd=5": "budget_usd: is no parameter of it",
    }.items(),
)
def test_a_pair_of_the_key_report(pair: str, said: str) -> None:
    assert said in refused("keys", "--param", pair)


@pytest.mark.parametrize(("text", "said"), FILES.items())
def test_a_file(text: str, said: str) -> None:
    Path("given.yaml").write_text(text)
    assert said in refused("cost", "--params", "given.yaml")


def test_a_file_that_is_none() -> None:
    assert "why:   No such file or directory." in refused("cost", "--params", "nowhere.yaml")
    assert "why:   Is a directory." in refused("cost", "--params", ".")
    Path("given.yaml").write_bytes(b"\xff\xfe\x00")
    assert "why:   It is no text in UTF-8." in refused("cost", "--params", "given.yaml")


@pytest.mark.parametrize(("out", "said"), PLACES.items())
def test_a_place(out: str, said: str) -> None:
    assert said in refused("cost", "--out", out)


def test_a_folder_that_lets_nothing_in_is_a_wrong_parameter_and_a_full_disk_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(number: int) -> object:
        def mkdir(self: Path, *_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number), str(self))

        return mkdir

    for number, kind in (
        (errno.EACCES, BadParameters),
        (errno.EROFS, BadParameters),
        (errno.ENOSPC, PlaceFailed),
    ):
        monkeypatch.setattr(Path, "mkdir", fails(number))
        with pytest.raises(kind) as caught, Folder(Path("out")).making():
            pass
        assert os.strerror(number) in caught.value.why
        assert caught.value.remedy


def test_folders_made_on_the_way_to_one_that_cannot_be_are_taken_away() -> None:
    with pytest.raises(BadParameters), Folder(Path("a") / "b" / ("c" * 300)).making():
        pass
    assert not Path("a").exists()


def test_a_place_that_is_there_or_may_be_made_is_one() -> None:
    assert check_place("new/deep") == "new/deep"
    assert check_place("s3://a.bucket-1/x y") == "s3://a.bucket-1/x y"


def test_no_complaint_of_the_settings_is_told_in_pydantics_words() -> None:
    """Each field with each kind of value: what pydantic would have said is never shown."""
    values = [None, True, -1, 0, 10**30, 1.5, "", "x", "\0", "nan", [], {}, object()]
    for model in (CostSettings, KeySettings):
        for field in model.model_fields:
            for value in values:
                try:
                    model.model_validate({field: value})
                except ValidationError as error:
                    said = reasons(error, model.model_fields)
                    assert not FOREIGN.search(said)
                    assert "does not fit" not in said, (field, value)
    assert unfit({"type": "new_in_pydantic", "input": 1}) == "does not fit"
    assert (
        unfit({"type": "string_too_long", "input": "x", "ctx": {"max_length": 9}})
        == "is longer than 9 characters"
    )


def test_an_abbreviation_of_a_zone_is_not_taken_for_another() -> None:
    assert "EST" in available_timezones()
    assert "did you mean" not in refused("cost", "--param", "time_zone=CEST")
