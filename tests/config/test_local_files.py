import pytest

from hf_qads.config import loading
from hf_qads.errors import ConfigError

RAW = {"name": "mine", "model": "embedded", "sources": ["gsm8k"], "anchors": {"sources": ["math"]}}


@pytest.mark.parametrize("file", [5, None, True, ["a.jsonl"], {}, {"rows": 5}, {"path": 5}])
def test_a_local_file_that_is_no_file_is_told_as_that(file):
    with pytest.raises(ConfigError, match=r"local_files: \{gsm8k: .*\} names no file\. Write `NAME: FILE`"):
        loading.parse({**RAW, "local_files": {"gsm8k": file}})


def test_a_local_file_whose_name_is_nearly_one_of_the_catalogue_is_told_which():
    with pytest.raises(ConfigError, match=r"local_files names 'GSM8K', which no source.* Did you mean gsm8k"):
        loading.parse({**RAW, "decontaminate": None, "local_files": {"GSM8K": "a.jsonl"}})
    with pytest.raises(ConfigError, match=r"stands in for\.$"):
        loading.parse({**RAW, "decontaminate": None, "local_files": {"dmath": "a.jsonl"}})


def test_a_source_without_a_usable_path_is_left_for_the_check_of_the_config():
    with pytest.raises(ConfigError, match=r"sources\.1\.path: input should be a valid string"):
        loading.parse({**RAW, "sources": ["gsm8k", {"path": ["a"]}], "local_files": {"gsm8k": "a.jsonl"}})
