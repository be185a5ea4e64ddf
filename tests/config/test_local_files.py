import pytest

from hf_qads.config import schema
from hf_qads.errors import ConfigError

RAW = {"name": "mine", "model": "embedded", "sources": ["gsm8k"], "anchors": {"sources": ["math"]}}


@pytest.mark.parametrize("copy", [5, None, True, ["a.jsonl"], {}, {"rows": 5}, {"path": 5}])
def test_a_copy_that_is_no_file_is_told_as_that(copy):
    with pytest.raises(ConfigError, match=r"copies: \{gsm8k: .*\} names no file\. Write `NAME: FILE`"):
        schema.parse({**RAW, "copies": {"gsm8k": copy}})


def test_a_copy_whose_name_is_nearly_one_of_the_catalogue_is_told_which():
    with pytest.raises(ConfigError, match=r"copies names 'GSM8K', which no source.* Did you mean gsm8k"):
        schema.parse({**RAW, "overlap": None, "copies": {"GSM8K": "a.jsonl"}})
    with pytest.raises(ConfigError, match=r"stands in for\.$"):
        schema.parse({**RAW, "overlap": None, "copies": {"dmath": "a.jsonl"}})


def test_a_source_without_a_usable_path_is_left_for_the_check_of_the_config():
    with pytest.raises(ConfigError, match=r"sources\.1\.path: input should be a valid string"):
        schema.parse({**RAW, "sources": ["gsm8k", {"path": ["a"]}], "copies": {"gsm8k": "a.jsonl"}})
