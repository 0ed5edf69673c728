"""The one Jinja environment: strict, and blind to any value that was not made HCL or Markdown first."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from jinja2 import (
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.bccache import Bucket

from tfgen.errors import TfgenError
from tfgen.hcl import HclText, escape, to_hcl

_NAME_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_MEND = "mend the template and render again; nothing was written"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~])")


class MarkdownText(str):
    """Text that is Markdown already and may be printed by a template as it stands."""

    __slots__ = ()


class Templates:
    """Templates of several folders, the first folder winning.

    Args:
        roots: Folders with blueprints, the project's own first.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._environment = Environment(  # noqa: S701 - HCL and Markdown, escaped by type; never HTML
            loader=FileSystemLoader([str(root) for root in roots], followlinks=False),
            undefined=StrictUndefined,
            finalize=_only_rendered_text,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_bytecode_cache(),
        )
        self._environment.filters = {
            name: self._environment.filters[name] for name in ("join", "length", "selectattr", "list", "first")
        }
        self._environment.filters.update(hcl=_hcl, ident=_ident, text=_text, md=_markdown, prose=_prose, cell=_cell)

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """Render one template.

        Args:
            name: Path below a root, `storage/main.tf.j2`.
            context: Names that the template may use.

        Raises:
            TfgenError: The template is missing or wrong, with its file and line.
        """
        try:
            return self._environment.get_template(name).render(context)
        except TemplateNotFound as error:
            message = f"there is no template '{error.name}'"
            if error.name and (error.name.startswith("/") or ".." in error.name.split("/")):
                message = f"a template may use templates only: '{error.name}' leads out of templates/"
            raise TfgenError(message, where=f"templates/{_place(name, error.__traceback__)}", hint=_MEND) from None
        except TemplateSyntaxError as error:
            where = f"templates/{error.name or name}:{error.lineno}"
            raise TfgenError(f"template error: {error.message}", where=where, hint=_MEND) from None
        except (TemplateError, TypeError, ValueError, KeyError, RecursionError, ZeroDivisionError) as error:
            where = f"templates/{_place(name, error.__traceback__)}"
            raise TfgenError(f"template error: {error}", where=where, hint=_MEND) from None

    def source(self, name: str) -> str:
        """Return the text of a template, for finding the line a rendered text came from."""
        loader = self._environment.loader
        return loader.get_source(self._environment, name)[0] if loader else ""


class _Cache(FileSystemBytecodeCache):
    """A cache only saves time: one that is damaged, full or read-only is passed over."""

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _bytecode_cache() -> FileSystemBytecodeCache | None:
    """Keep compiled templates in the user's own cache folder: compiling is half of a render's time.

    The folder is used only if nobody else can write to it, since what it holds is executed.
    """
    home = os.environ.get("XDG_CACHE_HOME") or f"{Path.home()}/.cache"
    folder = Path(home) / "tfgen" / "templates"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    mine = status.st_uid == os.getuid() and not status.st_mode & 0o022
    return _Cache(str(folder)) if mine else None


def _place(name: str, traceback: TracebackType | None) -> str:
    """Return `template:line` of the innermost template frame."""
    place = name
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if filename.endswith(".j2"):
            path = Path(filename)
            place = f"{path.parent.name}/{path.name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _only_rendered_text(value: Any) -> Any:
    if isinstance(value, HclText | MarkdownText) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, StrictUndefined):
        return value
    kind = "None" if value is None else type(value).__name__
    raise TypeError(f"a {kind} is printed raw ({value!r}); end the expression in | hcl, | ident or | text")


def _hcl(value: Any, indent: int = 0) -> HclText:
    if isinstance(value, StrictUndefined):
        return HclText(value)
    return to_hcl(value, indent)


def _ident(value: str) -> HclText:
    if not _NAME_PART.fullmatch(str(value)):
        raise ValueError(f"{value!r} is not a name")
    return HclText(value)


def _text(value: str) -> HclText:
    return escape(str(value))


def _markdown(value: Any) -> MarkdownText:
    """Escape one line of user text for Markdown."""
    return MarkdownText(_MARKDOWN.sub(r"\\\1", " ".join(str(value).split())))


def _cell(value: Any) -> MarkdownText:
    """Print HCL source or a name as code inside a table cell."""
    flat = " ".join(str(value).split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    fence = "`" * (longest + 1)
    return MarkdownText(f"{fence} {flat} {fence}" if longest else f"`{flat}`")


def _prose(value: str) -> MarkdownText:
    """Print a blueprint's own Markdown."""
    return MarkdownText(value)
