"""The floor of a full render: plain Jinja and PyYAML, the same templates, the same files, and nothing else."""

import json
import sys
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader


def main() -> None:
    jobs = json.loads(Path(sys.argv[1]).read_text())
    target = Path(sys.argv[2])
    yaml.load(Path(sys.argv[3]).read_text(), Loader=yaml.CSafeLoader)
    environment = Environment(
        loader=FileSystemLoader(jobs["roots"]), trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    plain = dict.fromkeys(("ident", "text", "md", "prose", "cell"), str)
    environment.filters.update(plain, hcl=lambda value, indent=0: json.dumps(value))
    for job in jobs["files"]:
        text = "\n".join(environment.get_template(name).render(job["context"]) for name in job["templates"])
        path = target / job["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


main()
