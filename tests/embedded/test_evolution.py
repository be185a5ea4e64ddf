"""Evolved problems and the engine by rules: the truth is known, so what it says must be it."""

import re
from random import Random

import pytest

from hf_qads.augmenting import verification
from hf_qads.augmenting.operators import find_operator, prompt_reader
from hf_qads.augmenting.questions import Language, read_question, unusable
from hf_qads.augmenting.verification import verify
from hf_qads.embedded import families, pool
from hf_qads.embedded.evolution import OPERATORS, evolve, recognise
from hf_qads.embedded.problems import exact
from hf_qads.embedded.rule_engine import RIGHT, UNKNOWN, WRONG_EQUATION, RuleEngine
from hf_qads.generation.engine import Sampling

MATHS = sorted(families.MATHS)


def problems(count=300):
    draw = Random(0)
    return [(family, families.MATHS[family](draw)) for family in MATHS for _ in range(count // len(MATHS))]


@pytest.mark.parametrize("family", MATHS)
def test_a_problem_is_recognised_by_its_text_and_solved_as_its_family_solves_it(family):
    draw = Random(1)
    for _ in range(50):
        problem = families.MATHS[family](draw)
        known = recognise(problem.question)
        assert known is not None
        assert known.family == family
        assert known.problem.question == problem.question
        assert known.problem.solve(exact) == problem.solve(exact)


def test_what_is_no_maths_problem_is_not_recognised():
    assert recognise("Which is the largest: ant, bee or cat?") is None
    assert (
        recognise("Mia buys 3 pens at 4 dollars each and cups for 2 dollars. What is the cost? Oh.") is None
    )
    assert recognise("") is None


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_does_what_it_says_twice_over(operator):
    """After each round the question is recognised, solved, and passes the operator's own filter."""
    draw = Random(2)
    told = find_operator(operator)
    for _, problem in problems():
        known = recognise(problem.question)
        for _ in range(2):
            parent = known.problem.question
            known = evolve(known, operator, draw)
            question = known.problem.question
            assert unusable(question, parent, told, Language([parent])) is None
            again = recognise(question)
            assert again.problem.solve(exact) == known.problem.solve(exact)


def test_other_numbers_keep_the_story():
    draw = Random(3)
    for _, problem in problems(60):
        known = recognise(problem.question)
        changed = evolve(known, "numbers", draw).problem.question
        assert changed != problem.question
        assert re.sub(r"\d+", "#", changed) == re.sub(r"\d+", "#", problem.question)


def test_a_problem_worked_by_hand():
    question = (
        "Mia buys 3 pens at 4 dollars each and cups for 8 dollars. What is the cost? "
        "Then give 50 percent of it. If it is more than 9, take 3 away from it. "
        "Then multiply it by 2 and add 5. Then give the perimeter of a square with that side."
    )
    # 3 * 4 + 8 = 20, half of it 10, more than 9: 7, 2 * 7 + 5 = 19, 4 * 19 = 76
    assert recognise(question).result == 76


def engine_prompts(count=60, **settings):
    engine = RuleEngine(prompt_reader(list(OPERATORS)), **settings)
    rows = [row for row in pool.rows("embedded_word_problems")[:count]]
    answer = find_operator("answer")
    return engine, rows, [answer.prompt(row["question"]) for row in rows]


def test_all_wrong_paths_are_rejected_for_the_planned_reason_and_no_right_one_is():
    engine, rows, prompts = engine_prompts(wrong=0.5)
    seen = set()
    for row, prompt in zip(rows, prompts, strict=True):
        draws = list(range(8))
        outputs = dict(engine.answer([prompt] * 8, max_new_tokens=200, sampling=Sampling(0.7), draws=draws))
        paths = verify([outputs[n] for n in draws], gold=row["final_answer"], benchmark="gsm8k")
        reason = {
            RIGHT: None,
            "wrong answer": verification.WRONG,
            WRONG_EQUATION: verification.WRONG_EQUATION,
            "cut": verification.CUT_OFF,
        }
        planned = [engine.truth(prompt, draw) for draw in draws]
        assert [path.reason for path in paths] == [reason[truth] for truth in planned]
        seen |= set(planned)
    assert seen == {"right", "wrong answer", "wrong equation", "cut"}


def test_the_same_prompt_draw_and_seed_give_the_same_answer_and_others_another():
    engine, _, prompts = engine_prompts()

    def written(seed, draws):
        answers = engine.answer(prompts, max_new_tokens=9, sampling=Sampling(0.7, seed=seed), draws=draws)
        return [output.text for _, output in answers]

    first = written(0, [0] * len(prompts))
    assert first == written(0, [0] * len(prompts))
    assert first != written(0, [1] * len(prompts))
    assert first != written(1, [0] * len(prompts))


def test_as_many_new_questions_are_spoiled_as_asked_for():
    engine, rows, _ = engine_prompts(count=400, spoiled=0.25)
    operator = find_operator("numbers")
    language = Language([row["question"] for row in rows])
    prompts = [operator.prompt(row["question"]) for row in rows]
    outputs = dict(engine.answer(prompts, max_new_tokens=99))
    reasons = [
        unusable(read_question(outputs[place].text), row["question"], operator, language)
        for place, row in enumerate(rows)
    ]
    gone = sum(reason is not None for reason in reasons)
    assert 0.2 < gone / len(rows) < 0.3
    assert len(set(reasons) - {None}) == 5


def test_a_question_of_another_kind_is_not_answered():
    engine, _, _ = engine_prompts()
    prompts = [find_operator("answer").prompt("Who is taller?"), "What now?"]
    assert [output.text for _, output in engine.answer(prompts, max_new_tokens=9)] == [UNKNOWN, UNKNOWN]
