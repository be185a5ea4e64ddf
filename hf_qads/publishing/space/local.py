"""Serve the explorer on this machine (`hf-qads explore`), for a run folder."""

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from hf_qads.errors import PublishingError
from hf_qads.publishing.facts.measuring import measure
from hf_qads.publishing.space import explorer
from hf_qads.publishing.space.staging import prepare
from hf_qads.runfolder import RunFolder


def explore(
    run: RunFolder | Path | str,
    *,
    port: int | None = None,
    browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the explorer of a run on this machine until Ctrl-C.

    It listens on the loopback address only, shares nothing and reports nothing.

    Args:
        run: a run folder with scores.
        port: to listen on; None takes the first free one from 7860 on.
        browser: open a browser.
        say: is told the address.

    Raises:
        PublishingError: gradio is not installed, the run has no scores yet, or the port is taken.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise PublishingError(
            "the explorer needs gradio. Install it: pip install 'hf_qads[explore]'"
        ) from error
    try:
        _serve(run if isinstance(run, RunFolder) else RunFolder.open(run), port, browser, say)
    except KeyboardInterrupt:
        return  # how it is meant to end


def _serve(run: RunFolder, port: int | None, browser: bool, say: Callable[[str], None]) -> None:
    measured = measure(run)
    if measured.facts.score_column is None:
        raise PublishingError(f"{run.path} has no scores yet. Let the run go on: hf-qads run.")
    with tempfile.TemporaryDirectory() as folder:
        prepare(run, measured, Path(folder))
        app = explorer.build(Path(folder))
        try:
            app.launch(
                theme=explorer.theme(),
                css=explorer.CSS,
                footer_links=[],
                server_name="127.0.0.1",
                server_port=port,
                share=False,
                ssr_mode=False,
                inbrowser=browser,
                quiet=True,
                prevent_thread_lock=True,  # gradio's own wait would announce Ctrl-C
            )
        except OSError as error:
            raise PublishingError(f"port {port} is taken. Give another --port, or none.") from error
        say(f"The explorer is at {app.local_url} until Ctrl-C.")
        try:
            threading.Event().wait()
        finally:
            app.close(verbose=False)
