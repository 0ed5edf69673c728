"""The environment that terraform and other children get: built from an allow-list, never inherited."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfgen.errors import TfgenError
from tfgen.model import Environment

CREDENTIAL_KINDS: Mapping[str, tuple[str, ...]] = {
    "profile": ("AWS_PROFILE",),
    "keys": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "session_token": ("AWS_SESSION_TOKEN",),
    "role": (
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ),
    "web_identity": ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"),
}
"""What an environment with an account may name under `credentials`, and the variables each lets through."""

_ALLOWED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "TERM", "COLUMNS", "LINES",
        "EDITOR", "VISUAL", "PAGER", "NO_COLOR", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "GOGC", "GOMEMLIMIT",
    }
)  # fmt: skip
_OURS = frozenset({"TF_CLI_CONFIG_FILE"})  # taken over by way of the provider source
_RISKY = re.compile(r"^(AWS_|TF_)|^(https?|all|no|ftp)_proxy$", re.IGNORECASE)
_GARBAGE_PERCENT = "400"
"""GOGC of terraform and its provider, unless the caller sets it: a quarter less processor time for a fifth more
memory, because reading the provider's schema leaves more garbage than anything after it (docs/decisions/0037)."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Isolation:
    """An environment for children, and what of the caller's did not get into it.

    Attributes:
        env: The whole environment.
        dropped: Names of variables that would have changed what terraform does.
    """

    env: Mapping[str, str]
    dropped: tuple[str, ...]


def isolate(
    caller: Mapping[str, str],
    environment: Environment,
    *,
    work: Path,
    cli_config: Path | None = None,
    endpoint: str | None = None,
) -> Isolation:
    """Build the environment for everything that runs in one of the project's environments.

    Args:
        caller: The environment tfgen itself was started with.
        environment: Where the project runs.
        work: The project's `.tfgen` folder; two empty AWS configuration files are put there.
        cli_config: Terraform's CLI configuration file.
        endpoint: Used instead of the environment's endpoint: the emulator's real address.
    """
    env = {"GOGC": _GARBAGE_PERCENT} | {name: value for name, value in caller.items() if name in _ALLOWED}
    env |= {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "TZ": "UTC"}
    env |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    env |= {"AWS_REGION": environment.region, "AWS_DEFAULT_REGION": environment.region}
    env |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}
    if cli_config is not None:
        env["TF_CLI_CONFIG_FILE"] = str(cli_config)
    address = endpoint or environment.endpoint
    if address:
        env |= _emulator(address) | _empty_config(work)
    else:
        env |= _account(caller, environment.credentials, work)
    dropped = sorted(
        name for name, value in caller.items() if _RISKY.search(name) and name not in _OURS and env.get(name) != value
    )
    return Isolation(env, tuple(dropped))


def with_downloads(env: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """Let proxies through for `terraform init` where it fetches providers; the loopback stays direct."""
    proxies = {name: caller[name] for name in _PROXIES if caller.get(name)}
    direct = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"} if proxies else {}
    return {**env, **proxies, **direct}


def module_environment(env: Mapping[str, str], *, data_dir: Path) -> dict[str, str]:
    """Add what differs from module to module."""
    return {**env, "TF_DATA_DIR": str(data_dir)}


def check_credential_kinds(kinds: Sequence[str], *, where: str = "") -> None:
    """Refuse a kind of credentials that does not exist.

    Raises:
        TfgenError: Naming the unknown kind and those that exist.
    """
    for kind in kinds:
        if kind not in CREDENTIAL_KINDS:
            raise TfgenError(
                f"unknown kind of credentials {kind!r}",
                hint="known kinds: " + ", ".join(CREDENTIAL_KINDS),
                where=where,
            )


def _emulator(address: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def _account(caller: Mapping[str, str], kinds: Sequence[str], work: Path) -> dict[str, str]:
    check_credential_kinds(kinds)
    names = {name for kind in kinds for name in CREDENTIAL_KINDS[kind]}
    env = {name: caller[name] for name in sorted(names) if caller.get(name)}
    # A profile may name an endpoint; the promise is AWS itself.
    env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    if "profile" not in kinds:
        return env | _empty_config(work)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        if caller.get(name):
            env[name] = caller[name]
    return env


def _empty_config(work: Path) -> dict[str, str]:
    folder = work / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    env = {}
    for name, file in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        path = folder / file
        if not path.exists() or path.stat().st_size:
            path.write_bytes(b"")
        env[name] = str(path)
    return env
