"""The order API under requests made up from its own document: no failure, and no answer that is not in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.order_api import OrderApi
from tests.support.project import TestProject

TEMPLATE = Path(__file__).parents[3] / "tests/golden/reference/expected/03-api-ingestion/openapi.yaml"
DOCUMENT = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [
    (path, verb.upper()) for path, verbs in DOCUMENT["paths"].items() for verb in verbs if verb in ("get", "post")
]


class _Signed(requests.auth.AuthBase):
    """Signs with SigV4, as a client of the deployed API does."""

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        request = AWSRequest(prepared.method, prepared.url, data=prepared.body, headers=dict(prepared.headers))
        for name in ("Accept-Encoding", "Accept", "Connection", "User-Agent"):
            del request.headers[name]
        SigV4Auth(Credentials("test", "test"), "execute-api", "us-east-1").add_auth(request)
        prepared.headers.update(dict(request.headers.items()))
        return prepared


@pytest.mark.parametrize(("path", "verb"), OPERATIONS)
def test_every_answer_is_documented(deployed: TestProject, path: str, verb: str) -> None:
    base, schema = OrderApi.of(deployed).url, schemathesis.openapi.from_dict(DOCUMENT)
    operation = schema[path][verb]

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(data=st.data())
    def explore(data: st.DataObject) -> None:
        case: Any = data.draw(operation.as_strategy())
        response = case.call(base_url=base, auth=_Signed())
        case.validate_response(response, checks=CHECKS)

    explore()
