"""How many cases: a handful with the other tests, the same every time; `make fuzz` draws 10,000 new ones in all."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

PROPERTIES = 5
CASES = int(os.environ.get("FUZZ_CASES", "0")) // PROPERTIES

settings.register_profile(
    "tfgen",
    max_examples=CASES or 60,
    derandomize=not CASES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink) if CASES else (Phase.generate,),
    print_blob=True,
)
