"""wICI, weighted in-context influence: how much a row helps, as an example, the rows nearest to it.

"What Makes Good Instruction-Tuning Data? An In-Context Learning Perspective" (2026, arXiv 2604.25132), with
the nearest rows as probes (the paper's ablation), since its own choice needs a complexity scorer.
"""

import numpy as np

from hf_qads import references
from hf_qads.errors import ScoringError
from hf_qads.rows.losses import losses
from hf_qads.rows.rendering import Block, Renderer, template_of
from hf_qads.rows.sequences import blocks_of
from hf_qads.scoring.held_out import NO_VECTOR
from hf_qads.scoring.scores.given import Given, Scored
from hf_qads.statistics.coverage import finite_rows

COLUMNS = ("wici",)
NEEDS = ("answer",)
VECTORS = True
PHRASE = "wICI: how much the row, as an example, helps its five nearest rows"
CITATION = references.WICI
NO_NEIGHBOUR = "no neighbour could be scored after it"


def wici(given: Given, *, probes: int = 5) -> Scored:
    """Score rows by weighted in-context influence on their nearest rows.

    With IFD(B) = PPL(a_B | q_B) / PPL(a_B), a row A moves a probe B by
    D = IFD(B) - PPL(a_B | q_A a_A q_B) / PPL(a_B); the score is the mean of D (1 - cosine similarity of A and
    B) over the probes with D above 0, and 0 where there is none.

    Args:
        given: rows, a causal language model, and the pool with its vectors.
        probes: how many nearest rows.

    Returns:
        `wici`, at least 0. NaN for a row without a vector, beyond the context, or without a probe that fits.

    Raises:
        ScoringError: there are no vectors.

    Cost: a forward pass over the row, `probes` over a probe after it (the row's keys and values are shared),
    and two over each probe; nearest rows by one product with the pool.
    """
    from hf_qads.neighbours.nearest import nearest
    from hf_qads.rows.backbone import Backbone
    from hf_qads.runtime.batching import TokenBudget
    from hf_qads.scoring.influence.full_sequences import FullSequences
    from hf_qads.scoring.influence.shared_prefix import SharedPrefix, Work

    around = given.neighbourhood
    if around is None:
        raise ScoringError("wici needs vectors of the rows. Score it in a run, or pass `vectors`.")
    reasons = dict(given.losses.reasons)
    finite = np.flatnonzero(finite_rows(around.vectors))
    has = np.isin(around.places, finite)
    for place in np.flatnonzero(~has).tolist():
        reasons.setdefault(place, NO_VECTOR)
    rows = np.asarray([place for place in range(len(given.rows)) if place not in reasons], dtype=np.int64)
    found = np.full(len(given.rows), np.nan)
    if not len(rows) or len(finite) < 2:
        return Scored({"wici": found}, reasons | dict.fromkeys(rows.tolist(), NO_NEIGHBOUR))
    near = nearest(
        around.vectors[around.places[rows]],
        around.vectors,
        min(probes, len(finite) - 1),
        rows=finite,
        itself=around.places[rows],
    )
    wanted = np.unique(near.rows)
    texts = around.rows(wanted)
    known = losses(
        given.model,
        given.tokenizer,
        texts,
        parts=("answer", "alone"),
        template=given.template,
        batch_tokens=given.batch_tokens,
    )
    renderer = Renderer(given.tokenizer, template_of(given.model, given.template))
    blocks = blocks_of(renderer, texts)
    examples = blocks_of(renderer, [given.rows[place] for place in rows.tolist()])
    backbone, budget = Backbone(given.model), TokenBudget(given.batch_tokens)
    shared = SharedPrefix(backbone, budget, Work())
    engine = shared if shared.body.shares else FullSequences(backbone, budget, Work())
    with backbone.ready():
        for place, example, probe, similarity in zip(
            rows.tolist(), examples, near.rows, near.values, strict=True
        ):
            at = np.searchsorted(wanted, probe)
            usable = [
                i for i, b in enumerate(at) if isinstance(blocks[b], Block) and np.isfinite(known.alone[b])
            ]
            anchors = [blocks[at[i]] for i in usable]
            if not isinstance(example, Block) or not anchors:
                reasons[place] = NO_NEIGHBOUR
                continue
            after = -engine.score([[*renderer.bos, *example.ids]], anchors)[0].astype(np.float64)
            alone, plain = known.alone[at[usable]], known.answer[at[usable]]
            gain = np.exp(plain - alone) - np.exp(after - alone)
            if not np.isfinite(gain).any():
                reasons[place] = NO_NEIGHBOUR
                continue
            helped = gain > 0
            weighed = gain[helped] * (1 - similarity[usable][helped])
            found[place] = weighed.mean() if helped.any() else 0.0
    return Scored({"wici": found}, reasons)
