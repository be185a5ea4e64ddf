"""Muon in float32: momentum, made orthogonal, for the matrices of a small model on a CPU.

torch.optim.Muon iterates in bfloat16, which most CPUs only emulate, and one matrix at a time.
"""

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # the quintic iteration published with Muon (Jordan et al., 2024)


def orthogonal(matrices: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Matrices (n, rows, columns) with all singular values brought near 1, by Newton-Schulz."""
    a, b, c = COEFFICIENTS
    tall = matrices.size(1) > matrices.size(2)
    found = matrices.mT if tall else matrices
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = found @ found.mT
        found = a * found + (b * gram + c * gram @ gram) @ found
    return found.mT if tall else found


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum; matrices of one shape are done together."""

    def __init__(
        self, matrices: list[torch.nn.Parameter], learning_rate: float, momentum: float = 0.95
    ) -> None:
        shapes = sorted({tuple(matrix.shape) for matrix in matrices})
        groups = [{"params": [m for m in matrices if tuple(m.shape) == shape]} for shape in shapes]
        super().__init__(groups, {"lr": learning_rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move every matrix against its orthogonalised momentum."""
        for group in self.param_groups:
            updates = []
            for matrix in group["params"]:
                average = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                average.lerp_(matrix.grad, 1 - group["momentum"])
                updates.append(matrix.grad.lerp(average, group["momentum"]))
            rows, columns = group["params"][0].shape
            scale = group["lr"] * max(1.0, rows / columns) ** 0.5
            for matrix, update in zip(group["params"], orthogonal(torch.stack(updates)), strict=True):
                matrix.sub_(update, alpha=scale)
