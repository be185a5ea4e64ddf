# ruff: noqa: RUF001 - models write typographic signs
"""Forms in which outputs give their answers: one verdict a form."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads.answers import KINDS, check


def outputs(name):
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


USUAL = [f"usual{which}" for which in ("", "_second", "_third", "_fourth", "_fifth")]
NAMES = ["seen", "kept_apart", "later", "hard", "hard_kept_apart", *USUAL]
SETS = {name: outputs(f"outputs_{name}.jsonl") for name in NAMES}
AGREEMENT = (0.99, 0.98, 0.99, 0.92, 0.89, 0.98, 0.98, 0.98, 0.98, 0.97)  # of each set, at least
SPEEDS = ["12 km/h", "15 km/h", "18 km/h", "20 km/h"]
FORMS = [
    ("gsm8k", "Profit a day = 7 x $3.00 = $21.00", "21", True),
    ("gsm8k", "16,204 - 310 = 15,894 people stayed.", "15894", True),
    ("gsm8k", "<p>Total: <strong>9,310</strong></p>", "9310", True),
    ("gsm8k", '<div class="final"><b>Answer:</b> 45 km</div>', "45", True),
    ("math", "Two angles have 64 and 75 degrees. So it measures 41 degrees.", "41^\\circ", True),
    ("math", "so h = 5r. The ratio of height to radius is 5 to 1.", "5:1", True),
    ("math", "\\boxed{\\frac{1450}{3}}", "483.3333", True),
    ("math", "It comes to about 483.33.", "483.3333", True),
    ("math", "It comes to about 480.", "483.3333", False),
    ("math", "\\boxed{71\\tfrac{2}{3}}", "71.67", True),
    ("gsm8k", "They need 4 1/2 hours.", "4.5", True),
    ("mathematics", "2*q*(q - 2) = 0, therefore q = 0 or q = 2.", "[0, 2]", True),
    ("math", "\\{-3, 1+\\sqrt7, 1-\\sqrt7\\}", "\\{1\\pm\\sqrt{7},-3\\}", True),
    ("gsm8k", "twenty-six of them are left", "26", True),
    ("gsm8k", "minus eighty-one, i.e. −81.", "-81", True),
    ("math", "so they arrive at 3:15 PM.", "3:15\\text{ p.m.}", True),
    ("math", "\\boxed{10:00\\text{ AM}}", "10\\text{ a.m.}", True),
    ("math", "\\boxed{8\\text{ p.m.}}", "8\\text{ a.m.}", False),
    ("simuleq", "So the pen costs 3 dollars and the book costs 11 dollars.", "11", True),
    ("simuleq", "The pen costs 3, the book 11 and the bag 20 dollars.", "11", False),
    ("gsm8k", "The answer is 5 or 6.", "5", False),
    ("gsm8k", "It is between 5 and 6.", "5", False),
    ("math", "\\boxed{\\frac{1}{1997!}}", "\\frac{1}{1996!}", False),
    ("math", "\\boxed{\\frac{1997}{1997!}}", "\\frac{1}{1996!}", True),
    ("math", "\\boxed{\\frac{\\pi}{1997!}}", "\\frac{\\pi}{1996!}", False),
    ("math", "\\boxed{\\frac{\\pi}{1996!}}", "\\frac{1}{1996!}\\pi", True),
    ("gsm8k", "Step 1: 2 + 2 = 4.\nStep 2: 4 - 1 = 3.\nStep 3", "3", False),
    ("gsm8k", "She walks 3 km every day. Since a week has 7", "7", False),
    ("gsm8k", "It takes 5 hours 30 minutes.", "5", False),
    ("gsm8k", "It takes 5 hours 30 minutes.", "5.5", True),
    ("gsm8k", "He is 5 feet 4 inches tall.", "5", False),
    ("gsm8k", "The train leaves at 6:30.", "6", False),
    ("gsm8k", "She needs 3 dozen.", "3", False),
    ("gsm8k", "She needs 3 dozen.", "36", True),
    ("gsm8k", "They are $5 each, so $15 in total.", "15", True),
    ("gsm8k", "That is 5 more than 6.", "5", False),
    ("gsm8k", "It should be 7, but I get 8.", "7", False),
    ("gsm8k", "If the answer is 18, then he has 20 left. Let us check that.", "18", False),
    ("gsm8k", "Each gets 9, so that's a total of 9 * 2 = 18 for both", "18", True),
    ("math", "\\boxed{\\binom{5}{2}}", "10", True),
    ("gsm8k", "The number of stars is 1152921504606846977.", "1152921504606846977", True),
    ("gsm8k", "The number of stars is 1152921504606846976.", "1152921504606846977", False),
    ("math", "The roots are 3,5.", "3, 5", True),
    ("math", "The roots are 3,5.", "3.5", False),
    ("gsm8k", "A resposta correta é 12. Ele tinha 5 antes.", "12", True),
    ("gsm8k", "Ostateczna odpowiedź to 12. Na początku było 5.", "12", True),
    ("gsm8k", "따라서 정답은 12개입니다. 처음에는 5개였습니다.", "12", True),
    ("gsm8k", "5個と7個なので、答えは12個です。3日間ではありません。", "12", True),
    ("gsm8k", "अतः उत्तर 12 है। पहले 5 थे।", "12", True),
    ("gsm8k", "12\n\nFrage: Wie viel ist 3 + 4?\nAntwort: 7", "12", True),
    ("gsm8k", "答案是12。\n\n问题:小明有3个苹果,又买4个?\n答案:7", "12", True),
    ("gsm8k", "Sure!\n\nQuestion: How many are 5 and 7?\nAnswer: 12", "12", True),
    ("gsm8k", "Question 1: How many red ones?\nAnswer: 5\nQuestion 2: And in all?\nAnswer: 12", "12", True),
    ("gsm8k", "[THINK]5 + 7 = 13?[/THINK]12", "12", True),
    ("math", "So 0.25% of them.", "25\\%", False),
    ("math", "The ratio is 3 : 1.", "1:3", False),
    ("math", "It is 24 square meters.", "24 m^2", True),
    ("math", "It is 24 cubic centimeters.", "24\\text{ cm}^3", True),
    ("math", "The train needs 3 hours.", "3\\text{ minutes}", False),
    ("math", "The train needs 180 minutes.", "3\\text{ hours}", True),
    ("math", "Therefore we get $12 \\text{ cm}$.", "12\\text{ cm}", True),
    ("math", "Therefore we get $12$.", "12\\text{ cm}", True),
    ("math", "They pay $45.", "45\\text{ cents}", False),
    ("math", "They pay 45 cents.", "\\$0.45", True),
    ("math", "\\boxed{24}", "24 cm^2", True),
    ("math", "\\frac{6}{8} = \\frac{3}{5}", "\\frac{3}{4}", False),
    ("math", "\\boxed{\\mathbb{R}}", "(-\\infty,\\infty)", True),
    ("math", "The domain is all real numbers except 2.", "(-\\infty,\\infty)", False),
    ("math", "So there are no real solutions.", "\\emptyset", True),
    ("math", "Thus the solutions are 4 and -1 (0 isn't one).", "-1, 4", True),
    ("math", "The sequence goes 2, 5, 8, ...", "2, 5, 8", True),
    ("math", "Result: 12 kg", "12 kg", True),
    ("gsm8k", "12 apples.\n\nTim had 5 and got 8. So he has 13 apples.", "12", False),
    ("gsm8k", "So Tim has **12** apples. He is 9 years old, which is fun!", "12", True),
    ("gsm8k", "So she has 12 eggs left. She sells them for 24 dollars.", "24", True),
    ("gsm8k", "She has 12 apples. (If she had eaten 3, she would have 9.)", "12", True),
    ("gsm8k", "To get the total, we add the 5 on Monday and the 12", "12", False),
    ("gsm8k", "One pen costs two dollars and fifty cents.", "2.5", True),
    ("gsm8k", "The least common multiple of 4 and 6 is 12.", "12", True),
    ("gsm8k", "2.71828 rounded to the nearest tenth is 2.7.", "2.72", False),
    ("gsm8k", "The share is 0.2%.", "0.2", False),
    ("gsm8k", "The result is 7, and not 9 as it seems.", "7", True),
    ("gsm8k", "- Ann: 3\n- Ben: 4\n- Cleo: 5", "5", False),
    ("gsm8k", "- Ann: 3\n- Ben: 4\n- Total: 7", "7", True),
    ("gsm8k", "Es sind 12.\n\nNächste Aufgabe: Wie viel ist 3 + 4? Es sind 7.", "12", True),
    ("aqua_rat", "【答案】B\n【点评】不选C。", "B", True),
    ("math", "7时15分+20分=7时35分", "7时35分", True),
    ("math", "∴ −1 < x ≤ 4", "(-1, 4]", True),
    ("math", "In base two it is 110₂.", "110_2", True),
    (
        "math",
        "It is $\\frac{\\pi}{4} \\approx 0.785$.\n\nSo about **0.785** m.",
        "\\frac{\\pi}{4}",
        True,
    ),
    ("math", "P = 10/12 = 0.8333, so the answer is 0.833.", "\\frac{5}{6}", True),
    ("math", "The share is 2/3.\n\n\\boxed{66.7\\%}", "\\frac{2}{3}", True),
    ("math", "The share is 5/6.\n\n\\boxed{0.835}", "\\frac{5}{6}", False),
    ("math", "The ladder reaches \\(\\sqrt{21}\\), roughly 4.58 m.", "\\sqrt{21}", True),
    ("math", "The ladder reaches \\(\\sqrt{21}\\), roughly 4.58 m.", "\\sqrt{20}", False),
    ("math", "The radius is √7.\n\nThe answer is approximately 2.65.", "\\sqrt{7}", True),
    ("math", "The volume is about 9.42.", "3\\pi", False),
    ("gsm8k", "He drove 14 500 km in all.", "14500", True),
    ("gsm8k", "The firm paid $1 250 000.", "1250000", True),
    ("gsm8k", "So she needs 2 500 ml bottles.", "2", True),
    ("math", "Thus we have p = 6 and q = -1.", "(6,-1)", True),
    ("math", "Therefore, x = -1 and y = 6.", "(6,-1)", False),
    ("gsm8k", "So \\boxed{7}. Hope it helps!\n\nQuestion: What is 4 + 4?\n\nSolution: \\boxed{8}", "7", True),
    ("gsm8k", "The answer is 7. Enjoy!\n\nExercise 2 - Tom has 3 pens, buys 5.\nThe answer is 8.", "7", True),
    ("gsm8k", "Here you go!\n\nProblem: what is 3 + 4?\n\nThe answer is 7.", "7", True),
    ("gsm8k", "9 * 8 = 72 chairs, 72 / 12 = 6.\n\nSo 6 rows, and they cost 6 * 5 = 30 dollars.", "30", True),
    ("gsm8k", "He gave 10 - 4 = 6.\n\nSo he has 6 left, and with 4 more it is 6 + 4 = 10.", "10", True),
    (
        "gsm8k",
        "He lacks 5, so **he needs 40**. Should the limit be 50, he has 10 to spare.",
        "40",
        True,
    ),
    ("gsm8k", "The track is 2500 m long, which is 2500 / 1000 = 2.5 km.", "2.5", True),
    ("gsm8k", "The track is 2600 m long, which equals 2.5 km.", "2600", False),
    ("mathematics", "In increasing order: -2, 3, 5", "-2, 3, 5", True),
    ("mathematics", "In increasing order: 3, -2, 5", "-2, 3, 5", False),
    ("gsm8k", "x = 24 dollars.\n\nAs a quick check, 24 / 4 = 6 and 24 / 2 = 12.", "24", True),
    ("gsm8k", "She saves 24 dollars.\n\nCheck: 24 / 4 = 6. Wait, it was 5 weeks, 5 * 4 = 20.", "24", False),
    ("gsm8k", "She saves 24 dollars.\n\nCheck: 24 / 4 = 6. Actually she saves 20 dollars.", "20", True),
    ("gsm8k", "Ann should buy **7 tins** of paint, which leaves 2 tins for the fence.", "7", True),
    ("gsm8k", "Ann should buy **7 tins** of paint, which leaves 2 tins for the fence.", "2", False),
    ("gsm8k", "Ann buys **7 tins** of paint, and each costs 3 dollars, so 7 * 3 = 21 dollars.", "7", False),
    ("gsm8k", "Ann buys **7 tins** of paint and **2 brushes**, so 9 things.", "9", True),
    ("gsm8k", "Hence the shop sells 90 cakes, 12 more than on Monday.", "90", True),
    ("gsm8k", "Ann has 12 and Ben 7, so Ann has 5 more than Ben.", "5", True),
    ("gsm8k", "After two weeks Ann covers 30 pages in total.", "30", True),
    ("math", "Hence 9 divisors.", "9", True),
    ("math", "The values of x lie strictly between 1 and 4.", "(1,4)", True),
    ("math", "The values of x lie strictly between 1 and 4.", "[1,4]", False),
    ("gsm8k", "Let's check how many are left: 30 - 8 = 22. Then 22 / 2 = 11.", "11", True),
    (
        "gsm8k",
        "There are 30 cars. To check how many are left we subtract. 30 - 8 = 22. Then 22 / 2 = 11.",
        "11",
        True,
    ),
    (
        "math",
        "Because $f(-x)=-f(x)$ for every real $x$ we looked at, the function is odd.",
        "\\text{odd}",
        True,
    ),
    (
        "math",
        "Since it satisfies neither of the two conditions, the function is neither even nor odd.",
        "\\text{even}",
        False,
    ),
    (
        "numglue",
        "If we count five days on from Monday, which is the start, we arrive on a Saturday.",
        "Saturday",
        True,
    ),
    ("numglue", "If today is Tuesday, then three days later it will be Friday.", "Tuesday", False),
    ("math", "We can see that, for each value we tried, the function is not even.", "\\text{even}", False),
    ("gsm8k", "3 + 4 = 7\nAnswer – 7 apples", "7", True),
    ("gsm8k", "3 - 4 = -1\nAnswer: -1", "-1", True),
    ("gsm8k", "La réponse est donc 12.", "12", True),
    ("gsm8k", "The number of people that are not under 18: 5,000 people × 25% = 1,250 people.", "1250", True),
    ("gsm8k", "So the cards which are not red number 26.", "26", True),
    ("gsm8k", "The chairs that weren't sold are 9.", "9", True),
    ("gsm8k", "The number of red ones is not 9.", "9", False),
    ("gsm8k", "He has 18 that do not fit.", "18", True),
    (
        "math",
        "So $y = 3$.\n\n**Check.** $3(2)+2(3)=12$ ✓\n\nBoth hold, so the solution is $x = 2$ and $y = 3$.",
        "(2,3)",
        True,
    ),
    (
        "math",
        "Then \\(x=4\\).\n\nCheck: \\(4 + 1 = 5\\).\n\nBoth hold, therefore the point is \\((4, 1)\\).",
        "(4,1)",
        True,
    ),
    ("gsm8k", "So in fact 25 pencils are left over, not 8.", "25", True),
    ("gsm8k", "So in fact 25 pencils are left over, not 8.", "8", False),
    ("gsm8k", "The total is 31 and not 30.", "31", True),
    ("gsm8k", "Not 8 but 25 pencils are left.", "25", True),
    ("gsm8k", "So 25 pencils are left instead of 8.", "25", True),
    ("gsm8k", "2/5 = 0.4 → **40%** of the drink is juice and the other 60% is water.", "40", True),
    ("gsm8k", "Total = 3 + 4 = 7.\n\nSo 7 cows and 2 pigs.", "7", True),
    ("mathematics", "The numbers in order are -9, -2, 0.8, 5.", "5, 0.8, -2, -9", False),
    ("mathematics", "The numbers in order are -9, -2, 0.8, 5.", "-9, -2, 0.8, 5", True),
    ("mathematics", "Sorted in descending order: 5, -2, 0.8, -9.", "5, 0.8, -2, -9", False),
    ("gsm8k", "There were 8 - 5 = 3 birds remaining. The other 5 had flown off.", "3", True),
    ("gsm8k", "One is 5. The other is 7.", "7", True),
    ("gsm8k", "The bakery made 240 loaves, of which 60 were sold, leaving 180.", "180", True),
    ("gsm8k", "The number of buses must be a whole number, so we round 4.17 up to 5.", "5", True),
    ("gsm8k", "I am not sure, but I think it is 7.", "7", True),
    ("gsm8k", "Therefore, Tom has 7 apples and Ann has 3 apples.", "7", True),
    ("math", "So $x = 2$ and $x = -2$ are the solutions.", "2,-2", True),
    ("math", "the vertex is (2, -3), which is a minimum.", "(2,-3)", True),
    ("math", "The expression factors as (x - 1)(2x - 1).", "(2x-1)(x-1)", True),
    (
        "gsm8k",
        "4 x 3 = 12\n12 + 5 = 17\n\nSo she has 17 eggs. For next week she plans to collect 20.",
        "17",
        True,
    ),
    (
        "gsm8k",
        "4 x 3 = 12\n12 + 5 = 17\n\nIn total there are 17 eggs.\n\nThat leaves 1 spot free of 18.",
        "17",
        True,
    ),
    (
        "gsm8k",
        "4 x 3 = 12\n12 + 5 = 17\n\nShe has **17 eggs** in all. Since 17 is prime, they cannot be split.",
        "17",
        True,
    ),
    (
        "gsm8k",
        "4 x 3 = 12\n12 + 5 = 17\n\nSo she has 17 eggs. The total with the 3 of her friend is 20.",
        "17",
        False,
    ),
    ("gsm8k", "**Answer**\n\n12\n\nThe 5 extra came from 3 boxes.", "12", True),
    ("gsm8k", "4 x 3 = 12\n\nSo she has 12 eggs. Let's check: 12 / 3 =", "12", True),
    ("gsm8k", "4 x 3 = 12\n\nSo she has 12 eggs. Feel free to ask about step 2!", "12", True),
    ("gsm8k", "### Result\n12\n\n### Notes\nThere are 30 days.", "12", True),
    ("gsm8k", "### Conclusion\nEach box has 4. In total there are 12.", "12", True),
    (
        "gsm8k",
        "If one costs 3 dollars, 4 cost 4 * 3 = 12.\nIf he pays 20, he gets back 20 - 12 = 8 dollars.",
        "8",
        True,
    ),
    ("math", "The domain is all real numbers less than $1$.", "(1,\\infty)", False),
]


@pytest.mark.parametrize(("benchmark", "output", "gold", "right"), FORMS)
def test_form_is_read(benchmark, output, gold, right):
    assert check(output, gold, benchmark=benchmark).right == right


@pytest.mark.parametrize("output", ["It drives at 18 km/h.", "Its speed: 18 km/h", "So it is 90 / 5 = 18"])
def test_text_or_value_of_an_option_stands_for_its_letter(output):
    verdict = check(output, "C", benchmark="aqua_rat", options=SPEEDS)
    assert (verdict.right, verdict.answer) == (True, "C")
    assert not check(output, "B", benchmark="aqua_rat", options=SPEEDS).right


NUMBERS = ["6", "8", "10", "12", "14"]
CHANGES = ["No change", "4% increase", "2% decrease", "4% decrease", "8% decrease"]


@pytest.mark.parametrize(
    ("output", "letter", "options"),
    [
        ("Only C satisfies both conditions.", "C", NUMBERS),
        ("Checking each, B is the only one that fits.", "B", NUMBERS),
        ("So neither A nor B works.", None, NUMBERS),
        ("4 + 6 = 10.\n\nSo the total is 10. Option A is wrong because 6 is too small.", "C", NUMBERS),
        ("He gets 2/20 of them. option (c)", "C", NUMBERS),
        ("x = 12. Answer - A", "A", NUMBERS),
        ("Hence, C.", "C", NUMBERS),
        ("La bonne réponse est donc la D.", "D", NUMBERS),
        ("因此答案为C选项。", "C", NUMBERS),
        ("So 400 is not possible, only 10 is the answer.", "C", NUMBERS),
        ("So overall there is a net decrease of 4%.", "D", CHANGES),
        ("So the increase is 4%.", "B", CHANGES),
    ],
)
def test_option_is_chosen(output, letter, options):
    assert check(output, "A", benchmark="aqua_rat", options=options).answer == letter


def says(item):
    return check(item["output"], item["gold"], benchmark=item["benchmark"], options=item.get("options")).right


@pytest.mark.parametrize(("name", "agreement"), [*zip(NAMES, AGREEMENT, strict=True)], ids=NAMES)
def test_agrees_with_the_hand_on_outputs_of_models_and_in_their_styles(name, agreement):
    items = SETS[name]
    wrong = [(said, item) for item in items if (said := says(item)) != item["right"]]
    assert len(wrong) <= (1 - agreement) * len(items)
    assert sum(said for said, _ in wrong) <= (0.03 if "hard" in name else 0.01) * len(items)


def test_the_metric_gives_the_same_verdicts():
    import evaluate

    from hf_qads.evaluation import metric_path

    items = [item for item in SETS["seen"] if item["benchmark"] == "gsm8k"][:60]
    found = evaluate.load(metric_path("math_accuracy")).compute(
        predictions=[item["output"] for item in items],
        references=[item["gold"] for item in items],
        benchmark="gsm8k",
    )
    assert found["right"] == sum(map(says, items))


PIECES = [
    "The answer is ", "\\boxed{", "\\frac{", "\\sqrt{", "{", "}", "(", "[", "$", "^{", "9^9^", "!", "1,",
    "5 and ", "\n", ". ", "= 1 ", "\\pm ", "<p>", "<answer>", '{"answer": "', "```", "so 5, ", "Step 3: ",
    "答案是", "one hundred ", "1 < x ", "-", "#### ", "\\begin{pmatrix}", "\\text{", "a: ", "7" * 50, "|",
]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PIECES), st.integers(1, 20_000)), min_size=1, max_size=3),
    st.sampled_from(sorted(KINDS)),
)
def test_no_long_output_raises_or_lets_memory_grow(pieces, benchmark):
    output = "".join(piece * times for piece, times in pieces)[: 2**20]
    gold = "B" if KINDS[benchmark] == "letter" else "\\frac{\\sqrt{3}}{2}" if benchmark == "math" else "18"
    tracemalloc.start()
    try:
        assert check(output, gold, benchmark=benchmark).right in (True, False)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()
