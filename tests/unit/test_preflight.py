from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.fixture_project import make_environment, make_module
from tfgen import preflight
from tfgen.errors import TfgenError
from tfgen.model import Project


class NotFoundError(Exception):
    response = {"Error": {"Code": "NotFoundException"}}  # noqa: RUF012


class AccessDeniedError(Exception):
    response = {"Error": {"Code": "AccessDenied"}}  # noqa: RUF012


class Account:
    """An account with everything in order, unless told otherwise."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {
            "describe_regions": {"Regions": [{"OptInStatus": "opt-in-not-required"}]},
            "get_account": {
                "cloudwatchRoleArn": "arn:aws:iam::222222222222:role/logs",
                "ProductionAccessEnabled": True,
            },
            "get_email_identity": {"VerifiedForSendingStatus": True},
            "get_account_settings": {
                "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
            },
        } | answers

    def client(self, _service: str) -> Account:
        return self

    def __getattr__(self, name: str) -> Any:
        answer = self._answers[name]

        def call(**_arguments: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def make_project(tmp_path, **settings: Any) -> Project:
    modules = (
        replace(make_module("03-api-ingestion"), blueprint="api-ingestion", functions=("f",), settings={**settings}),
        replace(make_module("01-iam"), blueprint="iam", settings={"sender": "reports@example.org"}),
        replace(
            make_module("05-notification"),
            blueprint="notification",
            settings={**settings},
        ),
    )
    environment = make_environment("production", "b", endpoint=None, account="222222222222")
    return Project(
        root=tmp_path,
        spec_path=tmp_path / "project.yaml",
        name="shop",
        owner="team",
        region="us-east-1",
        tags={},
        required_version=">= 1.10",
        providers={},
        locking=("dynamodb",),
        default_environment="production",
        environments={"production": environment},
        modules=modules,
    )


def find(tmp_path, *, settings=None, **answers: Any):
    project = make_project(tmp_path, **(settings or {}))
    return preflight.find(project, project.environments["production"], Account(**answers))


def test_an_account_in_order_has_no_findings(tmp_path):
    assert find(tmp_path) == ()


@pytest.mark.parametrize(
    ("answers", "settings", "text", "mend", "blocks"),
    [
        (
            {"describe_regions": {"Regions": [{"OptInStatus": "not-opted-in"}]}},
            {},
            "region us-east-1 is not enabled",
            "aws account enable-region --region-name us-east-1",
            True,
        ),
        (
            {"get_account": {"ProductionAccessEnabled": True}},
            {},
            "no role to write logs",
            "aws apigateway update-account",
            True,
        ),
        ({"get_account": {"cloudwatchRoleArn": "r"}}, {}, "sandbox", "put-account-details", False),
        (
            {"get_email_identity": NotFoundError()},
            {},
            "SES will not send for reports@example.org",
            "get-email-identity --email-identity reports@example.org",
            False,
        ),
        (
            {"get_account_settings": {"AccountLimit": {"ConcurrentExecutions": 10}}},
            {},
            "Lambda's quota is 10",
            "request-service-quota-increase",
            False,
        ),
        (
            {
                "get_account_settings": {
                    "AccountLimit": {"ConcurrentExecutions": 150, "UnreservedConcurrentExecutions": 150}
                }
            },
            {"reserved_concurrency": 100},
            "100 are to be reserved",
            "or reserve less",
            True,
        ),
        (
            {"describe_regions": AccessDeniedError()},
            {},
            "cannot check region: AccessDenied",
            "allow the deployer",
            False,
        ),
    ],
)
def test_each_finding_names_what_mends_it(tmp_path, answers, settings, text, mend, blocks):
    (finding,) = find(tmp_path, settings=settings, **answers)
    assert text in finding.text
    assert mend in finding.mend
    assert finding.blocks is blocks


def test_a_role_that_the_layer_manages_itself_need_not_be_there(tmp_path):
    assert find(tmp_path, settings={"manage_account_role": True}, get_account={"ProductionAccessEnabled": True}) == ()


def test_everything_is_said_at_once_and_what_only_limits_is_a_warning(tmp_path):
    project = make_project(tmp_path)
    account = Account(describe_regions={"Regions": []}, get_account={}, get_email_identity=NotFoundError())
    events = []
    findings = preflight.find(project, project.environments["production"], account)
    with pytest.raises(TfgenError, match="the account is not ready, 2 things to mend") as error:
        preflight.report(findings, "the account", events.append)
    assert "region us-east-1" in error.value.message
    assert "aws apigateway update-account" in error.value.message
    assert [event.kind for event in events] == ["warning", "warning"]
