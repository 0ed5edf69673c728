"""The six cases in which nothing else has to be deployed again: each adds one module to a deployed project."""

from __future__ import annotations

import json

import pytest

from tests.support.grown import PREFIX, Grown, Module, new_mark

LOOKUP = '''
sesv2 = clients.client("sesv2")


def extra(text: str) -> dict[str, Any]:
    """Try what the role allows, and what it does not."""
    event = json.loads(text)[0]
    return {name: attempt(*call) for name, call in CALLS.items() if name in event}


def attempt(call: Any, arguments: dict[str, Any]) -> str:
    try:
        call(**arguments)
    except Exception as error:
        return clients.error_code(error)
    return "done"


def mail(sender: str) -> dict[str, Any]:
    content = {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "None."}}}}
    destination = {"ToAddresses": ["ann@example.com"]}
    name = os.environ["CONFIGURATION_SET"]
    return {"FromEmailAddress": sender, "Destination": destination, "Content": content, "ConfigurationSetName": name}


put = {"Bucket": os.environ["UPLOADS"], "Key": "from-the-function", "Body": b"x"}
s3 = clients.client("s3")
CALLS = {
    "mail": (sesv2.send_email, mail("news@example.com")),
    "mail_of_others": (sesv2.send_email, mail("reports@example.com")),
    "read": (ledger.get_item, {"TableName": os.environ["LEDGER"], "Key": {"pk": {"S": "x"}, "sk": {"S": "x"}}}),
    "scan": (ledger.scan, {"TableName": os.environ["LEDGER"]}),
    "put": (s3.put_object, put),
    "put_under_s3s_own_key": (s3.put_object, {**put, "ServerSideEncryption": "AES256"}),
    "get": (s3.get_object, {"Bucket": put["Bucket"], "Key": put["Key"]}),
}
'''

CASES = {
    "a new DynamoDB table": Module("07-ledger", "table", {"range_key": "sk", "stream": "new_and_old_images"}),
    "a new S3 bucket": Module("08-uploads", "bucket", {"lifecycle_rules": False}),
    "an SES configuration": Module("09-newsletter", "email-configuration", {"sender": "news@example.com"}),
    "a new Lambda function": Module(
        "10-price-lookup",
        "lambda",
        {
            "read_tables": ["ledger.table_arn"],
            "write_tables": ["ledger.table_arn"],
            "write_buckets": ["uploads.bucket_arn"],
            "mail_sender": "newsletter.sender",
            "environment_variables_from": {
                "LEDGER": "ledger.table_name",
                "UPLOADS": "uploads.bucket_name",
                "CONFIGURATION_SET": "newsletter.configuration_set_name",
            },
        },
    ),
    "a new EventBridge rule": Module(
        "11-findings",
        "event-rule",
        {
            "event_pattern": {"source": ["shop.findings"]},
            "target": "topic",
            "target_arn": "notification.alerts_topic_arn",
        },
    ),
    "a CloudWatch alarm": Module(
        "12-lookups",
        "alarm",
        {
            "alarms": {
                "failing": {
                    "description": "Prices cannot be looked up.",
                    "namespace": "AWS/Lambda",
                    "metric_name": "Errors",
                    "dimensions_from": {"FunctionName": "price-lookup.function_name"},
                }
            }
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_module_is_added_and_nothing_else_is_deployed(grown: Grown, case: str) -> None:
    module = CASES[case]
    files, states = grown.versioned(), grown.project.states()
    grown.add(module, LOOKUP)
    assert grown.apply() == [module.name]

    after = grown.project.states()
    assert after.keys() - states.keys() == {f"{module.name}/terraform.tfstate"}
    assert {key: after[key] for key in states} == states, "the state of another module was written"

    now = grown.versioned()
    touched = {path for path in files.keys() | now.keys() if files.get(path) != now.get(path)}
    # Its values in each environment are files of its own, beside those of the other modules.
    own = (f"terraform/{module.name}/", "lambdas/")
    others = {path for path in touched if not path.startswith(own) and not path.endswith(f"/{module.name}.tfvars")}
    assert others == {"config/project.yaml", "terraform/README.md", "terraform/.tfgen/manifest.json"}
    assert [path for path in touched if path in files and path not in others] == [], "only new files beside these"


def test_the_function_may_do_what_its_settings_name_and_nothing_else(grown: Grown) -> None:
    mark, wanted = new_mark(), ["mail", "mail_of_others", "read", "scan", "put", "put_under_s3s_own_key", "get"]
    answer = grown.client("lambda").invoke(
        FunctionName=f"{PREFIX}-price-lookup",
        Qualifier="live",
        Payload=json.dumps({"mark": mark, **dict.fromkeys(wanted, True)}),
    )
    result = json.loads(answer["Payload"].read())
    assert result == {
        "mark": mark,
        "mail": "done",
        "mail_of_others": "AccessDeniedException",
        "read": "done",
        "scan": "AccessDeniedException",
        "put": "done",
        "put_under_s3s_own_key": "AccessDenied",
        "get": "AccessDenied",
    }
    assert grown.noted(mark, "price-lookup")
    assert "event handled" in grown.log("price-lookup")


def test_the_rule_tells_the_topic(grown: Grown, alerts: str) -> None:
    mark = new_mark()
    entry = {"Source": "shop.findings", "DetailType": "Finding", "Detail": json.dumps({"mark": mark})}
    grown.client("events").put_events(Entries=[entry])
    assert mark in grown.heard(alerts, mark)


def test_the_alarm_tells_the_topic(grown: Grown, alerts: str) -> None:
    name, mark = f"{PREFIX}-lookups-failing", new_mark()
    for state in ("OK", "ALARM"):  # only a change is told
        grown.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"{state} {mark}")
    message = json.loads(json.loads(grown.heard(alerts, f"ALARM {mark}"))["Message"])
    assert (message["AlarmName"], message["NewStateValue"]) == (name, "ALARM")
    assert message["AlarmDescription"] == "Prices cannot be looked up."


def test_an_alarm_watches_the_function_by_its_name(grown: Grown) -> None:
    name = f"{PREFIX}-lookups-failing"
    [alarm] = grown.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": f"{PREFIX}-price-lookup"}]
