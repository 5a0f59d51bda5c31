"""The exports pass the tools that will read them, say the same as the documents, and quote what they are given."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from bedrock_guard.boundary.billing import token_lines
from bedrock_guard.boundary.builder import Built, build, room
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.export import FORMATS, ExportError, export, write
from bedrock_guard.boundary.export_cli import script
from bedrock_guard.boundary.export_markdown import escaped
from bedrock_guard.boundary.export_parts import parts_of
from bedrock_guard.boundary.export_terraform import quoted
from bedrock_guard.boundary.scenarios import full_spec
from bedrock_guard.boundary.spec import BoundarySpec, SpecError


def _spec() -> BoundarySpec:
    text = resources.files("bedrock_guard.boundary").joinpath("data", "example.toml").read_text("utf-8")
    text = text.replace(
        "[guardrail]",
        "[guardrail]\nwords = ['${jndi}', \"it's\", '%{if}', '$(id)', 'a\"b', \"back`tick\"]",
        1,
    )
    text = text.replace(
        'routes = ["us"]                ', 'monthly_usd = 500\nroutes = ["us"]                ', 1
    )
    text = text.replace('id = "amazon.nova-lite-v1:0"', 'id = "amazon.nova-lite-v1:0"\nmonthly_usd = 50', 1)
    targets = '"arn:aws:iam::000000000011:role/team/analyst", "arn:aws:iam::000000000011:user/alice"'
    return BoundarySpec.loads(
        text.replace(
            "break_glass", f'targets = [{targets}]\nalert_email = "finops@example.com"\nbreak_glass', 1
        )
    )


@pytest.fixture(scope="module")
def made() -> tuple[BoundarySpec, Built]:
    spec = _spec()
    return spec, build(spec)


def test_json_is_the_documents(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    files = export(spec, built, "json")
    by_file = {f"{p.name.removeprefix('bedrock-guard-')}.json": p for p in built.packed}
    assert set(files) == {*by_file, "guardrail.json"}
    for name, packed in by_file.items():
        assert json.loads(files[name]) == packed.document
        if packed.kind == "scp":
            assert files[name] == built.texts[packed.name]  # white space counts in an SCP


def test_cloudformation_passes_cfn_lint(made: tuple[BoundarySpec, Built], tmp_path: Path) -> None:
    spec, built = made
    paths = write(export(spec, built, "cloudformation"), tmp_path)
    assert {path.name for path in paths} == {
        "account-111122223333.yaml",
        "account-000000000011.yaml",
        "account-000000000012.yaml",
        "organization.yaml",
    }
    done = _lint(*paths)
    assert done.returncode == 0, done.stdout[-2000:]


def _lint(*paths: Path, region: str = "us-east-1") -> subprocess.CompletedProcess[str]:
    tool = [str(Path(sys.executable).with_name("cfn-lint")), "--non-zero-exit-code", "warning"]
    command = [*tool, "--regions", region, "--", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


def test_cfn_lint_would_find_a_fault(made: tuple[BoundarySpec, Built], tmp_path: Path) -> None:
    spec, built = made
    text = export(spec, built, "cloudformation")["organization.yaml"].replace(
        '"SERVICE_CONTROL_POLICY"', '"SCP"'
    )
    (tmp_path / "bad.yaml").write_text(text, "utf-8")
    done = _lint(tmp_path / "bad.yaml")
    assert done.returncode != 0
    assert "'SCP' is not one of" in done.stdout


def test_cloudformation_says_the_same(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    files = export(spec, built, "cloudformation")
    here = yaml.safe_load(files["account-000000000011.yaml"])["Resources"]
    assert here["Boundary"]["Properties"]["PolicyDocument"] == built.boundary
    assert here["Deny1"]["Properties"]["Roles"] == ["analyst"]
    assert here["Deny1"]["Properties"]["Users"] == ["alice"]
    elsewhere = yaml.safe_load(files["account-000000000012.yaml"])["Resources"]
    assert "Roles" not in elsewhere["Deny1"]["Properties"]
    words = here["Guardrail"]["Properties"]["WordPolicyConfig"]["WordsConfig"]
    assert [w["Text"] for w in words] == ["${jndi}", "it's", "%{if}", "$(id)", 'a"b', "back`tick"]
    assert "filter by the model" in yaml.safe_load(files["account-000000000011.yaml"])["Description"]
    scps = yaml.safe_load(files["organization.yaml"])["Resources"]
    texts = [s["Properties"]["Content"] for s in scps.values()]
    assert [json.loads(text) for text in texts] == list(built.scps)
    assert all(len(text) <= 10_240 for text in texts)


def test_terraform_is_hcl_and_says_the_same(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    files = export(spec, built, "terraform")
    assert set(files) == {"main.tf", "organization.tf"}
    main, organization = (hcl2.load(StringIO(files[name])) for name in ("main.tf", "organization.tf"))
    kinds = [kind.strip('"') for block in main["resource"] for kind in block]
    assert (
        kinds.count("aws_iam_policy") == 1 + len(built.denies) + 2
    )  # one to attach when a budget is spent, for each
    assert "aws_bedrock_guardrail" in kinds
    assert "aws_budgets_budget_action" in kinds
    assert [kind.strip('"') for block in organization["resource"] for kind in block] == [
        "aws_organizations_policy",
        "aws_organizations_policy_attachment",
    ] * len(built.scps)


HAIKU_LABEL, NOVA_LABEL = "AnthropicClaudeHaiku4520251001V10", "AmazonNovaLiteV10"


def test_every_budget_denies_its_model_in_cloudformation(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    here = yaml.safe_load(export(spec, built, "cloudformation")["account-000000000011.yaml"])["Resources"]
    for label, usd, service, line in (
        (HAIKU_LABEL, "500", "Claude Haiku 4.5 (Amazon Bedrock Edition)", "USE1-Claude4.5Haiku-input-tokens"),
        (NOVA_LABEL, "50", None, "USW2-NovaLite-output-tokens-flex"),
    ):
        budget = here[f"Budget{label}"]["Properties"]["Budget"]
        assert budget["BudgetLimit"] == {"Amount": usd, "Unit": "USD"}
        assert budget["Metrics"] == ["UnblendedCost"]
        lanes = budget["FilterExpression"].get("Or", [budget["FilterExpression"]])
        values = {lane["Dimensions"]["Key"]: lane["Dimensions"]["Values"] for lane in lanes}
        assert values.get("SERVICE") == ([service] if service else None)
        assert line in values["USAGE_TYPE"]
        assert not [one for one in values["USAGE_TYPE"] if "global" in one]
        action = here[f"Action{label}"]["Properties"]
        assert action["ActionThreshold"] == {"Type": "PERCENTAGE", "Value": 100}
        definition = action["Definition"]["IamActionDefinition"]
        assert definition == {"PolicyArn": {"Ref": f"Spent{label}"}, "Roles": ["analyst"], "Users": ["alice"]}
        [statement] = here[f"Spent{label}"]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert all(
            line.split("-")[1][:4].lower() in str(r).lower().replace("-", "") for r in statement["Resource"]
        )
    rights = here["BudgetActionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]
    assert len(rights["Condition"]["ArnLike"]["iam:PolicyARN"]) == 2


def test_every_budget_denies_its_model_in_terraform(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    main = hcl2.load(StringIO(export(spec, built, "terraform")["main.tf"]))
    found: dict[str, dict[str, Any]] = {}
    for block in main["resource"]:
        for kind, labels in block.items():
            found.setdefault(kind.strip('"'), {}).update({k.strip('"'): v for k, v in labels.items()})
    assert (
        set(found["aws_budgets_budget"])
        == set(found["aws_budgets_budget_action"])
        == {HAIKU_LABEL, NOVA_LABEL}
    )
    text = json.dumps(found["aws_budgets_budget"][NOVA_LABEL])
    assert "USE1-NovaLite-input-tokens" in text
    assert "UnblendedCost" in text
    assert "Amazon Bedrock Edition" not in text
    both = json.dumps(found["aws_budgets_budget"][HAIKU_LABEL])
    assert "Claude Haiku 4.5 (Amazon Bedrock Edition)" in both
    assert "USW2-Claude4.5Haiku-input-tokens" in both
    assert "data.aws_caller_identity" in export(spec, built, "terraform")["main.tf"]


def test_a_budget_of_a_model_that_no_bill_line_is_known_of_is_told() -> None:
    text = (
        BoundarySpec.from_draft()
        .dumps()
        .replace("[profile.draft]", '[profile.draft]\nalert_email = "a@example.com"')
    )
    text += '\n[[profile.draft.model]]\nid = "own.model-1:0"\nunlisted = true\nmonthly_usd = 10\n'
    spec = BoundarySpec.loads(text)
    files = export(spec, build(spec), "cloudformation")
    template = yaml.safe_load(files["account.yaml"])
    assert "own.model-1:0" in template["Description"]
    assert not [name for name in template["Resources"] if name.startswith("Budget")]
    assert "own.model-1:0" in export(spec, build(spec), "terraform")["main.tf"].split("terraform {")[0]
    assert "budget-bedrock-guard-own-model-1-0.json" in export(spec, build(spec), "cli")["apply.sh"]


def test_worldwide_lines_are_counted_where_the_route_is_approved() -> None:
    model = shipped().get("amazon.nova-2-lite-v1:0")
    assert model
    assert "USE1-Nova2.0Lite-input-tokens-cross-region-global" in token_lines(
        model, ["us-east-1"], worldwide=True
    )
    assert not [line for line in token_lines(model, ["us-east-1"]) if "global" in line]
    assert token_lines(model, ["cn-north-1"]) == ()


@pytest.mark.parametrize("form", ["json", "cloudformation", "terraform", "cli"])
def test_every_format_holds_every_document_whole(made: tuple[BoundarySpec, Built], form: Any) -> None:
    spec, built = made
    text = "".join(export(spec, built, form).values()).replace('\\"', '"')
    for packed in built.packed:
        for statement in packed.document["Statement"]:
            assert statement["Sid"] in text
    resources_named = {
        r for p in built.packed for s in p.document["Statement"] for r in _list(s.get("NotResource", []))
    }
    for arn in resources_named:
        assert (arn.replace("${", "$${") if form == "terraform" else arn) in text


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_terraform_evaluates_nothing() -> None:
    assert quoted('a"b${c}%{d}\n\\') == '"a\\"b$${c}%%{d}\\n\\\\"'


def test_terraform_is_formatted_as_terraform_does(made: tuple[BoundarySpec, Built], tmp_path: Path) -> None:
    """A repository that checks `terraform fmt` takes the files as they are."""
    spec, built = made
    files = export(spec, built, "terraform")
    for text in files.values():
        widths: set[tuple[int, int]] = set()
        for line in text.splitlines():
            found = re.fullmatch(r'(\s*)(?:"[^"]*"|\w+)(\s*) = .*[^{[(]', line)
            widths = widths | {(len(found[1]), line.index(" = "))} if found else set()
            assert len(widths) < 2, line
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed: only where equals signs stand was looked at")
    for path in write(files, tmp_path):
        done = subprocess.run(
            ["terraform", "fmt", "-check", "-diff", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:]


def test_the_script_passes_bash_and_shellcheck(made: tuple[BoundarySpec, Built], tmp_path: Path) -> None:
    spec, built = made
    for text in (export(spec, built, "cli")["apply.sh"], _boundary_only_script()):
        path = tmp_path / "apply.sh"
        path.write_text(text, "utf-8")
        assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
        if shutil.which("shellcheck") is None:
            pytest.skip("shellcheck is not installed (Debian package shellcheck): only bash -n was run")
        done = subprocess.run(
            ["shellcheck", str(path)], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout[-2000:]


def _boundary_only_script() -> str:
    spec = BoundarySpec.from_draft()
    name, profile = spec.only()
    alone = profile.model_copy(update={"documents": ("boundary", "deny")})
    spec = spec.model_copy(update={"profile": {name: alone}})
    return script(parts_of(spec, build(spec), shipped()))


AWS = r"""#!/usr/bin/env python3
import json, os, sys
state_path = os.environ["FAKE_AWS"]
state = json.load(open(state_path))
words = sys.argv[1:]
service, operation = words[0], words[1]
def option(name):
    return words[words.index(name) + 1] if name in words else None
