from __future__ import annotations

import pytest

from tests.support.projects import DEV, ProjectFolder
from tfgen.errors import SpecError
from tfgen.model import Function, Reference

SPEC = "config/project.yaml"
DEV_FILE = "config/environments/dev.yaml"


def problems_of(project: ProjectFolder) -> list[tuple[str, str, str]]:
    with pytest.raises(SpecError) as caught:
        project.load()
    return [(problem.where, problem.message, problem.hint) for problem in caught.value.problems]


def test_modules_come_in_order_of_their_numbers_with_everything_filled_in(project: ProjectFolder) -> None:
    loaded = project.load()
    assert [module.name for module in loaded.modules] == ["backend-config", "00-network", "02-store", "03-front-desk"]
    store = loaded.module("02-store")
    assert (store.number, store.short_name, store.identifier) == ("02", "store", "store")
    assert store.settings == {"protect": True, "shelves": 3, "labels": [], "mode": "fast"}
    assert store.reads == (Reference("00-network", "network", "network", "00-network/terraform.tfstate"),)
    assert loaded.module("03-front-desk").identifier == "front_desk"
    assert loaded.module("backend-config").number == ""


def test_order_is_that_of_numbers_not_of_text_or_file(project: ProjectFolder) -> None:
    project.change(SPEC, "  03-front-desk:", "  0100-front-desk:")
    assert [module.number for module in project.load().modules] == ["", "00", "02", "0100"]


def test_defaults_of_the_project(project: ProjectFolder) -> None:
    loaded = project.load()
    assert loaded.required_version == ">= 1.10, < 2.0"
    assert loaded.locking == ("dynamodb", "lockfile")
    assert loaded.default_environment == "local"
    assert loaded.providers == {"aws": {"source": "hashicorp/aws", "version": "~> 5.100"}}


def test_an_environment_is_a_place_and_values(project: ProjectFolder) -> None:
    environments = project.load().environments
    local, dev = environments["local"], environments["dev"]
    assert (local.account, local.endpoint, local.region, local.embedded) == (
        "000000000000",
        "http://127.0.0.1:4566",
        "eu-west-1",
        True,
    )
    assert (dev.account, dev.endpoint, dev.region, dev.embedded) == ("123456789012", None, "eu-central-1", False)
    assert dev.credentials == ("profile",)
    assert local.values["02-store"] == {"protect": True}
    assert dev.values["02-store"] == {"protect": False}


def test_how_a_plan_is_applied_may_be_said_for_all_environments_and_for_one(project: ProjectFolder) -> None:
    assert not any(environment.composed for environment in project.load().environments.values())
    project.change(SPEC, "region: eu-west-1", "region: eu-west-1\napply: composed")
    assert all(environment.composed for environment in project.load().environments.values())
    project.change(DEV_FILE, "region: eu-central-1", "region: eu-central-1\napply: modules")
    assert [name for name, environment in project.load().environments.items() if environment.composed] == ["local"]
    project.change(DEV_FILE, "apply: modules", "apply: whole")
    [(where, message, _)] = problems_of(project)
    assert where.startswith(f"{DEV_FILE}:")
    assert "whole" in message


def test_an_environment_may_change_one_key_of_a_setting(project: ProjectFolder) -> None:
    limits = (
        "limits: {type: object, varies: true, default: {}, properties: "
        "{rate: {type: integer, default: 1}, burst: {type: integer, default: 2}}}"
    )
    labels = "free: {type: object, varies: true, default: {a: 1}}"
    project.change("templates/store/blueprint.yaml", "protect:", f"{limits}\n    {labels}\n    protect:")
    project.change(DEV_FILE, "protect: false", "limits: {rate: 9}\n    free: {b: 2}")
    values = project.load().environments["dev"].values["02-store"]
    assert values == {"limits": {"rate": 9, "burst": 2}, "free": {"b": 2}, "protect": True}


def test_an_emulator_elsewhere_is_not_started_by_tfgen(project: ProjectFolder) -> None:
    project.change("config/environments/local.yaml", "127.0.0.1", "emulator.example.com")
    assert not project.load().environments["local"].embedded


