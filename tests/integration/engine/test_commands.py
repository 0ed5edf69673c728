"""The commands themselves, as a process each, on a project with blueprints of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

pytestmark = [pytest.mark.terraform, pytest.mark.emulator]

PLAN_SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "plan.schema.json"

BASE = """\
resource "terraform_data" "this" {
  input = "${var.project_name} in ${var.environment}"
}
"""
BASE_OUTPUTS = """\
output "greeting" {
  description = "Says where it is"
  value       = terraform_data.this.output
}

output "secret" {
  description = "Is not shown"
  value       = "hidden"
  sensitive   = true
}
"""
TOP = """\
resource "terraform_data" "this" {
  input = "heard: ${local.base.greeting}"
}
"""
TOP_OUTPUTS = """\
output "heard" {
  description = "What base says"
  value       = terraform_data.this.output
}
"""


def write_blueprint(folder: Path, reads: str, main: str, outputs: str) -> None:
    folder.mkdir(parents=True)
    (folder / "blueprint.yaml").write_text(
        f"summary: A fixture\nreads: {reads}\nfunctions: []\n"
        "settings: {type: object, additionalProperties: false, properties: {}}\n"
        "redeploy: |\n  Never.\nrollback: |\n  None.\nholds: |\n  Nothing.\n"
    )
    (folder / "main.tf.j2").write_text(main)
    (folder / "outputs.tf.j2").write_text(outputs)
    (folder / "variables.tf.j2").write_text("")


@pytest.fixture
def project(tmp_path, environment, bucket):
    root = tmp_path / "project"
    (root / "config" / "environments").mkdir(parents=True)
    (root / "config" / "project.yaml").write_text(
        "version: 1\nproject: mini\nowner: team\nregion: us-east-1\n"
        'terraform: {required_version: ">= 1.10, < 2.0", providers: {aws: "~> 5.100"}}\n'
        "state: {locking: [dynamodb, lockfile]}\ndefault_environment: local\n"
        "modules:\n  00-base: {blueprint: base}\n  01-top: {blueprint: top}\n"
    )
    (root / "config" / "environments" / "local.yaml").write_text(
        f"endpoint: {environment.endpoint}\nembedded: false\n"
        f"state: {{bucket: {bucket}, lock_table: {environment.lock_table}}}\n"
    )
    write_blueprint(root / "templates" / "base", "[]", BASE, BASE_OUTPUTS)
    write_blueprint(root / "templates" / "top", "[base]", TOP, TOP_OUTPUTS)
    # Without the AWS provider each terraform takes a tenth of the time.
    shared = root / "templates" / "_shared"
    shared.mkdir()
    (shared / "versions.tf.j2").write_text('terraform {\n  required_version = ">= 1.10"\n}\n')
    (shared / "providers.tf.j2").write_text("# None is needed.\n")
    (shared / "lock.hcl.j2").write_text("# Nothing to lock.\n")
    done = tfgen(root, "render")
    assert done.returncode == 0, done.stderr
    return root


def tfgen(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-c", "from tfgen.cli import main; main()", *words],
        cwd=root,
        env=env | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def tfgen_on_a_terminal(root: Path, *words: str, reply: str) -> tuple[int, str]:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(root)
        os.environ.pop("CI", None)
        os.execv(sys.executable, [sys.executable, "-c", "from tfgen.cli import main; main()", *words])
    output, replied, deadline = b"", False, time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                output += os.read(terminal, 65536)
            except OSError:
                break
        if not replied and b"Only 'yes' goes on" in output:
            os.write(terminal, reply.encode() + b"\n")
            replied = True
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), output.decode()


def test_a_session(project, environment):
    place = f"local: emulator on {environment.endpoint.removeprefix('http://')}, nothing in AWS"

    done = tfgen(project, "plan", "--detailed-exitcode")
    assert done.returncode == 2, done.stderr
    assert "+ terraform_data.this" in done.stdout
    assert "output greeting is new: (known after apply); read by 01-top" in done.stdout
    assert "Total: 2 to add" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[0] == lines[-1] == place

    done = tfgen(project, "plan", "--per-module", "--detailed-exitcode")
    assert done.returncode == 2, done.stderr
    assert "terraform_data.this will be created" in done.stdout
    assert "01-top                  waiting   apply 00-base first" in done.stdout

    done = tfgen(project, "apply")
    assert done.returncode == 1
    assert "--auto-approve" in done.stderr

    status, output = tfgen_on_a_terminal(project, "apply", reply="y")
    assert status == 1
    assert "Apply this (2 to add, 0 to change, 0 to destroy, 0 to replace, 3 outputs to change) in" in output
    assert "not approved" in output

    status, output = tfgen_on_a_terminal(project, "apply", "--module", "00", reply="y")
    assert status == 1
    assert "not approved" in output
    assert place in output
    status, output = tfgen_on_a_terminal(project, "apply", "--module", "00", reply="yes")
    assert status == 0, output

    approved = project.parent / "approved.json"
    report = project.parent / "report"
    done = tfgen(project, "plan", "--save", str(approved), "--report", str(report), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(PLAN_SCHEMA.read_text()))
    assert json.loads((report / "plan.json").read_text()) == document
    assert (report / "plan.json").stat().st_mode & 0o777 == approved.stat().st_mode & 0o777 == 0o600
    assert "hidden" not in approved.read_text() + (report / "plan.md").read_text() + done.stdout
    impact = json.loads(tfgen(project, "impact", "--json").stdout)
    assert impact["apply"] == ["01-top"]
    assert tfgen(project, "drift", "--detailed-exitcode").returncode == 0
    assert tfgen(project, "apply", "--approved", str(report / "plan.json")).returncode == 1

    done = tfgen(project, "apply", "--approved", str(approved), "--json", AWS_PROFILE="planted")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["version"] == 1
    assert document["place"] == place
    assert {name: module["status"] for name, module in document["modules"].items()} == {
        "00-base": "unchanged",
        "01-top": "done",
    }
    assert document["modules"]["01-top"]["outputs"] == {"heard": "create"}
    assert "AWS_PROFILE" in done.stderr
    assert done.stderr.rstrip().endswith("Nothing was created in AWS.")

    assert tfgen(project, "output", "top", "heard", "--raw").stdout == "heard: mini in local\n"
    everything = tfgen(project, "output").stdout
    assert 'greeting = "mini in local"' in everything
    assert "secret = <sensitive>" in everything
    assert tfgen(project, "output", "base", "secret", "--raw").stdout == "hidden\n"
    hidden = json.loads(tfgen(project, "output", "--json").stdout)["outputs"]["00-base"]["secret"]
    assert hidden == {"value": None, "type": "string", "sensitive": True}
    wrong = tfgen(project, "output", "base", "greting")
    assert wrong.returncode == 1
    assert "greeting" in wrong.stderr

    assert tfgen(project, "exec", "01", "--", "sh", "-c", "pwd; exit 5").returncode == 5
    assert tfgen(project, "exec", "01", "--", "terraform", "plan", "-detailed-exitcode").returncode == 0

    again = tfgen(project, "plan", "--detailed-exitcode")
    assert again.returncode == 0
    assert again.stdout.splitlines() == ["no changes: 00-base, 01-top", "Total: no changes"]

    done = tfgen(project, "destroy", "--module", "base", "--auto-approve")
    assert done.returncode == 1
    assert "01-top reads what would be destroyed" in done.stderr
    assert tfgen(project, "destroy", "--auto-approve", "--detailed-exitcode").returncode == 2
    assert tfgen(project, "destroy", "--auto-approve").returncode == 0


def test_what_cannot_be_planned_is_named_with_its_line_its_template_and_its_entry_in_the_spec(project):
    wrong = 'resource "terraform_data" "wrong" {\n  input = tonumber("x${var.environment}")\n}\n'
    (project / "templates" / "top" / "main.tf.j2").write_text(TOP + wrong)
    assert tfgen(project, "render").returncode == 0
    rendered = project / "terraform" / "01-top" / "main.tf"
    line = 1 + next(number for number, text in enumerate(rendered.read_text().splitlines()) if "tonumber" in text)
    place = f"terraform/01-top/main.tf:{line}:"
    origin = f"rendered from templates/top/main.tf.j2:{len(TOP.splitlines()) + 2}, config/project.yaml:10:3"

    done = tfgen(project, "plan")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"error: 01-top: {place}" in said, said
    assert origin in said, said
    assert "+ terraform_data.this" in said, "the other module is shown"
    assert ".tfgen" not in said

    (project / "terraform" / "00-base" / "own.tf").write_text(wrong.replace("x", "y"))
    done = tfgen(project, "apply", "--auto-approve")
    assert done.returncode == 1
    assert f"error: {place}" in done.stderr
    assert origin in done.stderr
    assert "error: terraform/00-base/own.tf:2:" in done.stderr
    assert ".tfgen" not in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_input(project):
    (project / "config" / "project.yaml").write_text(
        (project / "config" / "project.yaml").read_text().replace("owner: team", "owner: crew")
    )
    stale = tfgen(project, "apply", "--auto-approve")
    assert stale.returncode == 1
    assert "the rendered tree is stale" in stale.stderr
    assert "tfgen render" in stale.stderr

    for words, message in [
        (["plan", "03"], "did you mean --module 03?"),
        (["plan", "--module", "nope"], "there is no module 'nope'"),
        (["plan", "--module", "base", "--save", "x"], "--show, --report and --save belong to the plan of the whole"),
        (["apply", "--module", "base", "--approved", "x"], "--approved is for the whole project"),
        (["apply", "--per-module", "--on-difference", "continue"], "about the approved plan of the whole"),
        (["apply", "--approved", "missing.json"], "cannot read what was approved"),
        (["output", "--raw"], "--raw needs a module"),
        (["exec", "00", "--json", "--", "true"], "has no JSON form"),
        (["destroy", "--with-backend", "--module", "00", "--auto-approve"], "--with-backend takes everything down"),
    ]:
        done = tfgen(project, *words, "--allow-stale") if words[0] == "plan" else tfgen(project, *words)
        assert done.returncode == 1, words
        assert message in done.stderr + done.stdout, (words, done.stderr)
        assert "Traceback" not in done.stderr

    old = project / "old-terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.5.7"}\'\n')
    old.chmod(0o755)
    done = tfgen(project, "plan", "--allow-stale", TFGEN_TERRAFORM=str(old))
    assert done.returncode == 1
    assert "terraform 1.5.7" in done.stderr
    assert "does not satisfy '>= 1.10, < 2.0'" in done.stderr

    done = tfgen(project, "plan", "--allow-stale", "--json", TFGEN_TERRAFORM="/nowhere")
    assert json.loads(done.stdout)["error"]["code"] == "terraform-missing"


def test_doctor(project):
    done = tfgen(project, "doctor", "--json", TFGEN_ENV="local")
    document = json.loads(done.stdout)
    assert done.returncode == 0, document
    assert [check["name"] for check in document["checks"]] == [
        "python",
        "project",
        "terraform",
        "providers",
        "emulator",
        "credentials",
    ]
    assert {"name": "environment", "value": "local", "from": "variable"} in document["settings"]
    missing = tfgen(project, "doctor", TFGEN_TERRAFORM="/nowhere")
    assert missing.returncode == 1
    assert "→ unset TFGEN_TERRAFORM" in missing.stdout
