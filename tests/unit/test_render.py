from __future__ import annotations

import pytest

from tests.support.projects import ProjectFolder
from tfgen import execution
from tfgen.errors import SpecError
from tfgen.hcl import read_blocks
from tfgen.render import CUSTOM_CHANGES, Edge, File

STORE = "templates/store/main.tf.j2"


def text_of(project: ProjectFolder, path: str) -> str:
    return project.preview().tree.files[path].content.decode()


def problems_of(project: ProjectFolder) -> list[tuple[str, str, str]]:
    with pytest.raises(SpecError) as caught:
        project.preview()
    return [(problem.where, problem.message, problem.hint) for problem in caught.value.problems]


def test_every_module_has_the_same_files(project: ProjectFolder) -> None:
    files = project.preview().tree.files
    of_store = {path.split("/")[1] for path in files if path.startswith("02-store/")}
    assert of_store == {
        ".terraform.lock.hcl",
        "README.md",
        "backend.tf",
        "global.auto.tfvars",
        "locals.tf",
        "main.tf",
        "outputs.tf",
        "providers.tf",
        "remote_state.tf",
        "tests",
        "variables.tf",
        "versions.tf",
    }
    assert "00-network/remote_state.tf" not in files
    assert {"README.md", "terraform.tfvars", ".terraform.lock.hcl"} <= files.keys()
    assert list(files) == sorted(files)


def test_global_variables_are_a_link_to_the_root_file(project: ProjectFolder) -> None:
    assert project.preview().tree.files["02-store/global.auto.tfvars"] == File(b"", link="../terraform.tfvars")


def test_the_first_line_says_whose_file_it_is(project: ProjectFolder) -> None:
    for path, file in project.preview().tree.files.items():
        if file.link:
            continue
        first = file.content.decode().split("\n")[0]
        assert "Rendered by tfgen from " in first, path
        assert first.startswith("<!-- " if path.endswith(".md") else "# "), path
    assert text_of(project, "02-store/main.tf").startswith("# Rendered by tfgen from store/main.tf;")


def test_files_end_in_one_line_break_and_have_no_double_blank_lines(project: ProjectFolder) -> None:
    for path, file in project.preview().tree.files.items():
        text = file.content.decode()
        assert "\r" not in text, path
        assert "\n\n\n" not in text, path
        assert file.link or (text.endswith("\n") and not text.endswith("\n\n")), path


def test_the_state_is_under_the_modules_full_name(project: ProjectFolder) -> None:
    backend = text_of(project, "02-store/backend.tf")
    assert 'key = "02-store/terraform.tfstate"' in backend
    assert 'bucket              = "shop-local-tfstate"' in backend
    assert 'dynamodb_table      = "shop-local-tflock"' in backend
    assert "use_lockfile        = true" in backend
    assert 'allowed_account_ids = ["000000000000"]' in backend
    assert 'backend "local"' in text_of(project, "backend-config/backend.tf")


def test_remote_state_is_read_as_the_seed_does_and_sensitive_outputs_stay_so(project: ProjectFolder) -> None:
    text = text_of(project, "02-store/remote_state.tf")
    assert 'data "terraform_remote_state" "network"' in text
    assert "bucket = var.state_bucket" in text
    assert 'key    = "00-network/terraform.tfstate"' in text
    assert "region = var.aws_region" in text
    source = "data.terraform_remote_state.network.outputs"
    assert f"network = merge({source}, {{ password = sensitive({source}.password) }})" in text


def test_a_short_name_becomes_an_identifier(project: ProjectFolder) -> None:
    project.change(
        "config/project.yaml", "blueprint: front-desk\n", "blueprint: front-desk\n  04-last: {blueprint: last}\n"
    )
    project.write("templates/last/blueprint.yaml", "summary: x\nreads: [front-desk]\nsettings: {}\n")
    project.write("templates/last/main.tf.j2", 'resource "terraform_data" "x" {\n  input = local.front_desk.desk\n}\n')
    tree = project.preview().tree
    assert 'data "terraform_remote_state" "front_desk"' in tree.files["04-last/remote_state.tf"].content.decode()
    assert tree.edges[-1] == Edge("04-last", "03-front-desk", ("desk",))


