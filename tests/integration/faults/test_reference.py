"""One deploy of the reference project that is stopped at eleven points, each time gone on with by one command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.faulty import is_state
from tests.support.project import TFGEN, TestProject, make_test_project, set_endpoint
from tests.support.proxy import Answer, Call, Proxy, Rule, json_error, query_error, times, xml_error

BUCKET = "ecommerce-analytics-local-tfstate-000000000000"
SOON = Answer(delay=0.3, pass_on=True)
DISK_MEGABYTES = 300
HALF_WRITTEN = ("*.tfplan", "*.out", "*.out.err", "errored.tfstate", ".terraform.tfstate.lock.info", "*.tmp")
RUN_SECONDS = 900


@dataclass(frozen=True)
class Point:
    """Where a deploy is hit, and what that makes of the run.

    Attributes:
        name: What happens.
        concerns: The first call of which it happens.
        strike: Makes it happen; returns what becomes of the call.
        code: The exit code of the run that it ends; None if the run goes on.
        status: What the run's journal says of it then; empty where nothing more can be written down.
    """

    name: str
    concerns: Callable[[Call], bool]
    strike: Callable[[Deploy, Call], Answer | None]
    code: int | None = None
    status: str = ""


@dataclass
class Deploy:
    """The project, its emulator behind a proxy, and the points that are still to come."""

    project: TestProject
    proxy: Proxy
    home: Path
    emulator: RunningEmulator
    disk: Path | None
    points: list[Point]
    process: subprocess.Popen[str] | None = None
    struck: list[Point] = field(default_factory=list)
    lasting: list[Rule] = field(default_factory=list)

    def rule(self, call: Call) -> Answer | None:
        """Hit the deploy where the next point is; what lasts, lasts until the run ends."""
        for rule in list(self.lasting):
            if (answer := rule(call)) is not None:
                return answer
        if self.points and self.process is not None and self.points[0].concerns(call):
            point = self.points.pop(0)
            self.struck.append(point)
            return point.strike(self, call)
        return None

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run tfgen to its end, whatever hits it."""
        self.process = subprocess.Popen(
            [str(TFGEN), *words],
            cwd=self.project.root,
            env=self.project.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        out, err = self.process.communicate(timeout=RUN_SECONDS)
        code, self.process = self.process.returncode, None
        self.lasting.clear()
        if self.disk is not None:
            (self.disk / "filler").unlink(missing_ok=True)
        return code, out, err

    def last_run(self) -> Any:
        return self.project.json("runs")["runs"][0]

    def unlock(self) -> list[str]:
        """Clear the locks that are named; each must be one whose process is gone. Returns their modules."""
        held = self.project.json("locks", "--env", "local")["locks"]
        for lock in held:
            assert lock["gone"], lock
            self.project.tfgen("unlock", lock["module"], "--env", "local", "--id", lock["id"])
        return [lock["module"] for lock in held]


def send(number: signal.Signals) -> Callable[[Deploy, Call], Answer]:
    """Send tfgen a signal; the call goes through a little later."""

    def strike(deploy: Deploy, _call: Call) -> Answer:
        assert deploy.process is not None
        os.killpg(deploy.process.pid, number)
        return SOON

    return strike


def kill_terraform(deploy: Deploy, _call: Call) -> Answer:
    """Kill the terraform that runs, and its provider."""
    folder = max((deploy.project.root / ".tfgen" / "runs").glob("*/journal.jsonl"))
    entries = [json.loads(line) for line in folder.read_text().splitlines()]
    os.killpg([entry for entry in entries if entry["event"] == "process"][-1]["pid"], signal.SIGKILL)
    return SOON


def restart_emulator(deploy: Deploy, _call: Call) -> Answer:
    deploy.emulator.stop()
    deploy.emulator = start_emulator(deploy.home, persist=True)
    deploy.proxy.move(deploy.emulator.endpoint)
    return Answer(pass_on=True)


def throttle(deploy: Deploy, call: Call) -> Answer | None:
    refusal = json_error(429, "TooManyRequestsException", "Too Many Requests")
    deploy.lasting.append(times(6, lambda call: refusal if makes_api(call) else None))
    return deploy.lasting[-1](call)


def expire_token(deploy: Deploy, call: Call) -> Answer:
    """Refuse the call and all that follow it, tfgen's own among them."""

    def refuse(call: Call) -> Answer:
        message = "The security token included in the request is expired"
        if call.operation:
            return json_error(400, "ExpiredTokenException", message)
        return (xml_error if call.service == "s3" else query_error)(400, "ExpiredToken", message)

    deploy.lasting.append(refuse)
    return refuse(call)


def fill_disk(deploy: Deploy, _call: Call) -> Answer:
    assert deploy.disk is not None
    with (deploy.disk / "filler").open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 12):
            try:
                while stream.write(b"x" * size) == size:
                    pass
            except OSError:
                pass
    return Answer(pass_on=True)


