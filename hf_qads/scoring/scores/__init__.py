"""Further scores of rows beside the quality score: IFD, perplexity, Deita, length, wICI, reward models.

Adding one: a file with a function of `Given` whose keyword-only parameters are its options, the constants
`COLUMNS`, `NEEDS`, `PHRASE` and `CITATION`, and one line in `registry.SCORES`; or, from another package, an
entry point of the group `hf_qads.scores`.
"""