def test_the_five_tags_and_the_specs_own(project: ProjectFolder) -> None:
    text = text_of(project, "02-store/locals.tf")
    for line in (
        "Project     = var.project_name",
        'Module      = "store"',
        "Environment = var.environment",
        'ManagedBy   = "terraform"',
        'Owner       = "data-team"',
    ):
        assert line in text
    project.change("config/project.yaml", "terraform:\n", 'tags: {CostCentre: "${4711}"}\nterraform:\n')
    text = text_of(project, "02-store/locals.tf")
    assert 'CostCentre = "$${4711}"' in text
    assert text.index("CostCentre") < text.index("Project"), "the five come last and win"


def test_variables_have_type_description_and_the_default_environments_values(project: ProjectFolder) -> None:
    blocks = read_blocks(text_of(project, "02-store/variables.tf").encode())
    found = {block.labels[0]: block.attributes for block in blocks}
    assert list(found) == [
        "aws_region",
        "environment",
        "project_name",
        "state_bucket",
        "state_lock_table",
        "allowed_account_ids",
        "protect",
    ]
    assert all({"type", "description", "default"} <= part.keys() for part in found.values())
    assert found["protect"]["default"] == "true"
    assert found["state_bucket"]["default"] == '"shop-local-tfstate"'


def test_another_default_environment_changes_the_defaults(project: ProjectFolder) -> None:
    project.change("config/project.yaml", "version: 1\n", "version: 1\ndefault_environment: dev\n")
    assert 'aws_region       = "eu-central-1"' in text_of(project, "terraform.tfvars")
    assert "default     = false" in text_of(project, "02-store/variables.tf")
    assert 'allowed_account_ids = ["123456789012"]' in text_of(project, "02-store/backend.tf")


def test_environments_have_their_values_backend_and_modules(project: ProjectFolder) -> None:
    files = project.preview().tree.files
    assert 'aws_region          = "eu-central-1"' in files["environments/dev.tfvars"].content.decode()
    assert 'bucket              = "shop-dev-tfstate"' in files["environments/dev.s3.tfbackend"].content.decode()
    assert files["environments/dev/02-store.tfvars"].content.decode().endswith("\nprotect = false\n")
    assert "environments/dev/00-network.tfvars" not in files, "it has nothing that varies"


def test_locking_is_the_specs_choice(project: ProjectFolder) -> None:
    project.change("config/project.yaml", "modules:\n", "state: {locking: [lockfile]}\nmodules:\n")
    assert "dynamodb_table" not in text_of(project, "02-store/backend.tf")
    assert "dynamodb_table" not in text_of(project, "environments/dev.s3.tfbackend")


def test_a_modules_own_providers_are_required_there_only(project: ProjectFolder) -> None:
    project.change(
        "config/project.yaml",
        "blueprint: store",
        'blueprint: store\n    providers: {random: {source: hashicorp/random, version: "~> 3.6"}}',
    )
    assert 'source  = "hashicorp/random"' in text_of(project, "02-store/versions.tf")
    assert "random" not in text_of(project, "00-network/versions.tf")


def test_the_module_readme_names_what_it_reads_and_gives_and_not_its_readers(project: ProjectFolder) -> None:
    text = text_of(project, "02-store/README.md")
    assert "| [00-network](../00-network/README.md) | `network_id`, `password` |" in text
    assert "| `table` | Name of the table. |" in text
    assert "| `protect` | `bool` | `true` | Refuse deletion. |" in text
    assert "front-desk" not in text
    assert text.endswith(f"{CUSTOM_CHANGES}\n")
    network = text_of(project, "00-network/README.md")
    assert "One network." in network
    assert "A new CIDR replaces everything." in network
    assert "Check out the last version and apply." in network


def test_the_map_says_who_reads_whom(project: ProjectFolder) -> None:
    text = text_of(project, "README.md")
    assert "| [02-store](02-store/README.md) | the store | 00-network | 03-front-desk |" in text
    assert "store --> front_desk" in text


def test_edges_are_the_outputs_that_are_really_used(project: ProjectFolder) -> None:
    assert project.preview().tree.edges == (
        Edge("02-store", "00-network", ("network_id", "password")),
        Edge("03-front-desk", "02-store", ("table", "table_arn")),
    )


