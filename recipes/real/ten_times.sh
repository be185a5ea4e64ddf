#!/usr/bin/env bash
# The run and the comparison of this folder at ten times their size, for one GPU: 5,000 rows a pool, 400 prompt rows a
# pool, 100,000 tokens an arm, 600 questions a test set.
#
#   make smollm2
#   recipes/real/ten_times.sh runs/ten-times                                # resumes where it was stopped
#
# ROWS, PROMPTS, TOKENS, QUESTIONS and SEEDS set the sizes. It was not run on a GPU yet.
#
# It reads ../shared/data, as the recipes do, and ends with the comparison's table and its page, OUT/compare/comparison.html.
set -euo pipefail
OUT=${1:-runs/ten-times}
ROWS=${ROWS:-5000} PROMPTS=${PROMPTS:-400} TOKENS=${TOKENS:-100000} QUESTIONS=${QUESTIONS:-600} SEEDS=${SEEDS:-3}
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH
pools=(gsm8k math aqua_rat tal_scq5k_en tal_scq5k_cn dmath cot gpteacher_codegen gpteacher_toolformer open_assistant_1
  self_instruct p3)
sources=$(printf "{path: %s, rows: $ROWS}, " "${pools[@]}")
hf-qads run recipes/real/maths_mix.yaml "sources=[${sources%, }]" "prompts=$PROMPTS" --out "$OUT"
hf-qads compare recipes/real/compare.yaml "compare.run=$OUT" "compare.budgets=[{tokens: $TOKENS}]" \
  "compare.evaluate.rows=$QUESTIONS" "compare.seeds=$SEEDS"
