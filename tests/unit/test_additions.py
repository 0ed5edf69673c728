from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.growing import add_queue
from tests.support.projects import SPEC, ProjectFolder, make_project
from tfgen.additions import Addition, Wish, missing_settings, parse_settings, resolve_addition
from tfgen.blueprint import Blueprint, list_blueprints, load_blueprint
from tfgen.errors import SpecError, UsageError


@pytest.fixture
def growing(project: ProjectFolder) -> ProjectFolder:
    add_queue(project)
    return project


def resolve(project: ProjectFolder, wish: Wish) -> Addition:
    return resolve_addition(project.load(), list_blueprints([project.root / "templates"]), wish)


def queue(project: ProjectFolder) -> Blueprint:
    return load_blueprint("queue", project.root / "templates" / "queue")


def with_modules(root: Path, *names: str) -> ProjectFolder:
    """The small project with further modules, each the network's blueprint."""
    lines = "".join(f"  {name}:\n    blueprint: network\n" for name in names)
    folder = make_project(root, spec=SPEC + lines)
    add_queue(folder)
    return folder


@pytest.mark.parametrize(
    ("wish", "name", "blueprint"),
    [
        (Wish("queue"), "04-queue", "queue"),
        (Wish("invoices", blueprint="queue"), "04-invoices", "queue"),
        (Wish("07-invoices", blueprint="queue"), "07-invoices", "queue"),
        (Wish("007-queue"), "007-queue", "queue"),
        (Wish("terraform/07-queue/"), "07-queue", "queue"),
        (Wish("queue", number="9"), "09-queue", "queue"),
        (Wish("queue", number="1234"), "1234-queue", "queue"),
        (Wish("07-queue", number="7"), "07-queue", "queue"),
    ],
)
def test_a_name_is_a_blueprint_a_short_name_or_a_full_one(
    growing: ProjectFolder, wish: Wish, name: str, blueprint: str
) -> None:
    found = resolve(growing, wish)
    assert (found.name, found.blueprint.name) == (name, blueprint)


@pytest.mark.parametrize(
    ("names", "wish", "name"),
    [
        (["99-late"], Wish("queue"), "100-queue"),
        (["010-late"], Wish("queue"), "011-queue"),
        (["1000-late"], Wish("queue"), "1001-queue"),
        (["08-a", "0009-b"], Wish("queue"), "0010-queue"),
        (["08-a"], Wish("queue", before="08"), "07-queue"),
        (["04-a", "05-b", "100-c"], Wish("queue", before="c"), "099-queue"),
        (["04-a", "06-b"], Wish("queue", before="06-b"), "05-queue"),
    ],
)
def test_numbers_are_compared_as_numbers_and_the_free_one_has_its_neighbours_width(
    tmp_path: Path, names: list[str], wish: Wish, name: str
) -> None:
    assert resolve(with_modules(tmp_path, *names), wish).name == name


