"""Module 07: orders as a table to be asked, and what it is like to add such a module."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.analytics import Lake, Shop, image, longest_day
from tests.support.documented import REDRIVE, blocks, type_commands
from tests.support.growing import differing
from tests.support.project import TestProject
from tests.support.projects import snapshot

PREFIX = "ecommerce-analytics-local"
NAME = "07-data-transformation"
DATA = f"{PREFIX}-data-000000000000"
LONG_DAY = longest_day(datetime.now(UTC).date())
# Days that no other test uses: the report and the table must hold the same orders.
OTHER_DAY = LONG_DAY - timedelta(days=30)


@pytest.fixture(scope="module")
def lake(deployed: TestProject) -> Lake:
    return Lake(deployed, deployed.outputs()[NAME])


@pytest.mark.parametrize(
    ("count", "long_day"),
    [
        pytest.param(300, LONG_DAY, id="300 orders"),
        pytest.param(3000, longest_day(LONG_DAY), id="3,000 orders", marks=pytest.mark.slow),
    ],
)
def test_the_saved_queries_equal_the_reports_figures(lake: Lake, count: int, long_day: date) -> None:
    """Orders over three days, one of 25 hours: some late, some corrected, some delivered twice."""
    days = [long_day + timedelta(days=number) for number in (-1, 0, 1)]
    shop = Shop(seed=count, prefix=f"F{time.time_ns()}-")
    orders = [shop.order(days[number % 3]) for number in range(count)]
    punctual, late = orders[: count * 9 // 10], orders[count * 9 // 10 :]
    corrected = [shop.corrected(order) for order in orders[::10]]
    again = [shop.corrected(order) for order in corrected[::10]]
    half = len(corrected) // 2
    for written in (punctual, corrected[:half], late, corrected[half:], again):
        lake.store(written)
    lake.wait_for(len(orders) + len(corrected) + len(again), shop.prefix)
    _deliver_again(lake, [*orders[::60], *corrected[::6]])

    for day in days:
        report = _report(lake.project, day)
        assert report["input_count"] == count // 3
        assert report["window"]["hours"] == (25 if day == long_day else 24)
        wanted = report["currencies"]
        for figures in wanted.values():
            figures["by_hour"] = [hour for hour in figures["by_hour"] if hour["orders"]]
        assert lake.figures(day) == wanted


def _deliver_again(lake: Lake, orders: list[dict[str, Any]]) -> None:
    """Do what Firehose may do at any time: deliver a record once more, here of old versions, too."""
    records = [{"Data": json.dumps(image(order)).encode()} for order in orders]
    answer = lake.project.client("firehose").put_record_batch(
        DeliveryStreamName=lake.outputs["delivery_stream_name"], Records=records
    )
    assert answer["FailedPutCount"] == 0


def _report(project: TestProject, day: date) -> dict[str, Any]:
    function = f"{PREFIX}-report-generator:live"
    payload = json.dumps({"report_date": day.isoformat()})
    answer = project.client("lambda").invoke(FunctionName=function, Payload=payload)
    result = json.loads(answer["Payload"].read())
    assert "manifest_key" in result, result
    key = result["manifest_key"].replace("manifest.json", "report.json")
    body = project.client("s3").get_object(Bucket=f"{PREFIX}-reports-000000000000", Key=key)["Body"]
    report: dict[str, Any] = json.loads(body.read())
    return report


def test_an_hour_that_came_twice_is_counted_twice(lake: Lake) -> None:
    rows = lake.ask(lake.saved_query("by-hour"), f"'{LONG_DAY.isoformat()}'")
    starts = {start for _currency, start, *_ in rows}
    repeated = f"{LONG_DAY.isoformat()}T01:00"
    assert {f"{repeated}-04:00", f"{repeated}-05:00"} <= starts


def test_nothing_personal_is_in_the_table(lake: Lake) -> None:
    table = f'"{lake.outputs["database_name"]}"."{lake.outputs["table_name"]}"'
    customers = [key for [key] in lake.ask(f"SELECT DISTINCT customer_key FROM {table}")]
    assert len(customers) > 1
    assert all(len(key) == 32 and set(key) <= set("0123456789abcdef") for key in customers)
    s3 = lake.project.client("s3")
    for key in list(lake.files("curated/"))[:5]:
        body = s3.get_object(Bucket=DATA, Key=key)["Body"].read()
        assert b"example.com" not in body
        assert b"personal" not in body


def test_files_lie_by_business_day_and_are_encrypted(lake: Lake) -> None:
    files = list(lake.files("curated/"))
    folders = {key.split("/")[2] for key in files}
    assert {f"dt={LONG_DAY + timedelta(days=number)}" for number in (-1, 0, 1)} <= folders
    execution = lake.run("SELECT 1 AS one")
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location.startswith(f"s3://{DATA}/athena/data-transformation/")
    results = list(lake.files("athena/"))
    assert any(execution["QueryExecutionId"] in key for key in results)
    for key in (files[0], results[0]):
        head = lake.project.client("s3").head_object(Bucket=DATA, Key=key)
        assert head["ServerSideEncryption"] == "aws:kms", key


def test_the_workgroup_limits_what_a_query_reads(lake: Lake) -> None:
    answer = lake.project.client("athena").get_work_group(WorkGroup=lake.outputs["workgroup_name"])
    configuration = answer["WorkGroup"]["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10_000_000_000
    encryption = configuration["ResultConfiguration"]["EncryptionConfiguration"]
    assert encryption["EncryptionOption"] == "SSE_KMS"


def test_an_order_that_cannot_be_read_is_kept_aside_and_holds_up_nobody(lake: Lake) -> None:
    shop = Shop(seed=7, prefix=f"B{time.time_ns()}-")
    good, bad = shop.order(OTHER_DAY), shop.order(OTHER_DAY)
    del bad["lines"], bad["gsi1pk"]
    before, refused = set(lake.files("errors/")), _refused(lake)
    lake.store([bad, good])
    lake.wait_for(1, shop.prefix)
    [key] = set(lake.files("errors/")) - before
    assert key.startswith("errors/data-transformation/processing-failed/")
    logs = lake.project.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{lake.outputs['transformation_function_name']}")[
        "events"
    ]
    assert not any("example.com" in event["message"] for event in events)
    assert _refused(lake) == refused + 1


def _refused(lake: Lake) -> float:
    metric = lake.project.client("cloudwatch").get_metric_statistics(
        Namespace=PREFIX,
        MetricName="RecordsRefused",
        Dimensions=[{"Name": "service", "Value": f"{PREFIX}-data-transformation"}],
        Period=3600,
        Statistics=["Sum"],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
    )
    return float(sum(point["Sum"] for point in metric["Datapoints"]))


def test_changes_that_firehose_does_not_take_are_named_in_the_dead_letter_queue(lake: Lake) -> None:
    iam, sqs = lake.project.client("iam"), lake.project.client("sqs")
    [queue] = lake.outputs["dead_letter_queue_names"]
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    role = lake.outputs["stream_function_name"]
    denial = {"Effect": "Deny", "Action": "firehose:PutRecordBatch", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    shop = Shop(seed=8, prefix=f"D{time.time_ns()}-")
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
    try:
        lake.store([shop.order(OTHER_DAY)])
        message = _eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"), 180)[0]
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")
    failure = json.loads(message["Body"])
    assert failure["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert failure["DDBStreamBatchInfo"]["batchSize"] == 1
    # and the next order is not held up
    lake.store([shop.order(OTHER_DAY)])
    lake.wait_for(1, shop.prefix)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("aws") is None, reason="the documented commands are those of the AWS CLI")
def test_what_was_given_up_is_sent_again_by_the_documented_commands(lake: Lake, tmp_path: Path) -> None:
    """The message that the test before left in the queue."""
    *_, take_away, _forget, send_again = blocks(REDRIVE)
    known = _versions(lake)
    type_commands(lake.project, tmp_path, send_again)
    _eventually(lambda: _versions(lake) > known, 60)
    queue = send_again.splitlines()[0] + "\n"
    type_commands(lake.project, tmp_path, queue + take_away)
    url = type_commands(lake.project, tmp_path, queue + 'echo "$QUEUE"').strip()
    assert "Messages" not in lake.project.client("sqs").receive_message(QueueUrl=url)


def _versions(lake: Lake) -> int:
    table = f'"{lake.outputs["database_name"]}"."{lake.outputs["table_name"]}"'
    return int(lake.ask(f"SELECT count(*) FROM (SELECT DISTINCT order_id, version FROM {table}) AS versions")[0][0])


def _eventually(look: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.2)
    return found


# at the end, because it takes the module away


def test_adding_the_module_to_a_deployed_project_changes_nothing_else(deployed: TestProject) -> None:
    """The seed's promise, on the project as it was before: 00 to 06 are deployed, 07 is added."""
    everything = snapshot(deployed.root / "terraform"), (deployed.root / "config" / "project.yaml").read_bytes()
    deployed.tfgen("destroy", "--env", "local", "--module", NAME, "--auto-approve")
    deployed.tfgen("remove-module", NAME)
    assert NAME not in (deployed.root / "config" / "project.yaml").read_text()
    shutil.rmtree(deployed.root / "lambdas" / "data_transformation")
    states, before = _others(deployed), snapshot(deployed.root)

    deployed.tfgen("add-module", "data-transformation")
    changed = {path for path in differing(before, snapshot(deployed.root)) if not path.startswith((".tfgen", ".git"))}
    own = f"terraform/{NAME}/", "lambdas/data_transformation/", "terraform/.tfgen/"
    values = {f"terraform/environments/{name}/{NAME}.tfvars" for name in ("dev", "local", "production")}
    assert {path for path in changed if not path.startswith(own)} - values == {
        "config/project.yaml",
        "terraform/README.md",
    }
    assert (deployed.root / "config" / "project.yaml").read_bytes() == everything[1]
    assert _without_working_files(snapshot(deployed.root / "terraform")) == _without_working_files(everything[0])

    applied = deployed.statuses("apply", "--env", "local", "--auto-approve")
    assert {name: status for name, status in applied.items() if status != "unchanged"} == {NAME: "done"}
    assert _others(deployed) == states
    answer = Lake(deployed, deployed.outputs()[NAME]).figures(LONG_DAY)
    assert answer, "what was written before lies in 02's bucket, and can be asked again"


def _others(project: TestProject) -> dict[str, bytes]:
    """The states of all other modules, serials included, byte for byte."""
    return {key: state for key, state in project.states().items() if not key.startswith(NAME)}


def _without_working_files(found: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in found.items() if "/.terraform/" not in path}
