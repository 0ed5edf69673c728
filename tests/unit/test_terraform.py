from __future__ import annotations

from pathlib import Path

import pytest

from tfgen import terraform
from tfgen.errors import TfgenError


def test_argv_of_init():
    assert terraform.init_argv("tf") == ["tf", "init", "-input=false", "-no-color"]
    assert terraform.init_argv("tf", backend_config="../environments/dev.s3.tfbackend", reconfigure=True) == [
        *("tf", "init", "-input=false", "-no-color"),
        "-backend-config=../environments/dev.s3.tfbackend",
        "-reconfigure",
    ]
    assert terraform.init_argv("tf", migrate_state=True)[-2:] == ["-migrate-state", "-force-copy"]
    assert "-backend=false" in terraform.init_argv("tf", backend=False)


def test_argv_of_plan():
    assert terraform.plan_argv(
        "tf",
        out=Path("/run/x.tfplan"),
        var_files=["../environments/dev.tfvars"],
        destroy=True,
        lock_timeout="5m",
        extra=["-replace=a.b"],
    ) == [
        *("tf", "plan", "-json", "-input=false", "-detailed-exitcode", "-destroy", "-lock-timeout=5m"),
        *("-var-file=../environments/dev.tfvars", "-out=/run/x.tfplan", "-replace=a.b"),
    ]
    assert "-lock=false" in terraform.plan_argv("tf", lock=False, lock_timeout="5m")


def test_argv_of_the_rest():
    plan = Path("p")
    assert terraform.apply_argv("tf", plan, lock_timeout="1m") == [
        *("tf", "apply", "-json", "-input=false", "-lock-timeout=1m", "p"),
    ]
    assert terraform.apply_state_argv("tf", plan, Path("s")) == [
        *("tf", "apply", "-json", "-input=false", "-lock=false", "-parallelism=40", "-backup=-", "-state=s", "p"),
    ]
    assert terraform.show_argv("tf", plan) == ["tf", "show", "-no-color", "p"]
    assert terraform.validate_argv("tf") == ["tf", "validate", "-json"]
    assert terraform.fmt_argv("tf", "terraform") == [
        *("tf", "fmt", "-no-color", "-recursive", "-check", "-list=true", "terraform"),
    ]
    assert terraform.state_argv("tf", "list") == ["tf", "state", "list"]
    assert terraform.version_argv("tf") == ["tf", "version", "-json"]


def test_a_version_that_does_not_fit_names_both():
    with pytest.raises(TfgenError, match=r"terraform 1\.5\.7 \(/bin/tf\) does not satisfy '>= 1\.10'"):
        terraform.check_version("1.5.7", ">= 1.10", binary="/bin/tf")


def test_the_binary_is_named_or_on_path(tmp_path):
    binary = tmp_path / "terraform"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    assert terraform.find_binary({"PATH": str(tmp_path)}) == str(binary)
    assert terraform.find_binary({"PATH": "", "TFGEN_TERRAFORM": str(binary)}) == str(binary)
    with pytest.raises(TfgenError, match="not on PATH") as missing:
        terraform.find_binary({"PATH": str(tmp_path / "none")})
    assert missing.value.code == "terraform-missing"
    with pytest.raises(TfgenError, match="TFGEN_TERRAFORM names /nowhere/tf"):
        terraform.find_binary({"PATH": str(tmp_path), "TFGEN_TERRAFORM": "/nowhere/tf"})


def test_a_program_that_is_no_terraform(tmp_path):
    binary = tmp_path / "terraform"
    binary.write_text("#!/bin/sh\necho hello\n")
    binary.chmod(0o755)
    with pytest.raises(TfgenError, match="does not answer as terraform does: hello"):
        terraform.detect_version(str(binary), env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
