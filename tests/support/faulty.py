"""A project of three modules behind a proxy, whose terraform can be stopped at any point, for tests of what fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.proxy import Call, Proxy
from tfgen import state
from tfgen.aws import Aws
from tfgen.isolation import isolate
from tfgen.state import Lock

WAIT_SECONDS = 90
MODULES = ("00-base", "01-middle", "02-top")
BACKEND = """\
resource "aws_s3_bucket" "state" {
  bucket        = var.state_bucket
  force_destroy = true
  tags          = { Project = var.project_name }
}

resource "aws_dynamodb_table" "lock" {
  name         = var.state_lock_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"

  attribute {
    name = "LockID"
    type = "S"
  }
}
"""
BACKEND_OUTPUTS = 'output "state_bucket" {\n  description = "The bucket"\n  value       = aws_s3_bucket.state.id\n}\n'
# A module is held where its resource is made: while its gate is there and shut.
MODULE = """\
resource "terraform_data" "first" {{
  input = "{value}"
}}

resource "terraform_data" "gate" {{
  input = [terraform_data.first.output, {reads}]

  provisioner "local-exec" {{
    command = "touch {gates}/{name}.begun; while [ -e {gates}/{name}.shut ]; do sleep 0.05; done"
  }}
}}

resource "terraform_data" "last" {{
  input = terraform_data.gate.output
}}
"""
OUTPUTS = 'output "value" {\n  description = "What it gives"\n  value       = terraform_data.last.output\n}\n'
NO_PROVIDER = 'terraform {\n  required_version = ">= 1.10"\n}\n'


@dataclass
class Faulty:
    """A project, its proxy, and its command line.

    Attributes:
        root: Its folder.
        proxy: Between it and the emulator.
        bucket: Its state bucket.
        variables: Variables beside those of this process.
    """

    root: Path
    proxy: Proxy
    bucket: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def gates(self) -> Path:
        return self.root.parent / "gates"

    @property
    def table(self) -> str:
        return f"{self.bucket}-lock"

    def shut(self, module: str) -> None:
        """Hold a module in the middle of its apply, until `open`."""
        (self.gates / f"{module}.shut").touch()

    def open(self, module: str) -> None:
        (self.gates / f"{module}.shut").unlink(missing_ok=True)

    def wait_for(self, module: str, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until a module is in the middle of its apply."""
        self.wait_until((self.gates / f"{module}.begun").exists, process)

    def wait_until(self, ready: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not ready():
            if process is not None and process.poll() is not None:
                raise AssertionError(process.communicate())
            assert time.monotonic() < deadline, "it never came to that"
            time.sleep(0.02)

    def tfgen(self, *words: str, code: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run tfgen to its end and expect an exit code; None for any."""
        process = self.start(*words, **variables)
        out, err = process.communicate(timeout=600)
        assert code is None or process.returncode == code, f"tfgen {words}: {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start tfgen in a session of its own, as a terminal would."""
        env = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.Popen(
            [sys.executable, "-c", "from tfgen.cli import main; main()", *words],
            cwd=self.root,
            env=env | self.variables | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def apply(self, *words: str, code: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.tfgen("apply", "--auto-approve", *words, code=code, **variables)

    def typed(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run plain terraform in a module's folder, as somebody does who does not know tfgen."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = kept | {
            "AWS_ENDPOINT_URL": self.proxy.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        argv = ["terraform", words[0], "-input=false", "-no-color", *words[1:]]
        folder = self.root / "terraform" / module
        return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)

    def runs(self) -> list[Path]:
        folders = sorted((self.root / ".tfgen" / "runs").iterdir())
        return [folder for folder in folders if (folder / "journal.jsonl").exists()]

    def entries(self, event: str = "") -> list[Mapping[str, Any]]:
        """What the journal of the last run says."""
        lines = (self.runs()[-1] / "journal.jsonl").read_text().splitlines()
        return [entry for entry in map(json.loads, lines) if not event or entry["event"] == event]

    def pid_of(self, module: str, step: str = "apply") -> int:
        """The process id of a module's terraform in the last run."""
        found = [entry for entry in self.entries("process") if (entry["module"], entry["step"]) == (module, step)]
        return int(found[-1]["pid"])

    def statuses(self, *words: str) -> dict[str, str]:
        document = json.loads(self.tfgen(*words, "--json", code=None).stdout)
        return {name: module["status"] for name, module in document["modules"].items()}

    def clients(self) -> Aws:
        from tests.support.fixture_project import make_environment

        environment = make_environment("local", self.bucket, endpoint=self.proxy.endpoint)
        return Aws(isolate({}, environment, work=self.root.parent / "clients").env)

    def locks(self) -> tuple[Lock, ...]:
        return state.list_locks(self.clients(), self.bucket, self.table)

    def lock_items(self) -> list[str]:
        """Everything in the lock table but the digests."""
        pages = self.clients().client("dynamodb").scan(TableName=self.table)["Items"]
        return [item["LockID"]["S"] for item in pages if not item["LockID"]["S"].endswith("-md5")]

    def assert_whole(self) -> None:
        """Everything is there once, nothing is left to do, nothing is locked, no file is half written."""
        assert self.locks() == ()
        assert self.lock_items() == []
        plan = self.tfgen("plan", "--detailed-exitcode")
        assert plan.returncode == 0, plan.stdout
        for module in MODULES:
            found = state.read_state(self.clients(), self.bucket, f"{module}/terraform.tfstate")
            assert found is not None
            names = [(entry["type"], entry["name"]) for entry in found.resources if entry["mode"] == "managed"]
            assert sorted(names) == [("terraform_data", name) for name in ("first", "gate", "last")]
        left = [
            path
            for pattern in ("*.tfplan", "*.out", "*.out.err", "errored.tfstate", ".terraform.tfstate.lock.info")
            for path in self.root.rglob(pattern)
        ]
        assert left == []

    def assert_resumes(self, *words: str) -> None:
        """One command goes on, and gets to the end."""
        done = self.tfgen("apply", "--resume", *words, code=None)
        assert done.returncode == 0, (done.stdout, done.stderr)
        self.assert_whole()


def is_state(call: Call, module: str) -> bool:
    """True for the call that writes a module's state."""
    return call.method == "PUT" and call.path.partition("?")[0].endswith(f"/{module}/terraform.tfstate")


def kill_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal as a terminal does: to the whole foreground group."""
    os.killpg(process.pid, number)


def make_faulty(
    root: Path,
    proxy: Proxy,
    bucket: str,
    *,
    backend: bool = False,
    main: str = MODULE,
    outputs: str = OUTPUTS,
    variables: str = "",
) -> Faulty:
    """Write and render the project.

    Args:
        root: Its folder.
        proxy: Between it and the emulator.
        bucket: Its state bucket.
        backend: With a backend-config that makes bucket and table; else both are there.
        main: What each module is made of, like MODULE.
        outputs: What each gives.
        variables: What each takes.
    """
    faulty = Faulty(root, proxy, bucket)
    faulty.gates.mkdir(parents=True, exist_ok=True)
    modules = "  backend-config: {blueprint: backend-config}\n" if backend else ""
    modules += "".join(f"  {name}: {{blueprint: {name[3:]}}}\n" for name in MODULES)
    write(root / "config" / "project.yaml", _SPEC.format(modules=modules))
    write(
        root / "config" / "environments" / "local.yaml",
        f"endpoint: {proxy.endpoint}\nembedded: false\nstate: {{bucket: {bucket}, lock_table: {faulty.table}}}\n",
    )
    previous = ""
    for name in MODULES:
        short = name[3:]
        text = main.format(
            value=short, name=name, gates=faulty.gates, reads=f"local.{previous}.value" if previous else '"nothing"'
        )
        write_blueprint(root / "templates" / short, f"[{previous}]" if previous else "[]", text, outputs, variables)
        previous = short
    if backend:
        folder = root / "templates" / "backend-config"
        write_blueprint(folder, "[]", BACKEND, BACKEND_OUTPUTS)
    shared = root / "templates" / "_shared"
    if not backend:
        # Without the AWS provider each terraform takes a tenth of the time.
        write(shared / "versions.tf.j2", NO_PROVIDER)
        write(shared / "providers.tf.j2", "# None is needed.\n")
        write(shared / "lock.hcl.j2", "# Nothing to lock.\n")
    faulty.tfgen("render")
    return faulty


def write_blueprint(folder: Path, reads: str, main: str, outputs: str, variables: str = "") -> None:
    write(
        folder / "blueprint.yaml",
        f"summary: A fixture\nreads: {reads}\nfunctions: []\n"
        "settings: {type: object, additionalProperties: false, properties: {}}\n"
        "redeploy: |\n  Never.\nrollback: |\n  None.\nholds: |\n  Nothing.\n",
    )
    write(folder / "main.tf.j2", main)
    write(folder / "outputs.tf.j2", outputs)
    write(folder / "variables.tf.j2", variables)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


_SPEC = """\
version: 1
project: mini
owner: team
region: us-east-1
terraform: {{required_version: ">= 1.10, < 2.0", providers: {{aws: "~> 5.100"}}}}
state: {{locking: [dynamodb, lockfile]}}
default_environment: local
modules:
{modules}"""
