"""`make bench`: whole processes, as medians, beside what the same work costs without tfgen on this machine.

`python -m tests.benchmarks --only PART` measures one part; the parts are listed below.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from tests.benchmarks.stage import Stage

PARTS: Mapping[str, str] = {
    "render": "rendering:show_render",
    "start-up": "rendering:show_start_up",
    "scaling": "scaling:show_scaling",
    "plan": "whole:show_plan",
    "validate": "whole:show_validate",
    "memory": "whole:show_memory",
    "chain": "chain:show_chain",
    "pipeline": "pipeline:show_pipeline",
    "engine": "engine:show_engine",
    "composed-apply": "composed:show_composed_apply",
}
"""What may be measured → where it is; each takes the stage that all share, and prints."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="measure this part; may be repeated")
    wanted = parser.parse_args().only or list(PARTS)
    with tempfile.TemporaryDirectory() as name:
        stage = Stage(Path(name))
        try:
            for part in PARTS:
                if part in wanted:
                    _load(PARTS[part])(stage)
        finally:
            stage.close()


def _load(place: str) -> Callable[[Stage], None]:
    module, _, function = place.partition(":")
    found: Callable[[Stage], None] = getattr(import_module(f"tests.benchmarks.{module}"), function)
    return found


if __name__ == "__main__":
    main()
