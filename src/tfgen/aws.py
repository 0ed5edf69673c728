"""boto3 clients that see the isolated environment and nothing else of this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tfgen.errors import TfgenError

if TYPE_CHECKING:
    import boto3
    import botocore.session

NO_CREDENTIALS_HINT = (
    "name the kinds of credentials to use in the environment's file (credentials: [profile]) "
    "and provide them, e.g. AWS_PROFILE=… tfgen …"
)
_NO_ANSWER = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "HTTPClientError",
        "ReadTimeoutError",
        "SSLError",
    }
)


class Aws:
    """Makes clients for one environment; each kind once.

    Args:
        env: An environment as `isolation.isolate` builds it.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a client; safe to use from several threads."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.Session(
                botocore_session=_core_session(self._env), region_name=self._env["AWS_REGION"]
            )
        session: Any = self._session
        endpoint = self._env.get("AWS_ENDPOINT_URL")
        config = Config(
            proxies={},
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 4},
            s3={"addressing_style": "path"} if endpoint else {},
        )
        return session.client(service, endpoint_url=endpoint, config=config)


def error_code(error: Exception) -> str:
    """Return AWS's code of a client error (`NoSuchKey`), or the exception's name."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def explain(error: Exception, doing: str) -> TfgenError:
    """Turn a failure of boto3 into an explained one."""
    code = error_code(error)
    hint = ""
    if code in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError"):
        hint = NO_CREDENTIALS_HINT
    elif code in ("ExpiredToken", "ExpiredTokenException", "SSOTokenLoadError", "UnauthorizedSSOTokenError"):
        hint = "log in again (aws sso login), then repeat the command"
    elif code in _NO_ANSWER:
        hint = "the endpoint does not answer; look at the network, or for the emulator at tfgen local status"
    elif _status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        hint = "AWS failed, not the project; repeat the command in a moment"
    return TfgenError(f"{doing}: {error}", hint=hint, code="aws")


def _status(error: Exception) -> int:
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    return int(metadata.get("HTTPStatusCode", 0))


def _core_session(env: Mapping[str, str]) -> botocore.session.Session:
    """Build a botocore session that reads none of this process's variables.

    botocore looks into os.environ in many places. Constants for every setting that leads to
    other credentials or another endpoint shut those doors.
    """
    import botocore.session
    from botocore.config import Config
    from botocore.configprovider import ConstantProvider

    session = botocore.session.Session()
    store = session.get_component("config_store")
    for name, value in {
        "profile": env.get("AWS_PROFILE"),
        "config_file": env.get("AWS_CONFIG_FILE", "~/.aws/config"),
        "credentials_file": env.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        "region": env["AWS_REGION"],
        "ca_bundle": None,
        "ignore_configured_endpoint_urls": True,
        "use_fips_endpoint": False,
        "use_dualstack_endpoint": False,
    }.items():
        store.set_config_provider(name, ConstantProvider(value=value))
    session.set_default_client_config(Config(proxies={}))
    session.register_component("credential_provider", _credentials(session, env))
    return session


def _credentials(session: botocore.session.Session, env: Mapping[str, str]) -> Any:
    from botocore import credentials as core

    if profile := env.get("AWS_PROFILE"):
        session.set_config_variable("profile", profile)
    # Those that read os.environ by themselves are replaced by ones that read `env`.
    own = {core.EnvProvider.METHOD, core.ContainerProvider.METHOD, core.InstanceMetadataProvider.METHOD}
    if not profile:
        own.add(core.AssumeRoleWithWebIdentityProvider.METHOD)
    resolver = core.create_credential_resolver(session, region_name=env["AWS_REGION"])
    providers: list[Any] = [core.EnvProvider(environ=dict(env))]
    if env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        providers.append(_web_identity(session, env))
    providers += [provider for provider in resolver.providers if provider.METHOD not in own]
    providers.append(core.ContainerProvider(environ=dict(env)))
    return core.CredentialResolver(providers=providers)


def _web_identity(session: botocore.session.Session, env: Mapping[str, str]) -> Any:
    from botocore import credentials as core

    def create_client(service: str, **arguments: Any) -> Any:
        return session.create_client(service, **{"region_name": env["AWS_REGION"], **arguments})

    profile = {
        "role_arn": env.get("AWS_ROLE_ARN", ""),
        "web_identity_token_file": env["AWS_WEB_IDENTITY_TOKEN_FILE"],
        "role_session_name": env.get("AWS_ROLE_SESSION_NAME") or "tfgen",
    }
    return core.AssumeRoleWithWebIdentityProvider(
        load_config=lambda: {"profiles": {"environment": profile}},
        client_creator=create_client,
        profile_name="environment",
        disable_env_vars=True,
    )
