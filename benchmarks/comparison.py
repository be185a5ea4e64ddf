"""How often intervals of `hf-qads compare` cover a known truth, and how often a false "better" comes.

python benchmarks/comparison.py
"""

import argparse

import numpy as np

from hf_qads.statistics.comparison import compare_arms, hierarchical_bootstrap, holm

# standard deviations: between seeds, between questions (of one arm), of one seed on one question
DESIGNS = {"seeds weigh": (0.1, 0.05, 0.1)}
QUESTIONS, SETS, EFFECT = 60, 2, 0.03


def simulated(
    rng: np.random.Generator, design: tuple[float, ...], seeds: list[int], effect: float
) -> list[dict]:
    """Arms on the same questions; all but the last have the true difference `effect` to the last."""
    of_seed, of_question, noise = design
    shifts = [rng.normal(0, of_seed, (count, 1)) for count in seeds]
    found: list[dict] = [{} for _ in seeds]
    for number in range(SETS):
        hard = rng.normal(0, 1, QUESTIONS)
        for arm, (count, shift) in enumerate(zip(seeds, shifts, strict=True)):
            own = hard + rng.normal(0, of_question, QUESTIONS) + (effect if arm < len(seeds) - 1 else 0.0)
            found[arm][number] = own + shift + rng.normal(0, noise, (count, QUESTIONS))
    return found


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--bootstraps", type=int, default=100, help="of the simulations, for the bootstrap")
    options = parser.parse_args()
    print("| design | seeds | t interval covers | percentile bootstrap covers | false better among 6 arms |")
    print("|---|--:|--:|--:|--:|")
    for name, design in DESIGNS.items():
        for seeds in (3, 5, 8, 20):
            rng = np.random.default_rng(seeds)
            covers = boots = false = 0
            for number in range(options.simulations):
                arm, control = simulated(rng, design, [seeds] * 2, EFFECT)
                one = compare_arms(arm, control)
                covers += one.low <= EFFECT <= one.high
                if number < options.bootstraps:
                    low, high = hierarchical_bootstrap(arm, control, draws=300, seed=number)
                    boots += low <= EFFECT <= high
                *arms, control = simulated(rng, design, [seeds] * 6 + [max(5, seeds)], 0.0)
                found = holm({str(place): compare_arms(arm, control) for place, arm in enumerate(arms)})
                false += any(arm.verdict == "better" for arm in found.values())
            shares = (covers / options.simulations, boots / options.bootstraps, false / options.simulations)
            print(f"| {name} | {seeds} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")


if __name__ == "__main__":
    main()
