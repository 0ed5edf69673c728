"""Hash-pinned wheels: read the pins, fetch what is missing, hand out the files inside."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tfgen.disk import write_whole
from tfgen.errors import TfgenError
from tfgen.process import run

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_TIMEOUT = 300.0
_PIP_VARIABLES = frozenset(
    {"HOME", "LANG", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TEMP", "TMP", "TMPDIR", "USER"}
    | {f"{scheme}_{word}" for scheme in ("http", "https", "no", "all") for word in ("proxy",)}
    | {f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "NO", "ALL")}
    | {"XDG_CACHE_HOME", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME"}
)


@dataclass(frozen=True)
class Pin:
    """A distribution, its version, and the hashes of the wheels that are accepted for it."""

    name: str
    version: str
    sha256: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def pip_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """Pick what pip needs from the caller's environment: its own settings, proxies and certificates."""
    return {name: value for name, value in caller.items() if name in _PIP_VARIABLES or name.startswith("PIP_")}


@dataclass(frozen=True)
class WheelCache:
    """Where wheels are pinned, kept, and fetched from.

    Attributes:
        requirements: Pinned requirements with `--hash`; a missing file means that nothing is bundled.
        directory: Wheels by content: `<sha256>.whl`.
        env: The environment for pip.
        python: The interpreter whose pip is used.
        options: More options for `pip download`.
    """

    requirements: Path
    directory: Path
    env: Mapping[str, str] = field(default_factory=lambda: pip_environment(os.environ))
    python: str = sys.executable
    options: tuple[str, ...] = ()


def read_pins(requirements: Path) -> tuple[Pin, ...]:
    """Read a requirements file in which every line is `name==version --hash=sha256:…`.

    Raises:
        TfgenError: The file cannot be read, or a line is not pinned by version and hash.
    """
    try:
        text = requirements.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise TfgenError(f"cannot read the pinned wheels: {error}", where=str(requirements)) from None
    pins: dict[str, Pin] = {}
    number = 0
    for logical in re.sub(r"\\\n", "\f", text).split("\n"):
        number += 1
        line = re.sub(r"(^|\s)#.*", "", logical.replace("\f", " ")).strip()
        if line:
            pin = _read_pin(line, f"{requirements}:{number}")
            if pins.setdefault(_canonical(pin.name), pin) is not pin:
                raise TfgenError(f"{pin.name} is pinned twice", where=f"{requirements}:{number}")
        number += logical.count("\f")
    return tuple(pins[name] for name in sorted(pins))


def collect_wheels(cache: WheelCache, *, on_event: Callable[[str], None], keep: bool = True) -> dict[str, bytes]:
    """Return the files inside all pinned wheels, by their path in a zip.

    Args:
        cache: The pins and where wheels are kept.
        on_event: Told before something is fetched.
        keep: False fetches missing wheels into a temporary folder and leaves the cache as it is.

    Raises:
        TfgenError: A wheel cannot be had, does not have its hash, or is not pure Python.
    """
    pins = read_pins(cache.requirements)
    found = {pin: data for pin in pins if (data := _cached(cache.directory, pin)) is not None}
    if missing := [pin for pin in pins if pin not in found]:
        on_event(f"fetching {', '.join(map(str, missing))}")
        found |= _fetch(cache, missing, keep=keep)
    files: dict[str, bytes] = {}
    owners: dict[str, Pin] = {}
    for pin in pins:
        for path, data in _unpack(pin, found[pin]).items():
            if files.setdefault(path, data) is not data:
                raise TfgenError(f"{owners[path]} and {pin} both bring {path}", where=str(cache.requirements))
            owners[path] = pin
    return files


def _read_pin(line: str, where: str) -> Pin:
    words = line.split()
    match = _PIN.fullmatch(words[0])
    hashes = [_HASH.fullmatch(word) for word in words[1:]]
    if match is None or not hashes or None in hashes:
        raise TfgenError(
            f"{words[0]} is not pinned by version and hash",
            where=where,
            hint="write name==version --hash=sha256:…; pip hash FILE.whl prints the hash",
        )
    return Pin(match[1], match[2], tuple(sorted(found[1] for found in hashes if found)))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _cached(directory: Path, pin: Pin) -> bytes | None:
    for digest in pin.sha256:
        try:
            data = (directory / f"{digest}.whl").read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            return data
    return None


