import numpy as np
import pytest

from hf_qads.embedding.vectors import ARRAY, IDS, Vectors
from hf_qads.errors import EmbeddingError


@pytest.fixture
def vectors(tmp_path):
    array = np.arange(20, dtype=np.float16).reshape(5, 4)
    array[3] = np.nan
    ids = [f"a-{i}" for i in range(5)]
    return Vectors.create(tmp_path / "vectors", ids, array, reasons={3: "too long"})


def test_rows_are_found_by_their_ids_in_the_order_asked(vectors):
    assert vectors.of(["a-4", "a-0", "a-4"])[:, 0].tolist() == [16.0, 0.0, 16.0]
    assert vectors.positions(["a-2", "a-1"]).tolist() == [2, 1]
    assert vectors.of([]).shape == (0, 4)


def test_ids_and_reasons_lie_beside_the_array(vectors):
    assert vectors.row_ids == ["a-0", "a-1", "a-2", "a-3", "a-4"]
    assert vectors.reasons == {"a-3": "too long"}
    assert isinstance(vectors.array, np.memmap)
    assert not vectors.array.flags.writeable


def test_ids_that_are_not_there_are_counted_and_named(vectors):
    with pytest.raises(EmbeddingError, match=r"2 of 3 rows have no vector.*'b-1'"):
        vectors.of(["a-0", "b-1", "b-2"])


def test_a_folder_that_is_not_finished_is_refused(vectors, tmp_path):
    with pytest.raises(EmbeddingError, match="no finished vectors"):
        Vectors.open(tmp_path)
    array = vectors.folder / ARRAY
    array.write_bytes(array.read_bytes()[:-8])
    with pytest.raises(EmbeddingError, match="cannot be read"):
        Vectors.open(vectors.folder)
    np.save(array, np.zeros((4, 4)))
    with pytest.raises(EmbeddingError, match="5 row ids for an array of shape"):
        Vectors.open(vectors.folder)
    (vectors.folder / IDS).write_bytes(b"PAR1")
    with pytest.raises(EmbeddingError, match="cannot be read"):
        Vectors.open(vectors.folder)


def test_one_id_is_needed_for_each_vector(tmp_path):
    with pytest.raises(EmbeddingError, match="1 row ids"):
        Vectors.create(tmp_path / "vectors", ["a"], np.zeros((2, 3)))