@pytest.mark.parametrize(
    ("names", "wish", "message"),
    [
        # it reads 02-store, and 03 is the next one
        ([], Wish("queue", before="03"), "no number is left below 03-front-desk and above 02-store, which it reads"),
        ([], Wish("queue", before="00"), "no number is left below 00-network"),
        ([], Wish("queue", before="backend-config"), "nothing comes before backend-config"),
        (["9999-last"], Wish("queue"), "there is no number above 9999-last"),
        ([], Wish("queue", number="3"), "the number 03 is taken by 03-front-desk"),
        ([], Wish("0003-queue"), "the number 0003 is taken by 03-front-desk"),
        ([], Wish("7-queue"), "'7' is not a module's number"),
        ([], Wish("12345-queue"), "'12345' is not a module's number"),
        ([], Wish("queue", number="1e3"), "'1e3' is not a module's number"),
        ([], Wish("07-queue", number="8"), "the name says 07 and --number 8"),
        ([], Wish("queue", number="8", before="03"), "exclude each other"),
        ([], Wish("07-queue", before="03"), "exclude each other"),
        ([], Wish("front-desk"), "the name 'front-desk' is taken by 03-front-desk"),
        ([], Wish("for", blueprint="queue"), "'for' is a reserved word"),
        ([], Wish("Queue", blueprint="queue"), "'Queue' is not a module's name"),
        ([], Wish("a--b", blueprint="queue"), "'a--b' is not a module's name"),
        ([], Wish("q" * 41, blueprint="queue"), "is not a module's name"),
        ([], Wish("../queue"), "'../queue' is not a module's name"),
        ([], Wish("/queue"), "'/queue' is not a module's name"),
        ([], Wish(""), "'' is not a module's name"),
        ([], Wish("quue"), "'quue' is no blueprint"),
        ([], Wish("x", blueprint="quue"), "there is no blueprint 'quue'"),
        ([], Wish("x", blueprint="backend-config"), "a project has one backend-config"),
        ([], Wish("queue", reads=("stoer",)), "there is no module 'stoer'"),
        ([], Wish("queue", before="stoer"), "there is no module 'stoer'"),
    ],
)
def test_what_does_not_fit_is_explained(tmp_path: Path, names: list[str], wish: Wish, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(with_modules(tmp_path, *names), wish)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_mistyped_blueprint_is_guessed(growing: ProjectFolder) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(growing, Wish("quue"))
    assert "did you mean 'queue'?" in caught.value.hint


def test_a_setting_that_names_an_output_counts_as_a_read(growing: ProjectFolder) -> None:
    with pytest.raises(UsageError, match="above 03-front-desk, which it reads"):
        resolve(growing, Wish("queue", before="03", settings=("peer=front-desk.desk",)))


def test_the_entry_holds_what_was_said_and_nothing_else(growing: ProjectFolder) -> None:
    assert dict(resolve(growing, Wish("queue")).entry) == {"blueprint": "queue"}
    wish = Wish("queue", reads=("store", "02", "00-network"), settings=("days=5", "limits.rate=3", "tags=a, b"))
    assert dict(resolve(growing, wish).entry) == {
        "blueprint": "queue",
        "reads": ["network"],  # store is read by every queue
        "settings": {"days": 5, "limits": {"rate": 3}, "tags": ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mode=slow", {"mode": "slow"}),
        ("days=14", {"days": 14}),
        ("tags=[a, b]", {"tags": ["a", "b"]}),
        ("tags=a", {"tags": ["a"]}),
        ("tags=", {"tags": []}),
        ("limits={rate: 3}", {"limits": {"rate": 3}}),
        ("peer=", {"peer": ""}),
    ],
)
def test_values_are_read_by_the_settings_type(growing: ProjectFolder, text: str, value: dict[str, object]) -> None:
    assert parse_settings([text], queue(growing)) == value


def test_a_text_stays_a_text(growing: ProjectFolder) -> None:
    growing.write(
        "templates/queue/blueprint.yaml", "summary: x\nsettings: {properties: {a: {type: string, default: ''}}}"
    )
    for text in ("no", "012345678901", "1", "{a: 1}", "a: b # c", "ü"):
        assert parse_settings([f"a={text}"], queue(growing)) == {"a": text}


def test_all_problems_of_settings_are_told_at_once(growing: ProjectFolder) -> None:
    texts = ("dayz=3", "days=many", "mode=x", "limits.rates=1", "days", "limits=[", "mode=x")
    with pytest.raises(SpecError) as caught:
        parse_settings(texts, queue(growing))
    found = {problem.where: (problem.message, problem.hint) for problem in caught.value.problems}
    assert found["--set dayz"] == ("the blueprint 'queue' has no setting 'dayz'", "did you mean 'days'?")
    assert found["--set limits.rates"][1] == "did you mean 'rate'?"
    assert found["--set days"] == ("the text 'many' where a whole number is wanted", "Days a message waits")
    assert found["--set mode"][0] == "'x' is not one of the values"
    assert any("given twice" in problem.message for problem in caught.value.problems)
    assert any("key=value" in problem.message for problem in caught.value.problems)
    assert any(problem.where.startswith("--set limits:") for problem in caught.value.problems)


def test_a_value_that_is_no_text_is_refused(growing: ProjectFolder) -> None:
    with pytest.raises(SpecError) as caught:
        parse_settings(["mode=\udcff"], queue(growing))
    assert caught.value.problems[0].message == "the value is not UTF-8"


def test_the_settings_that_must_be_given(growing: ProjectFolder) -> None:
    growing.write(
        "templates/queue/blueprint.yaml",
        "summary: x\nsettings: {required: [a, b], properties: {a: {type: string}, b: {type: object}}}",
    )
    assert missing_settings(queue(growing), ("b.c=1",)) == ("a",)


def test_what_must_be_given_beside_other_settings_is_missing_only_there(growing: ProjectFolder) -> None:
    growing.write(
        "templates/queue/blueprint.yaml",
        "summary: x\n"
        "settings:\n"
        "  properties:\n"
        "    trigger: {enum: [none, rule], default: none}\n"
        "    pattern: {type: object, when: {trigger: [rule]}}\n"
        "    delay: {type: integer, default: 0, when: {trigger: [rule]}}\n",
    )
    assert missing_settings(queue(growing), ()) == ()
    assert missing_settings(queue(growing), ("trigger=rule",)) == ("pattern",)
    assert missing_settings(queue(growing), ("trigger=rule", "pattern.source=shop")) == ()
    with pytest.raises(SpecError) as caught:
        missing_settings(queue(growing), ("trigger=rule", "patern=x"))
    assert "has no setting 'patern'" in caught.value.problems[0].message
