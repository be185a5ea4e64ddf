"""Tiny models with random weights and tokenizers built in memory, for every test that needs one."""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

VOCABULARY = 384
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] | trim }}<|im_end|>\n{% endfor %}"
)
CHATML_WITH_BOS = "{{ bos_token }}" + CHATML
CORPUS = [
    "Question: How many apples does Mary have if she had 3 and bought 4 more?\nAnswer: 3 + 4 = 7. "
    "The answer is 7.\n\n",
    "Question: 小明有五个苹果。\nAnswer: 5\n\n",
    "Question: Solve \\frac{x}{2} = 4.\nAnswer: $x = 8$, so \\boxed{8}.\n\n",
    "Write a function that adds two numbers. def add(a, b): return a + b",
]


def tiny_tokenizer(
    *, bos: bool = True, chat: bool | str = False, pad: bool = True
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of `VOCABULARY` tokens, so that it can write any text.

    `chat=True` gives it a ChatML template; a string is its template. Without `bos` it has no BOS token, and
    without `pad` no PAD token.
    """
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    core.train_from_iterator(
        CORPUS * 20,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    names: dict[str, Any] = {"eos_token": "</s>"}
    if bos:
        names["bos_token"] = "<s>"
    if pad:
        names["pad_token"] = "<pad>"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, additional_special_tokens=["<|im_start|>", "<|im_end|>"], **names
    )
    if chat:
        tokenizer.chat_template = CHATML if chat is True else chat
    return tokenizer


_SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}

CONFIGS: dict[str, Any] = {
    "llama": lambda: LlamaConfig(**_SHAPE),
    "qwen2": lambda: Qwen2Config(**_SHAPE),
    "qwen3": lambda: Qwen3Config(**_SHAPE, head_dim=8),
    "mistral": lambda: MistralConfig(**_SHAPE, sliding_window=24),
    "gpt2": lambda: GPT2Config(
        vocab_size=VOCABULARY, n_positions=512, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2
    ),
}
CLASSES: dict[str, type[PreTrainedModel]] = {
    "llama": LlamaForCausalLM,
    "qwen2": Qwen2ForCausalLM,
    "qwen3": Qwen3ForCausalLM,
    "mistral": MistralForCausalLM,
    "gpt2": GPT2LMHeadModel,
}


def tiny_model(
    kind: str = "llama", *, seed: int = 0, context: int = 512, scale: float = 0.15
) -> PreTrainedModel:
    """A two-layer causal language model of 32 dimensions in evaluation mode, equal for equal `seed`.

    `kind` is one of `CLASSES`: `llama`, `qwen2`, `qwen3` (grouped-query attention), `mistral` (sliding
    window of 24) or `gpt2` (learned positions). Weights are drawn with standard deviation `scale`, large
    enough for log-probabilities that differ between contexts.
    """
    config = CONFIGS[kind]()
    config.max_position_embeddings = context
    config.initializer_range = scale
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLASSES[kind](config)
    return model.eval()


def tiny_rows(n: int, *, seed: int = 0, source: str = "tiny") -> list[dict[str, Any]]:
    """`n` sums with worked answers, all questions different, equal for equal `seed`."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(2, 90, (n, 2), generator=generator).tolist()
    names = ("Ann", "Bob", "Mary", "小明")
    return [
        {
            "row_id": f"{source}-{seed:016x}{place:016x}",
            "question": f"{names[place % 4]} has {a} apples and buys {b} more, day {seed}.{place}. Total?",
            "answer": f"{a} + {b} = {a + b}. " * (1 + place % 3) + f"The answer is {a + b}.",
            "history": None,
            "source": source,
            "kind": "reasoning",
            "final_answer": str(a + b),
            "also_in": [],
        }
        for place, (a, b) in enumerate(numbers)
    ]
