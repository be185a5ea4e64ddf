import pytest
import yaml

from hf_qads import embedded
from hf_qads.cli import main
from hf_qads.config import loading, schema
from hf_qads.errors import ConfigError

MINIMAL = {
    "name": "maths",
    "model": "embedded",
    "sources": ["gsm8k", {"path": "mine.jsonl", "kind": "general", "rows": 10}],
    "anchors": {"sources": ["math"], "size": 20},
}


def test_short_forms_and_defaults_are_filled_in():
    checked = loading.parse(MINIMAL)
    assert checked.model.path == "embedded"
    assert [source.path for source in checked.sources] == ["gsm8k", "mine.jsonl"]
    assert checked.anchors.sources[0].path == "math"
    assert (checked.prompts, checked.select.start, checked.subsets) == (2000, 100, [0.1, 0.4, 0.7])
    assert isinstance(checked.ratio, schema.Ratio)
    assert checked.ratio.rule == "score"


def test_what_dump_writes_reads_back_as_the_same_config():
    checked = loading.parse(
        {**MINIMAL, "ratio": {"reasoning": {"rule": "all"}, "general": {"rule": "score"}}}
    )
    assert loading.parse(yaml.safe_load(loading.dump(checked))) == checked


def test_overrides_reach_into_sections(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(MINIMAL), encoding="utf-8")
    checked = loading.load(path, ["select.metric=cosine", "seed=7", "scorer=null", "subsets=[0.5]"])
    assert checked.select.metric == "cosine"
    assert (checked.seed, checked.scorer, checked.subsets) == (7, None, [0.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sorces": []}, "unknown key sorces (known: name, seed"),
        (
            {"select": {"metrik": "cosine"}},
            "unknown key select.metrik (known: strategy, start, metric, scope, options)",
        ),
        ({"sources": [{"path": "a", "knd": 1}]}, "unknown key sources.0.knd"),
        ({"prompts": "12"}, "prompts: input should be a valid integer, got '12'"),
        ({"prompts": 0}, "prompts: input should be greater than or equal to 1, got 0"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0, got -1"),
        ({"sources": []}, "sources: list should have at least 1 item"),
        ({"sources": "gsm8k"}, "sources: input should be a valid list, got 'gsm8k'"),
        ({"anchors": None}, "anchors are missing"),
        ({"name": "a/b"}, "name: string should match pattern"),
        ({"subsets": [0.4, 0.1]}, "subsets must grow"),
        ({"subsets": [1.2]}, "subsets.0: input should be less than or equal to 1, got 1.2"),
        ({"ratio": {"rule": "best"}}, "ratio.rule: input should be 'score', 'size'"),
        ({"ratio": {"rule": "fixed"}}, "rule fixed needs value"),
        ({"ratio": {"rule": "all", "value": 0.1}}, "rule all does not take value"),
        ({"ratio": {"reasoning": {"rule": "all"}}}, "ratio.general is missing"),
        (
            {"deduplicate": {"across_sources": "last"}},
            "deduplicate.across_sources: input should be 'first' or 'keep', got 'last'",
        ),
        ({"across": "keep"}, "unknown key across (is now called deduplicate: {across_sources: ...})"),
        ({"near": 0.8}, "unknown key near (is now called deduplicate: {near: ...})"),
        ({"overlap": None}, "unknown key overlap (is now called decontaminate)"),
        (
            {"decontaminate": {"missing": "error"}},
            "unknown key decontaminate.missing (is now called decontaminate.on_missing)",
        ),
        ({"copies": {}}, "unknown key copies (is now called local_files)"),
        ({"missing": "error"}, "unknown key missing (is now called on_missing)"),
        ({"on_missing": "leave_out"}, "got 'leave_out', which is now called skip"),
        ({"vectors": "given"}, "got 'given', which is now called precomputed"),
        ({"ratio": {"rule": "given", "shares": {"a": 1}}}, "which is now called precomputed (of a ratio"),
        ({"decontaminate": {"near": 0.8, "min": 1}}, "(known: against, on_missing, drop, ngram, near)"),
        ({"local_files": {"gsm8k": {"path": "a", "pth": 1}}}, "unknown key sources.0.pth (known: path, name"),
        ({"ratio": {"reasoning": {"rul": 1}, "general": {"rule": "all"}}}, "unknown key ratio.reasoning.rul"),
        ({"scorer": {"type": "tree"}}, "scorer.type: input should be 'model', 'probe' or 'precomputed'"),
        ({"experience": {"share": 0}}, "experience.share: input should be greater than 0, got 0"),
        ({"decontaminate": {"against": []}}, "decontaminate.against: list should have at least 1 item"),
        (
            {"augment": {"model": "rules", "operators": 5}},
            "augment.operators: input should be a valid list, got 5",
        ),
        ({"batch_tokens": 1.5}, "batch_tokens: input should be a valid integer"),
    ],
)
def test_a_wrong_key_or_value_is_named(change, message):
    with pytest.raises(ConfigError) as caught:
        loading.parse({**MINIMAL, **change})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "holds list, not keys and values"),
        ("a: [1\n", "is not valid YAML"),
        ("", "holds NoneType"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, message):
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        loading.load(path)


def test_a_missing_or_unreadable_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no config file"):
        loading.load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        loading.load(tmp_path / "latin.yaml")


@pytest.mark.parametrize("override", ["select", "=3", "seed.deep=1", "seed=[1"])
def test_an_override_that_fits_nowhere_is_refused(tmp_path, override):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "seed": 3}), encoding="utf-8")
    with pytest.raises(ConfigError):
        loading.load(path, [override])


