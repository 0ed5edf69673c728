from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tfgen import aws
from tfgen.aws import Aws

PLANTED = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTED",
    "AWS_SECRET_ACCESS_KEY": "planted",
    "AWS_PROFILE": "missing",
    "AWS_REGION": "eu-north-1",
    "AWS_ENDPOINT_URL": "http://192.0.2.1",
    "AWS_ENDPOINT_URL_STS": "http://192.0.2.1",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "HTTPS_PROXY": "http://192.0.2.1",
}


@pytest.fixture
def env(tmp_path, monkeypatch):
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    for name in ("config", "credentials"):
        (tmp_path / name).write_text("")
    return {
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def credentials(client):
    return client._request_signer._credentials


def test_nothing_of_this_process_leaks_in(env):
    client = Aws(env).client("sts")
    assert credentials(client) is None
    assert client.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"
    assert client.meta.region_name == "us-east-1"
    assert client.meta.config.proxies == {}


def test_an_emulator_is_reached_by_its_address_alone(env):
    client = Aws(
        {
            **env,
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    ).client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert credentials(client).access_key == "test"
    assert client.meta.config.s3["addressing_style"] == "path"


def test_a_profile_is_read_from_the_file_that_was_let_through(env, tmp_path):
    (tmp_path / "credentials").write_text(
        "[ours]\naws_access_key_id = AKIAOURS\naws_secret_access_key = s\n"
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n"
    )
    assert credentials(Aws({**env, "AWS_PROFILE": "ours"}).client("sts")).access_key == "AKIAOURS"
    assert credentials(Aws(env).client("sts")).access_key == "AKIADEFAULT"


def test_a_web_identity_is_taken_from_the_environment_that_was_built(env, tmp_path):
    token = tmp_path / "token"
    token.write_text("t")
    variables = {**env, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:aws:iam::222222222222:role/r"}
    found = credentials(Aws(variables).client("s3"))
    assert found.method == "assume-role-with-web-identity"


def test_clients_are_made_once(env):
    clients = Aws(env)
    assert clients.client("s3") is clients.client("s3")


def test_errors_are_explained():
    class ExpiredError(Exception):
        response = {"Error": {"Code": "ExpiredToken"}}  # noqa: RUF012

    assert "aws sso login" in aws.explain(ExpiredError("over"), "cannot look").hint
    assert aws.error_code(ValueError()) == "ValueError"


def test_an_endpoint_that_does_not_answer_and_one_that_fails_are_told_from_what_is_forbidden():
    gone = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    assert "does not answer" in aws.explain(gone, "cannot look").hint
    failed = {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
    assert "repeat the command" in aws.explain(ClientError(failed, "GetItem"), "cannot look").hint
    forbidden = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    assert aws.explain(ClientError(forbidden, "GetItem"), "cannot look").hint == ""
