"""Rate limits, and the one loop of retries."""

import pytest

from hf_qads.generation.rate_limit import RateLimit
from hf_qads.runtime import retrying


class Time:
    """A clock that moves only by waiting."""

    def __init__(self):
        self.now = 100.0

    def sleep(self, seconds):
        self.now += seconds


def test_requests_pass_at_even_distances():
    time = Time()
    limit = RateLimit(120, clock=lambda: time.now, sleep=time.sleep)
    started = []
    for _ in range(4):
        limit.wait()
        started.append(time.now - 100)
    assert started == [0, 0.5, 1.0, 1.5]


def test_a_servers_wish_holds_every_request_back():
    time = Time()
    limit = RateLimit(None, clock=lambda: time.now, sleep=time.sleep)
    limit.wait()
    limit.hold(7)
    limit.wait()
    assert time.now == 107


def failing(*errors):
    left = list(errors)

    def call():
        if left:
            raise left.pop(0)
        return "done"

    return call


def again(call, **settings):
    return retrying.call_again(
        call, **{"waits": (1.0, 2.0), "may_pass": lambda error: isinstance(error, OSError)} | settings
    )


def test_waits_grow_and_the_last_error_is_raised(monkeypatch):
    slept = []
    monkeypatch.setattr(retrying.time, "sleep", slept.append)
    assert again(failing(OSError(), OSError())) == "done"
    assert 1 <= slept[0] <= 1.25
    assert 2 <= slept[1] <= 2.5
    with pytest.raises(OSError, match="third"):
        again(failing(OSError(), OSError(), OSError("third")))


def test_what_will_not_pass_is_raised_at_once(monkeypatch):
    monkeypatch.setattr(retrying.time, "sleep", lambda seconds: pytest.fail("slept"))
    with pytest.raises(ValueError, match="wrong"):
        again(failing(ValueError("wrong")))
    with pytest.raises(OSError, match="busy"):  # an hour is too long
        again(failing(OSError("busy")), retry_after=lambda error: 3600.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        (None, None),
        ("", None),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:00:09 GMT", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header, seconds):
    assert retrying.seconds_asked_for(header) == seconds
