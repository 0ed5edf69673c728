from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfgen.errors import TfgenError
from tfgen.templating import Templates


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def render(tmp_path: Path, text: str, **context: Any) -> str:
    (tmp_path / "box").mkdir(exist_ok=True)
    (tmp_path / "box" / "main.tf.j2").write_text(text, "utf-8")
    return Templates([tmp_path]).render("box/main.tf.j2", context)


def refusal(tmp_path: Path, text: str, **context: Any) -> TfgenError:
    with pytest.raises(TfgenError) as caught:
        render(tmp_path, text, **context)
    return caught.value


def test_values_become_hcl(tmp_path: Path) -> None:
    text = "a = {{ a | hcl }}\nb = {{ b | hcl(2) }}\nn = {{ n }}\n"
    assert render(tmp_path, text, a="${x}", b={"k": [True]}, n=3) == 'a = "$${x}"\nb = {\n    k = [true]\n  }\nn = 3\n'


def test_names_and_text_inside_quotes(tmp_path: Path) -> None:
    text = 'resource "x" "{{ name | ident }}" {} # {{ note | text }}\n'
    assert render(tmp_path, text, name="a-b_1", note='two\n"lines"') == 'resource "x" "a-b_1" {} # two\\n\\"lines\\"\n'


def test_hcl_interpolation_in_a_template_is_left_alone(tmp_path: Path) -> None:
    assert render(tmp_path, 'a = "${var.x}-%{ if true }y%{ endif }"\n') == 'a = "${var.x}-%{ if true }y%{ endif }"\n'


def test_blocks_leave_no_blank_lines(tmp_path: Path) -> None:
    assert render(
        tmp_path, "{% for n in ns %}\n  {% if n %}\nx = {{ n }}\n  {% endif %}\n{% endfor %}\n", ns=[1, 2]
    ) == ("x = 1\nx = 2\n")


@pytest.mark.parametrize("value", [None, True, "text", ["a"], {"a": 1}, 1.5])
def test_a_raw_value_is_refused_with_the_filters_that_help(tmp_path: Path, value: Any) -> None:
    error = refusal(tmp_path, "a = 1\nb = {{ value }}\n", value=value)
    assert error.where == "templates/box/main.tf.j2:2"
    assert "| hcl, | ident or | text" in error.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("\n{{ missing | hcl }}", 2, "'missing' is undefined"),
        ("\n\n{{ box.colour | hcl }}", 3, "colour"),
        ("{% if missing %}{% endif %}", 1, "'missing' is undefined"),
        ("{{ missing | ident }}", 1, "'missing' is undefined"),
        ("{{ missing | text }}", 1, "'missing' is undefined"),
        ("\n{% if x %}\n", 2, "Unexpected end of template"),
        ("a\n{{ x | upper }}", 2, "No filter named 'upper'"),
        ("a\n{{ 'a b' | ident }}", 2, "'a b' is not a name"),
        ("a\n{{ 'a\\n' | ident }}", 2, "is not a name"),
        ("{{ 1 // 0 }}", 1, "division"),
        ("{{ box | hcl('x') }}", 1, ""),
        ("{% include 'none.j2' %}", 1, "none.j2"),
    ],
)
def test_template_errors_name_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    error = refusal(tmp_path, text, box={"a": 1}, x=1)
    assert error.where in (f"templates/box/main.tf.j2:{line}", "templates/box/main.tf.j2")
    assert message in error.message


def test_an_error_in_an_included_template_names_that_template(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "inner.j2").write_text("\n\n{{ absent | hcl }}")
    error = refusal(tmp_path, "{% include 'part/inner.j2' %}")
    assert error.where == "templates/part/inner.j2:3"


def test_a_missing_template(tmp_path: Path) -> None:
    with pytest.raises(TfgenError, match="there is no template 'box/none'"):
        Templates([tmp_path]).render("box/none", {})


def test_a_template_that_is_not_utf8_is_explained(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "main.tf.j2").write_bytes(b"a = \xff\n")
    with pytest.raises(TfgenError) as caught:
        Templates([tmp_path]).render("box/main.tf.j2", {})
    assert caught.value.where.startswith("templates/box/main.tf.j2")


def test_the_first_root_wins(tmp_path: Path) -> None:
    for root, text in (("own", "1"), ("shipped", "2")):
        (tmp_path / root / "box").mkdir(parents=True)
        (tmp_path / root / "box" / "a.j2").write_text(text)
    (tmp_path / "shipped" / "box" / "b.j2").write_text("3")
    templates = Templates([tmp_path / "own", tmp_path / "shipped"])
    assert (templates.render("box/a.j2", {}), templates.render("box/b.j2", {})) == ("1", "3")
    assert templates.source("box/a.j2") == "1"


def test_markdown_of_users_is_escaped_and_that_of_blueprints_is_not(tmp_path: Path) -> None:
    text = "{{ a | md }} {{ a | prose }} {{ b | cell }} {{ c | cell }}"
    assert render(tmp_path, text, a="*x*\n|", b="a|b\n c", c="`q`") == "\\*x\\* \\| *x*\n| `a\\|b c` `` `q` ``"


def test_code_in_a_cell_cannot_end_early(tmp_path: Path) -> None:
    told = render(tmp_path, "{{ a | cell }}", a="x `` <img src=y> ``` z")
    assert told == "```` x `` <img src=y> ``` z ````"


def test_a_changed_template_is_not_served_from_the_cache(tmp_path: Path) -> None:
    assert render(tmp_path, "a = {{ n }}\n", n=1) == "a = 1\n"
    assert render(tmp_path, "b = {{ n }}\n", n=1) == "b = 1\n"


def test_a_cache_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "tfgen" / "templates"
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert render(tmp_path, "a = {{ n }}\n", n=1) == "a = 1\n"
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert render(tmp_path, "a = {{ n }}\n", n=1) == "a = 1\n"


def test_a_damaged_cache_is_ignored(tmp_path: Path) -> None:
    render(tmp_path, "a = {{ n }}\n", n=1)
    for path in (tmp_path / "cache" / "tfgen" / "templates").iterdir():
        path.write_bytes(path.read_bytes()[:20] + b"garbage")
    assert render(tmp_path, "a = {{ n }}\n", n=1) == "a = 1\n"


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jinja2.bccache.tempfile.NamedTemporaryFile", full)
    assert render(tmp_path, "a = {{ n }}\n", n=1) == "a = 1\n"
