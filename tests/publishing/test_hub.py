"""Pushing to a Hub that fails in every way, with the real client."""

import shutil

import pytest
import yaml

from hf_qads.publishing.hub.remote import write_mark
from hf_qads.publishing.hub.staging import Staged
from hf_qads.repositories.front_matter import split_card
from tests.hub_server import Fault, HubServer
from tests.publishing.clients import Pusher

STEPS = {
    "looking": ("GET", r"/api/datasets/me/[^/]+$"),
    "making": ("POST", r"/api/repos/create$"),
    "listing": ("GET", r"/tree/"),
    "asking how to upload": ("POST", r"/preupload/"),
    "asking where to upload": ("POST", r"/objects/batch$"),
    "uploading": ("PUT", r"/lfs-store/"),
    "committing": ("POST", r"/commit/main$"),
}
FAULTS = {
    "500": Fault(status=500),
    "429": Fault(status=429, retry_after=0),
    "dropped before": Fault(drop="before"),
    "dropped after": Fault(drop="after"),
    "slow": Fault(delay=0.2),
}
QUICK = ("500", "dropped after")


@pytest.fixture(scope="module")
def hub():
    with HubServer() as server:
        yield server


@pytest.fixture(scope="module")
def pusher(hub, tmp_path_factory):
    with Pusher(hub, tmp_path_factory.mktemp("home")) as process:
        yield process


@pytest.fixture
def rows(staged, request):
    """The staged mixture under a name of the test's own."""
    one = staged["maths-mix"]
    name = "mix-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[-60:].strip("-")
    return Staged("dataset", name, one.folder)


def local_files(staged):
    return {
        path.relative_to(staged.folder).as_posix(): path.read_bytes()
        for path in staged.folder.rglob("*")
        if path.is_file()
    }


def remote_files(hub, staged):
    found = dict(hub.repo(staged.kind, f"me/{staged.name}").head.files)
    found.pop(".gitattributes")
    return found


def commits(hub, staged):
    return len(hub.repo(staged.kind, f"me/{staged.name}").commits) - 1  # without the first, empty one


def test_every_kind_of_repository_arrives_in_one_commit(hub, pusher, staged):
    for one in staged.values():
        done = pusher.push(one)
        assert done["state"] == "created", done
        assert done["url"].endswith(f"me/{one.name}")
        assert remote_files(hub, one) == local_files(one)
        assert commits(hub, one) == 1


def test_nothing_changed_means_no_commit(hub, pusher, rows):
    pusher.push(rows)
    assert pusher.push(rows)["state"] == "unchanged"
    assert commits(hub, rows) == 1


def test_a_changed_file_alone_is_sent(hub, pusher, rows):
    pusher.push(rows)
    (rows.folder / "qads.yaml").write_text("rows: 1\n")
    done = pusher.push(rows)
    assert (done["state"], done["changed"]) == ("updated", 1)
    assert commits(hub, rows) == 2


def test_data_that_is_no_longer_staged_goes_and_foreign_files_stay(hub, pusher, rows):
    extra = rows.folder / "figures" / "old.png"
    shutil.copyfile(rows.folder / "figures" / "map.png", extra)
    write_mark(rows.folder)
    pusher.push(rows)
    repo = hub.repo("dataset", f"me/{rows.name}")
    repo.commit({**repo.head.files, "LICENSE": b"mine", "data/old-00000.parquet": b"old"}, "by hand")
    extra.unlink()
    write_mark(rows.folder)
    pusher.push(rows)
    foreign = {"LICENSE", "data/old-00000.parquet", ".gitattributes"}
    assert set(repo.head.files) == {*local_files(rows), *foreign}


def by_hand(hub, rows, files, **data):
    """A repository of somebody's own, with a card."""
    repo = hub.create("dataset", f"me/{rows.name}")
    card = f"---\n{yaml.safe_dump(data)}---\n# Mine\n\nBy hand.\n".encode()
    repo.commit({**repo.head.files, "README.md": card, **files}, "by hand")
    return repo


def config(name, path, **more):
    return {"config_name": name, "data_files": [{"split": "train", "path": path}], **more}


def front_matter(repo):
    return split_card(repo.head.files["README.md"].decode())[0]


def test_a_repository_that_is_there_keeps_its_configs_files_and_licence(hub, pusher, rows):
    info = {"config_name": "mine", "features": [{"name": "text", "dtype": "string"}]}
    repo = by_hand(
        hub, rows, {"data/mine.parquet": b"rows of mine"}, license="cc-by-nc-4.0", tags=["history"],
        configs=[config("mine", "data/mine.parquet")], dataset_info=info, pretty_name="My own",
    )  # fmt: skip
    assert pusher.push(rows)["state"] == "updated"
    data = front_matter(repo)
    assert (data["license"], data["pretty_name"]) == ("cc-by-nc-4.0", "My own")
    assert {"history", "hf_qads"} <= set(data["tags"])
    names = [entry["config_name"] for entry in data["configs"]]
    assert names == ["default", "10pct", "40pct", "mine"]
    assert data["configs"][-1]["data_files"][0]["path"] == "data/mine.parquet"
    assert data["dataset_info"][-1] == info
    assert repo.head.files["data/mine.parquet"] == b"rows of mine"
    assert b"By hand." in repo.head.files["README.md"]
    assert pusher.push(rows)["state"] == "unchanged"


