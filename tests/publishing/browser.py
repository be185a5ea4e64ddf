"""A real headless Chromium, driven by chromedriver over its own protocol."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


REQUIRED = (
    os.environ.get("HF_QADS_BROWSER") == "required"
)  # as in CI: a page that nobody looked at is a failure
REASON = "needs chromium and chromedriver (on Debian: apt-get install chromium chromium-driver)"


def missing() -> bool:
    """Whether to pass over the tests that look at a page, because no browser is here and none is required."""
    return not REQUIRED and not (shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    """One page at a time; a context manager.

    Args:
        folder: for the profile, and the log of what the browser asks the network for.
        width: of the window, in CSS pixels.
        height: of the window.
    """

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        self.net_log = folder / "net.json"
        self.size = width, height
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(
            [shutil.which("chromedriver"), f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        flags = [*FLAGS, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={self.net_log}"]
        options = {"binary": shutil.which("chromium"), "args": flags}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        made = self._until(lambda: self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}}))
        self.session = f"/session/{made['sessionId']}"

    def __enter__(self) -> "Browser":
        metrics = {"width": self.size[0], "height": self.size[1], "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(20)

    def open(self, url: str) -> None:
        self._ask("POST", f"{self.session}/url", {"url": url})

    def run(self, script: str, *arguments: object) -> object:
        """What a JavaScript function body returns."""
        return self._ask("POST", f"{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, seconds: float = 30) -> object:
        """The first truthy value of a script."""
        return self._until(lambda: self.run(script), seconds)

    def devtools(self, command: str, parameters: dict) -> dict:
        return self._ask("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        found = self.devtools("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(found["data"]))

    def hosts(self) -> set[str]:
        """Hosts that pages asked for, by the browser's own log; read it after the browser has closed."""
        text = self.net_log.read_text(encoding="utf-8", errors="replace")
        return set(re.findall(r'"url":"(?:https?|wss?)://([^/":]+)', text))

    def _until(self, call, seconds: float = 30):
        end = time.monotonic() + seconds
        while True:
            try:
                found = call()
                if found or time.monotonic() > end:
                    return found
            except OSError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def _ask(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]
