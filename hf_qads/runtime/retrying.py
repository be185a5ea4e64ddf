"""Asking the Hub again where that may help, and saying what to do where it does not."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from tqdm import tqdm

from hf_qads.errors import PublishingError

T = TypeVar("T")
WAITS: Final = (1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt
LONGEST: Final = 120.0  # a Hub that asks for more patience is reported
TRY_AGAIN: Final = (408, 429, 500, 502, 503, 504)


def patiently(call: Callable[[], T], doing: str, *, pass_on: Callable[[Exception], bool] | None = None) -> T:
    """Call, and call again after network errors and answers that ask for it.

    Args:
        call: may be repeated without harm.
        doing: what it does, for messages, such as "pushing me/maths-mix".
        pass_on: errors to raise as they are.

    Raises:
        PublishingError: it does not help, with what to do instead.
    """
    for wait in (*WAITS, None):
        try:
            return call()
        except PublishingError:
            raise
        except Exception as error:
            if pass_on is not None and pass_on(error):
                raise
            status = status_of(error)
            if not (status in TRY_AGAIN or (status is None and _network(error))):
                raise _told(error, status, doing) from error
            pause = _asked_for(error, wait)
            if pause is None:
                raise _told(error, status, doing) from error
            tqdm.write(f"{doing}: {_why(error, status)}; again in {pause:g} s", file=sys.stderr)
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


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


def _asked_for(error: Exception, wait: float | None) -> float | None:
    """Seconds to wait: what the Hub asks for, else ours; None to give up."""
    if wait is None:
        return None
    response = _response(error)
    said = "" if response is None else str(response.headers.get("Retry-After", ""))
    if said.isdigit():
        return float(said) if float(said) <= LONGEST else None
    return wait


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
