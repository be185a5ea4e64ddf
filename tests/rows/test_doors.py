"""A raw row means the same to whoever reads it: a run, vectors, influence, scores and training."""

import json

import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from hf_qads.repositories.loading import load_rows
from hf_qads.rows.columns import pair_or_reason, recognise
from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import recognised, sequences
from hf_qads.scoring.influence.blocks import render
from hf_qads.scoring.scorer.map_batches import rows_of
from hf_qads.sources import SourceSpec, read_source
from hf_qads.training.rows import training_rows
from tests.models import tiny_tokenizer

ASKED = {"role": "user", "content": "1 + 1?"}
TWO = {"role": "assistant", "content": "It is 2."}
RAWS = [
    {"instruction": "Translate", "input": "cat", "output": "chat", "system": "You translate to French."},
    {"instruction": "Translate", "input": "cat", "output": "Katze", "system": "You translate to German."},
    {"instruction": "Translate", "output": "gato", "history": [["hi", "hola"]]},
    {"question": "2 + 2?", "answer": "4", "system": " "},
    {"messages": [{"role": "developer", "content": "Be exact."}, ASKED, TWO]},
    {"messages": [ASKED, {**TWO, "reasoning_content": "One and one."}]},
    {"messages": [ASKED, TWO, ASKED, {**TWO, "content": "wrong", "weight": 0}]},
    {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    {
        "messages": [
            ASKED,
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "w"}}]},
        ]
    },
    {"messages": [ASKED, {"role": "ipython", "content": "2"}, TWO]},
    {"question": " ", "answer": "4"},
]
FILLED = [{**dict.fromkeys(name for raw in RAWS for name in raw), **raw} for raw in RAWS]


@pytest.fixture(scope="module")
def renderer():
    return Renderer(tiny_tokenizer())


@pytest.fixture(scope="module")
def expected(renderer):
    """The text of each row, or why it is none."""
    pairs = [pair_or_reason(raw, recognise(raw)) for raw in RAWS]
    return [pair if isinstance(pair, str) else renderer.text(pair._asdict()).text for pair in pairs]


def test_rows_are_read_alike_for_vectors_and_scores(renderer, expected):
    for raws in (RAWS, FILLED):
        found = sequences(renderer, raws, context=None)
        said = [
            found.reasons.get(i) or renderer.tokenizer.decode(ids[len(renderer.bos) :])
            for i, ids in enumerate(found.ids)
        ]
        assert said == expected


def test_rows_are_read_alike_for_influence(renderer, expected):
    texts = render(FILLED, renderer, "prompts")
    assert [
        why or renderer.tokenizer.decode(block.ids)
        for block, why in zip(texts.blocks, texts.reasons, strict=True)
    ] == expected


def test_rows_are_read_alike_in_a_batch_of_map(renderer, expected):
    listed, batch = rows_of({name: [row[name] for row in FILLED] for name in FILLED[0]})
    said = [one if isinstance(one, str) else renderer.text(one).text for one in recognised(listed)]
    assert (said, batch) == (expected, True)


def test_rows_of_a_file_are_read_alike_for_training_and_by_a_run(renderer, expected, tmp_path, one_cache):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(raw) + "\n" for raw in RAWS))
    usable = [text for text in expected if "Answer:" in text]
    loaded = load_rows(str(path)).data
    assert isinstance(loaded, Dataset)
    trained = training_rows(loaded, renderer.tokenizer, max_length=512)
    texts = [renderer.tokenizer.decode(ids[1:-1]) for ids in trained.data["input_ids"][:]]
    assert texts == usable
    assert sum(trained.left_out.values()) == len(RAWS) - len(usable)
    read = read_source(SourceSpec(str(path)), out=tmp_path / "out")
    rows = pq.read_table(read.folder / "part-00000.parquet").to_pylist()
    assert [renderer.text(row).text for row in rows] == usable
    assert read.left_out == trained.left_out