def test_local_files_stand_in_for_names_of_the_catalogue_wherever_they_are_asked_for():
    raw = {
        "preset": "s_base_69k",
        "local_files": {
            "gsm8k": "mine/gsm8k.parquet",
            "cot": {"path": "mine/cot.jsonl", "where": {"seen": False}},
            "gsm8k_test": "mine/test.parquet",
        },
    }
    checked = loading.parse(raw)
    sources = {source.name or source.path: source for source in checked.sources}
    assert sources["gsm8k"].path == "mine/gsm8k.parquet"
    assert (sources["cot"].path, sources["cot"].where) == ("mine/cot.jsonl", {"seen": False})
    assert sources["cot"].rows == 132_000  # what the config asks of the source stays
    assert sources["math"].path == "math"
    anchors = {source.name or source.path: source.path for source in checked.anchors.sources}
    assert anchors["gsm8k"] == "mine/gsm8k.parquet"
    assert list(checked.local_files) == ["gsm8k_test"]  # taken where all benchmarks are asked for
    assert loading.parse(yaml.safe_load(loading.dump(checked))) == checked


@pytest.mark.parametrize("name", ["gsm9k", "dmath", "gsm8k_test"])
def test_a_local_file_that_nothing_asks_for_is_an_error(name):
    with pytest.raises(ConfigError, match=f"local_files names '{name}', which no source"):
        loading.parse({**MINIMAL, "decontaminate": None, "local_files": {name: "file.parquet"}})


def test_prompts_are_for_all_sources_or_for_those_that_are_named():
    checked = loading.parse({**MINIMAL, "prompts": {"gsm8k": 30}})
    assert (checked.prompts_of("gsm8k"), checked.prompts_of("mine")) == (30, 0)
    assert loading.parse(MINIMAL).prompts_of("mine") == 2000


def preset_file(folder, **beside):
    """A config file of the paper's smallest setting, with something beside the preset."""
    path = folder / "pre.yaml"
    path.write_text(yaml.safe_dump({"preset": "s_base_69k", **beside}), encoding="utf-8")
    return path


SECTIONS = [  # what stands beside the preset, and the key of the preset that has to stay
    ({"model": {"dtype": "float16"}}, ("model", "path", "meta-llama/Llama-2-7b-hf")),
    ({"scorer": {"type": "probe"}}, ("scorer", "per", "all")),
    ({"select": {"metric": "cosine"}}, ("select", "strategy", "qads")),
    ({"decontaminate": {"ngram": 20}}, ("decontaminate", "drop", False)),
    ({"experience": {"share": 0.02}}, ("experience", "epochs", 1.0)),
]


