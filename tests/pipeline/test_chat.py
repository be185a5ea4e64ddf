"""A run whose model writes rows by its chat template."""

import pytest

from hf_qads.config.loading import parse
from hf_qads.errors import ScoringError
from hf_qads.pipeline.checks import check
from hf_qads.pipeline.run import run
from hf_qads.rows import chat
from tests.models import CHATML, tiny_model, tiny_rows, tiny_tokenizer
from tests.pipeline.conftest import write_rows


def config(folder, template):
    model = folder / "model"
    tiny_model().save_pretrained(model)
    tiny_tokenizer(chat=template).save_pretrained(model)
    source = write_rows(folder / "rows.jsonl", tiny_rows(20))
    return parse(
        {
            "name": "chat",
            "model": {"path": str(model), "template": "chat"},
            "sources": [str(source)],
            "anchors": {"sources": [{"path": str(source)}], "size": 3},
            "decontaminate": None,
        }
    )


def test_a_template_that_needs_what_rows_do_not_hold_is_refused_before_any_work(tmp_path):
    asked = config(tmp_path, "{{ raise_exception('tools are needed') }}")
    with pytest.raises(ScoringError, match=r"does not write a plain question .*\(tools are needed\)"):
        check(asked)
    with pytest.raises(ScoringError, match="tools are needed"):
        run(asked, tmp_path / "run", say=lambda line: None)
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_the_date_of_its_first_day(tmp_path, monkeypatch):
    monkeypatch.delenv(chat.DATE, raising=False)
    asked = config(tmp_path, "{{ strftime_now('%d %b %Y') }} " + CHATML)
    folder = run(asked, tmp_path / "run", until="pool", say=lambda line: None)
    (folder.path / "date").write_text("2026-01-31\n")
    run(asked, tmp_path / "run", until="pool", say=lambda line: None)
    assert (folder.path / "date").read_text() == "2026-01-31\n"
    assert chat.DATE not in chat.os.environ


DROPS_THOUGHTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% set content = m.content %}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{ content }}<|im_end|>\n{% endfor %}"
)


@pytest.mark.parametrize("thinking", [3, 20])
def test_rows_that_the_template_cuts_are_said_as_soon_as_the_pool_is_read(tmp_path, thinking):
    asked = config(tmp_path, DROPS_THOUGHTS)
    rows = tiny_rows(20)
    thoughts = [{**row, "answer": f"<think>\nhm\n</think>\n\n{row['answer']}"} for row in rows[:thinking]]
    write_rows(tmp_path / "rows.jsonl", thoughts + rows[thinking:])
    said = []
    why = f"{thinking} of the first 20 rows of rows cannot be scored: the chat template leaves the answer's"
    if thinking == 20:
        with pytest.raises(ScoringError, match=f"writes none of the first rows of any source. {why}"):
            run(asked, tmp_path / "run", until="pool", say=said.append)
    else:
        run(asked, tmp_path / "run", until="pool", say=said.append)
    assert why in "\n".join(said)
