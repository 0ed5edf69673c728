from __future__ import annotations

from pathlib import Path

import pytest

from tfgen.errors import TfgenError
from tfgen.variables import effective_values


def texts(folder: Path, *var_files: Path) -> dict[str, str]:
    return {name: value.text for name, value in effective_values(folder, var_files).items()}


def test_the_precedence_is_terraforms(tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    for name, text in {
        "terraform.tfvars": 'a = "1"\nb = "1"\nc = "1"\nd = "1"\n',
        "b.auto.tfvars": 'b = "2"\nc = "2"\nd = "2"\n',
        "c.auto.tfvars.json": '{"c": "3", "d": "3"}',
        "other.tfvars": 'a = "never"\n',
    }.items():
        (tmp_path / "module" / name).write_text(text)
    (tmp_path / "env.tfvars").write_text('d = "4"\n')
    assert texts(tmp_path / "module", tmp_path / "env.tfvars") == {"a": '"1"', "b": '"2"', "c": '"3"', "d": '"4"'}


def test_a_link_to_the_parent_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "terraform.tfvars").write_text('region = "eu-west-1" # here\n')
    (tmp_path / "module" / "global.auto.tfvars").symlink_to("../terraform.tfvars")
    assert texts(tmp_path / "module") == {"region": '"eu-west-1"'}


def test_values_keep_their_text(tmp_path: Path) -> None:
    value = '[\n  { name = "$${x}", ports = [1, 2] },\n]'
    heredoc = "<<-EOT\n  one\n  two\nEOT"
    (tmp_path / "terraform.tfvars").write_text(f"list = {value}\ntext = {heredoc}\nlast = true\n")
    found = effective_values(tmp_path)
    assert {name: (item.text, item.line) for name, item in found.items()} == {
        "list": (value, 1),
        "text": (heredoc, 4),
        "last": ("true", 8),
    }


def test_what_looks_like_a_template_in_json_is_text(tmp_path: Path) -> None:
    (tmp_path / "x.auto.tfvars.json").write_text('{"a": "${b}", "c": [1, null, {"d": true}]}')
    assert texts(tmp_path) == {"a": '"$${b}"', "c": "[\n  1,\n  null,\n  {\n    d = true\n  },\n]"}


@pytest.mark.parametrize(("name", "text"), [("terraform.tfvars", "a = [\nb }"), ("x.auto.tfvars.json", "[1]")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TfgenError) as caught:
        effective_values(tmp_path)
    assert caught.value.where.endswith(name)
