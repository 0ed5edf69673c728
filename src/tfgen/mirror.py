"""Where providers come from: a mirror on this machine, or one shared download."""

from __future__ import annotations

import fcntl
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tfgen.disk import write_whole
from tfgen.errors import TfgenError
from tfgen.hcl import Block, read_blocks

MIRROR_VARIABLE = "TFGEN_PROVIDER_MIRROR"
LOCK_FILE = ".terraform.lock.hcl"
_CACHE = "plugin-cache"
_NETWORK_MIRROR = "network_mirror"
_ARCHIVE = re.compile(r"terraform-provider-.+?_(\d[^_]*)_")
_SHARED_FOLDERS = (Path("/opt"), Path("/usr/share"), Path("/usr/local/share"))


@dataclass(frozen=True)
class ProviderSource:
    """Where terraform takes providers from.

    Attributes:
        mirror: Folder of a filesystem mirror; None if providers are downloaded.
        config: The user's own CLI configuration file, if there is one.
        config_decides: True if that file has a provider_installation block, which stays as it is.
        network: True if that block names a mirror or registries in the network.
        url: The mirror in the network that it names first; empty if there is none.
        origin: How it was found, for `tfgen doctor`.
    """

    mirror: Path | None
    config: Path | None
    config_decides: bool
    origin: str
    network: bool = False
    url: str = ""

    @property
    def downloads(self) -> bool:
        """True if `terraform init` fetches providers from the network."""
        return self.mirror is None and (self.network or not self.config_decides)


def find_provider_source(
    environ: Mapping[str, str],
    *,
    shared: Sequence[Path] = _SHARED_FOLDERS,
) -> ProviderSource:
    """Look for a provider mirror: variable, CLI configuration, implied folders, shared folders.

    Args:
        environ: The caller's environment.
        shared: Folders whose direct children are looked at last.

    Raises:
        TfgenError: The folder that was named is not a mirror.
    """
    config = _cli_config(environ)
    if named := environ.get(MIRROR_VARIABLE):
        folder = Path(named).expanduser().absolute()
        if not is_mirror(folder):
            raise TfgenError(
                f"{MIRROR_VARIABLE}: {folder} is not a provider mirror",
                hint="a mirror holds HOST/NAMESPACE/TYPE/VERSION, e.g. "
                "registry.terraform.io/hashicorp/aws/5.100.0; `terraform providers mirror DIR` makes one",
            )
        return ProviderSource(folder, config, False, MIRROR_VARIABLE)
    if config is not None and (block := _installation(config)) is not None:
        urls = [way.attributes.get("url", "").strip('"') for way in block.blocks if way.type == _NETWORK_MIRROR]
        network = any(way.type in (_NETWORK_MIRROR, "direct") for way in block.blocks)
        return ProviderSource(None, config, True, str(config), network, urls[0] if urls else "")
    for folder in (*_implied_folders(environ), *_children(shared)):
        if is_mirror(folder):
            return ProviderSource(folder, config, False, "found on this machine")
    return ProviderSource(None, config, False, "registry")


def is_mirror(folder: Path) -> bool:
    """Tell whether a folder is laid out as HOST/NAMESPACE/TYPE/…."""
    return bool(mirrored_providers(folder))


def mirrored_providers(folder: Path) -> tuple[str, ...]:
    """Return the source addresses of the providers in a mirror."""
    found = []
    for host in _folders(folder):
        if "." not in host.name:
            continue
        for namespace in _folders(host):
            found += [f"{host.name}/{namespace.name}/{kind.name}" for kind in _folders(namespace)]
    return tuple(sorted(found))


def mirrored_versions(folder: Path, address: str) -> tuple[str, ...]:
    """Return the releases of a provider in a mirror, unpacked or as archives."""
    home = folder / address
    unpacked = {child.name for child in _folders(home) if child.name[:1].isdigit()}
    archives = {match[1] for path in home.glob("*.zip") if (match := _ARCHIVE.match(path.name))}
    return tuple(sorted(unpacked | archives))


