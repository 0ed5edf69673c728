from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.projects import ProjectFolder
from tfgen import workflow
from tfgen.changes import AttributeChange, ComposedPlan, ModuleChanges, OutputChange, ResourceChange
from tfgen.errors import TfgenError
from tfgen.impact import ModuleImpact, from_plan
from tfgen.report.impact import to_document, to_text

ROOT = Path(__file__).resolve().parents[2]


def outputs(*changes: OutputChange) -> dict[str, OutputChange]:
    return {change.name: change for change in changes}


def replaced(module: str, address: str, **before: str) -> ResourceChange:
    attributes = tuple(AttributeChange(name, value, None, unknown=True) for name, value in before.items())
    return ResourceChange(module, address, address.partition(".")[0], ("delete", "create"), attributes)


def by_name(impacts: tuple[ModuleImpact, ...]) -> dict[str, ModuleImpact]:
    return {impact.name: impact for impact in impacts}


NETWORK = ModuleChanges(
    "00-net",
    resources=(replaced("00-net", "aws_vpc.this", id="vpc-1"), replaced("00-net", "aws_s3_bucket.logs", id="b-1")),
    outputs=outputs(
        OutputChange("vpc_id", "update", known=False, before="vpc-1"),
        OutputChange("zone", "update", known=False, before="z"),
        OutputChange("key_arn", "no-op", before="key"),
    ),
)
PLAN = ComposedPlan(
    {
        "00-net": NETWORK,
        "03-api": ModuleChanges("03-api", resources=(ResourceChange("03-api", "a.b", "a", ("update",)),)),
        "04-events": ModuleChanges("04-events"),
        "05-mail": ModuleChanges("05-mail"),
        "06-watch": ModuleChanges("06-watch"),
    },
    readers={"00-net": {"vpc_id": ("03-api",), "zone": ("04-events",), "key_arn": ("03-api", "05-mail")}},
)


def test_a_plan_says_who_must_be_applied_and_why_output_by_output() -> None:
    found = by_name(from_plan(PLAN))
    assert [name for name, impact in found.items() if impact.apply] == ["00-net", "03-api"]
    assert found["00-net"].reasons == ("its own configuration changed",)
    assert found["03-api"].reasons == ("reads 00-net.vpc_id, which will be replaced",)
    assert found["04-events"].reasons == (
        "reads 00-net.zone, which may change (known after apply), but nothing of it follows here",
    )
    assert found["05-mail"].reasons == ("reads only 00-net.key_arn, which stays",)
    assert found["06-watch"].reasons == ()
    assert found["00-net"].replaced == ("aws_vpc.this", "aws_s3_bucket.logs")
    assert found["00-net"].losses == ("aws_s3_bucket.logs",)


def test_lost_data_is_said_in_red() -> None:
    lines = list(to_text(from_plan(PLAN), paint=lambda text, colour: f"<{colour}>{text}"))
    assert "<red>DATA IS LOST: 00-net: aws_s3_bucket.logs" in lines
    assert lines[-1] == "<bold>To apply, in this order: 00-net, 03-api"
    document = to_document(from_plan(PLAN))
    assert document["apply"] == ["00-net", "03-api"]
    assert document["loses_data"]


def test_nothing_is_said_in_one_line_each() -> None:
    quiet = ComposedPlan({"00-net": ModuleChanges("00-net")})
    assert list(to_text(from_plan(quiet))) == ["00-net stays as it is", "Nothing has to be applied."]


# between two revisions


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x", "--allow-empty")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference project in a git repository; tests put back what they change."""
    from tfgen.starting import NewProject, create_project

    root = tmp_path_factory.mktemp("reference") / "shop"
    create_project(root, NewProject())
    git(root, "init", "-q")
    commit(root)
    return root


def since(root: Path, revision: str = "HEAD") -> dict[str, ModuleImpact]:
    spec = root / "config" / "project.yaml"
    return by_name(workflow.impact_since(root, spec, revision, None, {"PATH": "/usr/bin:/bin", "HOME": str(root)}))


def changed(root: Path, path: str, old: str, new: str) -> Any:
    """Change a file, ask, and put it back."""
    file = root / path
    before = file.read_text()
    assert old in before, path
    file.write_text(before.replace(old, new, 1))
    try:
        return since(root)
    finally:
        file.write_text(before)