def document(name):
    return json.load(open(option(name).removeprefix("file://")))
def missing():
    sys.stderr.write("An error occurred (NoSuchEntity)\n"); sys.exit(254)
state["log"].append(operation)
policies = state["policies"]
if operation == "get-caller-identity": print(state["account"])
elif operation == "get-policy":
    if option("--policy-arn") not in policies: json.dump(state, open(state_path, "w")); missing()
    print(policies[option("--policy-arn")]["default"])
elif operation == "create-policy":
    arn = "arn:aws:iam::%s:policy/%s" % (state["account"], option("--policy-name"))
    policies[arn] = {"default": "v1", "versions": {"v1": document("--policy-document")}}
elif operation == "get-policy-version":
    print(json.dumps(policies[option("--policy-arn")]["versions"][option("--version-id")]))
elif operation == "list-policy-versions":
    held = policies[option("--policy-arn")]
    print("\t".join(v for v in held["versions"] if v != held["default"]))
elif operation == "delete-policy-version":
    del policies[option("--policy-arn")]["versions"][option("--version-id")]
elif operation == "create-policy-version":
    held = policies[option("--policy-arn")]
    if len(held["versions"]) >= 5: sys.exit("LimitExceeded")
    number = 1 + max(int(v[1:]) for v in held["versions"])
    held["versions"]["v%d" % number] = document("--policy-document")
    held["default"] = "v%d" % number
