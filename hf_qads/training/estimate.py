"""How much memory a fine-tune takes per GPU, and how long it should run: estimates, not measurements."""

from dataclasses import dataclass

BYTES = {"full": 16.0, "zero2": 16.0, "zero3": 16.0, "lora": 2.0}  # per parameter, before sharing
WORKING = 34  # bytes per token and hidden unit that one layer holds while it is computed


@dataclass(frozen=True)
class Estimate:
    """Memory per GPU in bytes, time in seconds.

    Attributes:
        states: weights, gradients, float32 master weights and Adam's two moments, as they are shared out.
        activations: one checkpoint per layer, and the working set of one layer.
        seconds: of the whole run.
    """

    states: float
    activations: float
    seconds: float

    @property
    def memory(self) -> float:
        """Both together; the allocator's own share (some per cent) comes on top."""
        return self.states + self.activations


def estimate(
    parameters: float,
    tokens: float,
    *,
    gpus: int,
    layers: int,
    hidden: int,
    device_tokens: int,
    flops: float,
    sharding: str = "zero3",
    utilisation: float = 0.4,
) -> Estimate:
    """Memory and time of a fine-tune in bf16 with activation checkpointing.

    Weights and gradients take 2 bytes each per parameter, the float32 copy and Adam's moments 12: ZeRO-3
    shares out all 16, ZeRO-2 all but the weights, `full` (one copy per GPU) nothing; LoRA keeps the weights
    alone. A forward pass takes 2 operations per parameter and token, a backward pass 4, the recomputation of
    activations 2.

    Args:
        parameters: of the model.
        tokens: over all epochs.
        gpus: how many.
        layers: of the model.
        hidden: the model's width.
        device_tokens: tokens per device and pass, padding included.
        flops: peak of one GPU in bf16, in operations per second.
        sharding: `zero3` (also FSDP), `zero2`, `full` or `lora`.
        utilisation: share of the peak that is reached.
    """
    shared = {"zero3": parameters * 16 / gpus, "zero2": parameters * (2 + 14 / gpus)}
    states = shared.get(sharding, parameters * BYTES[sharding])
    activations = device_tokens * hidden * (2.0 * layers + WORKING)
    return Estimate(states, activations, 8 * parameters * tokens / (gpus * flops * utilisation))
