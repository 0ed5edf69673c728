"""What the reference project's tree means, beside its bytes: the seed's chain, in the files that reviewers read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfgen import workflow
from tfgen.hcl import read_blocks
from tfgen.starting import NewProject, create_project

TREE = Path(__file__).parent / "reference" / "expected"
MODULES = [
    "backend-config",
    "00-foundation",
    "01-iam",
    "02-storage",
    "03-api-ingestion",
    "04-event-processing",
    "05-notification",
    "06-monitoring",
    "07-data-transformation",
]
GLOBALS = ["aws_region", "environment", "project_name", "state_bucket", "state_lock_table"]


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[str, ...]]]:
    root = tmp_path_factory.mktemp("reference") / "project"
    create_project(root, NewProject())
    found: dict[str, dict[str, tuple[str, ...]]] = {module: {} for module in MODULES}
    for edge in workflow.preview(workflow.load_project(root)).tree.edges:
        found[edge.reader][edge.read] = edge.outputs
    return found


@pytest.mark.parametrize(
    ("reader", "read"),
    [
        ("01-iam", {"00-foundation"}),
        ("02-storage", {"01-iam"}),
        ("03-api-ingestion", {"00-foundation", "01-iam", "02-storage"}),
        ("04-event-processing", {"00-foundation", "01-iam", "02-storage"}),
        ("05-notification", {"01-iam", "02-storage"}),
        ("06-monitoring", {"03-api-ingestion", "04-event-processing", "05-notification"}),
        ("07-data-transformation", {"01-iam", "02-storage"}),
    ],
)
def test_the_dependency_chain_is_the_seeds_by_outputs_that_are_used(
    edges: dict[str, dict[str, tuple[str, ...]]], reader: str, read: set[str]
) -> None:
    assert read <= edges[reader].keys()
    assert all(outputs and "*" not in outputs for outputs in edges[reader].values())


def test_the_three_in_the_middle_do_not_depend_on_one_another(edges: dict[str, dict[str, tuple[str, ...]]]) -> None:
    middle = {"03-api-ingestion", "04-event-processing", "05-notification"}
    assert not any(middle & edges[module].keys() for module in middle)


def test_nobody_reads_the_module_that_was_added_last(edges: dict[str, dict[str, tuple[str, ...]]]) -> None:
    assert not any("07-data-transformation" in read for read in edges.values())


def test_modules_are_the_seeds() -> None:
    assert sorted(path.parent.name for path in TREE.glob("*/versions.tf")) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_complete(module: str) -> None:
    folder = TREE / module
    names = {path.name for path in folder.iterdir()}
    files = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "providers.tf", "backend.tf", "README.md"}
    assert files <= names
    assert ("remote_state.tf" in names) == (module not in ("backend-config", "00-foundation"))
    assert (folder / "global.auto.tfvars").readlink() == Path("../terraform.tfvars")
    assert (folder / ".terraform.lock.hcl").read_bytes() == (TREE / ".terraform.lock.hcl").read_bytes()
    for name in ("variables.tf", "outputs.tf"):
        for block in read_blocks((folder / name).read_bytes()):
            assert block.attributes.get("description"), f"{module}: {block.labels}"
            assert block.type == "output" or {"type", "default"} <= block.attributes.keys(), f"{module}: {block.labels}"


@pytest.mark.parametrize("module", MODULES)
def test_each_readme_says_what_when_and_how(module: str) -> None:
    text = (TREE / module / "README.md").read_text("utf-8")
    for heading in (
        "What it holds",
        "What it reads",
        "Inputs",
        "Outputs",
        "When it must be redeployed",
        "How to roll back",
    ):
        _, found, rest = text.partition(f"\n## {heading}\n")
        assert found, heading
        assert rest.split("\n## ")[0].strip().strip("-|\n"), f"{heading} is empty"


@pytest.mark.parametrize("module", MODULES[1:])
def test_each_state_has_its_own_key(module: str) -> None:
    assert f'key = "{module}/terraform.tfstate"' in (TREE / module / "backend.tf").read_text()


def test_the_root_file_holds_exactly_the_five_global_variables() -> None:
    lines = (TREE / "terraform.tfvars").read_text().splitlines()
    assert [line.split(" ")[0] for line in lines if line and not line.startswith("#")] == GLOBALS


def test_only_one_file_of_a_module_knows_about_remote_state() -> None:
    knowing = {path.name for path in TREE.glob("*/*.tf") if "terraform_remote_state" in path.read_text()}
    assert knowing == {"remote_state.tf"}
