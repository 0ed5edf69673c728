"""The project as data: what the spec and the blueprints amount to, with every reference resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLACEHOLDER_ACCOUNT = "111111111111"
EMULATOR_ACCOUNT = "000000000000"
BACKEND_CONFIG = "backend-config"


@dataclass(frozen=True)
class Environment:
    """Where the project runs: exactly one of an AWS account or an emulator's endpoint.

    Attributes:
        name: `local`, `dev`, `staging`, `production`, …
        account: Twelve digits; the emulator's for an environment with an endpoint.
        endpoint: URL of an AWS-compatible emulator, or None for AWS.
        region: AWS region.
        state_bucket: Name of the S3 bucket with the states.
        lock_table: Name of the DynamoDB table with the state locks.
        credentials: Kinds of credentials that are let through to AWS (see `isolation`).
        values: Terraform variable values by module name, for settings that vary.
        embedded: True if tfgen starts and stops the emulator behind `endpoint` itself.
        composed: True if the composed plan itself is applied, unless somebody says otherwise.
    """

    name: str
    account: str
    endpoint: str | None
    region: str
    state_bucket: str
    lock_table: str
    credentials: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    embedded: bool = False
    composed: bool = False

    @property
    def is_placeholder(self) -> bool:
        """True while the shipped account id was not replaced by a real one."""
        return self.endpoint is None and self.account == PLACEHOLDER_ACCOUNT


@dataclass(frozen=True)
class Function:
    """A Lambda function that a module ships.

    Attributes:
        name: Folder under `lambdas/`, unique in the project.
        artifact: Path of the zip, relative to the module's folder.
    """

    name: str
    artifact: str


@dataclass(frozen=True)
class Reference:
    """One module read by another.

    Attributes:
        name: Full name of the module that is read, `02-storage`.
        short_name: `storage`.
        identifier: The short name as an HCL identifier, `api_ingestion`.
        state_key: Key of its state object.
        where: The place that declares the dependency.
    """

    name: str
    short_name: str
    identifier: str
    state_key: str
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Module:
    """One numbered Terraform root module with its own state.

    Attributes:
        name: `02-storage`; `backend-config` has no number.
        number: `02`, as written in the spec; empty for backend-config.
        short_name: `storage`.
        identifier: The short name as an HCL identifier.
        blueprint: Name of the blueprint it is rendered from.
        settings: Resolved structural and varying settings (default environment's values).
        reads: The modules whose outputs it reads, in order of their numbers.
        functions: The Lambda functions it ships.
        providers: Extra required providers: name → {source, version}.
        state_key: Key of its state object in the state bucket.
        also_reads: Full names of modules that only its user's own files read, by `terraform_remote_state`.
        frame: False if its folder is all the user's: nothing is rendered into it.
    """

    name: str
    number: str
    short_name: str
    identifier: str
    blueprint: str
    settings: Mapping[str, Any]
    reads: tuple[Reference, ...]
    functions: tuple[Function, ...]
    providers: Mapping[str, Mapping[str, str]]
    state_key: str
    also_reads: tuple[str, ...] = ()
    frame: bool = True


@dataclass(frozen=True)
class Project:
    """Everything that one spec amounts to.

    Attributes:
        root: Folder of the project (where `config/` is).
        spec_path: The spec's file.
        name: `project` of the spec.
        owner: Value of the Owner tag.
        region: Default region.
        tags: Extra tags beside the five.
        required_version: Terraform version constraint.
        providers: Required providers of every module: name → {source, version}.
        locking: State locking kinds, of `dynamodb` and `lockfile`.
        default_environment: The environment used when none is named.
        environments: By name.
        modules: In order of their numbers, backend-config first.
    """

    root: Path
    spec_path: Path
    name: str
    owner: str
    region: str
    tags: Mapping[str, str]
    required_version: str
    providers: Mapping[str, Mapping[str, str]]
    locking: tuple[str, ...]
    default_environment: str
    environments: Mapping[str, Environment]
    modules: tuple[Module, ...]

    @property
    def tree(self) -> Path:
        """The folder that holds the rendered Terraform."""
        return self.root / "terraform"

    @property
    def work(self) -> Path:
        """The folder for tfgen's own files, never committed."""
        return self.root / ".tfgen"

    def module(self, name: str) -> Module:
        """Return the module with that full name.

        Raises:
            KeyError: There is none; names from users go through `select.resolve_module` first.
        """
        for module in self.modules:
            if module.name == name:
                return module
        raise KeyError(name)
