"""Work queue of shards: which are open, claimed, done or given up, and whose tries failed.

Bookkeeping without a clock or a network, so that it can be tested alone. The engines keep one for each time
that shards are handed out, and their workers claim from it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hf_qads.errors import QaDSError, RunError, ShardsGivenUpError
from hf_qads.runtime.executors import Shard, Worker

TRIES: Final = 3  # of a shard, before it is given up
FAULTS: Final = 3  # in a row, before a worker gets no more while others are at work
REPLACED: Final = 3  # most replacements of each worker
ENDED: Final = "the worker was lost: its node or process died, or the system killed it for its memory"


@dataclass
class _Shards:
    """What was handed out under one title."""

    sizes: list[int]
    open: list[int]
    claimed: dict[int, str] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    tries: Counter[int] = field(default_factory=Counter)
    failed_by: dict[int, set[str]] = field(default_factory=dict)
    given_up: dict[int, str] = field(default_factory=dict)


class ShardBook:
    """Hands each shard to one worker at a time, again after a failure, and gives up after three tries."""

    def __init__(self) -> None:
        self._titles: dict[str, _Shards] = {}
        self._workers: set[str] = set()
        self._begun: set[str] = set()
        self._faults: Counter[str] = Counter()
        self._failures: list[str] = []

    def join(self, worker: str) -> None:
        """Count on a worker that is being started."""
        self._workers.add(worker)

    def begin(self, worker: str) -> None:
        """A worker is there."""
        self._begun.add(worker)

    def open(self, title: str, sizes: Sequence[int], done: Sequence[int]) -> None:
        """Enter the shards of a title."""
        known = set(done)
        left = [number for number in range(len(sizes)) if number not in known]
        self._titles[title] = _Shards(list(sizes), left, done=known)

    def claim(self, worker: str, title: str) -> int | None:
        """A shard for a worker, or None where it has nothing more to do under this title, or not yet.

        A worker that failed three times in a row gets none while others are sound, since its node may be full
        or broken, and none gets a shard again at which it failed before every sound one has tried.
        """
        sound = {name for name in self._workers if self._faults[name] < FAULTS} or self._workers
        shards = self._titles.get(title)
        if shards is None or worker not in sound:
            return None
        for number in shards.open:
            failed = shards.failed_by.get(number, set())
            if worker not in failed or sound <= failed:
                shards.open.remove(number)
                shards.claimed[number] = worker
                return number
        return None

    def finish(self, worker: str, title: str, number: int) -> None:
        """Enter a shard as done."""
        shards = self._titles[title]
        shards.claimed.pop(number, None)
        if number in shards.open:  # its worker was thought lost, and was not
            shards.open.remove(number)
        shards.given_up.pop(number, None)
        shards.done.add(number)
        self._faults[worker] = 0

    def fail(self, worker: str, title: str, number: int, error: str, *, final: bool = False) -> None:
        """Enter a failed try; `final` for an error that another try would meet again."""
        shards = self._titles[title]
        shards.claimed.pop(number, None)
        shards.tries[number] += 1
        shards.failed_by.setdefault(number, set()).add(worker)
        self._faults[worker] += 1
        self._failures.append(error)
        if number in shards.done:
            return
        if final or shards.tries[number] >= TRIES:
            shards.given_up[number] = error
        else:
            shards.open.append(number)

    def lost(self, worker: str, error: str) -> None:
        """Give back what a worker held that is no more."""
        self._workers.discard(worker)
        self._failures.append(error)
        for title, shards in self._titles.items():
            for number in [number for number, holder in shards.claimed.items() if holder == worker]:
                self.fail(worker, title, number, error)

    def state(self) -> dict[str, Any]:
        """Sizes done and in all, shards left, failures so far and the last one's error, and who is there."""
        titles = self._titles.values()
        return {
            "failures": len(self._failures),
            "error": self._failures[-1] if self._failures else "",
            "begun": set(self._begun),
            "left": sum(len(s.open) + len(s.claimed) for s in titles),
            "done": sum(s.sizes[number] for s in titles for number in s.done),
            "total": sum(sum(s.sizes) for s in titles),
        }

    def given_up(self) -> list[tuple[str, int, str]]:
        """Title, number and error of the shards that were given up."""
        return [
            (title, number, error)
            for title, shards in self._titles.items()
            for number, error in shards.given_up.items()
        ]


class Claims(Worker):
    """The executor of a worker: claims one shard after the other.

    Args:
        book: the engine's `ShardBook`, or what passes calls on to it.
        worker: the name under which to claim.
    """

    def __init__(self, book: Any, worker: str) -> None:
        self._book, self._worker = book, worker

    def run(
        self,
        shards: Sequence[Shard],
        do: Callable[[int], object],
        *,
        what: str,
        unit: str = "row",
        shown: bool = True,
    ) -> None:
        """Do shards as long as there are some."""
        while (number := self._book.claim(self._worker, what)) is not None:
            try:
                if not shards[number].done:
                    do(number)
            except Exception as error:  # whatever befalls a shard, the others go on
                text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
                self._book.fail(self._worker, what, number, text, final=isinstance(error, QaDSError))
            else:
                self._book.finish(self._worker, what, number)


def enter(book: Any, handed: Mapping[str, Sequence[Shard]]) -> None:
    """Enter all shards that are handed out, by title."""
    for title, shards in handed.items():
        done = [number for number, shard in enumerate(shards) if shard.done]
        book.open(title, [shard.size for shard in shards], done)


def check_done(book: Any, stage: str) -> None:
    """Check that no shard was given up, and none is left.

    Raises:
        ShardsGivenUpError: some were given up; the others are done.
        RunError: there was no worker to do them.
    """
    given_up = book.given_up()
    if given_up:
        what, number, error = given_up[0]
        raise ShardsGivenUpError(
            f"{len(given_up)} shards of the stage {stage} were given up; the first, number {number} of "
            f"{what}: {error}. The others are done and kept: put that right, then run again."
        )
    state = book.state()
    if state["left"]:
        raise RunError(
            f"{state['left']} shards of the stage {stage} are left, and no worker is left to do them. The "
            f"last error: {state['error'] or 'none'}. What is finished is kept: mend that, then run again."
        )