elif operation in ("attach-role-policy", "put-role-permissions-boundary"):
    key = option("--policy-arn") or option("--permissions-boundary")
    assert key in policies, key
    state["attached"].setdefault(option("--role-name"), {})[key] = operation
elif operation == "list-policies":
    print("\t".join(s["id"] for s in state["scps"] if "'%s'" % s["name"] in option("--query")))
elif service == "organizations" and operation == "create-policy": pass
elif operation == "list-guardrails": print("")
elif operation == "get-role": json.dump(state, open(state_path, "w")); missing()
elif service == "budgets" and operation.startswith("describe-"):
    json.dump(state, open(state_path, "w"))
    if state["budgets"] is not None: print(state["budgets"]); sys.exit(0)
    sys.stderr.write("An error occurred (%s) when asked\n" % state["refusal"]); sys.exit(254)
json.dump(state, open(state_path, "w"))
"""


def _run(
    text: str, folder: Path, account: str, *arguments: str, **state: Any
) -> tuple[int, dict[str, Any], str]:
    """Run the script against a stand-in for the aws command that keeps policies in a file."""
    tool = folder / "bin"
    tool.mkdir(exist_ok=True)
    (tool / "aws").write_text(AWS, "utf-8")
    (tool / "aws").chmod(0o755)
    path, file = folder / "apply.sh", folder / "state.json"
    path.write_text(text, "utf-8")
    if not file.exists() or state:
        file.write_text(json.dumps({"policies": {}, "attached": {}, "scps": [], **state}), "utf-8")
    kept = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**kept, "account": account, "log": []}), "utf-8")
    environment = {**os.environ, "PATH": f"{tool}:{os.environ['PATH']}", "FAKE_AWS": str(file)}
    done = subprocess.run(
        ["bash", str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    return done.returncode, json.loads(file.read_text("utf-8")), done.stdout + done.stderr


@pytest.fixture
def targeted() -> tuple[str, Built]:
    text = (
        BoundarySpec.from_draft()
        .dumps()
        .replace("[profile.draft]", '[profile.draft]\ndocuments = ["boundary", "deny"]')
    )
    text = text.replace("regions =", 'targets = ["arn:aws:iam::111122223333:role/dev"]\nregions =', 1)
    spec = BoundarySpec.loads(text)
    built = build(spec)
    return script(parts_of(spec, built, shipped())), built


def test_the_script_only_tells_without_yes(targeted: tuple[str, Built], tmp_path: Path) -> None:
    code, state, output = _run(targeted[0], tmp_path, "111122223333")
    assert code == 0, output
    assert state["policies"] == {}
    assert "create-policy" in output


def test_the_script_may_be_run_again(targeted: tuple[str, Built], tmp_path: Path) -> None:
    text, built = targeted
    code, first, output = _run(text, tmp_path, "111122223333", "--yes")
    assert code == 0, output
    documents = {arn.rpartition("/")[2]: p["versions"][p["default"]] for arn, p in first["policies"].items()}
    assert documents == {packed.name: packed.document for packed in built.packed}
    assert first["attached"]["dev"]["arn:aws:iam::111122223333:policy/bedrock-guard-boundary"].startswith(
        "put-role"
    )
    code, second, output = _run(text, tmp_path, "111122223333", "--yes")
    assert code == 0, output
    assert second["policies"] == first["policies"]
    assert "create-policy-version" not in second["log"]
    assert "= bedrock-guard-boundary" in output


@pytest.fixture
def budgeted() -> str:
    text = BoundarySpec.from_draft().dumps()
    text = text.replace("[profile.draft]", '[profile.draft]\ndocuments = ["boundary", "deny"]', 1)
    text = text.replace("regions =", 'targets = ["arn:aws:iam::111122223333:role/dev"]\nregions =', 1)
    text = text.replace("regions =", 'alert_email = "finops@example.com"\nregions =', 1)
    spec = BoundarySpec.loads(text.replace("routes =", "monthly_usd = 500\nroutes =", 1))
    return script(parts_of(spec, build(spec), shipped()))


@pytest.mark.parametrize(
    ("held", "refusal", "code", "made"),
    [
        (None, "NotFoundException", 0, ["create-budget", "create-budget-action"]),
        (None, "AccessDeniedException", 1, []),
        (1, "", 0, ["update-budget"]),
        (0, "", 0, ["update-budget", "create-budget-action"]),
    ],
)
def test_the_script_makes_no_second_budget_where_it_may_not_look(
    budgeted: str, tmp_path: Path, held: int | None, refusal: str, code: int, made: list[str]
) -> None:
    done, state, output = _run(budgeted, tmp_path, "111122223333", "--yes", budgets=held, refusal=refusal)
    assert done == code, output
    assert [one for one in state["log"] if "budget" in one and not one.startswith("describe")] == made


def test_the_script_updates_and_prunes_versions(targeted: tuple[str, Built], tmp_path: Path) -> None:
    text, built = targeted
    arn = "arn:aws:iam::111122223333:policy/bedrock-guard-boundary"
    old = {"default": "v5", "versions": {f"v{n}": {"n": n} for n in range(1, 6)}}
    code, state, output = _run(text, tmp_path, "111122223333", "--yes", policies={arn: old})
    assert code == 0, output
    held = state["policies"][arn]
    assert held["versions"][held["default"]] == built.boundary
    assert "v1" not in held["versions"]
    assert len(held["versions"]) == 5


def test_the_script_refuses_another_account(targeted: tuple[str, Built], tmp_path: Path) -> None:
    code, state, output = _run(targeted[0], tmp_path, "000000000099", "--yes")
    assert code == 1
    assert "000000000099" in output
    assert state["policies"] == {}


def test_markdown(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    page = export(spec, built, "markdown")["scorecard.md"]
    told = "No SCP binds the organization's management account"
    assert (told in page) == any(packed.kind == "scp" for packed in built.packed)
    assert "IAM caps no spend" in page
    assert "budget 500 USD a month" in page
    assert str(room(spec).models) in page
    assert (
        "- Nova Pro: partly documented" in page
    )  # its destinations are not read: to be compared before applying
    assert "- Claude Haiku 4.5: " not in page
    for line in page.splitlines():
        if line.startswith("|"):
            cells = line.replace("\\|", "").count("|")
            assert cells >= 3
    assert escaped("a|b\n<img> `x` [y](z)") == "a\\|b \\<img\\> \\`x\\` \\[y\\]\\(z\\)"


def test_exports_are_deterministic(made: tuple[BoundarySpec, Built]) -> None:
    spec, built = made
    for form in FORMATS:
        assert export(spec, built, form) == export(spec, build(spec), form)


def test_no_such_format(made: tuple[BoundarySpec, Built]) -> None:
    with pytest.raises(ExportError, match="pulumi"):
        export(*made, "pulumi")  # type: ignore[arg-type]


def test_nothing_is_half_written(tmp_path: Path) -> None:
    write({"a.json": "1"}, tmp_path / "out")
    assert (tmp_path / "out" / "a.json").read_text("utf-8") == "1"
    for name in ("../x", "/etc/x", "a/b", ".x"):
        with pytest.raises(ExportError):
            write({"fine": "1", name: "2"}, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(ExportError):
        write({"a": "1"}, tmp_path / "file")


GOV = """
[profile.g]
partition = "aws-us-gov"
accounts = ["111122223333"]
regions = ["us-gov-west-1"]
targets = ["arn:aws-us-gov:iam::111122223333:role/team/dev"]
model = [
  { id = "amazon.nova-lite-v1:0" },
  { id = "anthropic.claude-sonnet-4-5-20250929-v1:0", routes = ["us-gov"] },
]
[profile.g.controls]
instance_types = ["t3.micro"]
guardrail_required = "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:guardrail/gr0"
[guardrail]
profanity = true
"""
CN = """
[profile.c]
partition = "aws-cn"
accounts = ["111122223333"]
regions = ["cn-north-1"]
targets = ["arn:aws-cn:iam::111122223333:role/team/dev"]
approve_nothing = true
[profile.c.controls]
instance_types = ["t3.micro"]
"""


def test_other_partitions_export_in_their_own(tmp_path: Path) -> None:
    for partition, region, text in (("aws-us-gov", "us-gov-west-1", GOV), ("aws-cn", "cn-north-1", CN)):
        spec = BoundarySpec.loads(text)
        built = build(spec)
        for form in ("json", "cloudformation", "terraform", "cli"):
            made = export(spec, built, form)  # type: ignore[arg-type]
            found = {arn for one in made.values() for arn in re.findall(r"arn:(aws[a-z-]*):", one)}
            assert found == {partition}, (form, found)
        paths = write(export(spec, built, "cloudformation"), tmp_path / region)
        done = _lint(*paths, region=region)
        assert done.returncode == 0, done.stdout[-2000:]
        for one in export(spec, built, "terraform").values():
            assert hcl2.load(StringIO(one))


def test_govcloud_has_no_budgets() -> None:
    text = GOV.replace('nova-lite-v1:0" }', 'nova-lite-v1:0", monthly_usd = 5 }')
    with pytest.raises(SpecError, match="does not exist in GovCloud"):
        BoundarySpec.loads(text.replace("targets", 'alert_email = "a@example.com"\ntargets'))


def test_the_full_spec_exports_too() -> None:
    spec = full_spec()
    built = build(spec)
    for form in FORMATS:
        assert export(spec, built, form)
