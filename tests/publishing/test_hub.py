"""Pushing to a Hub that fails in every way, with the real client."""

import shutil

import pytest

from hf_qads.publishing.hub.staging import Staged
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
    pusher.push(rows)
    repo = hub.repo("dataset", f"me/{rows.name}")
    repo.commit({**repo.head.files, "LICENSE": b"mine", "data/old-00000.parquet": b"old"}, "by hand")
    pusher.push(rows)
    assert set(repo.head.files) == {*local_files(rows), "LICENSE", ".gitattributes"}


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
