"""Where the shipped data folders are: in the wheel, in a checkout, in an editable install."""

from __future__ import annotations

from pathlib import Path

from tfgen.errors import TfgenError

_PACKAGE = Path(__file__).resolve().parent
_WHEEL = _PACKAGE / "data"
_CHECKOUT = _PACKAGE.parent.parent


def templates_root() -> Path:
    """Folder with the shipped blueprints."""
    return _folder("templates")


def template_roots(project: Path) -> tuple[Path, ...]:
    """Return the folders with blueprints: the project's own first, then the shipped ones."""
    shipped = templates_root()
    own = project / "templates"
    return (shipped,) if own == shipped else (own, shipped)


def config_root() -> Path:
    """Folder with the reference project's spec and environments."""
    return _folder("config")


def lambdas_root() -> Path:
    """Folder with the reference project's Lambda functions."""
    return _folder("lambdas")


def _folder(name: str) -> Path:
    for base in (_WHEEL, _CHECKOUT):
        if (base / name).is_dir():
            return base / name
    raise TfgenError(
        f"tfgen's own {name}/ folder is missing",
        hint="reinstall: pip install --force-reinstall tfgen-cli",
        where=str(_WHEEL / name),
    )
