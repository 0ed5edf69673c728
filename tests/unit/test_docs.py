"""What the documents name is there: files, headings, commands."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tfgen import workflow
from tfgen.cli import COMMANDS
from tfgen.starting import NewProject, create_project

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"(?:config|demo|docs|lambdas|src|templates|terraform|tests)/[\w./-]*[\w/]")
_ROW = re.compile(r"^\| `tfgen ([a-z-]+)", re.MULTILINE)


def _text(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    text = _FENCE.sub("", path.read_text("utf-8"))
    return {_slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@cache
def _rendered() -> frozenset[str]:
    loaded = workflow.load_project(ROOT)
    files = workflow.preview(loaded).tree.files
    folders = {str(parent) for path in files for parent in Path(path).parents}
    artifacts = {f"{module.name}/artifacts" for module in loaded.project.modules}
    return frozenset({*files, *folders, *artifacts})


def _exists(path: str) -> bool:
    if path.startswith("terraform/"):
        return path.removeprefix("terraform/").rstrip("/") in _rendered() or path == "terraform/"
    return (ROOT / path).exists()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    broken = []
    for target in _LINK.findall(_FENCE.sub("", _text(document))):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        file = (ROOT / document).parent / path if path else ROOT / document
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_paths_in_the_text_exist(document: str) -> None:
    named = {code for code in _CODE.findall(_FENCE.sub("", _text(document))) if _PATH.fullmatch(code)}
    assert sorted(path for path in named if not _exists(path)) == []


def test_the_pages_that_matter_name_paths_at_all() -> None:
    for document in ("README.md", "docs/seed.md"):
        assert len([code for code in _CODE.findall(_text(document)) if _PATH.fullmatch(code)]) > 2


def test_the_readme_lists_exactly_the_commands_there_are() -> None:
    assert sorted(set(_ROW.findall(_text("README.md")))) == sorted(COMMANDS)


def test_commands_that_documents_tell_to_type_exist() -> None:
    typed = re.compile(r"^\s*(?:\$ )?tfgen ((?:-\S+ )*)([a-z-]+)", re.MULTILINE)
    for document in DOCUMENTS:
        fences = "\n".join(_FENCE.findall(_text(document)))
        assert {name for _, name in typed.findall(fences)} <= COMMANDS.keys(), document


def test_every_decision_is_in_the_index() -> None:
    pages = {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", _text("docs/decisions/README.md")))
    assert listed == pages
    numbers = [name[:4] for name in pages]
    assert len(set(numbers)) == len(numbers), "a number names one decision"


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    for document in DOCUMENTS:
        assert set(re.findall(r"`make ([a-z-]+)`", _text(document))) <= targets, document


def test_documents_name_no_machine_path() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"(?<![\w.])/(?:root|work|tmp|home)/", _text(document)), document


def _examples(document: str) -> dict[str, str]:
    """Code blocks that begin with a comment naming their file, by that file."""
    blocks = re.findall(
        r"^```(?:yaml|hcl)\n# ((?:config|templates)/\S+)\n(.*?)^```", _text(document), re.MULTILINE | re.DOTALL
    )
    return dict(blocks)


def test_the_examples_of_the_documents_render(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    create_project(project, NewProject(name="shop-analytics", owner="data-team", region="eu-west-1"))
    examples = {**_examples("README.md"), **_examples("docs/how-to/first-aws-deploy.md")}
    assert {"config/environments/production.yaml", "config/environments/dev.yaml"} < examples.keys()
    for name, text in examples.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    with (project / "config" / "project.yaml").open("a", encoding="utf-8") as spec:
        spec.write("  08-invoices: {blueprint: invoices}\n")
    tree = workflow.preview(workflow.load_project(project)).tree
    assert "queue_name" in tree.outputs["08-invoices"]
    assert "environments/dev/05-notification.tfvars" in tree.files


def test_the_spec_in_the_readme_renders(tmp_path: Path) -> None:
    create_project(tmp_path / "shop", NewProject())
    specs = re.findall(r"^```yaml\n(version: 1\n.*?)^```", _text("README.md"), re.MULTILINE | re.DOTALL)
    assert len(specs) == 1
    environments = tmp_path / "shop" / "config" / "environments"
    for name in ("dev", "production"):
        (environments / f"{name}.yaml").unlink()
    (environments.parent / "project.yaml").write_text(specs[0], "utf-8")
    loaded = workflow.load_project(tmp_path / "shop")
    assert workflow.preview(loaded).changes.created


def test_policies_of_the_deployer_fit_into_a_managed_policy() -> None:
    folder = ROOT / "docs" / "how-to" / "deployer"
    policies = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    modules = {module.name for module in workflow.load_project(ROOT).project.modules}
    assert policies.keys() == modules | {"every-module"}
    for name, policy in policies.items():
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6144, name
        actions = [action for statement in policy["Statement"] for action in statement["Action"]]
        assert not [action for action in actions if "*" in action], name


def test_the_deployer_may_call_what_tfgen_calls_of_the_lock_table() -> None:
    policy = json.loads(_text("docs/how-to/deployer/every-module.json"))
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "tfgen").glob("*.py"))
    called = set(re.findall(r"\b((?:get|put|delete|update)_item)\(", sources))
    called |= set(re.findall(r"get_paginator\(\"(scan|query)\"\)", sources))
    assert called == {"get_item", "put_item", "delete_item", "scan"}
    assert {f"dynamodb:{name.title().replace('_', '')}" for name in called} <= allowed


def test_the_floors_are_those_of_the_contract() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = re.findall(r"^\| \d+ \| (`[^|]+`) \|", _text("docs/decisions/0001-the-house.md"), re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == [set(re.split(r"[ |]+", layer)) for layer in layers]
