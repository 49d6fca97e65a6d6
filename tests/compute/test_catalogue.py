"""compute.toml: found, registered, checked, and changed without losing a comment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from shed import Shed

from labstudio._studio import Studio
from labstudio.compute.models import Compute, CreateCompute, Need
from labstudio.compute.seen import note
from labstudio.errors import Conflict, InvalidInput
from labstudio.jobs.models import CreateJob
from labstudio.schedules.models import CreateSchedule

pytestmark = pytest.mark.usefixtures("shed")

Write = Callable[..., Path]


def found(studio: Studio, name: str, near: Path | None = None) -> Compute:
    return next(each for each in studio.computes.list(near).items if each.name == name)


def test_there_is_this_machine_without_a_file(studio: Studio) -> None:
    page = studio.computes.list()
    assert [each.name for each in page.items] == ["local"]
    assert page.items[0].cpus >= 1
    assert page.items[0].max_jobs == studio.config.job_slots


def test_the_home_names_computes_and_sets_up_this_machine(
    studio: Studio, write_computes: Write
) -> None:
    write_computes('[local]\ncpus = 1.5\nmax_jobs = 7\n[box]\ntype = "shed"\nhost = "h"\n')
    local, box = studio.computes.list().items
    assert (local.cpus, local.max_jobs) == (1.5, 7)
    assert (box.name, box.type, box.state) == ("box", "shed", "ready")
    assert studio.computes.settings("box").model_dump()["port"] == 22


def test_a_file_beside_notebooks_is_known_from_then_on(
    studio: Studio, tmp_path: Path, write_computes: Write
) -> None:
    work = tmp_path / "project" / "notebooks"
    work.mkdir(parents=True)
    path = write_computes('[box]\ntype = "shed"\nhost = "h"\n', tmp_path / "project")
    with pytest.raises(InvalidInput, match="compute 'box' is not known; there are: local"):
        studio.computes.get("box")
    assert studio.computes.get("box", work) == "box"
    # Another process, that knows nothing of the folder.
    other = Studio(studio.home.path)
    assert other.computes.detail("box").source == str(path)
    path.write_text("")
    with pytest.raises(InvalidInput, match="not known"):
        other.computes.get("box")
    other.close()


def test_what_no_file_names_any_more_is_forgotten_and_what_it_cost_is_not(
    studio: Studio, write_computes: Write, tmp_path: Path
) -> None:
    entry = 'type = "shed"\nhost = "h"\nprice_per_hour = 3600.0\n'
    (tmp_path / "project").mkdir()
    path = write_computes(f"[gone]\n{entry}[stays]\n{entry}", tmp_path / "project")
    studio.computes.get("gone", path.parent)
    look = {"cpus": 4.0, "memory_bytes": 8 << 30, "gpus": 0}
    for name in ("gone", "stays"):
        note(studio, name, look)
        studio.computes.lease_kernel(f"k-{name}", name, "ann", Need(cpus=1))
        time.sleep(0.01)
        studio.computes.release("kernel", f"k-{name}")
    studio.computes.drain("gone", draining=True)

    def age() -> None:
        """Let it be long ago that somebody wrote there."""
        os.utime(path if path.exists() else tmp_path, (1e9, 1e9))

    prune = studio.computes.catalogue.prune
    path.write_text(f"[stays]\n{entry}")
    assert prune() == []  # it may be being written
    age()
    assert prune() == ["gone"]
    assert {each.name for each in studio.computes.list().items} == {"local", "stays"}
    path.parent.rename(tmp_path / "moved")
    path = tmp_path / "project" / path.name
    age()
    assert prune() == ["stays"]
    assert prune() == []
    assert [each.name for each in studio.computes.list().items] == ["local"]
    assert set(studio.usage.spent()) == {"gone", "stays"}
    # Of what comes again under the name nothing is remembered.
    assert studio.computes.get("gone", write_computes(f"[gone]\n{entry}").parent) == "gone"
    assert studio.computes.detail("gone").state == "ready"


def test_a_submission_reads_the_computes_once(studio: Studio, write_computes: Write) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\ncpus = 2\n')
    studio.computes.list()
    read: list[str] = []

    def note_it(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        read.append(statement)

    sa.event.listen(studio.database.engine, "before_cursor_execute", note_it)
    studio.jobs.create(CreateJob(kind="cell", code="1", compute="box", need=Need(cpus=1)))
    sa.event.remove(studio.database.engine, "before_cursor_execute", note_it)
    assert len([each for each in read if "FROM computes" in each]) == 1
    assert not [each for each in read if "FROM usage" in each]


def test_a_job_is_refused_what_its_compute_cannot_do(studio: Studio, write_computes: Write) -> None:
    write_computes(
        '[box]\ntype = "ssh"\nhost = "h"\n[ray]\ntype = "ray"\naddress = "http://127.0.0.1:1"\n'
    )
    job = CreateJob(kind="cell", code="1", keep_kernel_s=60)
    kept = studio.jobs.create(job)
    assert studio.jobs.detail(kept.id).spec.keep_kernel_s == 60
    for compute, type_ in (("box", "ssh"), ("ray", "ray")):
        asked = job.model_copy(update={"compute": compute})
        refusal = rf"keep_kernel_s: compute '{compute}' is '{type_}', where a failed job's kernel"
        with pytest.raises(InvalidInput, match=refusal) as caught:
            studio.jobs.create(asked)
        assert caught.value.details["field"] == "keep_kernel_s"
        with pytest.raises(InvalidInput, match=refusal):
            studio.schedules.create(CreateSchedule(job=asked, cron="0 6 * * *"))
    assert len(studio.jobs.list().items) == 1


def test_nothing_above_the_root_is_read(
    studio: Studio, tmp_path: Path, write_computes: Write
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write_computes('[box]\ntype = "shed"\nhost = "h"\n', tmp_path)
    assert [each.name for each in studio.computes.list(root, root).items] == ["local"]
    assert len(studio.computes.list(root).items) == 2


def test_the_nearest_file_counts(studio: Studio, tmp_path: Path, write_computes: Write) -> None:
    (tmp_path / "near").mkdir()
    write_computes('[box]\ntype = "shed"\nhost = "far"\n', tmp_path)
    near = write_computes('[box]\ntype = "shed"\nhost = "near"\n', tmp_path / "near")
    studio.computes.get("box", tmp_path / "near")
    assert studio.computes.detail("box").source == str(near)


def test_one_name_in_two_files_is_said(
    studio: Studio, tmp_path: Path, write_computes: Write
) -> None:
    home = write_computes('[box]\ntype = "shed"\nhost = "h"\n')
    studio.computes.list()
    near = write_computes('[box]\ntype = "shed"\nhost = "other"\n', tmp_path)
    with pytest.raises(InvalidInput) as caught:
        studio.computes.get("box", tmp_path)
    assert str(home) in caught.value.message
    assert str(near) in caught.value.message
    near.write_text('[box]\nhost = "h"\ntype = "shed"\n')
    assert studio.computes.get("box", tmp_path) == "box"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("[box]", "compute 'box': type is missing."),
        ('[box]\ntype = "cloud"', "compute 'box': type 'cloud' is no kind of compute here"),
        ('[box]\ntype = "shed"', "compute 'box': host is missing."),
        ('[box]\ntype = "shed"\nhost = "h"\nprot = 1', "compute 'box': There is no field 'prot'."),
        ('[box]\ntype = "shed"\nhost = "h"\ncpus = -1', "compute 'box': cpus should be greater"),
        ('[box]\ntype = "local"', "compute 'box': the name and the type 'local' go with"),
        ('["The Box"]\ntype = "shed"\nhost = "h"', "compute 'The Box': a name has up to 40"),
    ],
)
def test_a_wrong_entry_says_so_and_harms_no_other(
    studio: Studio, write_computes: Write, entry: str, sentence: str
) -> None:
    write_computes(entry + '\n[good]\ntype = "shed"\nhost = "h"\n')
    wrong = next(each for each in studio.computes.list().items if each.state == "invalid")
    assert wrong.message.startswith(sentence)
    assert found(studio, "good").state == "ready"
    with pytest.raises(InvalidInput) as caught:
        studio.jobs.create(CreateJob(kind="cell", code="1", compute=wrong.name))
    assert caught.value.message.startswith(sentence)


def test_a_file_that_is_no_toml_is_told_and_this_machine_stays(
    studio: Studio, write_computes: Write
) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\n')
    studio.computes.list()
    write_computes('[box]\ntype = "shed\n')
    page = studio.computes.list()
    assert "cannot be read as TOML" in page.problems[0]
    assert "line 2" in page.problems[0]
    assert [each.state for each in page.items] == ["ready", "invalid"]


def test_local_is_set_up_in_the_home_alone(
    studio: Studio, tmp_path: Path, write_computes: Write
) -> None:
    write_computes("[local]\nmax_jobs = 1\n", tmp_path)
    page = studio.computes.list(tmp_path)
    assert page.items[0].max_jobs == studio.config.job_slots
    assert "only" in page.problems[0]


def test_adding_and_removing_keeps_comments_and_layout(
    studio: Studio, write_computes: Write
) -> None:
    kept = '# ours\n[first]   # the first\ntype = "shed"\nhost = "h"  # here\n'
    path = write_computes(kept)
    added = studio.computes.add(
        CreateCompute(name="box", type="shed", settings={"host": "h", "env": {"A": "1"}})
    )
    assert (added.name, added.source) == ("box", str(path))
    assert path.read_text().startswith(kept)
    assert studio.computes.settings("box").env == {"A": "1"}
    with pytest.raises(Conflict, match="already"):
        studio.computes.add(CreateCompute(name="box", type="shed", settings={"host": "h"}))
    studio.computes.remove("box")
    assert path.read_text().rstrip() == kept.rstrip()
    with pytest.raises(InvalidInput, match="not known"):
        studio.computes.settings("box")


def test_a_wrong_setting_is_refused_before_anything_is_written(studio: Studio) -> None:
    with pytest.raises(InvalidInput, match="host is missing"):
        studio.computes.add(CreateCompute(name="box", type="shed"))
    assert not studio.computes.catalogue.home_file.exists()


def test_what_is_in_use_is_not_removed(studio: Studio, write_computes: Write) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\n')
    job = studio.jobs.create(CreateJob(kind="cell", code="1", compute="box"))
    with pytest.raises(Conflict, match="1 job still runs or waits there"):
        studio.computes.remove("box")
    studio.jobs.stop(job.id)
    studio.computes.remove("box")
    with pytest.raises(Conflict, match="built in"):
        studio.computes.remove("local")


def test_an_open_page_hears_of_an_edited_file(studio: Studio, write_computes: Write) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\n')
    studio.computes.catalogue.tell_edits()
    before = studio.changes.latest()
    studio.computes.catalogue.tell_edits()
    assert studio.changes.latest() == before
    write_computes('[box]\ntype = "shed"\nhost = "other"\n')
    studio.computes.catalogue.tell_edits()
    told = [(each.topic, each.object_id, each.kind) for each in studio.changes.since(before)]
    assert told == [("computes", "box", "changed")]


def test_draining_is_remembered(studio: Studio) -> None:
    assert studio.computes.drain("local", draining=True).state == "draining"
    other = Studio(studio.home.path)
    assert found(other, "local").state == "draining"
    assert other.computes.drain("local", draining=False).state == "ready"
    other.close()


def test_kinds_tell_their_fields_for_a_form(studio: Studio) -> None:
    kind = next(each for each in studio.computes.kinds().items if each.type == "shed")
    fields = {each.name: each for each in kind.fields}
    assert kind.available
    assert (fields["host"].type, fields["host"].required) == ("text", True)
    assert (fields["port"].type, fields["port"].default) == ("integer", 22)
    assert fields["tools"].type == "list"
    assert fields["warm"].type == "boolean"
    assert fields["env"].type == "table"
    assert fields["memory"].type == "text"
    assert "type" not in fields
    assert [each.name for each in kind.fields][:4] == ["host", "port", "tools", "warm"]
    docker = next(each for each in studio.computes.kinds().items if each.type == "docker")
    assert next(each for each in docker.fields if each.name == "shm_size").default == "256MiB"


def test_a_look_and_a_test_without_a_daemon(studio: Studio) -> None:
    assert studio.computes.resources("local").memory_bytes > 0
    report = studio.computes.test("local")
    assert report.ok
    assert report.checks


def test_a_missing_extra_is_said_at_submission(
    studio: Studio, write_computes: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\n')
    monkeypatch.setattr(Shed, "missing", classmethod(lambda _: "pip install labstudio[shed]"))
    assert found(studio, "box").message == "pip install labstudio[shed]"
    with pytest.raises(InvalidInput, match=r"cannot be used: pip install labstudio\[shed\]"):
        studio.computes.get("box")
    assert not studio.computes.test("box").ok


def test_every_change_is_told(studio: Studio) -> None:
    before = studio.changes.latest()
    studio.computes.add(CreateCompute(name="box", type="shed", settings={"host": "h"}))
    studio.computes.drain("box", draining=True)
    studio.computes.remove("box")
    told = [(each.topic, each.object_id, each.kind) for each in studio.changes.since(before)]
    assert told == [("computes", "box", kind) for kind in ("created", "changed", "deleted")]
