"""Why a module cannot be composed, as data: the words that are said, and the page that explains them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """One reason.

    Attributes:
        text: What is said; `{name}` stands for what is filled in.
        why: Why composing cannot carry it.
        applies_only: True if the composed plan can carry it, and only applying it as one cannot.
    """

    text: str
    why: str
    applies_only: bool = False

    def say(self, **values: object) -> str:
        """Return the reason with its values."""
        return self.text.format(**values)


VALUES = Refusal(
    "{where}: {message}",
    "The module's variables cannot be read, so nobody knows what its call would have to say.",
)
NO_VALUE = Refusal(
    "variable {name} has no value",
    "Terraform would ask for it; a call of a module cannot ask.",
)
BACKEND = Refusal(
    "its state is in a backend of type {kind}, which cannot be merged",
    "tfgen reads and writes states in S3, and reads those in local files; it speaks no other backend's protocol.",
)
OUTSIDE = Refusal(
    "it calls {path}, outside of the project",
    "The scratch root mirrors the project's folder; what lies outside of it is not there.",
)
PROVIDER_VERSION = Refusal(
    "it is locked to provider {provider} {version}, most modules to {usual}",
    "One terraform process runs one version of each provider.",
)
PROVIDER_SOURCE = Refusal(
    "its provider {name} is {source}, in other modules {other}",
    "One name stands for one provider in one configuration.",
)
PROVIDER_CONSTRAINT = Refusal(
    "it wants provider {name} {version}, most modules {usual}",
    "Terraform found no version that all modules accept.",
)
PROVIDER_MISSING = Refusal(
    "provider {source} cannot be had",
    "The others should not wait for a provider that only this module needs.",
)
FILE = Refusal(
    "its file {name} differs from the one of {other}",
    "Files read by `path.root` lie in one folder.",
)
LOCAL_STATE = Refusal(
    "its state is in a local file",
    "Such a state has no lock that other machines see, so nobody could be kept out while it is applied.",
    applies_only=True,
)
BACKEND_SETTING = Refusal(
    "its backend has {name}, which tfgen does not know",
    "The state would be written another way than terraform writes it.",
    applies_only=True,
)
FAILED_STATE = Refusal(
    "its state cannot be used: {message}",
    "What it manages is not known, so everything in it would be created a second time.",
    applies_only=True,
)
INCOMPLETE = Refusal(
    "what it does can be planned only after something else is applied: {message}",
    "A plan that is not whole is applied in stages, each with its own question.",
    applies_only=True,
)
NOT_LOADED = Refusal(
    "terraform cannot load it together with the others: {message}",
    "An error in one module would keep all of them from being planned.",
)

TABLE: tuple[Refusal, ...] = (
    PROVIDER_VERSION,
    PROVIDER_SOURCE,
    PROVIDER_CONSTRAINT,
    PROVIDER_MISSING,
    BACKEND,
    LOCAL_STATE,
    BACKEND_SETTING,
    FAILED_STATE,
    OUTSIDE,
    FILE,
    VALUES,
    NO_VALUE,
    NOT_LOADED,
    INCOMPLETE,
)
"""In the order of the page."""


def to_markdown() -> str:
    """Return the table of docs/explanation/composed-apply.md."""
    lines = ["| what is said of a module | why |", "|---|---|"]
    lines += [f"| {row.text.replace('{', '*').replace('}', '*')} | {row.why} |" for row in TABLE]
    return "\n".join(lines) + "\n"
