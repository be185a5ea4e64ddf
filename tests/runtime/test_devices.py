import pytest
import torch

from hf_qads.errors import DeviceError
from hf_qads.runtime.devices import pick_device


def test_without_a_name_it_is_the_cpu_where_there_is_no_gpu():
    expected = "cuda:0" if torch.cuda.is_available() else "cpu"
    assert pick_device() == torch.device(expected)
    assert pick_device("cpu", rank=3) == torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu9", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_one_line(name):
    with pytest.raises(DeviceError) as error:
        pick_device(name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
