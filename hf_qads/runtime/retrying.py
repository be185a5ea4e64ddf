"""Retry with backoff and Retry-After: one loop for whatever may pass, and what the Hub's errors mean."""

import importlib
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from tqdm import tqdm

from hf_qads.errors import PublishingError

T = TypeVar("T")
WAITS: Final = (1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt
LONGEST: Final = 120.0  # a Hub that asks for more patience is reported
TRY_AGAIN: Final = (408, 429, 500, 502, 503, 504)


def retry(call: Callable[[], T], doing: str, *, pass_on: Callable[[Exception], bool] | None = None) -> T:
    """Call, and call again after network errors and answers that ask for it.

    Args:
        call: may be repeated without harm.
        doing: what it does, for messages, such as "pushing me/maths-mix".
        pass_on: errors to raise as they are.

    Raises:
        PublishingError: it does not help, with what to do instead.
    """

    def may_pass(error: Exception) -> bool:
        if isinstance(error, PublishingError) or (pass_on is not None and pass_on(error)):
            return False
        status = status_of(error)
        return status in TRY_AGAIN or (status is None and _network(error))

    def tell(error: Exception, pause: float) -> None:
        tqdm.write(f"{doing}: {_why(error, status_of(error))}; again in {pause:.2g} s", file=sys.stderr)

    try:
        return call_again(call, waits=WAITS, may_pass=may_pass, retry_after=_retry_after, tell=tell)
    except PublishingError:
        raise
    except Exception as error:
        if pass_on is not None and pass_on(error):
            raise
        raise _told(error, status_of(error), doing) from error


def call_again(
    call: Callable[[], T],
    *,
    waits: Sequence[float],
    may_pass: Callable[[Exception], bool],
    retry_after: Callable[[Exception], float | None] = lambda error: None,
    tell: Callable[[Exception, float], None] = lambda error, pause: None,
) -> T:
    """Call, and after an error that may pass call again, some seconds later.

    Args:
        call: may be repeated without harm.
        waits: seconds before each further attempt. Up to a quarter is added by chance, so that many
            callers do not come back at once.
        may_pass: whether another attempt may help.
        retry_after: seconds that the other side asked for, in place of ours; None where it did not. More
            than two minutes is not waited for: the error is raised.
        tell: is given each error that is not raised, and the pause after it.

    Raises:
        Exception: the last error, as it was.
    """
    for wait in (*waits, None):
        try:
            return call()
        except Exception as error:
            if wait is None or not may_pass(error):
                raise
            asked = retry_after(error)
            if asked is not None and asked > LONGEST:
                raise
            pause = wait * random.uniform(1.0, 1.25) if asked is None else asked
            tell(error, pause)
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def seconds_asked_for(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date; None where it asks for nothing."""
    text = (header or "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def status_of(error: BaseException) -> int | None:
    """HTTP status that an error, or one that it was raised from, came with."""
    response = _response(error)
    return None if response is None else int(response.status_code)


def conflict(error: BaseException) -> bool:
    """Whether someone else's commit came in between."""
    return status_of(error) in (409, 412)


def missing(error: BaseException) -> bool:
    """Whether there is no such repository."""
    from huggingface_hub.errors import RepositoryNotFoundError

    return any(isinstance(one, RepositoryNotFoundError) for one in _chain(error)) and status_of(error) != 401


def _told(error: Exception, status: int | None, doing: str) -> PublishingError:
    if status == 401 or type(error).__name__ == "LocalTokenNotFoundError":
        return PublishingError(
            f"{doing}: the Hub does not know the token, or it has expired. Run: hf auth login"
        )
    if status == 403:
        return PublishingError(f"{doing}: the token may not write there. Use one that may.")
    if status is None and not _network(error):
        return PublishingError(f"{doing}: {_reason(error)}")
    if status in TRY_AGAIN or status is None:
        return PublishingError(
            f"{doing}: {_why(error, status)}, also after {len(WAITS)} more attempts. No repository was left "
            "half new; publish again later and it goes on from there."
        )
    return PublishingError(f"{doing}: the Hub refused ({_why(error, status)}). Nothing was changed there.")


def _why(error: Exception, status: int | None) -> str:
    if status is not None:
        return f"status {status}"
    last = list(_chain(error))[-1]
    return f"no connection ({type(last).__name__})"


def _reason(error: BaseException) -> str:
    """What an error that is not the network's says itself, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _retry_after(error: Exception) -> float | None:
    response = _response(error)
    return None if response is None else seconds_asked_for(response.headers.get("Retry-After"))


def _response(error: BaseException) -> Any:
    from huggingface_hub.errors import HfHubHTTPError

    return next((one.response for one in _chain(error) if isinstance(one, HfHubHTTPError)), None)


def _network(error: BaseException) -> bool:
    kinds: list[type[BaseException]] = [ConnectionError, TimeoutError]
    for name in ("httpx2", "httpx", "requests"):  # whichever the installed Hub client speaks through
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        kinds.append(module.RequestException if name == "requests" else module.TransportError)
    return any(isinstance(one, tuple(kinds)) for one in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
