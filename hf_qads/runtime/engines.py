"""Engines by name: nobody but this process, worker processes on this machine, or workers on a Ray cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hf_qads.errors import RunError
from hf_qads.runtime import distributed
from hf_qads.runtime.executors import WorkerEngine


@contextmanager
def start(
    engine: str,
    out: Path,
    *,
    address: str = "auto",
    workers: int | None = None,
    gpus_per_worker: float | None = None,
    gpu_type: str | None = None,
    every_gpu: bool = False,
    say: Callable[[str], None] = print,
) -> Iterator[WorkerEngine | None]:
    """Start an engine's workers for a while; None where this process does the work.

    Args:
        engine: `local` or `ray`.
        out: folder of the work, on a file system that all workers share.
        address: of a Ray cluster.
        workers: how many; None is one for each GPU on Ray, and locally this process alone.
        gpus_per_worker: on Ray.
        gpu_type: on Ray.
        every_gpu: unless `workers` says otherwise, one local worker for each GPU where there are several.
        say: is told what goes on.

    Raises:
        RunError: there are ranks of a launch and workers were asked for, too; or the engine cannot start.
    """
    if distributed.world_size() > 1:
        if engine != "local" or workers is not None:
            raise RunError(
                f"{distributed.world_size()} processes were launched together, and workers were asked for as "
                "well. Start one process, which has its own workers, or leave --engine and --workers out."
            )
        yield None
        return
    if engine == "ray":
        from hf_qads.runtime.ray_engine import RayEngine

        options = {"gpus_per_worker": gpus_per_worker, "gpu_type": gpu_type}
        with RayEngine(out, address=address, workers=workers, say=say, **options) as remote:  # type: ignore[arg-type]
            yield remote
        return
    from hf_qads.runtime.process_engine import ProcessEngine, visible_gpus

    if workers is None and every_gpu and (gpus := len(visible_gpus())) > 1:
        workers = gpus
    if workers is None:
        yield None
        return
    with ProcessEngine(out, workers=workers, say=say) as local:
        yield local
