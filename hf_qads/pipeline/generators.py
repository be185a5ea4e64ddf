"""The engine that writes a run's generated rows, from its config, and what of it the rows depend on."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Augment, Endpoint, Model
from hf_qads.generation.engine import Engine
from hf_qads.pipeline.models import load
from hf_qads.runtime.models import check_model, fingerprint, public_name

RULES = "rules"


def check_generator(augment: Augment) -> None:
    """Check what needs no model: operators, examples, the model's folder.

    Raises:
        QaDSError: one of them is wrong.
    """
    from hf_qads.augmenting.operators import find_operator, read_examples

    for name in augment.operators:
        find_operator(name)
    if augment.examples is not None:
        read_examples(augment.examples)
    if not isinstance(augment.model, Endpoint) and augment.model.path != RULES:
        check_model(augment.model.path)


def generator_key(augment: Augment) -> dict[str, Any]:
    """What of the generator its text depends on."""
    model = augment.model
    if isinstance(model, Endpoint):
        return {"endpoint": model.endpoint, "name": model.name, "chat": model.chat}
    if model.path == RULES:
        return {"path": RULES}
    weights = fingerprint(model.path, revision=model.revision)  # a model in another place writes the same
    return {"weights": weights, "dtype": model.dtype, "chat": model.chat}


def generator(augment: Augment, *, batch_tokens: int, device: str | None, cache: Path) -> Engine:
    """The engine that a config names.

    Args:
        augment: the config's section.
        batch_tokens: most tokens of a batch of a local model.
        device: of a local model.
        cache: folder of a server's answers by request.
    """
    model = augment.model
    if isinstance(model, Endpoint):
        from hf_qads.generation.server import OpenAIEngine

        return OpenAIEngine(
            model.endpoint,
            model.name,
            chat=model.chat,
            key=model.key,
            parallel=model.parallel,
            timeout=model.timeout,
            per_minute=model.per_minute,
            cache=cache,
            skip_failed=True,
        )
    if model.path == RULES:
        from hf_qads.augmenting.operators import prompt_reader
        from hf_qads.embedded.rule_engine import RuleEngine

        return RuleEngine(prompt_reader(augment.operators))
    from hf_qads.generation.local import TransformersEngine

    loaded, tokenizer = load(_as_model(augment), device=device)
    chat = bool(tokenizer.chat_template) if model.chat is None else model.chat
    return TransformersEngine(
        loaded, tokenizer, batch_tokens=batch_tokens, chat=chat, name=generator_name(augment)
    )


def generator_name(augment: Augment) -> str:
    """The generator's name for tables and cards, without a local path."""
    model = augment.model
    if isinstance(model, Endpoint):
        return model.name
    if model.path == RULES:
        return "rules of the embedded problems"
    return public_name(model.path)


def usage_of(engine: Engine, augment: Augment) -> dict[str, Any]:
    """Tokens that a server counted, and their cost at the price that the config states."""
    from hf_qads.generation.server import OpenAIEngine
    from hf_qads.generation.usage import Price

    if not isinstance(engine, OpenAIEngine) or not isinstance(augment.model, Endpoint):
        return {}
    total, price = engine.meter.total, augment.model.price
    cost = {} if price is None else {"cost": round(total.cost(Price(*price)), 4)}
    return asdict(total) | cost


def in_words(usage: dict[str, Any]) -> str:
    """What `usage_of` found, or what was expected, as a phrase."""
    cost = f", cost {usage['cost']:g}" if "cost" in usage else ""
    return (
        f"{usage['requests']:,} requests, {usage['prompt_tokens']:,} tokens of prompts and "
        f"{usage['answer_tokens']:,} of answers{cost}"
    )


def _as_model(augment: Augment) -> Model:
    assert not isinstance(augment.model, Endpoint)
    return Model.model_validate(augment.model.model_dump(exclude={"chat"}))
