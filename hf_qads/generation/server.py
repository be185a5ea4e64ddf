"""Text generation by an OpenAI-compatible server (vLLM, SGLang, hosted): concurrency, retry, cache."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

from hf_qads.errors import GenerationError
from hf_qads.generation.engine import GREEDY, STOPS, Output, Sampling, until_stop
from hf_qads.generation.rate_limit import RateLimit
from hf_qads.generation.request_cache import RequestCache, request_key
from hf_qads.generation.usage import Meter, Usage
from hf_qads.runtime.retrying import call_again, seconds_asked_for

WAITS: Final = (1.0, 4.0, 15.0, 60.0)  # seconds before each further attempt of a request
BUSY: Final = (408, 409, 425, 429, 500, 502, 503, 504, 529)
REFUSED: Final = (401, 402, 403, 404, 405)  # no other request will fare better
HOPELESS: Final = 12  # requests that fail one after the other before the server is given up


class OpenAIEngine:
    """A server that speaks OpenAI's protocol.

    Args:
        url: of the API, up to and with `/v1`.
        model: the model's name there.
        chat: use `/chat/completions`; prompts are then sent as one user turn.
        key: environment variable that holds the API key, where the server asks for one.
        parallel: requests at a time.
        timeout: seconds per request.
        waits: seconds before each further attempt after a busy or broken answer; Retry-After goes before.
        per_minute: most requests a minute, or None.
        cache: folder in which answers are kept by their request, or None.
        skip_failed: a request that fails after all attempts gives an output with `failed`, instead of an
            error. A server that refuses, or fails a dozen requests in a row, is an error all the same.
    """

    shard_prompts = 512  # its cache keeps each answer

    def __init__(
        self,
        url: str,
        model: str,
        *,
        chat: bool = False,
        key: str = "OPENAI_API_KEY",
        parallel: int = 16,
        timeout: float = 600.0,
        waits: Sequence[float] = WAITS,
        per_minute: float | None = None,
        cache: Path | None = None,
        skip_failed: bool = False,
    ) -> None:
        self.url = url.rstrip("/")
        self.model = model
        self.chat = chat
        self.key = key
        self.parallel = parallel
        self.timeout = timeout
        self.waits = tuple(waits)
        self.skip_failed = skip_failed
        self.name = f"{model} at an OpenAI-compatible endpoint"
        self.meter = Meter()
        self._in_a_row = 0
        self._limit = RateLimit(per_minute)
        self._cache = None if cache is None else RequestCache(cache)

    def answer(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        sampling: Sampling = GREEDY,
        draws: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer, as the server gives them; each is cached before.

        Raises:
            GenerationError: the server cannot be reached, refuses, or answers in another form.
        """
        bodies = [
            self._body(prompt, max_new_tokens, sampling, 0 if draws is None else draws[place])
            for place, prompt in enumerate(prompts)
        ]
        with ThreadPoolExecutor(self.parallel) as pool:
            asked = {pool.submit(self._ask, body): place for place, body in enumerate(bodies)}
            try:
                for done in as_completed(asked):
                    try:
                        output, self._in_a_row = done.result(), 0
                    except _Failed as failure:
                        self._in_a_row += 1
                        if not self.skip_failed or self._in_a_row >= HOPELESS:
                            raise GenerationError(str(failure)) from failure
                        output = Output("", failure.short, failed=True)
                    yield asked[done], output
            finally:
                for waiting in asked:
                    waiting.cancel()

    def _body(self, prompt: str, max_new_tokens: int, sampling: Sampling, draw: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": max_new_tokens,
            "temperature": sampling.temperature,
        }
        if sampling.temperature > 0:
            body |= {"top_p": sampling.top_p, "seed": sampling.seed * 1_000_003 % 2**31 + draw}
        if self.chat:
            return body | {"messages": [{"role": "user", "content": prompt}]}
        return body | {"prompt": prompt, "stop": list(STOPS[:4])}

    def _ask(self, body: dict[str, Any]) -> Output:
        key = request_key(self.url, self.chat, body)
        if self._cache is not None and (known := self._cache.get(key)) is not None:
            return known
        try:
            output, usage = call_again(
                lambda: self._post(body),
                waits=self.waits,
                may_pass=lambda error: isinstance(error, _Failed) and error.may_pass,
                retry_after=lambda error: self._held(error),
            )
        except _Failed as failure:
            if failure.status in REFUSED:
                raise GenerationError(str(failure)) from failure
            raise
        self.meter.add(usage)
        if self._cache is not None:
            self._cache.put(key, output)
        return output

    def _held(self, error: Exception) -> float | None:
        """Seconds that the server asked for; the other threads keep still as long."""
        asked = error.retry_after if isinstance(error, _Failed) else None
        if asked is not None:
            self._limit.hold(asked)
        return asked

    def _post(self, body: dict[str, Any]) -> tuple[Output, Usage]:
        self._limit.wait()
        headers = {"Content-Type": "application/json"}
        if secret := os.environ.get(self.key):
            headers["Authorization"] = f"Bearer {secret}"
        path = "/chat/completions" if self.chat else "/completions"
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                return self._read(json.load(response))
        except urllib.error.HTTPError as error:
            said = error.read(300).decode("utf-8", "replace")
            raise _Failed(
                f"{self.url} refuses with {error.code} {error.reason}: {said}",
                f"the server answered {error.code}",
                may_pass=error.code in BUSY,
                status=error.code,
                retry_after=seconds_asked_for(error.headers.get("Retry-After")),
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise _Failed(
                f"{self.url} cannot be asked: {error}. Is the server up?",
                "timed out" if _timed_out(error) else "the connection failed",
            ) from error
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise _Failed(
                f"{self.url} answers in another form than OpenAI's. Check the URL.", "a malformed answer"
            ) from error

    def _read(self, answer: Any) -> tuple[Output, Usage]:
        choice = answer["choices"][0]
        text = choice["message"]["content"] if self.chat else choice["text"]
        if text is not None and not isinstance(text, str):
            raise TypeError(type(text))
        finish = choice.get("finish_reason")
        output = until_stop(text or "", whole=finish != "length", stops=() if self.chat else STOPS)
        if finish == "content_filter":
            output = output._replace(reason="content filter")
        used = answer.get("usage") or {}
        tokens = [int(used.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
        return output, Usage(1, *tokens)


def _timed_out(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)


class _Failed(Exception):
    """One attempt, or the last of several, gave no answer."""

    def __init__(
        self,
        message: str,
        short: str,
        *,
        may_pass: bool = True,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.short, self.may_pass, self.status, self.retry_after = short, may_pass, status, retry_after
