"""General instruction sets of both settings."""

from typing import Final

from hf_qads.sources.catalogue import citations, readers
from hf_qads.sources.catalogue.entry import Entry

_BAIZE: Final = "The conversation between human and AI assistant.\n"

ENTRIES: Final = [
    Entry(
        name="alpaca",
        title="Alpaca",
        kind="general",
        answers="text-davinci-003",
        licence="cc-by-nc-4.0",
        citation=citations.ALPACA,
        home="https://huggingface.co/datasets/tatsu-lab/alpaca",
        sizes={"s_large": 52_000},
        hub="tatsu-lab/alpaca",
        columns={"question": "instruction", "input": "input", "answer": "output"},
        notes=("Not for commercial use.", "A few dozen rows have an empty output and are left out."),
        redistributable=True,
        examples=[
            {"instruction": "Name a prime between 10 and 12.", "input": "", "output": "11", "text": "..."},
            {"instruction": "Translate to French.", "input": "Good day", "output": "Bonjour", "text": "..."},
            {
                "instruction": "Give three colours.",
                "input": "",
                "output": "Red, green and blue.",
                "text": "...",
            },
        ],
    ),
    Entry(
        name="baize",
        title="Baize",
        kind="general",
        answers="GPT",
        licence="research-only",
        citation=citations.BAIZE,
        home="https://github.com/project-baize/baize-chatbot",
        sizes={"s_large": 210_000},
        reader=readers.baize,
        reads=("input",),
        notes=(
            "In its repository only: name its data folder's *_chat_data.json. Released for research only.",
            "The last exchange becomes question and answer, earlier ones the history. The paper's Table 10 "
            "shows the topic as the question and the whole transcript as the answer.",
        ),
        examples=[
            {
                "topic": "friend functions",
                "input": _BAIZE
                + "[|Human|] What is a friend?\n[|AI|] One that sees private members.\n[|Human|] ",
            },
            {
                "topic": "tea",
                "input": _BAIZE
                + "[|Human|] Hello!\n[|AI|] Hello.\n[|Human|] And tea?\n[|AI|] Three minutes.\n[|Human|] ",
            },
            {"topic": "primes", "input": _BAIZE + "[|Human|] Is 9 prime?\n[|AI|] No, 9 = 3 * 3.\n[|Human|] "},
        ],
    ),
    Entry(
        name="cot",
        title="CoT",
        kind="general",
        answers="human",
        licence="apache-2.0",
        citation=f"{citations.COT}\n{citations.FLAN}",
        home="https://github.com/google-research/FLAN/tree/main/flan/v2/cot_data",
        sizes={"s_base": 132_000, "s_large": 149_000},
        hub="conceptofmind/cot_submix_original",
        columns={"question": "inputs", "answer": "targets"},
        notes=(
            "Nine sets of Flan's chain-of-thought part; the paper does not say which templates it used, and "
            "its two sizes match no public copy exactly. The copy on the Hub holds few-shot templates too.",
            "Its gsm8k and aqua parts repeat rows of gsm8k and aqua_rat.",
            "The copy on the Hub states no licence; Flan's own is Apache-2.0.",
        ),
        redistributable=True,
        examples=[
            {
                "inputs": "Can a goat climb? Please answer step by step:",
                "targets": "Goats live on cliffs. The answer is yes.",
                "task_source": "CoT",
                "task_name": "cot_strategyqa",
                "template_type": "zs_opt",
            },
            {
                "inputs": "Q: What do bees make? A:",
                "targets": "Bees gather nectar. The answer is honey.",
                "task_source": "CoT",
                "task_name": "cot_ecqa",
                "template_type": "zs_noopt",
            },
            {
                "inputs": "What is 3 * 4? Let's think.",
                "targets": "3 fours are 12. The answer is 12.",
                "task_source": "CoT",
                "task_name": "cot_gsm8k",
                "template_type": "zs_noopt",
            },
        ],
    ),
    Entry(
        name="evol_instruct_v2",
        title="Evol-Instruct-v2",
        kind="general",
        answers="GPT",
        licence="mit",
        citation=citations.WIZARDLM,
        home="https://huggingface.co/datasets/WizardLMTeam/WizardLM_evol_instruct_V2_196k",
        sizes={"s_base": 142_000, "s_large": 143_000},
        hub="WizardLMTeam/WizardLM_evol_instruct_V2_196k",
        columns={"messages": "conversations"},
        notes=(
            "The repository is named after 196K rows and holds 143K; the rest came from ShareGPT.",
            "Refusals by the assistant occur (the paper's Table 10 shows one).",
            "unverified: the licence as the card states it.",
        ),
        redistributable=True,
        examples=[
            {
                "idx": "a1",
                "conversations": [
                    {"from": "human", "value": "Explain gravity to a child."},
                    {"from": "gpt", "value": "It pulls things down."},
                ],
            },
            {
                "idx": "a2",
                "conversations": [
                    {"from": "human", "value": "Sort 3, 1, 2."},
                    {"from": "gpt", "value": "1, 2, 3"},
                ],
            },
            {
                "idx": "a3",
                "conversations": [
                    {"from": "human", "value": "Name a river."},
                    {"from": "gpt", "value": "The Rhine."},
                ],
            },
        ],
    ),
    Entry(
        name="flan_v2",
        title="Flan-v2",
        kind="general",
        answers="human",
        licence="apache-2.0",
        citation=citations.FLAN,
        home="https://huggingface.co/datasets/allenai/tulu-v2-sft-mixture",
        sizes={"s_large": 50_000},
        hub="allenai/tulu-v2-sft-mixture",
        where={"dataset": "flan_v2"},
        columns={"messages": "messages"},
        notes=(
            "A sample of 50,000 rows, as Tulu v2 drew it; the paper does not say which sample it used.",
            "The mixture it lies in is ODC-By; many of Flan's own sources have further terms.",
            "unverified: the value flan_v2 of the dataset column.",
        ),
        part_licences=("odc-by",),
        redistributable=True,
        examples=[
            {
                "dataset": "flan_v2",
                "id": "flan_v2_1",
                "messages": [
                    {"role": "user", "content": "Is the review good? Great film."},
                    {"role": "assistant", "content": "yes"},
                ],
            },
            {
                "dataset": "flan_v2",
                "id": "flan_v2_2",
                "messages": [
                    {"role": "user", "content": "Shorten: The cat sat down."},
                    {"role": "assistant", "content": "A cat sat."},
                ],
            },
            {
                "dataset": "flan_v2",
                "id": "flan_v2_3",
                "messages": [
                    {"role": "user", "content": "Capital of Peru?"},
                    {"role": "assistant", "content": "Lima"},
                ],
            },
        ],
    ),
    Entry(
        name="open_assistant_1",
        title="Open-Assistant-1",
        kind="general",
        answers="human",
        licence="apache-2.0",
        citation=citations.OASST,
        home="https://huggingface.co/datasets/OpenAssistant/oasst1",
        sizes={"s_large": 10_000},
        languages=("en", "es", "de", "fr", "ru", "zh"),
        hub="timdettmers/openassistant-guanaco",
        reader=readers.guanaco,
        reads=("text",),
        notes=(
            "The best-ranked conversations (9,846); the paper does not say which subset it used.",
            "Many languages; replies of very different quality.",
        ),
        redistributable=True,
        examples=[
            {"text": "### Human: What is 2 + 2?### Assistant: It is 4."},
            {"text": "### Human: Hallo!### Assistant: Guten Tag.### Human: Wie alt?### Assistant: Neu."},
            {"text": "### Human: Name a planet.### Assistant: Mars."},
        ],
    ),
    Entry(
        name="self_instruct",
        title="Self-Instruct",
        kind="general",
        answers="GPT-3",
        licence="apache-2.0",
        citation=citations.SELF_INSTRUCT,
        home="https://huggingface.co/datasets/yizhongw/self_instruct",
        sizes={"s_large": 82_000},
        hub="yizhongw/self_instruct",
        files=("self_instruct/train/*.parquet",),
        revision="refs/convert/parquet",
        reader=readers.self_instruct,
        reads=("prompt", "completion"),
        notes=(
            "82,612 rows in the form GPT-3 was fine-tuned on; the marks at the ends are taken off.",
            "The main branch needs a script, which is never run: the converted files are read instead.",
        ),
        redistributable=True,
        examples=[
            {"prompt": "Give a synonym of big.\nOutput:", "completion": " large<|endoftext|>"},
            {"prompt": "Add the numbers.\nInput: 2, 3\nOutput:", "completion": " 5<|endoftext|>"},
            {"prompt": "Write a haiku about rain.", "completion": " Rain on the window<|endoftext|>"},
        ],
    ),
]