def test_state_names_may_stand_in_the_spec_and_keys_take_a_prefix(project: ProjectFolder) -> None:
    project.change(
        SPEC, "modules:\n", "state: {bucket: shared-bucket, key_prefix: shop/, locking: [lockfile]}\nmodules:\n"
    )
    project.change(DEV_FILE, "  bucket: shop-dev-tfstate\n", "")
    loaded = project.load()
    assert loaded.environments["dev"].state_bucket == "shared-bucket"
    assert loaded.environments["local"].state_bucket == "shop-local-tfstate"
    assert loaded.module("02-store").state_key == "shop/02-store/terraform.tfstate"
    assert loaded.module("03-front-desk").reads[0].state_key == "shop/02-store/terraform.tfstate"
    assert loaded.locking == ("lockfile",)


def test_functions_have_their_zip_below_the_module(project: ProjectFolder) -> None:
    project.change("templates/store/blueprint.yaml", "summary: the store", "summary: the store\nfunctions: [clerk]")
    assert project.load().module("02-store").functions == (Function("clerk", "artifacts/clerk.zip"),)


def test_a_module_may_read_more_than_its_blueprint_says(project: ProjectFolder) -> None:
    project.change(SPEC, "blueprint: front-desk", "blueprint: front-desk\n    reads: [00-network, store]")
    assert [read.name for read in project.load().module("03-front-desk").reads] == ["00-network", "02-store"]


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"),
    [
        ("  02-store:", "  00-store:", "15:3", "the number 00 is taken by 00-network", ""),
        ("  02-store:", "  000-store:", "15:3", "the number 000 is taken by 00-network", ""),
        ("  02-store:", "  02-network:", "15:3", "the name 'network' is taken by 00-network", ""),
        ("  02-store:", "  store:", "15:3", "'store' is not a module's name", "08-invoices"),
        ("  02-store:", "  2-store:", "15:3", "'2-store' is not a module's name", "2 to 4 digits"),
        ("  02-store:", "  02-Store:", "15:3", "'02-Store' is not a module's name", ""),
        ("  02-store:", "  02-local:", "15:3", "'local' is a reserved word", "another name"),
        ("  02-store:", "  02-tags:", "15:3", "'tags' is a reserved word", "another name"),
        ("blueprint: store", "blueprint: stoer", "16:16", "there is no blueprint 'stoer'", "did you mean 'store'?"),
        ("blueprint: store", "blueprint: backend-config", "16:16", "only the module backend-config", ""),
        (
            "blueprint: store",
            "blueprint: store\n    reads: [netwrk]",
            "17:13",
            "'netwrk', which is no module",
            "'network'",
        ),
        ("blueprint: store", "blueprint: store\n    reads: [backend-config]", "17:13", "cannot be read", ""),
        ("blueprint: network", "blueprint: network\n    reads: [store]", "13:13", "cycle: ", ""),
        ("blueprint: store", "blueprint: store\n    reads: [store]", "17:13", "cycle: 02-store → 02-store", ""),
        ("  03-front-desk:", "  01-front-desk:", "18:16", "01-front-desk reads 02-store, which comes later", "lower"),
        ("10.1.0.0/16", "10.1.0.1/16", "14:13", "'10.1.0.1/16' is not an IPv4 CIDR block", ""),
        ("10.1.0.0/16", "10.0.0.0/8", "14:13", "outside /16 to /28", ""),
        ("cidr:", "cdir:", "14:7", "unknown key 'cdir'", "did you mean 'cidr'?"),
        ("version: 1\n", "version: 1\ndefault_environment: lcal\n", "2:22", "no environment 'lcal'", "'local'"),
        ("version: 1\n", "version: 1\ntags: {Owner: me}\n", "2:8", "the tag 'Owner' is set by tfgen", "another key"),
    ],
)
def test_what_does_not_fit_together(
    project: ProjectFolder, old: str, new: str, where: str, message: str, hint: str
) -> None:
    project.change(SPEC, old, new)
    found = [item for item in problems_of(project) if item[0] == f"{SPEC}:{where}" and message in item[1]]
    assert found, problems_of(project)
    assert hint in found[0][2]


