"""A project as it was at another git revision."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tfgen import process
from tfgen.errors import TfgenError

_PARTS = ("config", "templates", "lambdas", "terraform")
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME")


@contextmanager
def checked_out(root: Path, revision: str, caller: Mapping[str, str], extra: Path | None = None) -> Iterator[Path]:
    """Give a temporary folder with what a project is rendered from, as it was at a revision.

    Args:
        root: The project's folder, anywhere in a git repository.
        revision: Whatever git understands as a commit.
        caller: The environment tfgen was started with.
        extra: A further file that is wanted: a spec in another place.

    Raises:
        TfgenError: There is no git, no repository, no such revision, or no project in it.
    """
    env = {name: caller[name] for name in _KEPT if name in caller}
    if revision.startswith("-"):
        raise _unknown(revision)
    commit = _git(root, env, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    if not commit:
        raise _unknown(revision)
    wanted = _wanted(root, env, commit, extra)
    if not wanted:
        raise TfgenError(f"there was no project here at {revision}", where=str(root), hint="name a later revision")
    with tempfile.TemporaryDirectory(prefix="tfgen-revision-") as folder:
        archive = Path(folder) / "project.tar"
        _git(root, env, "archive", "--format=tar", f"--output={archive}", commit, "--", *wanted)
        target = Path(folder) / "project"
        with tarfile.open(archive) as files:
            files.extractall(target, members=_inside(files, target), filter="tar")
        archive.unlink()
        yield target


def _inside(files: tarfile.TarFile, target: Path) -> Iterator[tarfile.TarInfo]:
    """Leave out links that lead out of the folder, and what is neither file, folder nor link."""
    for member in files:
        if member.issym():
            end = os.path.normpath((target / member.name).parent / member.linkname)
            if not Path(end).is_relative_to(target):
                continue
        if member.isfile() or member.isdir() or member.issym():
            yield member


def _wanted(root: Path, env: Mapping[str, str], commit: str, extra: Path | None) -> list[str]:
    prefix = _git(root, env, "rev-parse", "--show-prefix").strip()
    listed = _git(root, env, "ls-tree", "-z", "--name-only", f"{commit}:{prefix}" if prefix else commit, quiet=True)
    names = set(listed.split("\0"))
    wanted = [name for name in _PARTS if name in names]
    if extra is not None and extra.is_relative_to(root) and (first := extra.relative_to(root).parts[0]) in names:
        wanted += [first] if first not in wanted else []
    return wanted


def _git(root: Path, env: Mapping[str, str], *words: str, quiet: bool = False) -> str:
    done = process.run(["git", "-C", str(root), *words], cwd=root, env=env, timeout=120)
    if done.returncode == 0:
        return done.stdout
    if "not a git repository" in done.stderr:
        raise TfgenError("this project is in no git repository", where=str(root), hint="git init, git add, git commit")
    if quiet or "--quiet" in words:
        return ""
    raise TfgenError(f"git {words[0]} failed: {done.stderr.strip()}", where=str(root), hint=f"git {words[0]} by hand")


def _unknown(revision: str) -> TfgenError:
    return TfgenError(
        f"there is no revision '{revision}'", hint="a commit, branch or tag: git log --oneline", code="usage"
    )
