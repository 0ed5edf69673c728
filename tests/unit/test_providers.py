from __future__ import annotations

import pytest

from tfgen.providers import lock_providers, satisfies


@pytest.mark.parametrize(
    ("version", "constraint", "fits"),
    [
        ("5.100.0", "~> 5.100", True),
        ("5.101.3", "~> 5.100", True),
        ("6.0.0", "~> 5.100", False),
        ("5.99.9", "~> 5.100", False),
        ("5.100.9", "~> 5.100.0", True),
        ("5.101.0", "~> 5.100.0", False),
        ("6.0.0", "~> 5", False),
        ("5.0.0", "~> 5", True),
        ("1.11.4", ">= 1.10, < 2.0", True),
        ("2.0.0", ">= 1.10, < 2.0", False),
        ("1.9.9", ">= 1.10, < 2.0", False),
        ("1.2.3", "1.2.3", True),
        ("1.2.3", "= 1.2.4", False),
        ("1.2.3", "!= 1.2.3", False),
        ("1.2.3", "<= 1.2.3", True),
        ("1.2.3", "> 1.2.3", False),
        ("1.12.0-beta1", ">= 1.12", True),
        ("1.2.3", "about 1.2", False),
        ("1.12.0", "~> 1.11.4", False),
        ("1.11.3", "~> 1.11.4", False),
        ("1.11.0", "<= 1.11", True),
        ("1.10.0", ">= 1.9.9", True),
    ],
)
def test_version_constraints(version: str, constraint: str, fits: bool) -> None:
    assert satisfies(version, constraint) is fits


def test_the_newest_fitting_release_is_locked_with_its_checksums() -> None:
    [locked] = lock_providers({"aws": {"source": "hashicorp/aws", "version": "~> 5.100"}})
    assert (locked.address, locked.version) == ("registry.terraform.io/hashicorp/aws", "5.100.0")
    assert list(locked.hashes) == sorted(locked.hashes)
    assert {part[:3] for part in locked.hashes} == {"h1:", "zh:"}


def test_constraints_are_written_as_terraform_writes_them() -> None:
    [locked] = lock_providers({"aws": {"source": "registry.terraform.io/hashicorp/aws", "version": "~> 5.100, < 6.0"}})
    assert locked.constraints == "< 6.0, ~> 5.100"


def test_what_is_not_known_is_left_to_terraform_init() -> None:
    required = {
        "random": {"source": "hashicorp/random", "version": "~> 3.6"},
        "aws": {"source": "hashicorp/aws", "version": "~> 6.0"},
    }
    assert lock_providers(required) == ()
