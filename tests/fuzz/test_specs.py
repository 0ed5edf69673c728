"""No spec makes tfgen crash, no text of a spec becomes code, no path leaves the project."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import CASES
from tests.fuzz.strategies import Case, broken_cases, cases, evil_texts, own_templates, template_texts
from tfgen import workflow
from tfgen.errors import SpecError, TfgenError
from tfgen.hcl import to_hcl
from tfgen.render import RenderedTree

profile = settings.get_profile("tfgen")
HCL = (".tf", ".hcl", ".tfvars", ".tfbackend")


def write(folder: Path, case: Case) -> None:
    files = {
        "config/project.yaml": yaml.safe_dump(case.spec, sort_keys=False),
        **{f"config/environments/{name}.yaml": yaml.safe_dump(value) for name, value in case.environments.items()},
        **{f"templates/{name}": text for name, text in case.templates.items()},
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def render(case: Case) -> RenderedTree | None:
    """Render in memory; None if tfgen explains why it does not. Anything else than an explanation is a bug."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), case)
        return render_folder(Path(name))


def render_folder(folder: Path) -> RenderedTree | None:
    try:
        return workflow.preview(workflow.load_project(folder)).tree
    except TfgenError as error:
        problems = error.problems if isinstance(error, SpecError) else (error,)
        assert problems
        assert all(problem.message for problem in problems)
        event(f"refused: {re.sub('[^a-z ]+', '·', problems[0].message)[:60]}")
        note(str(problems[0].message))
        return None


@cache
def _parser() -> Any:
    import tree_sitter_hcl
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_hcl.language()))


def parse(source: bytes) -> Any:
    return _parser().parse(source).root_node


def strings(node: Any) -> Iterator[str]:
    """Yield the value of each quoted string, read by the rules of the HCL specification, not by tfgen's."""
    if node.type in ("string_lit", "quoted_template"):
        if not any(child.type in ("template_interpolation", "template_directive") for child in node.children):
            yield decode(node.text.decode()[1:-1])
        return
    for child in node.children:
        yield from strings(child)


_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|(\$\$|%%)\{", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def decode(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[4]:
            return match[4][0] + "{"
        return _SIMPLE[match[3]] if match[3] else chr(int(match[1] or match[2], 16))

    return _ESCAPE.sub(one, text)


def shape(node: Any) -> Iterator[str]:
    """Yield what a file is as code: its tokens, without the text of strings, and without optional commas."""
    if node.type in ("string_lit", "quoted_template"):
        inner = [child for child in node.children if child.type in ("template_interpolation", "template_directive")]
        yield f"string({len(inner)})"
        for child in inner:
            yield from shape(child)
    elif not node.children:
        if node.type not in (",", "comment"):
            yield node.text.decode() if node.type != "numeric_lit" else "number"
    else:
        for child in node.children:
            yield from shape(child)


def assert_good(tree: RenderedTree) -> None:
    for path, file in tree.files.items():
        pure = PurePosixPath(path)
        assert not pure.is_absolute(), path
        assert ".." not in pure.parts, path
        assert not file.link or file.link == "../terraform.tfvars", path
        if path.endswith(HCL):
            assert not parse(file.content).has_error, f"{path}:\n{file.content.decode()}"
            assert not re.search("[\u2028\u2029\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", file.content.decode()), (
                path
            )


@settings(profile)
@given(cases())
def test_what_is_rendered_is_hcl(case: Case) -> None:
    tree = render(case)
    if tree is None:
        return
    event("rendered")
    assert_good(tree)
    wanted = {case.spec["owner"], *case.spec["tags"].values()}
    for path, file in tree.files.items():
        if path.endswith("/locals.tf"):
            assert wanted <= set(strings(parse(file.content))), path
    for module, value in case.spec["modules"].items():
        if value["blueprint"] == "own":
            given = value["settings"]
            texts = {given.get("label", "x"), *given.get("labels", ()), *given.get("table", {}).values()}
            assert texts <= set(strings(parse(tree.files[f"{module}/main.tf"].content))), module


def harmless(value: Any) -> Any:
    """Put a harmless text in place of each one, keys included."""
    if isinstance(value, dict):
        return {f"k{number}": harmless(item) for number, item in enumerate(value.values())}
    if isinstance(value, list):
        return [harmless(item) for item in value]
    return "x" if isinstance(value, str) else value


@settings(profile)
@given(evil_texts, st.lists(evil_texts, max_size=4), st.dictionaries(evil_texts, evil_texts, max_size=4), evil_texts)
def test_a_text_changes_nothing_but_strings(label: str, labels: list[str], table: dict[str, str], late: str) -> None:
    texts = {"label": label, "labels": labels, "table": table, "late": late}
    shapes = []
    for chosen in (texts, {name: harmless(value) for name, value in texts.items()}):
        tree = render(_labelled(chosen, table if chosen is texts else harmless(table)))
        assert tree is not None
        files = {path: file for path, file in tree.files.items() if path.endswith(HCL)}
        assert_good(tree)
        shapes.append({path: [*_keys_aside(shape(parse(file.content)))] for path, file in files.items()})
    assert shapes[0] == shapes[1]


def _keys_aside(tokens: Iterator[str]) -> Iterator[str]:
    """A key is written bare or quoted: both are one token here."""
    return ("string(0)" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", token) else token for token in tokens)


def _labelled(values: Mapping[str, Any], tags: dict[str, str]) -> Case:
    state = {"bucket": "b-local-tfstate", "lock_table": "locks"}
    spec = {
        "version": 1,
        "project": "shop",
        "owner": "team",
        "region": "eu-west-1",
        "tags": tags,
        "modules": {"00-x": {"blueprint": "own", "settings": dict(values)}},
    }
    return Case(spec, {"local": {"endpoint": "http://127.0.0.1:4566", "state": state}}, own_templates())


@settings(profile)
@given(broken_cases())
def test_nothing_crashes_whatever_stands_in_the_spec(case: Case) -> None:
    tree = render(case)
    if tree is not None:
        event("rendered")
        assert_good(tree)


@settings(profile)
@given(st.data())
def test_nothing_crashes_whatever_the_bytes_of_a_file_are(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, _labelled({"label": "x"}, {}))
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        victim = data.draw(st.sampled_from(files))
        content = victim.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 20)))
        filling = data.draw(st.one_of(st.binary(max_size=12), evil_texts.map(str.encode)))
        victim.write_bytes(content[:start] + filling + content[end:])
        render_folder(folder)


