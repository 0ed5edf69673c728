"""Commands as a document has them, typed into a shell beside a deployed project."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.support.project import TestProject

PREFIX = "ecommerce-analytics-local"
REDRIVE = Path(__file__).parents[2] / "docs" / "how-to" / "redrive.md"


def blocks(document: Path) -> list[str]:
    """Return the shell commands of a document, block by block."""
    return re.findall(r"```bash\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)


def type_commands(project: TestProject, folder: Path, commands: str) -> str:
    """Type commands into a shell, as root of the project's account; returns what they print."""
    variables = {
        **os.environ,
        "P": PREFIX,
        "AWS_ENDPOINT_URL": project.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    # version 1 of the AWS CLI takes SQS's endpoint from the option alone
    aws = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", aws + commands], cwd=folder, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