def test_adding_a_module_changes_only_its_folder_and_the_map(project: ProjectFolder) -> None:
    before = project.preview().tree.files
    project.change(
        "config/project.yaml", "blueprint: front-desk\n", "blueprint: front-desk\n  07-more: {blueprint: more}\n"
    )
    project.write("templates/more/blueprint.yaml", "summary: more\nreads: [store]\nsettings: {}\n")
    project.write("templates/more/main.tf.j2", 'resource "terraform_data" "x" {\n  input = local.store.table\n}\n')
    after = project.preview().tree.files
    assert {path for path in before if before[path] != after[path]} == {"README.md"}
    assert {path.split("/")[0] for path in after.keys() - before.keys()} == {"07-more"}


def test_no_text_of_the_spec_becomes_code(project: ProjectFolder) -> None:
    evil = '${file(\\"/etc/passwd\\")}\\u202e %{ if true }'
    project.change("config/project.yaml", "blueprint: store", f'blueprint: store\n    settings: {{labels: ["{evil}"]}}')
    text = text_of(project, "02-store/main.tf")
    assert '["$${file(\\"/etc/passwd\\")}\\u202e %%{ if true }"]' in text


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"),
    [
        ("local.network.network_id", "local.network.netwrk_id", "3:15", "no output 'netwrk_id'", "'network_id'?"),
        ("local.network.network_id", "local.netwrk.network_id", "3:15", "'local.netwrk' is neither", "'network'?"),
        ("local.network.network_id", "local.front_desk.desk", "3:15", "does not read 03-front-desk", "'front-desk'"),
        ("local.network.network_id", "local.network", "3:15", "local.network stands for all", "network_id"),
        ("local.network.network_id", '"${local.network["nope"]}"', "main.tf.j2", "no output 'nope'", "one of"),
    ],
)
def test_references_that_lead_nowhere(
    project: ProjectFolder, old: str, new: str, where: str, message: str, hint: str
) -> None:
    project.change(STORE, old, new)
    found = [item for item in problems_of(project) if message in item[1]]
    assert found, problems_of(project)
    assert found[0][0].endswith(where)
    assert found[0][0].startswith(STORE)
    assert hint in found[0][2]


def test_the_line_is_that_of_the_name_itself_not_of_a_longer_one(project: ProjectFolder) -> None:
    project.change("templates/store/outputs.tf.j2", 'output "table" {', 'output "renamed" {')
    assert [(where, message) for where, message, _ in problems_of(project)] == [
        ("templates/front-desk/main.tf.j2:4:13", "02-store has no output 'table'")
    ]


def test_renaming_an_output_names_everybody_who_reads_it(project: ProjectFolder) -> None:
    project.render()
    project.write("terraform/03-front-desk/mine.tf", "locals {\n  again = local.store.table\n}\n")
    project.write("terraform/03-front-desk/more.tf.json", '{"locals": {\n  "third": "${local.store.table}"\n}}\n')
    project.change("templates/store/outputs.tf.j2", 'output "table" {', 'output "tables" {')
    [(where, message, hint)] = problems_of(project)
    assert where == "templates/front-desk/main.tf.j2:4:13"
    assert message.startswith("02-store has no output 'table'; it is read in 3 places: ")
    for place in (
        "03-front-desk (templates/front-desk/main.tf.j2:4:13)",
        "03-front-desk (terraform/03-front-desk/mine.tf:2:11)",
        "03-front-desk (terraform/03-front-desk/more.tf.json:2:15)",
    ):
        assert place in message
    assert "did you mean 'tables'?" in hint


def test_json_files_of_users_give_and_read_outputs_too(project: ProjectFolder) -> None:
    project.render()
    project.write("terraform/02-store/extra.tf.json", '{"output": {"extra": {"value": 1, "sensitive": true}}}')
    project.write("terraform/03-front-desk/mine.tf.json", '{"locals": {"x": "${local.store.extra}"}}')
    tree = project.preview().tree
    assert tree.outputs["02-store"]["extra"].sensitive
    assert tree.edges[1] == Edge("03-front-desk", "02-store", ("extra", "table", "table_arn"))
    project.write("terraform/02-store/extra.tf.json", "not JSON")
    [(where, message, _)] = problems_of(project)
    assert (where, message) == ("terraform/03-front-desk/mine.tf.json:1:21", "02-store has no output 'extra'")


