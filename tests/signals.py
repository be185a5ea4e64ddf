"""Signals to commands that tests start."""

import signal


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a shell makes what it starts in the background, and all below it, deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
