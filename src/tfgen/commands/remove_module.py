"""`tfgen remove-module NAME`: a module less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tfgen.commands._growing import answer_additions, count_files, show_lines
from tfgen.commands._options import command, complete_module
from tfgen.commands._output import answer, answer_json, note
from tfgen.settings import Settings, find_root

if TYPE_CHECKING:
    from tfgen.growing import Shrinkage


@command(name="remove-module")
@click.argument("name", shell_complete=complete_module)
@click.option("--keep-state", is_flag=True, help="Remove it although it is still applied; what is there stays.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
def cli(settings: Settings, name: str, keep_state: bool, dry_run: bool) -> None:
    """Remove a module from the spec and from terraform/; destroy it first.

    What people wrote stays: edited files, files of their own, and its functions under lambdas/. AWS is not asked.
    """
    from tfgen import growing

    root, spec = find_root(settings)
    shrinkage = growing.remove(root, spec, name, settings.variables, keep_state=keep_state, dry_run=dry_run)
    _answer(settings, shrinkage, str(spec.relative_to(root)) if spec.is_relative_to(root) else str(spec), dry_run)


def _answer(settings: Settings, shrinkage: Shrinkage, spec: str, dry_run: bool) -> None:
    module, changes = shrinkage.module, shrinkage.result.changes
    fetched = (shrinkage.initialised,) if shrinkage.initialised else ()
    kept = fetched if shrinkage.left else ()
    if settings.json:
        answer_json(
            {
                "module": module.name,
                "dry_run": dry_run,
                "spec": spec,
                "removed": [f"terraform/{path}" for path in (*changes.removed, *(() if kept else fetched))],
                "changed": [f"terraform/{path}" for path in changes.changed],
                "left": [*(f"terraform/{path}" for path in (*shrinkage.left, *kept)), *shrinkage.functions],
                "applied": dict(shrinkage.applied),
                "not_looked_at": list(shrinkage.unseen),
            }
        )
        return
    if dry_run:
        answer_additions(shrinkage.before, shrinkage.after, spec)
    lines = [("changed", spec)]
    if changes.removed:
        lines.append(("removed", f"terraform/{module.name}/ ({count_files(changes.removed)})"))
    lines += [("changed", f"terraform/{path}") for path in changes.changed]
    lines += [("left", f"terraform/{path}: yours") for path in shrinkage.left]
    lines += [("left" if kept else "removed", f"terraform/{path}/: what terraform init fetched") for path in fetched]
    lines += [("left", f"{folder}/: yours; delete it if nothing needs it") for folder in shrinkage.functions]
    if shrinkage.comment is not None:
        lines.append(("left", f"the comment above it, {spec}:{shrinkage.comment}"))
    show_lines(settings, lines)
    _explain_states(settings, shrinkage)
    answer(f"{module.name} {'would be removed' if dry_run else 'removed'}")


def _explain_states(settings: Settings, shrinkage: Shrinkage) -> None:
    """Say what is known of its states: what is applied and was not destroyed stays where it is."""
    name = shrinkage.module.name
    for environment, count in shrinkage.applied.items():
        noun = "resource stays" if count == 1 else "resources stay"
        note(settings, f"{environment}: {count} {noun}, and so does the state ({name}/terraform.tfstate)")
    if shrinkage.unseen:
        first = shrinkage.unseen[0]
        note(settings, f"not looked at: {', '.join(shrinkage.unseen)}. If {name} is applied there, its resources stay:")
        note(settings, f"  take this change back, tfgen destroy --module {name} --env {first}, and remove it again")
