import pytest

from hf_qads.errors import MixingError
from hf_qads.pipeline.planning.costs import GPUS, Gpu, plan


def test_every_stage_is_counted(monkeypatch):
    monkeypatch.setitem(GPUS, "H100", Gpu(flops=1e12, bandwidth=1e12))
    made = plan(
        {"a": 1_000, "b": 3_000},
        {"a": 1.0, "b": 0.5},
        subsets=[0.1],
        anchors=[10, 10],
        prompts=2_000,
        experience=0.1,
        parameters=1e9,
        width=100,
        row_tokens={"a": 100, "b": 200},
    )
    stages = {stage.name: stage for stage in made.stages}
    assert (made.kept, made.subsets) == ({"a": 1_000, "b": 1_500}, {"10pct": 250})
    assert stages["pool"].tokens == 1_000 * 100 + 3_000 * 200 == 700_000
    assert stages["vectors"].disk == 4_000 * 100 * 2
    # 1,000 rows of a and 2,000 of b, each once and 20 anchors of 175 tokens after it, and each anchor alone
    assert stages["influence"].passes == 3_000 * 20 + 20
    assert stages["influence"].tokens == 1_000 * 100 + 2_000 * 200 + (3_000 + 1) * 20 * 175
    assert stages["scorer"].tokens == 2 * (1_000 * 100 + 2_000 * 200)
    assert stages["selection"].rows == 100 + 1_500  # a is kept whole: only its subset needs an order
    assert stages["mixture"].tokens == 1_000 * 100 + 1_500 * 200
    assert stages["vectors"].gpu_hours == pytest.approx(2 * 1e9 * 700_000 / (1e12 * 0.5) / 3600)
    assert stages["experience"].gpu_hours == pytest.approx(6 * 1e9 * 70_000 / (1e12 * 0.4) / 3600)
    assert made.gpu_hours == pytest.approx(sum(stage.gpu_hours for stage in made.stages))


def test_without_a_scorer_every_row_is_scored_for_real():
    made = plan({"a": 5_000}, {"a": 1.0}, scorer=None, experience=None)
    assert [stage.name for stage in made.stages] == [
        "pool", "vectors", "influence", "selection", "mixture", "training"
    ]  # fmt: skip
    assert made.stages[2].rows == 5_000


def test_a_probe_costs_no_pass_and_no_copy_of_the_model():
    made = {stage.name: stage for stage in plan({"a": 5_000}, {"a": 1.0}, scorer="probe").stages}
    assert (made["scorer"].passes, made["scores"].passes, made["scores"].gpu_hours) == (0, 0, 0.0)
    assert made["scorer"].disk < 1e6
    assert made["influence"].rows == 2_000


def test_what_the_rows_bring_is_not_worked_out():
    made = plan({"a": 5_000}, {"a": 1.0}, vectors="precomputed", scorer="precomputed")
    assert [stage.name for stage in made.stages] == ["pool", "selection", "mixture", "training"]


def test_epochs_of_experience_count():
    once, twice = (plan({"a": 500}, {"a": 1.0}, experience_epochs=epochs) for epochs in (1.0, 2.0))
    assert twice.stages[1].tokens == 2 * once.stages[1].tokens


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (1e6, "<0.1 s"),  # 2 * 1e6 * 3e5 / 5e14 = 0.0012 s
        (1e10, "12 s"),
        (1e12, "20 min"),  # 1,200 s
        (1e16, "3,333.3 h"),  # 12,000,000 s
    ],
)
def test_a_duration_has_the_unit_that_suits_it(monkeypatch, parameters, told):
    monkeypatch.setitem(GPUS, "H100", Gpu(flops=1e15, bandwidth=1e12))
    made = plan({"a": 1_000}, {"a": 1.0}, parameters=parameters)
    (line,) = [line for line in str(made).splitlines() if line.startswith("vectors ")]
    assert f" {told} " in line
    (line,) = [line for line in str(made).splitlines() if line.startswith("pool ")]
    assert " 0 s " in line  # no model reads it


def test_an_unknown_gpu_is_an_error():
    with pytest.raises(MixingError, match="'T1000'"):
        plan({"a": 1}, {"a": 1}, gpu="T1000")