def test_a_cycle_is_told_whole_and_once(project: ProjectFolder) -> None:
    project.change(SPEC, "blueprint: network", "blueprint: network\n    reads: [front-desk]")
    told = [message for _, message, _ in problems_of(project) if "cycle" in message]
    [message] = told
    assert set(message.split(": ")[1].split(" → ")) == {"00-network", "02-store", "03-front-desk"}


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"),
    [
        ("    protect: false", "    shelves: 4", "9:5", "'shelves' is the same in every environment", "protect"),
        ("    protect: false", "    protct: false", "9:5", "unknown key 'protct'", "did you mean 'protect'?"),
        ("    protect: false", "    protect: never", "9:14", "where true or false is wanted", ""),
        ("    protect: false", "    protect: true\n  02-store: {}", "10:3", "02-store stands here twice", "join"),
        ("  store:", "  stroe:", "8:3", "there is no module 'stroe'", "did you mean 'store'?"),
        ('account: "123456789012"', "", "2:1", "exactly one of account and endpoint", "account:"),
        ("credentials: [profile]", "endpoint: http://127.0.0.1:1", "1:1", "exactly one of account", "account:"),
        ("credentials: [profile]", "", "1:1", "names its credentials", "credentials: [profile]"),
        ("  lock_table: shop-dev-tflock\n", "", "5:3", "'lock_table' of the state is missing", "lock_table"),
    ],
)
def test_a_wrong_environment(project: ProjectFolder, old: str, new: str, where: str, message: str, hint: str) -> None:
    project.change(DEV_FILE, old, new)
    found = [item for item in problems_of(project) if item[0] == f"{DEV_FILE}:{where}" and message in item[1]]
    assert found, problems_of(project)
    assert hint in found[0][2]


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://sts.amazonaws.com",
        "https://sts.amazonaws.com.",
        "https://S3.cn-north-1.AmazonAWS.com.cn:443/",
        "https://s3.us-east-1.api.aws",
    ],
)
def test_an_endpoint_is_never_aws_itself(project: ProjectFolder, endpoint: str) -> None:
    project.change("config/environments/local.yaml", "http://127.0.0.1:4566", endpoint)
    [(where, message, hint)] = problems_of(project)
    assert where == "config/environments/local.yaml:1:11"
    assert "AWS itself" in message
    assert "account:" in hint


@pytest.mark.parametrize("port", ["0", "65536", "99999/"])
def test_an_endpoint_has_a_port_that_exists(project: ProjectFolder, port: str) -> None:
    project.change("config/environments/local.yaml", "4566", port)
    [(where, message, hint)] = problems_of(project)
    assert where == "config/environments/local.yaml:1:11"
    assert message == f"there is no port {port.rstrip('/')}"
    assert "65535" in hint


def test_one_function_belongs_to_one_module(project: ProjectFolder) -> None:
    for name, summary in (("store", "the store"), ("front-desk", "the front desk")):
        path = f"templates/{name}/blueprint.yaml"
        project.change(path, f"summary: {summary}", f"summary: {summary}\nfunctions: [clerk]")
    [(where, message, _)] = problems_of(project)
    assert (where, message) == (f"{SPEC}:18:16", "the function 'clerk' already belongs to 02-store")


def test_a_module_without_a_number_may_be_named_by_another_without_a_crash(project: ProjectFolder) -> None:
    project.change(SPEC, "  02-store:", "  store:")
    assert any("not a module's name" in message for _, message, _ in problems_of(project))


def test_all_problems_of_all_files_at_once(project: ProjectFolder) -> None:
    project.change(SPEC, "blueprint: front-desk", "blueprint: frnt-desk")
    project.change(SPEC, "  02-store:", "  00-store:")
    project.write(DEV_FILE, DEV.replace("  store:", "  shop:"))
    places = [where for where, _, _ in problems_of(project)]
    assert {f"{SPEC}:15:3", f"{SPEC}:18:16", f"{DEV_FILE}:8:3"} <= set(places)


