"""Rate limit: so many requests a minute, shared by threads; a server's Retry-After holds all of them back."""

import threading
import time
from collections.abc import Callable


class RateLimit:
    """Lets requests pass at even distances.

    Args:
        per_minute: most requests a minute; None does not limit.
        clock: seconds that only grow.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 0.0 if per_minute is None else 60.0 / per_minute
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._free = 0.0

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = self._clock()
            start = max(now, self._free)
            self._free = start + self._gap
        if start > now:
            self._sleep(start - now)

    def hold(self, seconds: float) -> None:
        """Send nothing for some seconds, as a server asked."""
        with self._lock:
            self._free = max(self._free, self._clock() + seconds)