@pytest.mark.parametrize(("beside", "stays"), SECTIONS, ids=[stays[0] for _, stays in SECTIONS])
def test_a_section_beside_a_preset_is_merged_with_it_key_by_key(tmp_path, beside, stays):
    ((section, values),) = beside.items()
    ((key, value),) = values.items()
    in_file = loading.parse({"preset": "s_base_69k", **beside})
    assert getattr(getattr(in_file, section), key) == value
    assert getattr(getattr(in_file, section), stays[1]) == stays[2]
    assert loading.load(preset_file(tmp_path), [f"{section}.{key}={value}"]) == in_file
    assert loading.load(preset_file(tmp_path), [f"{section}={{{key}: {value}}}"]) == in_file


@pytest.mark.parametrize("beside", [{}, {"anchors": {"size": 20}}, {"anchors": {"allow_benchmark": False}}])
def test_the_size_of_the_anchor_sets_is_changed_without_naming_them_again(tmp_path, beside):
    of_the_paper = loading.parse({"preset": "s_base_69k"}).anchors
    changed = loading.load(preset_file(tmp_path, **beside), ["anchors.size=8"]).anchors
    assert (changed.size, changed.sources) == (8, of_the_paper.sources)
    assert len(of_the_paper.sources) == 8
    assert loading.parse({"preset": "s_base_69k", "anchors": {"size": 8}}).anchors == changed
    own = loading.load(preset_file(tmp_path), ["anchors.sources=[gsm8k]"]).anchors
    assert ([source.path for source in own.sources], own.size) == (["gsm8k"], 100)  # lists whole, keys not


def test_ratio_and_prompts_beside_a_preset_replace_it_whole():
    checked = loading.parse(
        {"preset": "s_base_69k", "ratio": {"rule": "all"}, "prompts": {"cot": 9}, "sources": ["cot"]}
    )
    assert checked.ratio == schema.Ratio(rule="all")
    assert (checked.prompts, len(checked.sources)) == ({"cot": 9}, 1)


def test_an_override_goes_into_the_ratio_and_the_prompts_of_a_preset(tmp_path):
    checked = loading.load(preset_file(tmp_path), ["ratio.upp=5000", "prompts.cot=9"])
    assert (checked.ratio.rule, checked.ratio.low, checked.ratio.upp) == ("size", 1_000, 5_000)
    assert checked.prompts == {"aqua_rat": 2000, "camel_math": 2000, "cot": 9, "evol_instruct_v2": 2000}
    own = preset_file(tmp_path, ratio={"rule": "size", "low": 10, "upp": 20})
    assert loading.load(own, ["ratio.upp=5000"]).ratio.low == 10
    kinds = loading.load(preset_file(tmp_path), ["ratio.general.rule=all", "preset=openmathmix"]).ratio
    assert (kinds.reasoning.rule, kinds.general.rule) == ("all", "all")
    with pytest.raises(ConfigError, match="rule all does not take low, upp"):
        loading.load(preset_file(tmp_path), ["ratio.rule=all"])
    with pytest.raises(ConfigError, match=r"sources holds .* not a section"):
        loading.load(preset_file(tmp_path), ["sources.0.rows=5"])


def test_null_beside_a_preset_switches_a_section_off(tmp_path):
    assert loading.parse({"preset": "s_base_69k", "scorer": None, "decontaminate": None}).scorer is None
    assert loading.load(preset_file(tmp_path), ["decontaminate=null"]).decontaminate is None


def test_an_override_goes_into_a_model_that_is_only_named(tmp_path):
    checked = loading.load(preset_file(tmp_path, model="Qwen/Qwen3-8B"), ["model.dtype=bfloat16"])
    assert (checked.model.path, checked.model.dtype) == ("Qwen/Qwen3-8B", "bfloat16")


@pytest.mark.parametrize("name", ["s_base_69k", "openmathmix_10.yaml"])
def test_a_preset_in_place_of_a_file_is_told_how_to_be_written(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", name]) == 2
    preset = name.removesuffix(".yaml")
    assert f"write `preset: {preset}` into a YAML file" in capsys.readouterr().err


def test_the_config_of_the_quickstart_is_one():
    checked = loading.load(embedded.quickstart_path())
    assert checked.decontaminate is None
