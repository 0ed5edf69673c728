"""A blueprint that grows the small project, and what differs between two looks at a folder."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.projects import ProjectFolder

QUEUE: Mapping[str, str] = {
    "blueprint.yaml": """\
        summary: a queue
        reads: [store]
        settings:
          properties:
            days: {type: integer, minimum: 1, maximum: 14, default: 4, varies: true, description: Days a message waits}
            mode: {type: string, enum: [fast, slow], default: fast}
            tags: {type: array, items: {type: string}, default: []}
            limits:
              type: object
              additionalProperties: false
              properties: {rate: {type: integer, default: 1}, burst: {type: integer, default: 2}}
              default: {}
            peer: {type: string, format: output, default: ""}
        examples:
          - {for: a slow one, add: invoices --blueprint queue --set mode=slow}
        """,
    "main.tf.j2": """\
        resource "terraform_data" "queue" {
          input = local.store.table
{% if settings.peer %}
          peer  = {{ settings.peer | ref }}
{% endif %}
        }
        """,
    "variables.tf.j2": """\
        variable "days" {
          description = "Days a message waits."
          type        = number
          default     = {{ settings.days | hcl }}
        }
        """,
}


def add_queue(project: ProjectFolder) -> None:
    """Give the project the blueprint `queue`."""
    for path, text in QUEUE.items():
        project.write(f"templates/queue/{path}", text)


def differing(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, str]:
    """Return the paths that are not the same: `new`, `changed` or `gone`."""
    return {
        path: "new" if path not in before else "gone" if path not in after else "changed"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    }