def makes_api(call: Call) -> bool:
    return call.method == "POST" and call.path.startswith("/restapis")


def takes_lock(module: str) -> Callable[[Call], bool]:
    """True for the call by which an apply of a module takes its lock in the table."""

    def concerns(call: Call) -> bool:
        return (
            call.operation == "PutItem"
            and f"{module}/terraform.tfstate".encode() in call.body
            and b"OperationTypeApply" in call.body
        )

    return concerns


def writes(module: str) -> Callable[[Call], bool]:
    return lambda call: is_state(call, module)


# Signals come where no call that creates something is on its way: told to stop, the provider drops such a call,
# and neither it nor terraform knows afterwards whether AWS had carried it out.
POINTS = (
    Point(
        "tfgen is killed while the lock table is made",
        lambda call: call.operation == "CreateTable",
        send(signal.SIGKILL),
        -signal.SIGKILL,
        "killed",
    ),
    Point(
        "tfgen is killed while the bootstrap's state moves",
        writes("backend-config"),
        send(signal.SIGKILL),
        -signal.SIGKILL,
        "killed",
    ),
    Point(
        "Ctrl-C while the network's state is written",
        writes("00-foundation"),
        send(signal.SIGINT),
        130,
        "cancelled",
    ),
    Point("terraform is killed with a lock in its hands", takes_lock("01-iam"), kill_terraform, 1, "failed"),
    Point("the emulator is stopped and comes back", takes_lock("02-storage"), restart_emulator),
    Point("the API is throttled", makes_api, throttle),
    Point(
        "SIGTERM while the API's state is written",
        writes("03-api-ingestion"),
        send(signal.SIGTERM),
        130,
        "cancelled",
    ),
    Point("the token expires", writes("04-event-processing"), expire_token, 1, "failed"),
    Point(
        "the terminal is closed while a lock is taken",
        takes_lock("05-notification"),
        send(signal.SIGHUP),
        130,
        "cancelled",
    ),
    Point("the disk is full", takes_lock("06-monitoring"), fill_disk, 1),
    Point(
        "tfgen is killed while the last state is written",
        writes("07-data-transformation"),
        send(signal.SIGKILL),
        -signal.SIGKILL,
        "killed",
    ),
)


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    project = make_test_project(tmp_path / "project")
    home, work = tmp_path / "emulator", project.root / ".tfgen"
    work.mkdir(exist_ok=True)
    disk = work if _mount(work) else None
    points = [point for point in POINTS if disk or point.strike is not fill_disk]
    emulator = start_emulator(home, persist=True)
    with Proxy(emulator.endpoint) as proxy:
        set_endpoint(project.root, proxy.endpoint)
        local = project.root / "config" / "environments" / "local.yaml"
        local.write_text(f"{local.read_text()}\nembedded: false\n")
        project.tfgen("render")
        made = Deploy(project, proxy, home, emulator, disk, points)
        proxy.rules.append(made.rule)
        yield made
        made.emulator.stop()
    if disk:
        subprocess.run(["umount", "-l", str(work)], check=True)


