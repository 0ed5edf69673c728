from __future__ import annotations

from pathlib import Path

import pytest

from tfgen import assets
from tfgen.errors import TfgenError


def test_the_shipped_folders_are_found_in_a_checkout() -> None:
    assert (assets.templates_root() / "_shared" / "versions.tf.j2").is_file()
    assert (assets.config_root() / "project.yaml").is_file()
    assert (assets.lambdas_root() / "order_processor" / "handler.py").is_file()


def test_a_broken_installation_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "_WHEEL", tmp_path / "data")
    monkeypatch.setattr(assets, "_CHECKOUT", tmp_path)
    with pytest.raises(TfgenError) as caught:
        assets.templates_root()
    assert "reinstall" in caught.value.hint
    assert caught.value.where == str(tmp_path / "data" / "templates")


def test_a_wheel_carries_its_own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data" / "templates").mkdir(parents=True)
    monkeypatch.setattr(assets, "_WHEEL", tmp_path / "data")
    assert assets.templates_root() == tmp_path / "data" / "templates"
