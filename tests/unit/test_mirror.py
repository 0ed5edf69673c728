from __future__ import annotations

import threading

import pytest

from tfgen import mirror
from tfgen.errors import TfgenError

LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n  hashes = [\n    "h1:x",\n  ]\n}\n'


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "opt"
    (folder / "unrelated" / "bin").mkdir(parents=True)
    (folder / "tf" / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0").mkdir(parents=True)
    return folder


def test_the_order_is_variable_then_configuration_then_folders(tmp_path, shared):
    environ = {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "none")}
    found = mirror.find_provider_source(environ, shared=[shared])
    assert found.mirror == shared / "tf"
    assert not found.downloads

    implied = tmp_path / "home" / ".terraform.d" / "plugins"
    (implied / "registry.terraform.io" / "hashicorp" / "aws").mkdir(parents=True)
    assert mirror.find_provider_source(environ, shared=[shared]).mirror == implied

    own = tmp_path / "home" / ".terraformrc"
    own.write_text('provider_installation {\n  filesystem_mirror {\n    path = "/x"\n  }\n}\n')
    found = mirror.find_provider_source(environ, shared=[shared])
    assert found.config_decides
    assert not found.downloads
    assert mirror.write_cli_config(found, tmp_path / "work") == own

    named = {**environ, "TFGEN_PROVIDER_MIRROR": str(shared / "tf")}
    assert mirror.find_provider_source(named, shared=[]).mirror == shared / "tf"
    assert mirror.find_provider_source(named, shared=[]).origin == "TFGEN_PROVIDER_MIRROR"


def test_a_configuration_file_that_does_not_exist_is_not_used(tmp_path, shared):
    environ = {"HOME": str(tmp_path), "TF_CLI_CONFIG_FILE": str(tmp_path / "missing"), "XDG_DATA_DIRS": "/nonexistent"}
    found = mirror.find_provider_source(environ, shared=[shared])
    assert found.config is None
    text = mirror.write_cli_config(found, tmp_path / "work").read_text()
    assert f'path    = "{shared / "tf"}"' in text
    assert 'exclude = ["registry.terraform.io/hashicorp/aws"]' in text


def test_a_named_folder_that_is_no_mirror(tmp_path):
    with pytest.raises(TfgenError, match="is not a provider mirror"):
        mirror.find_provider_source({"TFGEN_PROVIDER_MIRROR": str(tmp_path)})


def test_without_a_mirror_there_is_one_shared_cache_and_credentials_stay(tmp_path):
    own = tmp_path / ".terraformrc"
    own.write_text('credentials "registry.example.com" {\n  token = "t"\n}\n')
    found = mirror.find_provider_source({"HOME": str(tmp_path), "XDG_DATA_DIRS": "/nonexistent"}, shared=[])
    assert found.downloads
    written = mirror.write_cli_config(found, tmp_path / "work")
    assert 'credentials "registry.example.com"' in written.read_text()
    assert f'plugin_cache_dir = "{tmp_path}/work/plugin-cache"' in written.read_text()
    assert (tmp_path / "work" / "plugin-cache").is_dir()
    assert written.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("way", ['network_mirror {\n    url = "https://mirror.example/"\n  }', "direct {}"])
def test_what_a_users_own_block_fetches_goes_into_the_shared_cache_too(tmp_path, way):
    own = tmp_path / ".terraformrc"
    own.write_text(f"provider_installation {{\n  {way}\n}}\n")
    found = mirror.find_provider_source({"HOME": str(tmp_path)}, shared=[])
    assert found.config_decides
    assert found.downloads
    assert found.url == ("https://mirror.example/" if "url" in way else "")
    written = mirror.write_cli_config(found, tmp_path / "work").read_text()
    assert written.startswith(own.read_text())
    assert f'plugin_cache_dir = "{tmp_path}/work/plugin-cache"' in written


def test_nobody_waits_for_a_cache_that_holds_everything(tmp_path):
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / ".terraform.lock.hcl").write_text(LOCK)
    entered = []

    def enter() -> None:
        with mirror.alone_with_cache(tmp_path, tmp_path / "module") as first:
            entered.append(first)

    def enter_beside() -> bool:
        """Enter while another one is inside; True if both were inside at once."""
        with mirror.alone_with_cache(tmp_path, tmp_path / "module"):
            thread = threading.Thread(target=enter)
            thread.start()
            thread.join(timeout=1)
            beside = bool(entered)
        thread.join()
        return beside

    assert not enter_beside()
    assert entered == [True]
    entered.clear()
    (tmp_path / "plugin-cache" / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0" / "any").mkdir(parents=True)
    assert enter_beside()
    assert entered == [False]


def test_locked_versions_are_read_with_their_text(tmp_path):
    (tmp_path / ".terraform.lock.hcl").write_text(f"# comment\n\n{LOCK}")
    assert mirror.locked_versions(tmp_path) == {"registry.terraform.io/hashicorp/aws": ("5.100.0", LOCK.strip())}
    assert mirror.locked_versions(tmp_path / "nowhere") == {}
