"""Options of the command line get the types of the function that takes them."""

import pytest

from hf_qads.config.flags import typed_options
from hf_qads.errors import ConfigError


def takes(pool, size, *, column: str = "", power: float = 1.0, rank: int = 0, noise: bool = True,
          weights: tuple[float, ...] = (), model: str):  # fmt: skip
    """Stands for a strategy."""


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("column=1", "1"),  # a name stays a name
        ("column=a=b", "a=b"),
        ("power=2", 2.0),
        ("power=1e-3", 0.001),
        ("rank=128", 128),
        ("noise=no", False),
        ("noise=True", True),
        ("weights=0.5,2", (0.5, 2)),
        ("weights=[0.5, 2]", (0.5, 2)),
        ("weights=", ()),
        ("model=0.5", "0.5"),
        ("unknown=[1, 2]", [1, 2]),
    ],
)
def test_a_value_has_the_type_of_the_parameter(flag, value):
    found = typed_options([flag], takes)[flag.partition("=")[0]]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("rank", "'rank' is not of the form KEY=VALUE"),
        ("rank=many", "'rank=many' must be a whole number"),
        ("rank=1.5", "'rank=1.5' must be a whole number"),
        ("power=high", "'power=high' must be a number"),
        ("noise=2", "'noise=2' must be true or false"),
        ("weights={", "'weights={' must be a list such as 1,2"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_flag(flag, says):
    with pytest.raises(ConfigError, match=says):
        typed_options([flag], takes)
