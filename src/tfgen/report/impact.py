"""What a change means for the modules, for people and machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tfgen.impact import ModuleImpact
from tfgen.report.values import Paint, plain, printable


def to_document(impacts: Sequence[ModuleImpact]) -> dict[str, Any]:
    """Return the answer as plain data."""
    return {
        "apply": [impact.name for impact in impacts if impact.apply],
        "loses_data": any(impact.losses for impact in impacts),
        "modules": {
            impact.name: {
                "apply": impact.apply,
                "certain": impact.certain,
                **{
                    name: list(getattr(impact, name))
                    for name in ("reasons", "replaced", "destroyed", "losses", "risks", "outputs")
                },
            }
            for impact in impacts
        },
    }


def to_text(impacts: Sequence[ModuleImpact], *, paint: Paint = plain) -> Iterator[str]:
    """Describe what must be applied and why, then what stays, then what is lost."""
    wanted = [impact for impact in impacts if impact.apply]
    for impact in wanted:
        yield paint(f"{impact.name} must be applied", "bold")
        yield from (f"  {printable(reason)}" for reason in impact.reasons)
        yield from (paint(f"  ± {printable(address)} is replaced", "red") for address in impact.replaced)
        yield from (paint(f"  - {printable(address)} is destroyed", "red") for address in impact.destroyed)
        yield from (f"  mind: {printable(risk)}" for risk in impact.risks)
    stays = [impact for impact in impacts if not impact.apply]
    if stays and wanted:
        yield ""
    for impact in stays:
        reasons = f": {'; '.join(printable(reason) for reason in impact.reasons)}" if impact.reasons else ""
        yield f"{impact.name} stays as it is{reasons}" if wanted else f"{impact.name} stays as it is"
    for impact in impacts:
        for loss in impact.losses:
            yield paint(f"DATA IS LOST: {impact.name}: {printable(loss)}", "red")
    names = ", ".join(impact.name for impact in wanted)
    yield paint(f"To apply, in this order: {names}" if wanted else "Nothing has to be applied.", "bold")