def _fetch(cache: WheelCache, pins: Sequence[Pin], *, keep: bool) -> dict[Pin, bytes]:
    with tempfile.TemporaryDirectory(prefix="tfgen-wheels-") as name:
        folder = Path(name)
        lines = [f"{pin} {' '.join(f'--hash=sha256:{digest}' for digest in pin.sha256)}" for pin in pins]
        (folder / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        _download(cache, folder)
        by_digest = {}
        for path in sorted(folder.glob("*.whl")):
            data = path.read_bytes()
            by_digest[hashlib.sha256(data).hexdigest()] = data
    found: dict[Pin, bytes] = {}
    for pin in pins:
        digest = next((digest for digest in pin.sha256 if digest in by_digest), None)
        if digest is None:
            raise _mismatch(cache, str(pin))
        found[pin] = by_digest[digest]
        if keep:
            write_atomically(cache.directory / f"{digest}.whl", found[pin])
    return found


def _download(cache: WheelCache, folder: Path) -> None:
    argv = [cache.python, "-m", "pip", "download", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    argv += ["--disable-pip-version-check", "--no-input", "--quiet", *cache.options]
    argv += ["--dest", str(folder), "--requirement", str(folder / "requirements.txt")]
    done = run(argv, cwd=folder, env=cache.env, timeout=_TIMEOUT)
    if done.returncode == 0:
        return
    output = done.stderr.strip() or done.stdout.strip()
    if "No module named pip" in output:
        raise TfgenError(
            "pip is missing, so the Lambda functions' wheels cannot be fetched",
            where=cache.python,
            hint=f"{cache.python} -m ensurepip",
        )
    if "DO NOT MATCH THE HASHES" in output:
        raise _mismatch(cache, "a wheel")
    reasons = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    reason = (reasons or output.splitlines() or [f"pip ended with {done.returncode}"])[-1]
    raise TfgenError(
        f"the Lambda functions' wheels cannot be fetched: {reason}",
        where=str(cache.requirements),
        hint="check the network and pip's index (pip config list), then: tfgen package",
    )


def _mismatch(cache: WheelCache, what: str) -> TfgenError:
    return TfgenError(
        f"{what} does not have the pinned hash",
        where=str(cache.requirements),
        hint="do not use it before you know why; if the pin is wrong: pip hash FILE.whl",
    )


def _unpack(pin: Pin, data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            names = [info.filename for info in wheel.infolist() if not info.is_dir()]
            _require_pure(pin, wheel, names)
            placed = {place: name for name in names if (place := _place(pin, name)) is not None}
            return {place: wheel.read(name) for place, name in placed.items()}
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise TfgenError(f"the wheel of {pin} cannot be read: {error}") from None


def _require_pure(pin: Pin, wheel: zipfile.ZipFile, names: Iterable[str]) -> None:
    metadata = next((name for name in names if re.fullmatch(r"[^/]+\.dist-info/WHEEL", name)), None)
    lines = wheel.read(metadata).decode("utf-8", "replace").splitlines() if metadata else []
    if "Root-Is-Purelib: true" not in (line.strip() for line in lines):
        raise TfgenError(
            f"{pin} is not pure Python",
            hint="one zip must run on every architecture: bundle pure-Python distributions only",
        )


def _place(pin: Pin, name: str) -> str | None:
    """Return where a wheel's file belongs in a zip; None for what no function needs."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise TfgenError(f"the wheel of {pin} holds a path outside itself: {name}")
    first = path.parts[0]
    if first.endswith(".data"):
        if path.parts[1:2] not in {("purelib",), ("platlib",)} or len(path.parts) < 3:
            return None  # scripts, headers
        path = PurePosixPath(*path.parts[2:])
    if first.endswith(".dist-info") and path.name.split(".")[0] in {"RECORD", "INSTALLER", "REQUESTED", "direct_url"}:
        return None  # what an installer writes, or lists of files that are not all here
    if path.parts[0] == "bin" or "__pycache__" in path.parts or path.suffix in {".pyc", ".pyo"}:
        return None
    return str(path)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that others see the old one or the new one, never a part.

    Raises:
        TfgenError: The file cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise TfgenError(
            f"cannot write {path.name}: {error.strerror}", where=str(path), hint="check the folder's permissions"
        ) from None