def _mount(folder: Path) -> bool:
    """Make a small disk of a folder, which only root may do."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    return os.geteuid() == 0 and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.slow
def test_a_deploy_that_is_stopped_again_and_again_gets_to_its_end_whole(deploy: Deploy) -> None:
    expected, ended = list(deploy.points), []
    words: Sequence[str] = ("apply", "--env", "local", "--auto-approve", "--parallelism", "1")
    while True:
        code, out, err = deploy.run(*words)
        print(f"--- {words}: {code}, {[point.name for point in deploy.struck]}\n{out}\n{err}\n{deploy.proxy.lost}")
        if code == 0:
            break
        assert deploy.struck, err
        point = deploy.struck[-1]
        assert point not in ended, f"{point.name}: it did not go on\n{err}"
        ended.append(point)
        _assert_stopped(deploy, point, code, err)
        words = ("apply", "--env", "local", "--resume", "--parallelism", "1")
    assert deploy.struck == expected
    assert ended == [point for point in expected if point.code is not None]
    _assert_whole(deploy)


def _assert_stopped(deploy: Deploy, point: Point, code: int, err: str) -> None:
    """The run ended as it should, says so, and left behind only what it named."""
    assert code == point.code, f"{point.name}\n{err}"
    assert "Traceback" not in err
    assert not point.status or deploy.last_run()["status"] == point.status, point.name
    assert deploy.last_run()["resumable"], point.name
    if point.status == "killed":
        # Terraform goes on to its end, with its lock; the next command waits for it.
        return
    left = deploy.unlock()
    if point.strike is kill_terraform:
        assert left == ["01-iam"]
        assert "01-iam: terraform was ended by signal 9" in err
    elif point.strike is expire_token:
        # Terraform keeps the lock of a state that it could not write.
        assert left == ["04-event-processing"]
    elif point.code == 130:
        assert left == [], point.name
    errored = [path.parent.name for path in deploy.project.root.rglob("errored.tfstate")]
    assert errored == (["04-event-processing"] if point.strike is expire_token else []), point.name


def _assert_whole(deploy: Deploy) -> None:
    """Nothing is left to do, nothing is locked, nothing is there twice, no file is half written."""
    project = deploy.project
    assert project.tfgen("plan", "--env", "local", "--detailed-exitcode").returncode == 0
    assert project.json("locks", "--env", "local")["locks"] == []
    items = deploy.emulator.client("dynamodb").scan(TableName="ecommerce-analytics-local-tflock")["Items"]
    assert [item["LockID"]["S"] for item in items if not item["LockID"]["S"].endswith("-md5")] == []
    assert [path for pattern in HALF_WRITTEN for path in project.root.rglob(pattern)] == []
    project.tfgen("render", "--check")
    known = _count_in_states(deploy.emulator)
    found = _count_in_emulator(deploy.emulator)
    assert found == {kind: known[kind] for kind in found}
    assert min(found.values()) > 0, "each of these is in the reference project"


def _count_in_states(emulator: RunningEmulator) -> Counter[str]:
    """Return how many resources of each type the states know."""
    s3 = emulator.client("s3")
    found: Counter[str] = Counter()
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        if item["Key"].endswith(".tfstate"):
            for entry in json.loads(s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read())["resources"]:
                if entry["mode"] == "managed":
                    found[entry["type"]] += len(entry["instances"])
    return found


def _count_in_emulator(emulator: RunningEmulator) -> dict[str, int]:
    """Return how many resources of a type there are, whoever knows of them."""

    def every(service: str, operation: str, key: str, **options: Any) -> list[Any]:
        pages = emulator.client(service).get_paginator(operation).paginate(**options)
        return [item for page in pages for item in page.get(key, ())]

    ours = {"Filters": [{"Name": "tag:Project", "Values": ["ecommerce-analytics"]}]}
    return {
        "aws_vpc": len(every("ec2", "describe_vpcs", "Vpcs", **ours)),
        "aws_subnet": len(every("ec2", "describe_subnets", "Subnets", **ours)),
        "aws_vpc_endpoint": len(every("ec2", "describe_vpc_endpoints", "VpcEndpoints", **ours)),
        "aws_iam_role": len([role for role in every("iam", "list_roles", "Roles") if "ecommerce" in role["RoleName"]]),
        "aws_s3_bucket": len(emulator.client("s3").list_buckets()["Buckets"]),
        "aws_dynamodb_table": len(every("dynamodb", "list_tables", "TableNames")),
        "aws_lambda_function": len(every("lambda", "list_functions", "Functions")),
        "aws_api_gateway_rest_api": len(every("apigateway", "get_rest_apis", "items")),
        "aws_sqs_queue": len(every("sqs", "list_queues", "QueueUrls")),
        "aws_sns_topic": len(every("sns", "list_topics", "Topics")),
        "aws_kms_key": len(every("kms", "list_keys", "Keys")),
        "aws_cloudwatch_event_rule": len(every("events", "list_rules", "Rules")),
        "aws_cloudwatch_metric_alarm": len(every("cloudwatch", "describe_alarms", "MetricAlarms")),
        "aws_sesv2_email_identity": len(emulator.client("sesv2").list_email_identities()["EmailIdentities"]),
        "aws_scheduler_schedule": len(every("scheduler", "list_schedules", "Schedules")),
    }
