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
        notes=(
            "Not for commercial use.",
            "A few dozen rows have an empty output and are left out.",
            "Seen: columns in the authors' repository and in code that loads the copy on the Hub (52,002 "
            "rows, with a column `text` that joins the others); the licence as their DATA_LICENSE is cited.",
        ),
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
            "In its repository only: name its data folder's *_chat_data.json.",
            "Its README gives the data for research only, its LICENSE file is MIT: the stricter is taken.",
            "The last exchange becomes question and answer, earlier ones the history. The paper's Table 10 "
            "shows the topic as the question and the whole transcript as the answer.",
            "Seen: the shape of a row, in the script of its repository that writes these files; the "
            "licences.",
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
        hub="DataProvenanceInitiative/cot_submix_original",
        columns={"question": "inputs", "answer": "targets"},
        notes=(
            "Nine sets of Flan's chain-of-thought part; the paper does not say which templates it used, and "
            "its two sizes match no public copy exactly. The copy on the Hub holds few-shot templates too.",
            "Its gsm8k and aqua parts repeat rows of gsm8k and aqua_rat.",
            "The copy on the Hub states no licence; Flan is Apache-2.0, but of its parts ECQA and "
            "Sense-Making are CC BY-SA 4.0, and QED's passages CC BY-SA 3.0.",
            "Seen: the copy that Flan's README links to, with its columns and 183,848 rows; the licences of "
            "those three parts in their repositories.",
            "unverified: the licences of Creak, e-SNLI, QASC and StrategyQA.",
        ),
        part_licences=("cc-by-sa-4.0", "cc-by-sa-3.0"),
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
        licence="research-only",
        citation=citations.WIZARDLM,
        home="https://huggingface.co/datasets/WizardLMTeam/WizardLM_evol_instruct_V2_196k",
        sizes={"s_base": 142_000, "s_large": 143_000},
        hub="WizardLMTeam/WizardLM_evol_instruct_V2_196k",
        columns={"messages": "conversations"},
        notes=(
            "The repository is named after 196K rows and holds 143K; the rest came from ShareGPT.",
            "Refusals by the assistant occur (the paper's Table 10 shows one).",
            "The card says MIT; the authors' repository gives its data for academic research only, under CC "
            "BY-NC 4.0, and that licence was proposed for the card too: the stricter is taken.",
            "Seen: columns, roles and row count, as others read them from the Hub; both repositories' terms.",
        ),
        examples=[
            {
                "idx": "alpaca_1",
                "conversations": [
                    {"from": "human", "value": "Explain gravity to a child."},
                    {"from": "gpt", "value": "It pulls things down."},
                ],
            },
            {
                "idx": "alpaca_2",
                "conversations": [
                    {"from": "human", "value": "Sort 3, 1, 2."},
                    {"from": "gpt", "value": "1, 2, 3"},
                ],
            },
            {
                "idx": "kQ3vxwZ",
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
            "Seen: columns, licences and the 50,000 rows in the mixture's card; the value flan_v2 in the "
            "script that made its rows, which ends most questions with a line break.",
        ),
        part_licences=("odc-by",),
        redistributable=True,
        examples=[
            {
                "dataset": "flan_v2",
                "id": "flan_v2_1",
                "messages": [
                    {"role": "user", "content": "Is the review good? Great film.\n"},
                    {"role": "assistant", "content": "yes"},
                ],
            },
            {
                "dataset": "flan_v2",
                "id": "flan_v2_2",
                "messages": [
                    {"role": "user", "content": "The cat sat down. A shorter sentence:"},
                    {"role": "assistant", "content": "A cat sat."},
                ],
            },
            {
                "dataset": "flan_v2",
                "id": "flan_v2_3",
                "messages": [
                    {"role": "user", "content": "Capital of Peru?\n"},
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
            "Seen: row count and licence in the copy's card, the column in code that loads it.",
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
            "82,612 rows in the form GPT-3 was fine-tuned on: the prompt ends with `Output:` or blank lines, "
            "the completion with a mark; both are taken off. A `Task:` or `Input:` inside the prompt stays.",
            "The main branch needs a script, which is never run: the converted files are read instead.",
            "Seen: columns, row count and licence in the card, the converted file's place on the Hub, and "
            "the templates in the authors' repository.",
        ),
        redistributable=True,
        examples=[
            {"prompt": "Give a synonym of big.\nOutput:", "completion": " large<|endoftext|>"},
            {"prompt": "Add the numbers.\nInput: 2, 3\nOutput:", "completion": " 5<|endoftext|>"},
            {"prompt": "Task: Write a haiku.\n\n", "completion": "Rain on the window<|endoftext|>"},
        ],
    ),
]