def test_a_local_of_the_blueprints_own_is_no_module(project: ProjectFolder) -> None:
    project.change(STORE, "local.network.network_id", "local.mine.network_id")
    project.write("templates/store/more.tf.j2", "locals {\n  mine = local.network\n}\n")
    [(_, message, hint)] = problems_of(project)
    assert "local.network stands for all outputs of 00-network" in message
    assert hint == "write local.network.<output>: network_id, password"
    project.write("templates/store/more.tf.j2", "locals {\n  mine = { network_id = local.network.network_id }\n}\n")
    assert project.preview().tree.edges[0].outputs == ("network_id", "password")


def test_a_dependency_that_nobody_uses_is_refused(project: ProjectFolder) -> None:
    project.change("config/project.yaml", "blueprint: front-desk", "blueprint: front-desk\n    reads: [network]")
    [(where, message, hint)] = problems_of(project)
    assert where == "config/project.yaml:19:13"
    assert message == "03-front-desk declares that it reads 00-network, but does not"
    assert "local.network.<output>" in hint


def test_a_dependency_of_the_blueprint_that_nobody_uses_is_refused_there(project: ProjectFolder) -> None:
    project.change("templates/front-desk/blueprint.yaml", "[store]", "[store, network]")
    [(where, message, _)] = problems_of(project)
    assert where == "templates/front-desk/blueprint.yaml"
    assert "declares that it reads 00-network" in message


def test_a_varying_setting_needs_its_variable(project: ProjectFolder) -> None:
    project.write("templates/store/variables.tf.j2", "")
    project.change(STORE, "var.protect", "true")
    [(where, message, hint)] = problems_of(project)
    assert where == "templates/store/blueprint.yaml"
    assert message == "the setting 'protect' varies, but 02-store has no variable of that name"
    assert "variables.tf.j2" in hint


def test_all_wrong_references_come_at_once(project: ProjectFolder) -> None:
    project.change(STORE, "local.network.network_id", "local.network.a")
    project.change(STORE, "local.network.password", "local.network.b")
    project.change("templates/front-desk/main.tf.j2", "local.store.table_arn", "local.store.c")
    assert [where for where, _, _ in problems_of(project)] == [
        f"{STORE}:3:15",
        f"{STORE}:4:15",
        "templates/front-desk/main.tf.j2:3:13",
    ]


def test_files_of_users_give_and_read_outputs_too(project: ProjectFolder) -> None:
    project.render()
    project.write("terraform/02-store/extra.tf", 'output "extra" {\n  value = local.network.network_id\n}\n')
    project.change("templates/front-desk/main.tf.j2", "local.store.table_arn", "local.store.extra")
    tree = project.preview().tree
    assert tree.outputs["02-store"]["extra"].description == ""
    assert tree.edges[1] == Edge("03-front-desk", "02-store", ("extra", "table"))


def test_a_wrong_reference_in_a_users_file_is_placed_there(project: ProjectFolder) -> None:
    project.render()
    project.write("terraform/02-store/extra.tf", "locals {\n  x = local.network.nope\n}\n")
    [(where, message, hint)] = problems_of(project)
    assert (where, message) == ("terraform/02-store/extra.tf:2:7", "00-network has no output 'nope'")
    assert "network_id" in hint


REMOTE_STATE = """\
data "terraform_remote_state" "n" {
  backend = "s3"
  config = {
    bucket = var.state_bucket
    key    = "KEY"
    region = var.aws_region
  }
}
"""


def test_a_users_own_remote_state_counts_as_a_dependency(project: ProjectFolder) -> None:
    source = REMOTE_STATE.replace("KEY", "00-network/terraform.tfstate")
    own = project.write("terraform/03-front-desk/own.tf", source)
    assert Edge("03-front-desk", "00-network", ("*",)) in project.preview().tree.edges
    [module] = [module for module in project.load().modules if module.name == "03-front-desk"]
    assert module.also_reads == ("00-network",)
    assert "00-network" in execution.reads(module)
    own.write_text(source + "locals {\n  n = data.terraform_remote_state.n.outputs.network_id\n}\n")
    assert Edge("03-front-desk", "00-network", ("network_id",)) in project.preview().tree.edges


