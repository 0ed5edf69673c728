"""Where providers come from: a mirror on this machine, or one shared download."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfgen.disk import write_whole
from tfgen.errors import TfgenError

MIRROR_VARIABLE = "TFGEN_PROVIDER_MIRROR"
_ARCHIVE = re.compile(r"terraform-provider-.+?_(\d[^_]*)_")
_SHARED_FOLDERS = (Path("/opt"), Path("/usr/share"), Path("/usr/local/share"))


@dataclass(frozen=True)
class ProviderSource:
    """Where terraform takes providers from.

    Attributes:
        mirror: Folder of a filesystem mirror; None if providers are downloaded.
        config: The user's own CLI configuration file, if there is one.
        config_decides: True if that file has a provider_installation block and is used as it is.
        origin: How it was found, for `tfgen doctor`.
    """

    mirror: Path | None
    config: Path | None
    config_decides: bool
    origin: str

    @property
    def downloads(self) -> bool:
        """True if `terraform init` fetches providers from a registry."""
        return self.mirror is None and not self.config_decides


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
    if config is not None and re.search(r"^\s*provider_installation\b", _read(config), re.MULTILINE):
        return ProviderSource(None, config, True, str(config))
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
        source: Where providers come from; not one whose own file decides.
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
    if source.config_decides and source.config is not None:
        return source.config
    work.mkdir(parents=True, exist_ok=True)
    cache = work / "plugin-cache"
    if source.downloads:
        cache.mkdir(exist_ok=True)
    target = work / "terraformrc"
    text = cli_config(source, cache=cache)
    if not target.exists() or _read(target) != text:
        write_whole(target, text.encode(), mode=0o600)  # it may hold credentials of a private registry
    return target


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
