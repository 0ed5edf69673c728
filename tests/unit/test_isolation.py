from __future__ import annotations

import pytest

from tests.support.fixture_project import make_environment
from tfgen.errors import TfgenError
from tfgen.isolation import isolate, with_downloads

PLANTED = {
    "PATH": "/usr/bin",
    "HOME": "/home/ann",
    "LANG": "de_DE.UTF-8",
    "LC_NUMERIC": "de_DE.UTF-8",
    "TZ": "Asia/Tokyo",
    "AWS_PROFILE": "prod",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ENDPOINT_URL_STS": "https://sts.example.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_CONFIG_FILE": "/home/ann/.aws/config",
    "AWS_ROLE_ARN": "arn:aws:iam::222222222222:role/x",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/token",
    "TF_WORKSPACE": "other",
    "TF_VAR_environment": "evil",
    "TF_CLI_ARGS_plan": "-destroy",
    "TF_DATA_DIR": "/elsewhere",
    "HTTPS_PROXY": "http://proxy:3128",
    "SECRET_OF_MINE": "x",
}


def test_the_emulator_sees_nothing_of_the_caller(tmp_path):
    environment = make_environment("local", "b", endpoint="http://127.0.0.1:4566")
    found = isolate(PLANTED, environment, work=tmp_path, cli_config=tmp_path / "rc")
    assert found.env == {
        "PATH": "/usr/bin",
        "HOME": "/home/ann",
        "GOGC": "400",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(tmp_path / "rc"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "empty" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "empty" / "credentials"),
    }
    assert (tmp_path / "empty" / "config").read_bytes() == b""
    assert set(found.dropped) == {
        name for name in PLANTED if name.startswith(("AWS_", "TF_")) or name.endswith("_PROXY")
    }


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ((), set()),
        (("profile",), {"AWS_PROFILE", "AWS_CONFIG_FILE"}),
        (("keys",), {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
        (("keys", "session_token"), {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}),
        (("role",), {"AWS_ROLE_ARN"}),
        (("web_identity",), {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}),
    ],
)
def test_an_account_gets_only_the_credentials_it_names(tmp_path, kinds, names):
    from dataclasses import replace

    environment = make_environment("production", "b", endpoint=None, account="222222222222")
    found = isolate(PLANTED, replace(environment, credentials=kinds), work=tmp_path)
    through = {name for name in PLANTED if name.startswith("AWS_") and found.env.get(name) == PLANTED[name]}
    assert through - {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} == names
    assert "AWS_ENDPOINT_URL" not in found.env
    assert not any(name.startswith("AWS_ENDPOINT_URL") for name in found.env)
    assert found.env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] == "true"
    assert found.env["AWS_EC2_METADATA_DISABLED"] == "true"
    if "profile" not in kinds:
        assert found.env["AWS_CONFIG_FILE"] == str(tmp_path / "empty" / "config")
    assert "TF_WORKSPACE" in found.dropped
    assert "AWS_ENDPOINT_URL_STS" in found.dropped


def test_the_caller_decides_how_much_memory_go_may_take(tmp_path):
    environment = make_environment("local", "b", endpoint="http://127.0.0.1:4566")
    found = isolate({"GOGC": "50", "GOMEMLIMIT": "1GiB"}, environment, work=tmp_path)
    assert (found.env["GOGC"], found.env["GOMEMLIMIT"]) == ("50", "1GiB")


def test_an_unknown_kind_of_credentials(tmp_path):
    from dataclasses import replace

    environment = replace(make_environment("p", "b", endpoint=None), credentials=("passwort",))
    with pytest.raises(TfgenError, match="'passwort'") as error:
        isolate({}, environment, work=tmp_path)
    assert "web_identity" in error.value.hint


def test_downloads_may_use_the_proxy_but_the_loopback_stays_direct():
    env = with_downloads({"PATH": "/usr/bin"}, PLANTED)
    assert env["HTTPS_PROXY"] == "http://proxy:3128"
    assert env["NO_PROXY"] == "127.0.0.1,localhost"
    assert with_downloads({"PATH": "p"}, {}) == {"PATH": "p"}