def cli_config(source: ProviderSource, *, cache: Path) -> str:
    """Write out the CLI configuration for a provider source.

    What the user's own file says (credentials of a private registry, say) stays in.

    Args:
        source: Where providers come from.
        cache: Shared plugin cache, used if providers are downloaded.
    """
    text = _read(source.config) if source.config else ""
    parts = [text.rstrip("\n")] if text.strip() else []
    if source.mirror is not None:
        providers = ", ".join(f'"{name}"' for name in mirrored_providers(source.mirror))
        parts.append(
            "provider_installation {\n"
            "  filesystem_mirror {\n"
            f'    path    = "{_quoted(source.mirror)}"\n'
            f"    include = [{providers}]\n"
            "  }\n"
            "  direct {\n"
            f"    exclude = [{providers}]\n"
            "  }\n"
            "}"
        )
    elif not re.search(r"^\s*plugin_cache_dir\b", text, re.MULTILINE):
        parts.append(f'plugin_cache_dir = "{_quoted(cache)}"')
    return "\n\n".join(parts) + "\n"


def write_cli_config(source: ProviderSource, work: Path) -> Path:
    """Return the CLI configuration file that terraform is to use; written below `work` if needed."""
    if source.config_decides and source.config is not None and not source.downloads:
        return source.config
    work.mkdir(parents=True, exist_ok=True)
    cache = work / _CACHE
    if source.downloads:
        cache.mkdir(exist_ok=True)
    target = work / "terraformrc"
    text = cli_config(source, cache=cache)
    if not target.exists() or _read(target) != text:
        write_whole(target, text.encode(), mode=0o600)  # it may hold credentials of a private registry
    return target


@contextmanager
def alone_with_cache(work: Path, folder: Path) -> Iterator[bool]:
    """Keep everybody else away from the shared plugin cache while it may be written into.

    Terraform's cache is not made for several writers. Where it has all that a folder's dependency lock file names,
    nobody will write, and nobody is kept waiting.

    Args:
        work: The project's `.tfgen` folder.
        folder: What is to be initialised.

    Yields:
        True if nothing was downloaded yet.
    """
    cache = work / _CACHE
    cache.mkdir(parents=True, exist_ok=True)
    with (work / f"{_CACHE}.lock").open("a") as stream:
        # Looked at under the lock: what another one is still unpacking does not count.
        fcntl.flock(stream, fcntl.LOCK_EX)
        if _is_cached(cache, folder):
            fcntl.flock(stream, fcntl.LOCK_UN)
        yield not _folders(cache)


def locked_versions(folder: Path) -> dict[str, tuple[str, str]]:
    """Read a module's dependency lock file: provider address → version, and the entry's text."""
    try:
        source = (folder / LOCK_FILE).read_bytes()
    except OSError:
        return {}
    return {
        block.labels[0]: (block.attributes.get("version", "").strip('"'), source[block.start : block.end].decode())
        for block in read_blocks(source)
        if block.type == "provider" and block.labels
    }


def _is_cached(cache: Path, folder: Path) -> bool:
    locked = locked_versions(folder)
    return bool(locked) and all(_folders(cache / address / version) for address, (version, _) in locked.items())


def _installation(config: Path) -> Block | None:
    """Return a CLI configuration file's provider_installation block; None if it has none."""
    blocks = read_blocks(_read(config).encode())
    return next((block for block in blocks if block.type == "provider_installation"), None)


def _cli_config(environ: Mapping[str, str]) -> Path | None:
    candidates = [environ.get("TF_CLI_CONFIG_FILE"), environ.get("TERRAFORM_CONFIG")]
    if home := environ.get("HOME"):
        candidates.append(str(Path(home) / ".terraformrc"))
    for name in candidates:
        if name and Path(name).is_file():
            return Path(name).absolute()
    return None


def _implied_folders(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or "/nonexistent")
    folders = [home / ".terraform.d" / "plugins"]
    if sys.platform == "darwin":
        application = "Library/Application Support/io.terraform/plugins"
        return [*folders, home / application, Path("/") / application]
    data = [environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")]
    data += (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return folders + [Path(name) / "terraform" / "plugins" for name in data if name]


def _children(folders: Sequence[Path]) -> list[Path]:
    return [child for folder in folders for child in _folders(folder)]


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