def test_a_users_own_remote_state_makes_a_declared_dependency_used(project: ProjectFolder) -> None:
    project.change("config/project.yaml", "blueprint: front-desk", "blueprint: front-desk\n    reads: [network]")
    project.write("terraform/03-front-desk/own.tf", REMOTE_STATE.replace("KEY", "00-network/terraform.tfstate"))
    assert Edge("03-front-desk", "00-network", ("*",)) in project.preview().tree.edges


def test_a_users_own_remote_state_may_not_read_what_comes_later(project: ProjectFolder) -> None:
    project.write("terraform/00-network/own.tf", "\n" + REMOTE_STATE.replace("KEY", "02-store/terraform.tfstate"))
    [(where, message, hint)] = problems_of(project)
    assert where == "terraform/00-network/own.tf:2:1"
    assert "00-network reads 02-store" in message
    assert "lower number" in hint


def test_a_remote_state_of_somebody_else_is_left_alone(project: ProjectFolder) -> None:
    before = project.preview().tree.edges
    project.write("terraform/03-front-desk/own.tf", REMOTE_STATE.replace("KEY", "other/terraform.tfstate"))
    assert project.preview().tree.edges == before


def test_what_all_modules_have_in_common_can_be_replaced(project: ProjectFolder) -> None:
    project.write("templates/_shared/providers.tf.j2", 'provider "aws" {\n  region = var.aws_region\n}\n')
    assert "allowed_account_ids" not in text_of(project, "02-store/providers.tf")


def test_rendering_twice_gives_the_same(project: ProjectFolder) -> None:
    assert project.preview().tree == project.preview().tree


def test_every_module_gets_a_test_with_mocked_upstream(project: ProjectFolder) -> None:
    text = text_of(project, "03-front-desk/tests/plan.tftest.hcl")
    assert 'mock_provider "aws" {' in text
    assert "target = data.terraform_remote_state.store\n" in text
    assert '      table     = "shop-local-store-table"\n' in text
    assert '      table_arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/shop-local-store-table"\n' in text
    assert 'run "plan" {' in text
    assert "override_data" not in text_of(project, "00-network/tests/plan.tftest.hcl")


def test_a_sensitive_output_is_mocked_although_nobody_reads_it(project: ProjectFolder) -> None:
    """The module's locals name it, to mark it again."""
    project.change(STORE, "local.network.password", "null")
    assert "password" in text_of(project, "02-store/tests/plan.tftest.hcl")


def test_a_blueprint_brings_tests_and_samples(project: ProjectFolder) -> None:
    project.change("templates/store/blueprint.yaml", "settings:", "samples: {table: the-table}\nsettings:")
    project.write("templates/front-desk/tests/own.tftest.hcl.j2", 'run "own" {\n  command = plan\n}\n')
    files = project.preview().tree.files
    assert "03-front-desk/tests/plan.tftest.hcl" not in files
    text = files["03-front-desk/tests/own.tftest.hcl"].content.decode()
    assert text.startswith("# Rendered by tfgen from front-desk/tests/own.tftest.hcl; ")
    assert '      table     = "the-table"\n' in text
    assert text.endswith('\n\nrun "own" {\n  command = plan\n}\n')


def test_a_sample_for_no_output_is_refused(project: ProjectFolder) -> None:
    project.change("templates/store/blueprint.yaml", "settings:", "samples: {tabel: x}\nsettings:")
    [(where, message, hint)] = problems_of(project)
    assert (where, hint) == ("templates/store/blueprint.yaml", "did you mean 'table'?")
    assert message == "the sample 'tabel' is for an output that 02-store does not have"


def test_what_users_read_and_configure_themselves_is_mocked_too(project: ProjectFolder) -> None:
    project.render()
    state = REMOTE_STATE.replace("KEY", "00-network/terraform.tfstate")
    project.write("terraform/03-front-desk/mine.tf", 'provider "aws" {\n  alias = "other"\n}\n' + state)
    text = text_of(project, "03-front-desk/tests/plan.tftest.hcl")
    assert 'mock_provider "aws" {\n  alias = "other"\n' in text
    assert "target = data.terraform_remote_state.n\n" in text
    assert "      network_id = " in text
