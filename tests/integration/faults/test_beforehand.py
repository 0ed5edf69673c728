"""Before the first change: everything that is not ready, at once; and what left the spec."""

from __future__ import annotations

import json

from tests.support.faulty import Faulty


def lock(faulty: Faulty, module: str, number: int) -> None:
    info = {
        "ID": f"11111111-0000-0000-0000-00000000000{number}",
        "Operation": "OperationTypeApply",
        "Who": "ann@desk",
        "Created": "2026-11-23T10:00:00.123456789Z",
        "Path": f"{faulty.bucket}/{module}/terraform.tfstate",
    }
    faulty.clients().client("dynamodb").put_item(
        TableName=faulty.table,
        Item={"LockID": {"S": f"{faulty.bucket}/{module}/terraform.tfstate"}, "Info": {"S": json.dumps(info)}},
    )


def test_all_that_is_not_ready_is_said_at_once_and_nothing_is_changed(faulty: Faulty) -> None:
    lock(faulty, "00-base", 1)
    lock(faulty, "02-top", 2)
    refused = faulty.apply(code=1)
    assert "is not ready, 2 things to mend" in refused.stderr
    for module, number in (("00-base", 1), ("02-top", 2)):
        assert f"{module} is locked: OperationTypeApply by ann@desk since 2026-11-23 10:00:00 UTC" in refused.stderr
        assert f"tfgen unlock {module} --id 11111111-0000-0000-0000-00000000000{number}" in refused.stderr
    assert faulty.entries("module-begin") == []
    assert faulty.tfgen("plan", "--detailed-exitcode", code=2)
    faulty.tfgen("unlock", "00", "--id", "11111111-0000-0000-0000-000000000001")
    faulty.tfgen("unlock", "02", "--id", "11111111-0000-0000-0000-000000000002")
    faulty.assert_resumes("--auto-approve")


def test_a_module_that_left_the_spec_is_reported_on_every_plan(faulty: Faulty) -> None:
    faulty.apply()
    spec = faulty.root / "config" / "project.yaml"
    spec.write_text(spec.read_text().replace("  02-top: {blueprint: top}\n", ""))
    faulty.tfgen("render")
    for words in (["plan"], ["plan", "--per-module"], ["drift"], ["impact"]):
        said = faulty.tfgen(*words).stderr
        assert "02-top is not in the spec, but its state has 3 resources that nobody manages" in said
        assert "come later" in said
