"""Run a config in a child process and kill it at given moments: `python -m tests.pipeline.killing ...`.

The heavy libraries are imported once; every attempt is a fork, so that it starts in no time.
"""

import argparse
import os
import signal
import sys
import time


def attempt(config: str, out: str, seconds: float | None) -> int | None:
    """Run the config in a child; kill it after `seconds`. Its exit code, or None where it was killed."""
    child = os.fork()
    if child == 0:
        from hf_qads.cli import main

        os._exit(main(["run", config, "--out", out]))
    if seconds is None:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> int:
    """Kill at each of the moments, then let one run end; prints how many attempts were killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("out")
    parser.add_argument("moments", nargs="*", type=float)
    given = parser.parse_args()
    # What the stages import; a fork of a process with threads running is not safe, imports alone start none.
    import datasets  # noqa: F401
    import transformers.trainer  # noqa: F401
    import trl.trainer.sft_trainer  # noqa: F401

    killed = sum(attempt(given.config, given.out, moment) is None for moment in given.moments)
    code = attempt(given.config, given.out, None)
    print(f"killed {killed}", file=sys.stderr)
    return code or 0


if __name__ == "__main__":
    raise SystemExit(main())
