"""Gradients per row: LoRA gradients of the answer's loss, randomly projected, as LESS compares them.

The gradient of each row of a batch comes from one backward pass: for a linear layer it is the sum over tokens
of the outer product of what went in and what came back, and padding brings nothing back.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import EmbeddingError
from hf_qads.rows.forward import evaluating
from hf_qads.rows.rendering import Renderer, template_of
from hf_qads.rows.sequences import context_length, labelled, padded
from hf_qads.runtime.batching import BATCH_TOKENS, TokenBudget, run_batches
from hf_qads.runtime.devices import useful_tokens

DIMENSIONS = 1024
RANK = 8
CHUNK = 4096  # parameters that are projected at once
BETAS = (0.9, 0.999)
SMALL = 1e-8
NOT_FINITE = "the gradient is zero or not finite"
MOST_TOKENS = 4096  # of a batch: a backward pass keeps every layer's states

Weights = Mapping[str, Any]  # parameter name -> tensor
Moments = Mapping[str, tuple[Any, Any]]  # parameter name -> Adam's first and second moment


class GradientMaker:
    """Makes projected gradients with one model; stands where an `Encoder` stands.

    Attributes:
        size: numbers of a row: checkpoints times dimensions.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        checkpoints: Sequence[Weights] = (),
        moments: Sequence[Moments] = (),
        dimensions: int = DIMENSIONS,
        subspace: NDArray[Any] | None = None,
        seed: int = 0,
        template: str = "plain",
        device: Any = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        """See `gradients`."""
        self.own = not getattr(model, "peft_config", None)
        self.model = with_adapters(model, seed)
        if device is not None:
            self.model.to(device)
        self.device = model.device
        self.renderer = Renderer(tokenizer, template_of(model, template))
        self.context = context_length(model.config, tokenizer)
        self.vocabulary = model.get_input_embeddings().num_embeddings
        self.layers = trained_layers(self.model)
        self.checkpoints, self.moments = list(checkpoints), list(moments)
        if self.moments and len(self.moments) != max(1, len(self.checkpoints)):
            raise EmbeddingError(
                f"{len(self.moments)} moments for {max(1, len(self.checkpoints))} checkpoints. Give one each."
            )
        if dimensions < 1:
            raise EmbeddingError(f"dimensions={dimensions}, but at least 1 is needed.")
        self.dimensions, self.subspace, self.seed = dimensions, subspace, seed
        width = dimensions if subspace is None else int(subspace.shape[-1])
        self.size = max(1, len(self.checkpoints)) * width
        self.budget = TokenBudget(min(MOST_TOKENS, useful_tokens(batch_tokens, self.device)))

    def encode(self, rows: Sequence[Mapping[str, Any]], out: NDArray[Any]) -> dict[int, str]:
        """Write the gradients of `rows` to `out` (n, size), each checkpoint's part of length 1.

        Returns:
            index of a row -> why it has none; its row of `out` is NaN.
        """
        ids, answers, reasons = labelled(
            self.renderer, rows, context=self.context, vocabulary=self.vocabulary
        )
        out[list(reasons)] = np.nan
        kept = np.asarray([i for i in range(len(ids)) if i not in reasons], dtype=np.int64)
        lengths = np.asarray([len(ids[i]) for i in kept], dtype=np.int64)

        def backward(batch: NDArray[np.int64]) -> None:
            places = kept[batch]
            out[places] = self._batch([ids[i] for i in places], [answers[i] for i in places])

        with evaluating(self.model), self._only_layers():
            run_batches(lengths, self.budget, backward)
        for place in kept[~np.isfinite(out[kept]).all(axis=1)].tolist():
            out[place] = np.nan
            reasons[place] = NOT_FINITE
        return reasons

    def _batch(self, ids: Sequence[NDArray[np.int32]], answers: Sequence[tuple[int, int]]) -> NDArray[Any]:
        parts = []
        for number in range(max(1, len(self.checkpoints))):
            if self.checkpoints:
                self.load(self.checkpoints[number])
            adam = self.moments[number] if self.moments else None
            part = self.project(self.of_rows(ids, answers), adam)
            if self.subspace is not None:
                basis = np.asarray(self.subspace, dtype=np.float32)
                part = part @ (basis[number] if basis.ndim == 3 else basis)
            length = np.linalg.norm(part, axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):
                parts.append(part / length)  # a gradient of zero has no direction: NaN, which is counted
        return np.concatenate(parts, axis=1)

    def close(self) -> None:
        """Take fresh adapters off the model again."""
        if self.own:
            self.model.unload()

    def load(self, weights: Weights) -> None:
        """Put a checkpoint's weights into the trained layers.

        Raises:
            EmbeddingError: it lacks a layer.
        """
        import torch

        with torch.no_grad():
            for name, layer in self.layers.items():
                if name not in weights:
                    raise EmbeddingError(f"a checkpoint has no {name!r}. Give the weights of every adapter.")
                layer.weight.copy_(weights[name])

    def of_rows(self, ids: Sequence[NDArray[np.int32]], answers: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """For each trained weight, its gradient of each row's mean loss over the answer: (b, weights)."""
        import torch

        tokens, mask = padded(ids, 0, self.device)
        found: dict[str, Any] = {}
        with ExitStack() as stack:
            for name, layer in self.layers.items():
                stack.enter_context(watched(name, layer, found))
            with torch.enable_grad():
                logits = self.model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
                losses = [
                    torch.nn.functional.cross_entropy(
                        logits[row, start - 1 : stop - 1].float(), tokens[row, start:stop]
                    )
                    for row, (start, stop) in enumerate(answers)
                ]
                total: Any = torch.stack(losses).sum()
                total.backward()
        self.model.zero_grad(set_to_none=True)
        return found

    def project(self, gradients: Mapping[str, Any], adam: Moments | None) -> NDArray[np.float32]:
        """Signs drawn with the seed times each gradient, over the root of the dimensions: (b, dimensions)."""
        import torch

        rows = len(next(iter(gradients.values())))
        total = torch.zeros(rows, self.dimensions, device=self.device)
        for number, name in enumerate(self.layers):  # the backward pass came from the last layer
            gradient = gradients[name]
            change = gradient if adam is None else preconditioned(gradient, adam, name)
            for begin in range(0, change.shape[1], CHUNK):
                part = change[:, begin : begin + CHUNK]
                if bool(part.any()):  # of fresh adapters half of the gradients are zero
                    signs = self.signs(number, begin // CHUNK, part.shape[1])
                    total += part @ torch.from_numpy(signs).to(self.device)
        projected: NDArray[np.float32] = (total / self.dimensions**0.5).cpu().numpy()
        return projected

    def signs(self, layer: int, chunk: int, rows: int) -> NDArray[np.float32]:
        """(rows, dimensions) of -1 and 1, the same whenever asked."""
        generator = np.random.Generator(np.random.Philox(key=[self.seed, layer], counter=[0, 0, chunk, 0]))
        bits = np.unpackbits(np.frombuffer(generator.bytes(-(-rows * self.dimensions // 8)), dtype=np.uint8))
        return bits[: rows * self.dimensions].reshape(rows, self.dimensions).astype(np.float32) * 2 - 1

    @contextmanager
    def _only_layers(self) -> Iterator[None]:
        """Gradients for the trained layers only, and put back as it was."""
        before = {name: parameter.requires_grad for name, parameter in self.model.named_parameters()}
        trained = {id(layer.weight) for layer in self.layers.values()}
        for parameter in self.model.parameters():
            parameter.requires_grad_(id(parameter) in trained)
        try:
            yield
        finally:
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad_(before[name])


def gradients(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    checkpoints: Sequence[Weights] = (),
    moments: Sequence[Moments] = (),
    dimensions: int = DIMENSIONS,
    subspace: NDArray[Any] | None = None,
    seed: int = 0,
    template: str = "plain",
    device: Any = None,
    batch_tokens: int = BATCH_TOKENS,
) -> NDArray[np.float32]:
    """The direction of each row's gradient, for `select(..., strategy="less", features={"gradients": ...})`.

    Args:
        model: a model of transformers after a short warm-up, such as the pre-experienced one. Where it has
            trained LoRA adapters of PEFT, theirs are the gradients; else fresh adapters of rank 8 are put on
            every linear layer (drawn with the seed), whose gradients are random projections of the layers'.
        tokenizer: its fast tokenizer.
        rows: a list of mappings or a dataset, (n), with any of the usual column pairs.
        checkpoints: weights of the adapters by parameter name, at several points of the warm-up; none: as
            they are.
        moments: for each checkpoint Adam's moments by parameter name: with them the direction is that of
            Adam's step. For the pool's rows only: target rows have plain gradients.
        dimensions: numbers that a gradient is projected to.
        subspace: (dimensions, r) or (checkpoints, dimensions, r) directions, best the principal ones of the
            target rows' gradients (`gradient_subspace`), of which only the coordinates are kept: the low-cost
            form.
        seed: of the projection and of fresh adapters.
        template: as for `embed`.
        device: where to move the model first; None leaves it where it is.
        batch_tokens: most tokens of a batch, padding included; at most 4,096 are taken.

    Returns:
        (n, checkpoints, dimensions or r) float32; each gradient has length 1. NaN for a row that does not
        fit the context or has no question or answer.

    Raises:
        EmbeddingError: PEFT is not installed, a checkpoint lacks a weight, a number out of range.

    Cost: for each checkpoint a forward and a backward pass over the rows' tokens, and weights * dimensions
    additions for each row.

    Source: LESS, Xia et al. 2024 (arXiv 2402.04333).
    """
    maker = GradientMaker(
        model,
        tokenizer,
        checkpoints=checkpoints,
        moments=moments,
        dimensions=dimensions,
        subspace=subspace,
        seed=seed,
        template=template,
        device=device,
        batch_tokens=batch_tokens,
    )
    found = np.empty((len(rows), maker.size), dtype=np.float32)
    try:
        maker.encode([dict(row) for row in rows], found)
    finally:
        maker.close()
    return found.reshape(len(rows), max(1, len(checkpoints)), -1)


def gradient_subspace(targets: NDArray[Any], rank: int) -> NDArray[np.float32]:
    """Principal directions (checkpoints, dimensions, r) of target gradients (m, checkpoints, dimensions).

    Rows with NaN are left out; r is at most `rank` and the number of rows.
    """
    known = targets[np.isfinite(targets).all(axis=(1, 2))].astype(np.float64)
    found = [np.linalg.svd(known[:, c], full_matrices=False)[2][:rank].T for c in range(known.shape[1])]
    return np.stack(found).astype(np.float32)


def with_adapters(model: Any, seed: int) -> Any:
    """The model, with fresh LoRA adapters of rank 8 on every linear layer where it has no adapters.

    Raises:
        EmbeddingError: PEFT is not installed.
    """
    import torch

    if getattr(model, "peft_config", None):
        return model
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise EmbeddingError("gradients need PEFT: pip install 'hf_qads[train]'.") from error
    with torch.random.fork_rng(), warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5.23 by the old name of activation checkpointing.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        torch.manual_seed(seed)
        return get_peft_model(
            model, LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
        )


def trained_layers(model: Any) -> dict[str, Any]:
    """The linear layers of the adapters, by the name of their weight.

    Raises:
        EmbeddingError: something else is trained, too.
    """
    import torch

    found = {
        f"{name}.weight": layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and "lora_" in name
    }
    others = [name for name, p in model.named_parameters() if p.requires_grad and name not in found]
    if others or not found:
        raise EmbeddingError(
            f"gradients are taken of LoRA adapters on linear layers, got {others[:2] or 'none'}. "
            "Train such adapters only, or give the model without any."
        )
    return found


@contextmanager
def watched(name: str, layer: Any, found: dict[str, Any]) -> Iterator[None]:
    """While in it, a backward pass leaves the gradient of each row of the batch in `found[name]`."""
    import torch

    def forward(module: Any, arguments: tuple[Any, ...], output: Any) -> None:
        came_in = arguments[0].detach()

        def backward(came_back: Any) -> None:
            gradient = torch.einsum("bto,bti->boi", came_back.float(), came_in.float())
            found[name] = gradient.reshape(len(gradient), -1)

        output.register_hook(backward)

    hook = layer.register_forward_hook(forward)
    try:
        yield
    finally:
        hook.remove()


def preconditioned(gradient: Any, adam: Moments, name: str) -> Any:
    """Adam's step for gradients (b, weights), from its moments by parameter name.

    Raises:
        EmbeddingError: there are none for this weight.
    """
    if name not in adam:
        raise EmbeddingError(f"there are no moments for {name!r}. Give those of every adapter.")
    first, second = (moment.to(gradient.device).float().reshape(1, -1) for moment in adam[name])
    mean = BETAS[0] * first + (1 - BETAS[0]) * gradient
    square = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
    return mean / (square + SMALL).sqrt()
