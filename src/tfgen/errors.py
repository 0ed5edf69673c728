"""The one door for everything that may go wrong: what happened, where, and what to do next."""

from __future__ import annotations

import errno
from collections.abc import Sequence


def _write_bug_log(error: BaseException) -> str:
    """Write a bug's traceback into a private file for the report; returns its path."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="tfgen-bug-", suffix=".log", delete=False) as log:
        traceback.print_exception(error, file=log)
    return log.name


BUG = "bug"
"""Code of what tfgen itself did wrong."""


class TfgenError(Exception):
    """A failure that is explained to the user; never a bug in tfgen.

    Args:
        message: What is wrong, one sentence.
        hint: The next step, usually a command.
        where: The place: a file with line and column, a module, an address.
        code: A stable identifier for machines (`--json`).
    """

    def __init__(self, message: str, *, hint: str = "", where: str = "", code: str = "error") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        self.code = code


class SeveralErrors(TfgenError):  # noqa: N818 - what it holds are errors
    """One or more problems, all reported at once.

    Args:
        problems: Every problem, each with its own place and hint.
        place: Where they are, in words: `in the spec`.
        code: A stable identifier for machines.
    """

    def __init__(self, problems: Sequence[TfgenError], *, place: str, code: str) -> None:
        count = len(problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"{count} {noun} {place}", code=code)
        self.problems = tuple(problems)


class SpecError(SeveralErrors):
    """One or more problems in the spec or its environments."""

    def __init__(self, problems: Sequence[TfgenError]) -> None:
        super().__init__(problems, place="in the spec", code="spec")


class PlanError(SeveralErrors):
    """What keeps the project from being planned as a whole."""

    def __init__(self, problems: Sequence[TfgenError]) -> None:
        super().__init__(problems, place="in the plan", code="plan")


class UsageError(TfgenError):
    """The command line asks for something that does not fit together."""

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where, code="usage")


class Interrupted(TfgenError):  # noqa: N818 - an interruption is not an error of anybody's
    """The user stopped the run; everything that was started has ended."""

    def __init__(self, message: str = "interrupted", *, hint: str = "") -> None:
        super().__init__(message, hint=hint, code="interrupted")


def explain_unexpected(error: BaseException) -> TfgenError:
    """Say what an exception means that nobody explained: a disk that is full, or a bug whose traceback is kept."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TfgenError(
            f"no space left: {error.strerror}",
            where=str(error.filename or ""),
            hint="free some space and repeat the command; a run that changes something goes on with --resume",
            code="disk-full",
        )
    return TfgenError(
        f"this is a bug in tfgen: {type(error).__name__}: {error}",
        where=_write_bug_log(error),
        hint="please report it with that file, after a look for anything private in it",
        code=BUG,
    )