CLASHES = {
    "config 10pct": ({}, {"configs": [config("10pct", "mine/*.parquet")]}, "the config 10pct"),
    "info of default": (
        {}, {"dataset_info": {"features": []}, "configs": [config("x", "x.csv")]}, "the config default"
    ),
    "default": ({}, {"configs": [config("mine", "mine.csv", default=True)]}, "a default config"),
    "data": ({"data/train.csv": b"a"}, {}, r"data without a config (data/train.csv)"),
    "file": ({"qads.yaml": b"mine"}, {"configs": [config("mine", "a.csv")]}, "the file qads.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("clash", CLASHES)
def test_what_has_the_name_of_something_of_ours_is_an_error_with_a_way_out(hub, pusher, rows, clash):
    files, data, said = CLASHES[clash]
    repo = by_hand(hub, rows, files, **data)
    before = repo.head
    done = pusher.push(rows)
    assert said in done["error"]
    assert "Publish under another `name`, or repeat with --replace" in done["error"]
    assert repo.head is before
    assert pusher.push(rows, replace=True)["state"] == "updated"
    ours = {path: content for path, content in local_files(rows).items() if path != "README.md"}
    assert {path: repo.head.files[path] for path in ours} == ours
    assert pusher.push(rows)["state"] == "unchanged"  # by now all of it is ours


def test_a_value_of_ours_that_the_owner_changed_stays_and_others_follow_us(hub, pusher, rows):
    pusher.push(rows)
    repo = hub.repo("dataset", f"me/{rows.name}")
    card = repo.head.files["README.md"].decode()
    licence = front_matter(repo)["license"]
    card = card.replace(f"license: {licence}", "license: cc-by-4.0")
    repo.commit({**repo.head.files, "README.md": card.encode()}, "by hand")
    ours = (rows.folder / "README.md").read_text()
    (rows.folder / "README.md").write_text(ours.replace("pretty_name: maths-mix", "pretty_name: renamed"))
    write_mark(rows.folder)
    pusher.push(rows)
    assert (front_matter(repo)["license"], front_matter(repo)["pretty_name"]) == ("cc-by-4.0", "renamed")


def test_what_the_owner_wrote_into_the_card_stays(hub, pusher, rows):
    pusher.push(rows)
    repo = hub.repo("dataset", f"me/{rows.name}")
    card = repo.head.files["README.md"].decode()
    card = card.replace("license: ", "extra_gated_prompt: Be kind\nlicense: ", 1)
    card = card.replace("\n## Limits", "\n## Contact\n\nWrite to us.\n\n## Limits")
    repo.commit({**repo.head.files, "README.md": card.encode()}, "by hand")
    pusher.push(rows)
    merged = repo.head.files["README.md"].decode()
    assert "extra_gated_prompt: Be kind" in merged
    assert "## Contact\n\nWrite to us.\n" in merged
    assert merged.index("## Contact") < merged.index("## Limits")
    assert pusher.push(rows)["state"] == "unchanged"


def test_private_is_kept(hub, pusher, rows):
    pusher.push(rows, private=True)
    assert hub.repo("dataset", f"me/{rows.name}").private


@pytest.mark.parametrize(
    "fault", [f if f in QUICK else pytest.param(f, marks=pytest.mark.slow) for f in FAULTS]
)
@pytest.mark.parametrize("step", STEPS)
def test_a_fault_is_retried_and_the_repository_is_never_half_new(hub, pusher, rows, step, fault):
    mark = b"%s %s" % (step.encode(), fault.encode())  # so that the upload is not known already
    shutil.copyfile(rows.folder / "figures" / "map.png", rows.folder / "figures" / "extra.png")
    with (rows.folder / "figures" / "extra.png").open("ab") as stream:
        stream.write(mark)
    method, path = STEPS[step]
    before = hub.count(method, path)
    hub.fail(method, path, FAULTS[fault])
    done = pusher.push(rows)
    assert hub.count(method, path) > before
    assert "error" not in done, done
    assert remote_files(hub, rows) == local_files(rows)
    assert commits(hub, rows) == 1


@pytest.mark.parametrize("step", [step for step in STEPS if step != "looking"])
def test_a_hub_that_stays_down_is_reported_and_a_repeated_push_goes_on(hub, pusher, rows, step):
    with (rows.folder / "figures" / "map.png").open("ab") as stream:
        stream.write(b"down" + step.encode())
    method, path = STEPS[step]
    hub.fail(method, path, Fault(status=503, retry_after=0), times=1000)
    done = pusher.push(rows)
    assert "status 503" in done["error"]
    assert "publish again" in done["error"]
    known = hub.repos.get(("dataset", f"me/{rows.name}"))
    assert known is None or set(known.head.files) == {".gitattributes"}
    hub.faults.clear()
    assert pusher.push(rows)["state"] in ("created", "updated")
    assert remote_files(hub, rows) == local_files(rows)


def test_someone_elses_commit_is_reported_and_not_overwritten(hub, pusher, rows):
    hub.fail("POST", r"/commit/main$", Fault(conflict=True))
    done = pusher.push(rows)
    assert "someone else committed" in done["error"]
    assert remote_files(hub, rows) == {"theirs.txt": b"someone else"}
    assert pusher.push(rows)["state"] == "updated"
    assert remote_files(hub, rows) == {**local_files(rows), "theirs.txt": b"someone else"}


def test_an_expired_token_is_said_in_one_sentence(hub, rows, tmp_path):
    with Pusher(hub, tmp_path, HF_TOKEN="hf_" + "y" * 34) as stranger:
        done = stranger.push(rows)
    assert "hf auth login" in done["error"]
    assert "y" * 34 not in done["error"]
    assert ("dataset", f"me/{rows.name}") not in hub.repos


def test_a_hub_that_asks_for_much_patience_is_not_waited_for(hub, pusher, rows):
    hub.fail("POST", r"/commit/main$", Fault(status=429, retry_after=3600))
    assert "status 429" in pusher.push(rows)["error"]