def applied(found: dict[str, ModuleImpact]) -> list[str]:
    return [name.partition("-")[0] for name, impact in found.items() if impact.apply]


SPEC = "config/project.yaml"
EVERY = ["00", "01", "02", "03", "04", "05", "06", "07"]


def test_nothing_changed(reference: Path) -> None:
    assert applied(since(reference)) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "wanted"),
    [
        (SPEC, "cidr: 10.0.0.0/16", "cidr: 10.9.0.0/16", ["00", "03", "04"]),
        ("lambdas/notifier/logic.py", "import", "import os\nimport", ["05"]),
        ("lambdas/common/days.py", "import", "import os\nimport", ["03", "04", "05", "07"]),
        ("lambdas/notifier/tests/test_notification.py", "import", "import os\nimport", []),
    ],
)
def test_the_facts_answer_before_any_account_is_touched(
    reference: Path, path: str, old: str, new: str, wanted: list[str]
) -> None:
    found = changed(reference, path, old, new)
    assert applied(found) == wanted


def test_another_project_name_is_a_migration_that_loses_data(reference: Path) -> None:
    found = changed(reference, SPEC, "project: ecommerce-analytics", "project: other")
    assert set(EVERY) <= set(applied(found))
    assert found["02-storage"].losses


def test_the_command_needs_no_terraform(reference: Path, cli: Cli) -> None:
    outcome = cli("impact", "--since", "HEAD", cwd=reference)
    assert outcome.code == 0
    assert outcome.out.endswith("Nothing has to be applied.\n")
    document = cli("impact", "--since", "HEAD..HEAD", "--json", cwd=reference).document
    assert document["since"] == "HEAD..HEAD"
    assert document["apply"] == []


def test_changes_of_templates_and_of_own_files_count(project: ProjectFolder) -> None:
    project.render()
    git(project.root, "init", "-q")
    commit(project.root)
    project.change("templates/store/outputs.tf.j2", "Name of the table.", "The table's name.")
    project.write("terraform/00-network/extra.tf", 'resource "terraform_data" "mine" {\n  input = 1\n}\n')
    found = since(project.root)
    assert applied(found) == ["00", "02"]
    assert found["00-network"].reasons == ("changed: extra.tf",)
    assert found["02-store"].reasons == ("changed: outputs.tf",)
    commit(project.root)
    (project.tree / "00-network" / "extra.tf").unlink()
    assert since(project.root)["00-network"].destroyed == ("terraform_data.mine",)


def test_a_changed_output_reaches_its_readers(project: ProjectFolder) -> None:
    git(project.root, "init", "-q")
    commit(project.root)
    project.change("templates/network/outputs.tf.j2", "terraform_data.network.id", '"fixed"')
    found = since(project.root)
    assert applied(found) == ["00", "02"]
    assert found["02-store"].reasons == ("reads 00-network.network_id, which gets another value",)


def test_a_module_that_came_or_went_is_named(project: ProjectFolder) -> None:
    git(project.root, "init", "-q")
    commit(project.root)
    project.change("config/project.yaml", "  03-front-desk:\n    blueprint: front-desk\n", "")
    found = since(project.root)
    assert "not in the spec any more" in found["03-front-desk"].reasons[0]
    assert found["03-front-desk"].destroyed == ("terraform_data.desk",)
    commit(project.root)
    again = by_name(workflow.impact_since(project.root, project.spec, "HEAD..HEAD~1", None, {"PATH": "/usr/bin:/bin"}))
    assert again["03-front-desk"].reasons == ("is new",)


@pytest.mark.parametrize("revision", ["nothing", "--output=/tmp/x", "HEAD..nothing", ""])
def test_a_revision_that_does_not_exist_is_explained(project: ProjectFolder, revision: str) -> None:
    git(project.root, "init", "-q")
    commit(project.root)
    with pytest.raises(TfgenError, match="there is no revision"):
        since(project.root, revision)


def test_a_project_outside_of_git_is_told_so(project: ProjectFolder) -> None:
    with pytest.raises(TfgenError, match="in no git repository"):
        since(project.root)