@settings(profile)
@given(st.dictionaries(st.sampled_from(("main", "outputs", "variables", "more", "tests/own.tftest")), template_texts))
def test_no_template_crashes_or_reads_elsewhere(texts: dict[str, str]) -> None:
    case = _labelled({"label": "x"}, {})
    for name, text in texts.items():
        ending = ".hcl.j2" if name.startswith("tests/") else ".tf.j2"
        case.templates[f"own/{name}{ending}"] = text
    tree = render(case)
    if tree is not None:
        event("rendered")
        assert not any(b"root:" in file.content for file in tree.files.values())


@pytest.mark.terraform
def test_terraform_reads_the_texts_as_they_were_written(tmp_path: Path) -> None:
    """Not tree-sitter but terraform itself: hundreds of texts, read back from its state."""
    texts: list[str] = []

    @settings(profile, max_examples=max(300, CASES // 10))
    @given(evil_texts)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    written = to_hcl({f"text_{number}": text for number, text in enumerate(texts)}, 2)
    (tmp_path / "main.tf").write_text(f'output "texts" {{\n  value = {written}\n}}\n', encoding="utf-8", newline="")
    terraform = shutil.which("terraform")
    assert terraform is not None
    env = {"PATH": str(Path(terraform).parent), "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}

    def run(*words: str) -> str:
        done = subprocess.run([terraform, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("fmt", "-check")
    run("init", "-input=false")
    run("apply", "-auto-approve", "-input=false")
    outputs = json.loads(run("output", "-json"))["texts"]["value"]
    # Terraform itself normalises every string to NFC.
    assert outputs == {f"text_{number}": unicodedata.normalize("NFC", text) for number, text in enumerate(texts)}


@pytest.mark.terraform
def test_what_is_rendered_is_formatted(tmp_path: Path) -> None:
    count = 0

    @settings(profile, max_examples=max(25, CASES // 100))
    @given(cases())
    def collect(case: Case) -> None:
        nonlocal count
        tree = render(case)
        for path, file in tree.files.items() if tree else ():
            if path.endswith((".tf", ".hcl", ".tfvars")) and not file.link and not path.endswith(".terraform.lock.hcl"):
                target = tmp_path / str(count) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content)
        count += 1

    collect()
    terraform = shutil.which("terraform")
    assert terraform is not None
    done = subprocess.run(
        [terraform, "fmt", "-check", "-recursive", "-diff", "-no-color"],
        cwd=tmp_path,
        env={"PATH": f"{Path(terraform).parent}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert any(tmp_path.iterdir())
