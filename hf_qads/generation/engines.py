"""What writes answers: a model in this process, or a server behind an OpenAI-compatible endpoint."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from hf_qads.errors import EvaluationError
from hf_qads.runtime.batching import TokenBudget, token_batches

WAITS = (1.0, 4.0, 15.0)  # seconds before each new try of a request
BUSY = (408, 409, 429, 500, 502, 503, 504)

STOPS: Final = ("\nQuestion:", "\n\nQuestion", "\n### ", "\nHuman:", "\nUser:")


class Output(NamedTuple):
    """What was written for one prompt.

    Attributes:
        text: the answer, without the prompt.
        reason: why it is not whole (`length`, `prompt too long`), or None.
    """

    text: str
    reason: str | None = None


class Engine(Protocol):
    """Answers prompts greedily, in whatever order is quickest."""

    name: str

    def answer(self, prompts: Sequence[str], *, max_new_tokens: int) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer, as they are done."""
        ...


class TransformersEngine:
    """Greedy decoding in batches of prompts of similar length.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer.
        batch_tokens: most tokens of a batch, prompt and answer together.
        name: what identifies the model in stored results.
    """

    def __init__(self, model: Any, tokenizer: Any, *, batch_tokens: int = 16384, name: str = "model") -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.budget = TokenBudget(batch_tokens)
        self.name = name
        self.context = getattr(model.config, "max_position_embeddings", None) or 10**9

    def answer(self, prompts: Sequence[str], *, max_new_tokens: int) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer, longest prompts first.

        A prompt that leaves no room for an answer in the model's context gives an empty one, with a reason.
        Where memory runs out the batches are halved.
        """
        bos = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        encoded = self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"] if prompts else []
        ids = [bos + list(prompt) for prompt in encoded]
        left = [place for place, prompt in enumerate(ids) if len(prompt) < self.context - 1]
        for place in set(range(len(ids))) - set(left):
            yield place, Output("", "prompt too long")
        while left:
            lengths = np.array([len(ids[place]) + max_new_tokens for place in left])
            batch = [left[index] for index in token_batches(lengths, self.budget.tokens)[0]]
            try:
                outputs = self._batch([ids[place] for place in batch], max_new_tokens)
            except (RuntimeError, MemoryError) as error:
                self.budget.retreat(error)
                outputs = []
            if not outputs:
                self.budget.release()
                continue
            done = set(batch)
            left = [place for place in left if place not in done]
            yield from zip(batch, outputs, strict=True)

    def _batch(self, ids: list[list[int]], max_new_tokens: int) -> list[Output]:
        import torch
        from transformers import GenerationConfig, StoppingCriteriaList

        longest = max(map(len, ids))
        pad = self.tokenizer.pad_token_id
        ends = _ends(self.model, self.tokenizer)
        pad = pad if pad is not None else (ends[0] if ends else 0)
        tokens = torch.full((len(ids), longest), pad)
        mask = torch.zeros_like(tokens)
        for row, prompt in enumerate(ids):  # padded on the left, so that every answer starts together
            tokens[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        room = min(max_new_tokens, self.context - longest)
        greedy = GenerationConfig(
            do_sample=False, max_new_tokens=room, pad_token_id=pad, eos_token_id=ends or None, use_cache=True
        )
        device = self.model.device
        with torch.inference_mode():
            written = self.model.generate(
                tokens.to(device),
                attention_mask=mask.to(device),
                generation_config=greedy,
                stopping_criteria=StoppingCriteriaList([_Stop(self.tokenizer, longest)]),
            )
        answers = written[:, longest:].tolist()
        texts = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [
            _cut(text, whole=_ended(answer, ends, room)) for text, answer in zip(texts, answers, strict=True)
        ]


class _Stop:
    """Ends a row that goes on with a question of its own."""

    def __init__(self, tokenizer: Any, start: int) -> None:
        self.tokenizer = tokenizer
        self.start = start
        self.done: Any = None

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        if self.done is None:
            self.done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        if input_ids.shape[1] % 4 == 0:  # decoding costs time, so not after every token
            tails = self.tokenizer.batch_decode(input_ids[:, max(self.start, input_ids.shape[1] - 16) :])
            found = [any(stop in tail for stop in STOPS) for tail in tails]
            self.done |= torch.tensor(found, device=input_ids.device)
        return self.done


def _ends(model: Any, tokenizer: Any) -> list[int]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    ends = configured if isinstance(configured, list) else [configured, tokenizer.eos_token_id]
    return [int(end) for end in dict.fromkeys(ends) if end is not None]


def _ended(answer: list[int], ends: list[int], room: int) -> bool:
    return len(answer) < room or bool(set(answer) & set(ends))


def _cut(text: str, *, whole: bool) -> Output:
    """The answer up to the next question; a stop found makes it whole."""
    places = [place for stop in STOPS if (place := text.find(stop)) >= 0]
    if places:
        return Output(text[: min(places)])
    return Output(text, None if whole else "length")


class OpenAIEngine:
    """A server that speaks OpenAI's protocol, such as vLLM's or SGLang's.

    Args:
        url: of the API, up to and with `/v1`.
        model: the model's name there.
        chat: use `/chat/completions`; prompts are then sent as one user turn.
        key: environment variable that holds the API key, where the server asks for one.
        parallel: requests at a time.
        timeout: seconds per request.
        waits: seconds before each new try after a busy or broken answer.
    """

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
    ) -> None:
        self.url = url.rstrip("/")
        self.model = model
        self.chat = chat
        self.key = key
        self.parallel = parallel
        self.timeout = timeout
        self.waits = tuple(waits)
        self.name = f"{model} at an OpenAI-compatible endpoint"

    def answer(self, prompts: Sequence[str], *, max_new_tokens: int) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer, as the server gives them.

        Raises:
            EvaluationError: the server cannot be reached, refuses, or answers in another form.
        """
        with ThreadPoolExecutor(self.parallel) as pool:
            asked = {
                pool.submit(self._ask, prompt, max_new_tokens): place for place, prompt in enumerate(prompts)
            }
            try:
                for done in as_completed(asked):
                    yield asked[done], done.result()
            finally:
                for waiting in asked:
                    waiting.cancel()

    def _ask(self, prompt: str, max_new_tokens: int) -> Output:
        body: dict[str, Any] = {"model": self.model, "max_tokens": max_new_tokens, "temperature": 0}
        if self.chat:
            body["messages"] = [{"role": "user", "content": prompt}]
        else:
            body |= {"prompt": prompt, "stop": list(STOPS[:4])}
        answer = self._post("/chat/completions" if self.chat else "/completions", body)
        try:
            choice = answer["choices"][0]
            text = choice["message"]["content"] if self.chat else choice["text"]
            return _cut(str(text or ""), whole=choice.get("finish_reason") != "length")
        except (KeyError, IndexError, TypeError) as error:
            raise EvaluationError(
                f"{self.url} answers in another form than OpenAI's. Check the URL."
            ) from error

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if secret := os.environ.get(self.key):
            headers["Authorization"] = f"Bearer {secret}"
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        for wait in (*self.waits, None):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                if error.code not in BUSY or wait is None:
                    said = error.read(300).decode("utf-8", "replace")
                    raise EvaluationError(
                        f"{self.url} refuses with {error.code} {error.reason}: {said}"
                    ) from error
            except (OSError, ValueError) as error:
                if wait is None:
                    raise EvaluationError(
                        f"{self.url} cannot be asked: {error}. Is the server up?"
                    ) from error
            time.sleep(wait or 0.0)
        raise AssertionError("unreachable")