def test_a_function_named_after_its_module_lets_a_blueprint_be_used_twice(project: ProjectFolder) -> None:
    project.change(
        "templates/network/blueprint.yaml", "settings:", 'functions: ["{module}", "{module}_retry"]\nsettings:'
    )
    project.change(SPEC, "  02-store:", "  01-side-door:\n    blueprint: network\n  02-store:")
    functions = [function.name for module in project.load().modules for function in module.functions]
    assert functions == ["network", "network_retry", "side_door", "side_door_retry"]
    assert project.load().module("01-side-door").functions[0].artifact == "artifacts/side_door.zip"


def test_a_module_named_after_a_function_of_another_is_refused(project: ProjectFolder) -> None:
    project.change("templates/network/blueprint.yaml", "settings:", 'functions: ["{module}"]\nsettings:')
    project.change("templates/store/blueprint.yaml", "settings:", "functions: [side_door]\nsettings:")
    project.change(SPEC, "  02-store:", "  01-side-door:\n    blueprint: network\n  02-store:")
    [(where, message, _)] = problems_of(project)
    assert (where, message) == (f"{SPEC}:18:16", "the function 'side_door' already belongs to 01-side-door")


def test_a_functions_folder_is_not_the_one_that_all_share(project: ProjectFolder) -> None:
    project.change("templates/network/blueprint.yaml", "settings:", 'functions: ["{module}"]\nsettings:')
    project.change(SPEC, "  02-store:", "  01-common:\n    blueprint: network\n  02-store:")
    [(where, message, hint)] = problems_of(project)
    assert (where, message) == (f"{SPEC}:15:3", "lambdas/common/ is what all functions share")
    assert hint == "choose another name for the module"


def test_a_blueprint_may_serve_once_in_a_project(project: ProjectFolder) -> None:
    project.change("templates/network/blueprint.yaml", "settings:", "once: true\nsettings:")
    assert project.load()
    project.change(SPEC, "  02-store:", "  01-side:\n    blueprint: network\n  02-store:")
    [(where, message, _)] = problems_of(project)
    assert (where, message) == (f"{SPEC}:16:16", "a project has one module of the blueprint 'network': 00-network")


def test_names_that_aws_would_refuse_are_refused_in_the_spec(project: ProjectFolder) -> None:
    limit = len("shop-local-front-desk")
    project.change("templates/front-desk/blueprint.yaml", "settings:", f"name_limit: {limit}\nsettings:")
    assert project.load()
    project.change(SPEC, "03-front-desk", "03-front-desks")
    [(where, message, hint)] = problems_of(project)
    assert where == f"{SPEC}:17:3"
    assert "begin with 'shop-local-front-desks': 22 characters, AWS leaves room for 21" in message
    assert hint == "shorten the module's name by 1"
    project.change(SPEC, "03-front-desks", "03-front-desk")
    project.write("config/environments/production.yaml", (project.root / DEV_FILE).read_text())
    assert "shop-production-front-desk" in problems_of(project)[0][1]


def test_a_module_without_a_frame_takes_nothing_that_needs_one(project: ProjectFolder) -> None:
    project.write("templates/empty/blueprint.yaml", "summary: x\nsettings: {properties: {a: {default: 1}}}\n")
    project.change(SPEC, "    blueprint: front-desk", "    blueprint: empty\n    frame: false")
    assert not project.load().module("03-front-desk").frame
    project.change(SPEC, "frame: false", "frame: false\n    reads: [store]\n    settings: {a: 2}\n    providers: {}")
    messages = [message for _, message, _ in problems_of(project)]
    assert messages == [f"'{key}' has no effect with frame: false" for key in ("reads", "settings", "providers")]
    project.change(SPEC, "    blueprint: store\n", "    blueprint: store\n    frame: false\n")
    assert "the blueprint 'store' needs its frame" in [message for _, message, _ in problems_of(project)]
