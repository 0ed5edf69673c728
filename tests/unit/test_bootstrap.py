from __future__ import annotations

import json

from tfgen import bootstrap


def test_files_are_linked_and_stale_links_go(tmp_path):
    source, folder = tmp_path / "terraform" / "backend-config", tmp_path / "work" / "backend-config"
    source.mkdir(parents=True)
    for name in ("main.tf", "terraform.tfstate", "terraform.tfstate.backup", ".hidden", bootstrap.OVERRIDE):
        (source / name).write_text(name)
    (source / ".terraform.lock.hcl").write_text("lock")
    (source / "artifacts").mkdir()
    (source.parent / "terraform.tfvars").write_text("")
    (source / "global.auto.tfvars").symlink_to("../terraform.tfvars")

    bootstrap.link_files(source, folder)
    (folder / bootstrap.OVERRIDE).write_text("ours")
    assert sorted(path.name for path in folder.iterdir()) == [
        ".terraform.lock.hcl",
        "artifacts",
        bootstrap.OVERRIDE,
        "global.auto.tfvars",
        "main.tf",
    ]
    assert (folder / "main.tf").read_text() == "main.tf"
    assert (folder / "global.auto.tfvars").read_text() == ""
    assert not (folder / ".terraform.lock.hcl").is_symlink()

    (source / "main.tf").rename(source / "bucket.tf")
    bootstrap.link_files(source, folder)
    assert not (folder / "main.tf").is_symlink()
    assert (folder / "bucket.tf").read_text() == "main.tf"
    assert (folder / bootstrap.OVERRIDE).read_text() == "ours"


def test_a_state_is_known_by_the_bucket_it_manages(tmp_path):
    path = tmp_path / "terraform.tfstate"
    bucket = {"mode": "managed", "type": "aws_s3_bucket", "name": "s", "instances": [{"attributes": {"bucket": "b"}}]}
    document = {"version": 4, "serial": 1, "lineage": "l", "resources": [bucket]}
    assert not bootstrap._describes(path, "b")
    path.write_text(json.dumps(document))
    assert bootstrap._describes(path, "b")
    assert not bootstrap._describes(path, "another")
    path.write_text(json.dumps({**document, "resources": []}))
    assert not bootstrap._describes(path, "b")
    assert bootstrap._describes(path, "b", even_empty=True)
