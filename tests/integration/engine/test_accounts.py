"""The promise: no call to AWS unless an environment with an account was named, and STS answers first."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support import fixture_project
from tfgen import accounts, deployment, preflight, state
from tfgen.aws import Aws
from tfgen.deployment import Caller, Choices
from tfgen.errors import TfgenError, UsageError
from tfgen.isolation import isolate
from tfgen.model import EMULATOR_ACCOUNT, Module

pytestmark = [pytest.mark.terraform, pytest.mark.emulator]

AUTO = Choices(auto_approve=True, parallelism=2)
PLANTED = {
    "AWS_PROFILE": "someone",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-ours",
    "AWS_ENDPOINT_URL": "http://192.0.2.1:1",
    "AWS_ENDPOINT_URL_S3": "http://192.0.2.1:1",
    "AWS_ENDPOINT_URL_STS": "http://192.0.2.1:1",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "TF_WORKSPACE": "other",
    "TF_VAR_state_bucket": "evil",
    "TF_VAR_project_name": "evil",
    "TF_CLI_ARGS_plan": "-destroy",
    "TF_DATA_DIR": "/nonexistent",
    "HTTP_PROXY": "http://192.0.2.1:1",
    "HTTPS_PROXY": "http://192.0.2.1:1",
}


class Listener:
    """Counts the connections that somebody makes to it."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def planted(monkeypatch, tmp_path, listener) -> dict[str, str]:
    config = tmp_path / "planted-config"
    config.write_text(f"[default]\nendpoint_url = {listener.url}\n[profile someone]\nendpoint_url = {listener.url}\n")
    values = {name: listener.url if value.startswith("http://192.0.2.1") else value for name, value in PLANTED.items()}
    values |= {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(config)}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return dict(os.environ)


@pytest.fixture
def account(make_project, environment, bucket):
    """An environment with an account, whose AWS is really the emulator."""
    project = make_project({"00-base": ()})
    named = fixture_project.make_environment("production", bucket, endpoint=None, account=EMULATOR_ACCOUNT)
    named = replace(named, lock_table=environment.lock_table)
    return fixture_project.with_environment(project, named), named


def test_planted_variables_change_nothing(make_project, environment, bucket, planted, listener):
    project = make_project({"00-base": ()})
    events = []
    caller = Caller(variables=planted, on_event=events.append)
    run = deployment.apply(project, environment, caller, AUTO)
    assert run.ok, run
    assert deployment.outputs(project, environment, caller)["00-base"]["value"].value == "v1"
    assert (
        deployment.execute(
            project,
            environment,
            caller,
            "00-base",
            ["sh", "-c", 'test -z "$TF_WORKSPACE$TF_VAR_project_name$AWS_PROFILE"'],
        )
        == 0
    )
    assert listener.connections == 0
    warning = next(event.text for event in events if event.kind == "warning")
    for name in PLANTED:
        assert name in warning


def test_a_placeholder_account_is_refused_before_any_call(account, planted, listener):
    project, production = account
    shipped = replace(production, account="111111111111")
    with pytest.raises(TfgenError, match="placeholder account 111111111111") as error:
        deployment.apply(project, shipped, Caller(variables=planted), AUTO)
    assert error.value.hint == "put your account id into config/environments/production.yaml"
    assert listener.connections == 0


def test_another_account_is_refused_after_sts_alone(account, endpoint, monkeypatch):
    project, production = account
    asked: list[str] = []
    real = Aws.client
    monkeypatch.setattr(Aws, "client", lambda self, service: asked.append(service) or real(self, service))
    other = replace(production, account="222222222222")
    with pytest.raises(TfgenError, match=f"is account 222222222222, but the credentials belong to {EMULATOR_ACCOUNT}"):
        deployment.apply(project, other, Caller(variables=dict(os.environ), endpoint=endpoint), AUTO)
    assert asked == ["sts"]


def test_no_credentials_say_what_to_do(account, tmp_path):
    _, production = account
    isolated = isolate({"HOME": str(tmp_path)}, production, work=tmp_path)
    with pytest.raises(TfgenError, match="AWS does not accept us") as error:
        accounts.check_account(production, Aws(isolated.env))
    assert "credentials: [profile]" in error.value.hint


