import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from hf_qads.publishing.facts.measuring import measure
from tests.publishing.browser import REASON, Browser, missing
from tests.publishing.runs import HOSTILE
from tests.signals import heed_ctrl_c

pytest.importorskip("gradio")
SERVE = """
import sys
from hf_qads.publishing.space import explore
explore(sys.argv[1], port=int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def pool(small_run, tmp_path_factory):
    from hf_qads.publishing.space.explorer import ExplorerPool
    from hf_qads.publishing.space.staging import prepare

    folder = tmp_path_factory.mktemp("space")
    prepare(small_run, measure(small_run), folder)
    return ExplorerPool(folder)


def find(pool, text="", source="every source", low=1, high=5, state="all rows", order="highest score"):
    return pool.find(text, source, low, high, state, order)


def test_everything_is_found_without_filters(pool):
    assert len(find(pool)) == 410
    assert find(pool)["score"].iloc[0] == 5


def test_filters_narrow_what_is_found(pool):
    assert set(find(pool, source="dmath")["source"]) == {"dmath"}
    assert find(pool, low=2, high=3)["score"].between(2, 3).all()
    assert find(pool, state="kept")["kept"].all()
    kept, others = len(find(pool, state="kept")), len(find(pool, state="not kept"))
    assert kept + others == 410


def test_every_word_must_be_there_and_is_no_pattern(pool):
    assert len(find(pool, text="shop PENS")) == 410
    assert len(find(pool, text="shop zebra")) == 0
    assert len(find(pool, text=".*")) == 0
    assert (
        len(find(pool, text="(")) == 0 or find(pool, text="(")["answer"].str.contains("(", regex=False).all()
    )


def test_the_order_of_picking_starts_with_the_first_pick(pool):
    found = find(pool, source="cot", order="order of picking")
    assert found["rank"].iloc[:3].tolist() == [0, 1, 2]


def test_it_says_why_a_row_was_picked_or_not(pool):
    first = find(pool, source="gsm8k", order="order of picking").iloc[0]
    assert "Picked as number 1 of gsm8k" in pool.why(first)
    assert "times distance" in pool.why(first)
    without = pool.rows[pool.rows["score"].isna()].iloc[0]
    assert "beyond the context of the scorer" in pool.why(without)
    drawn = pool.rows[pool.rows["start"]].iloc[0]
    assert "start pool" in pool.why(drawn)
    never = pool.rows[pool.rows["rank"].isna() & pool.rows["score"].notna()].iloc[0]
    assert "Not picked" in pool.why(never)


def test_a_budget_keeps_a_share_of_each_source_by_rank(pool):
    inside = pool.rows[pool.at_budget(10)]
    assert inside.groupby("source").size().to_dict() == {"gsm8k": 20, "dmath": 9, "cot": 12}
    assert (inside["rank"] < 20).all()


def test_what_was_kept_is_a_budget_of_its_own(pool):
    assert pool.at_budget(None).equals(pool.rows["kept"])
    rows = pool.compare(10, None).set_index("source")["rows B"]
    assert {name: int(text) for name, text in rows.items()} == {
        name: source["kept"] for name, source in pool.sources.items()
    }


def test_the_map_leaves_room_around_its_points(pool):
    from hf_qads.publishing.space.explorer import _room

    low, high = _room(pool.rows["y"])
    assert low < pool.rows["y"].min()
    assert high > pool.rows["y"].max()
    assert _room(pool.rows["y"] * float("nan")) is None


@pytest.mark.slow
def test_ctrl_c_ends_it_quietly(small_run):
    command = [sys.executable, "-W", "ignore", "-m", "hf_qads", "explore", str(small_run.path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed_ctrl_c) as process:
        assert "until Ctrl-C" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_two_budgets_stand_side_by_side(pool):
    compared = pool.compare(10, 40).set_index("source")
    assert compared.loc["gsm8k", "rows A"] == "20"
    assert compared.loc["gsm8k", "rows B"] == "80"
    assert float(compared.loc["gsm8k", "farthest row A"]) >= float(compared.loc["gsm8k", "farthest row B"])


def test_the_app_stands_alone(staged):
    text = (staged["maths-mix-space"].folder / "app.py").read_text()
    assert "import hf_qads" not in text
    assert "from hf_qads" not in text
    code = "import sys; sys.path.insert(0, '.'); import app; from pathlib import Path; app.build(Path('.'))"
    folder = staged["maths-mix-space"].folder
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def served(hostile_run):
    port = 7893
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVE, str(hostile_run.path), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
@pytest.mark.skipif(missing(), reason=REASON)
@pytest.mark.parametrize("width", [1280, 390])
def test_people_can_use_it_in_a_browser(served, width, tmp_path):
    with Browser(tmp_path, width, 900) as browser:
        browser.open(served)
        row = "[...document.querySelectorAll('#rows [role=gridcell]')].find(c => c.dataset.col == '0')"
        assert browser.wait(f"return !!{row} && {row}.textContent.length > 3", 60)
        browser.run(f"{row}.scrollIntoView({{block: 'center'}})")
        where = browser.run(f"const b = {row}.getBoundingClientRect(); return [b.x + 20, b.y + b.height / 2]")
        for kind in ("mousePressed", "mouseReleased"):
            mouse = {"type": kind, "x": where[0], "y": where[1], "button": "left", "clickCount": 1}
            browser.devtools("Input.dispatchMouseEvent", mouse)
        assert browser.wait("return document.querySelector('#question textarea').value.length > 3", 30)
        assert browser.run("return document.querySelector('#why textarea').value").startswith(
            ("Picked", "Ranked", "Not")
        )
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth + 1")
        for tab, shown in (("Map", "canvas, svg.marks"), ("Two budgets", "#compared [role=gridcell]")):
            browser.run(
                "[...document.querySelectorAll('button[role=tab]')]"
                ".find(b => b.textContent.trim() == arguments[0]).click()",
                tab,
            )
            assert browser.wait(f"return document.querySelectorAll('{shown}').length > 0", 30), tab
        browser.screenshot(tmp_path / f"explorer-{width}.png")
        hosts = browser.run(
            "return [...new Set(performance.getEntriesByType('resource').map(e => new URL(e.name).hostname))]"
        )
        assert hosts == ["127.0.0.1"]
        assert browser.run("return document.querySelectorAll('#rows img, #rows script, #rows b').length") == 0


def test_hostile_rows_are_there_as_text(hostile_run, tmp_path):
    from hf_qads.publishing.space.explorer import ExplorerPool
    from hf_qads.publishing.space.staging import prepare

    prepare(hostile_run, measure(hostile_run), tmp_path)
    pool = ExplorerPool(tmp_path)
    assert len(find(pool, text="<script>alert(1)</script>")) == 4
    assert pool.rows["answer"].str.len().max() < 5_000
    assert not pool.rows["question"].str.contains("\u202e|\x1b").any()
    assert HOSTILE[0] in pool.rows["question"].iloc[0]
