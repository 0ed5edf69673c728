from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.support.fixture_project import make_environment, make_project
from tfgen.gathering import Gathered, backend_of, gather_files, missing_provider, other_constraints, unappliable

NAMES = {"00-base": (), "01-middle": ("00-base",), "02-top": ("00-base", "01-middle")}


def gather(tmp_path: Path, files: Mapping[str, str], *, values: bool = True) -> Gathered:
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, NAMES)
    for name, text in files.items():
        (project.tree / name).write_text(text)
    return gather_files(project, environment, values=values)


def require(version: str, source: str = "hashicorp/aws") -> str:
    return (
        f'terraform {{\n  required_providers {{\n    x = {{ source = "{source}", version = "{version}" }}\n  }}\n}}\n'
    )


def test_readers_are_found_by_output(tmp_path: Path) -> None:
    text = 'output "all" {\n  value = data.terraform_remote_state.base.outputs\n}\n'
    more = 'output "more" {\n  value = 1\n}\n'
    found = gather(tmp_path, {"02-top/x.tf": text, "00-base/more.tf": more}).readers
    assert found == {
        "00-base": {"value": ("01-middle", "02-top"), "more": ("02-top",)},
        "01-middle": {"value": ("02-top",)},
    }


def test_a_variable_without_a_value_sets_its_module_apart_unless_values_do_not_count(tmp_path: Path) -> None:
    files = {"01-middle/v.tf": 'variable "needed" {\n  type = string\n}\n'}
    assert gather(tmp_path, files).apart == {"01-middle": "variable needed has no value"}
    assert gather(tmp_path, files, values=False).apart == {}


def test_values_that_cannot_be_read_are_named_by_their_file(tmp_path: Path) -> None:
    reason = gather(tmp_path, {"01-middle/terraform.tfvars": "a = ["}).apart["01-middle"]
    assert reason.startswith("terraform/01-middle/terraform.tfvars")


def test_a_module_called_from_outside_of_the_project_sets_its_caller_apart(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "project" / "near").mkdir(parents=True)
    (tmp_path / "project" / "near" / "main.tf").write_text('module "far" {\n  source = "../../far"\n}\n')
    call = 'module "called" {\n  source = "%s"\n}\n'
    files = {"00-base/m.tf": call % "../../../far", "01-middle/m.tf": call % "../../near", "02-top/m.tf": call % "./no"}
    assert gather(tmp_path / "project", files).apart == {
        "00-base": "it calls ../../../far, outside of the project",
        "01-middle": "it calls ../../../far, outside of the project",
    }


def test_a_state_that_cannot_be_fetched_sets_its_module_apart_unless_states_do_not_count(tmp_path: Path) -> None:
    files = {"01-middle/backend.tf": 'terraform {\n  backend "http" {}\n}\n'}
    reason = "its state is in a backend of type http, which cannot be merged"
    assert gather(tmp_path, files).apart == {"01-middle": reason}
    assert gather(tmp_path, files, values=False).apart == {}


def test_the_constraint_that_most_modules_have_stays(tmp_path: Path) -> None:
    files = {f"{name}/v.tf": require("5.1.0" if name == "01-middle" else "~> 5.100") for name in NAMES}
    gathered = gather(tmp_path, files)
    assert list(other_constraints(list(gathered.files.values()))) == ["01-middle"]


def test_another_provider_of_the_same_name_is_set_apart(tmp_path: Path) -> None:
    files = {"00-base/v.tf": require("1.0.0"), "02-top/v.tf": require("1.0.0", "corp/aws")}
    assert list(gather(tmp_path, files).apart) == ["02-top"]


def test_a_provider_that_cannot_be_had_concerns_those_that_need_it(tmp_path: Path) -> None:
    files = list(gather(tmp_path, {"02-top/v.tf": require("1.0.0", "hashicorp/random")}).files.values())
    error = "Could not retrieve the list of available versions for provider hashicorp/random: no route"
    assert missing_provider(files, error) == {"02-top": "provider registry.terraform.io/hashicorp/random cannot be had"}
    assert missing_provider(files[2:], error) == {}


def test_a_state_of_another_project_is_mentioned(tmp_path: Path) -> None:
    text = 'data "terraform_remote_state" "far" {\n  backend = "http"\n  config = { address = "http://x" }\n}\n'
    problems = gather(tmp_path, {"00-base/x.tf": text}).problems
    assert [(item.where, item.severity) for item in problems] == [("terraform/00-base/x.tf:1", "warning")]


S3 = 'terraform {\n  backend "s3" {\n    key = "x"\n%s  }\n}\n'


def test_what_can_be_planned_as_one_and_not_applied_says_why(tmp_path: Path) -> None:
    files = {
        "00-base/backend.tf": 'terraform {\n  backend "local" {}\n}\n',
        "01-middle/backend.tf": S3 % '    role_arn = "arn"\n',
        "02-top/backend.tf": S3 % "    encrypt = true\n",
    }
    gathered = gather(tmp_path, files)
    assert gathered.apart == {}
    assert unappliable(gathered) == {
        "00-base": "its state is in a local file",
        "01-middle": "its backend has role_arn, which tfgen does not know",
    }
    failed = replace(gathered, failed={"02-top": "it is cut off"}).only(["02-top"])
    assert unappliable(failed) == {"02-top": "its state cannot be used: it is cut off"}


def test_states_are_written_as_the_environments_backend_file_says(tmp_path: Path) -> None:
    gathered = gather(tmp_path, {"00-base/backend.tf": S3 % '    encrypt = true\n    kms_key_id = "alias/own"\n'})
    environment = make_environment("local", "bucket", endpoint="http://127.0.0.1:1")
    project = make_project(tmp_path, environment, NAMES)
    path = project.tree / "environments" / "local.s3.tfbackend"
    path.unlink(missing_ok=True)
    backend = backend_of(gathered, project, environment)
    assert (backend.bucket, backend.table, backend.locking) == ("bucket", "bucket-lock", project.locking)
    assert backend.sealing == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/own"}
    path.write_text('bucket = "bucket"\nkms_key_id = "alias/theirs"\n')
    assert backend_of(gathered, project, environment).kms_key_id == "alias/theirs"
    assert replace(backend, kms_key_id="").sealing == {"ServerSideEncryption": "AES256"}
    assert replace(backend, encrypt=False).sealing == {}