def test_named_credentials_reach_the_client_and_others_do_not(account, tmp_path, planted):
    _, production = account
    keys = isolate(planted, replace(production, credentials=("keys",)), work=tmp_path)
    client = Aws(keys.env).client("sts")
    assert client._request_signer._credentials.access_key == PLANTED["AWS_ACCESS_KEY_ID"]
    assert client.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"

    config = tmp_path / "credentials"
    config.write_text("[ours]\naws_access_key_id = AKIAOURS\naws_secret_access_key = s\n")
    variables = {**planted, "AWS_PROFILE": "ours", "AWS_SHARED_CREDENTIALS_FILE": str(config)}
    profile = isolate(variables, replace(production, credentials=("profile",)), work=tmp_path)
    assert Aws(profile.env).client("sts")._request_signer._credentials.access_key == "AKIAOURS"

    none = isolate(planted, replace(production, credentials=()), work=tmp_path)
    assert Aws(none.env).client("sts")._request_signer._credentials is None


def test_a_default_environment_with_an_account_serves_reading_only(account, endpoint):
    project, production = account
    unnamed = Caller(variables=dict(os.environ), named=False, endpoint=endpoint)
    with pytest.raises(UsageError, match="to change something there, name it"):
        deployment.apply(project, production, unnamed, AUTO)
    with pytest.raises(UsageError, match="to change something there, name it"):
        deployment.execute(project, production, unnamed, "00-base", ["terraform", "state", "rm", "x"])
    assert deployment.outputs(project, production, unnamed) == {}


def test_in_ci_the_environment_must_be_named(make_project, environment, bucket):
    project = make_project({"00-base": ()})
    with pytest.raises(UsageError, match="with CI set"):
        deployment.plan(project, environment, Caller(variables={}, named=False, ci=True), Choices())


DATA = """\
provider "aws" {
  region = "us-east-1"
}
resource "aws_s3_bucket" "data" {
  bucket = "${var.state_bucket}-data"
}
"""


def test_data_in_an_account_goes_only_if_it_is_named(account, endpoint, clients):
    project, production = account
    main = project.tree / "00-base" / "main.tf"
    main.write_text(main.read_text() + DATA)
    caller = Caller(variables=dict(os.environ), endpoint=endpoint)
    assert deployment.apply(project, production, caller, AUTO).ok
    bucket = f"{production.state_bucket}-data"
    clients.client("s3").put_object(Bucket=bucket, Key="order.json", Body=b"{}")

    result = deployment.destroy(project, production, caller, AUTO).results[0]
    assert result.status == "failed"
    assert result.reason == "the plan would lose data: aws_s3_bucket.data (delete)"
    assert "--allow-destroy 'aws_s3_bucket.data'" in result.hint
    assert state.read_state(clients, production.state_bucket, "00-base/terraform.tfstate").buckets()

    # What is allowed is still not emptied for the user.
    allowed = replace(AUTO, allow_destroy=("00-base:aws_s3_bucket.data",))
    result = deployment.destroy(project, production, caller, allowed).results[0]
    assert result.status == "failed"
    assert f"bucket {bucket} still holds objects" in result.hint
    assert state.empty_bucket(clients, bucket) == 1
    assert deployment.destroy(project, production, caller, allowed).ok


def test_preflight_says_all_at_once(account, endpoint, clients):
    project, production = account
    ingestion = replace(
        fixture_project.make_module("03-api-ingestion"),
        blueprint="api-ingestion",
        functions=("f",),
        settings={"reserved_concurrency": 100_000, "manage_account_role": False},
    )
    bigger = replace(project, modules=(ingestion,))
    texts = {finding.text: finding for finding in preflight.find(bigger, production, clients)}
    wanted = (
        "API Gateway has no role",
        "concurrent executions; 100000 are to be reserved",
    )
    for start in wanted:
        assert any(start in text for text in texts), (start, list(texts))
    assert all(finding.mend for finding in texts.values())
    blocking = [finding for finding in texts.values() if finding.blocks]
    with pytest.raises(TfgenError) as error:
        preflight.report(preflight.find(bigger, production, clients), "it", lambda _event: None)
    for finding in blocking:
        assert finding.text in error.value.message
        assert finding.mend in error.value.message


def test_a_ready_account_is_quiet(account, clients):
    project, production = account
    module: Module = project.modules[0]
    assert preflight.find(replace(project, modules=(module,)), production, clients) == ()
