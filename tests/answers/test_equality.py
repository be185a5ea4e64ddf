"""Pairs of answers that are and are not the same thing, by the kinds of things that answers are."""

import pytest

from hf_qads.answers import check

# benchmark -> gold answer -> answers that are the same, answers that are not
PAIRS = {
    "math": {
        "(0,1)": ([], ["[0,1)"]),
        "[0,1)": (["[0,1)", r"0 \le x < 1"], ["0 < x < 1"]),
        "[0,1]": ([], ["(0,1]"]),
        r"[3,\infty)": ([r"x \ge 3", r"x \in [3,\infty)"], ["x > 3"]),
        r"x \ge 3": ([r"[3,\infty)"], []),
        r"[3, \infty)": ([r"3 \le x"], []),
        r"(-\infty,-4)": (["x<-4"], []),
        r"(-\infty,-4)\cup(6,\infty)": (
            [
                r"(-\infty,-4) \cup (6,\infty)",
                r"(6,\infty) \cup (-\infty,-4)",
            ],
            [r"(-\infty,-4] \cup (6,\infty)", r"x \le -4 \text{ or } x > 6"],
        ),
        "(5,3)": ([], ["(3,5)"]),
        "(3,5)": (["(3,5)", r"(3, \frac{10}{2})", r"\left(3, \tfrac{5}{1}\right)"], []),
        "(3,4),(1,2)": (["(1,2),(3,4)", "(1,2) and (3,4)", r"\{(1,2),(3,4)\}"], ["(1,2),(4,3)"]),
        r"\{3,2,1\}": ([r"\{1,2,3\}"], [r"\{1,2\}"]),
        "3,2,1": (["1,2,3"], []),
        "1,2,3": (["1, 2 and 3"], ["1, 2, 4", "1 and 2"]),
        "1,2": ([r"x = 1 \text{ or } x = 2", "x=2, x=1", r"\{1, 2\}"], ["1"]),
        "1": ([], ["1,2", r"\frac{10^{50}+1}{10^{50}}"]),
        r"2+\sqrt{3},2-\sqrt{3}": ([r"2 \pm \sqrt{3}"], []),
        r"2 \pm \sqrt{3}": ([r"2+\sqrt3, 2-\sqrt3"], [r"2+\sqrt3"]),
        "3,-3": ([r"\pm 3"], []),
        r"\pm 3": (["3, -3"], ["3"]),
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}": (
            [r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}"],
            [r"\begin{pmatrix} 2 \\ 1 \end{pmatrix}"],
        ),
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": (
            [
                r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
                r"\begin{pmatrix} 1 & 2 \\ 3 & \frac{8}{2} \end{pmatrix}",
            ],
            [r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}"],
        ),
        "(1,2)": ([r"\langle 1, 2 \rangle"], []),
        "0.5": ([r"\frac{1}{2}"], []),
        r"\frac{1}{2}": (["0.5", r"\frac{2}{4}", r"\frac12", r"\sin 30^\circ"], [r"-\frac{1}{2}"]),
        r"\frac{1}{3}": ([], ["0.33"]),
        "50": ([r"50\%"], []),
        r"50\%": ([r"50\%"], []),
        "1024": (["2^{10}"], ["2^{10}-1"]),
        "2^{10}": (["1024"], []),
        "1023": (["2^{10}-1"], []),
        "4": ([r"\sqrt{16}"], []),
        r"\sqrt{32}": ([r"4\sqrt{2}"], []),
        r"4\sqrt{2}": ([], ["5.66"]),
        "(x+1)^2": (["x^2+2x+1"], []),
        "y=2x+1": (["y = 2x + 1", "2x+1", "y - 2x = 1"], ["y = 2x-1"]),
        "2x+1": (["y = 2x+1"], []),
        "12": ([r"12\text{ cm}", r"12 \text{ cm}^2"], []),
        r"12\text{ cm}": (["12"], ["13"]),
        "90": ([r"90^\circ"], []),
        "12.5": ([r"\$12.50"], []),
        "12500": (["12,500", "12{,}500"], []),
        "12{,}500": (["12500"], []),
        r"3\pi": ([r"3\pi"], ["9.42"]),
        r"\frac{6\pi}{2}": ([r"3 \pi"], []),
        "101_2": (["101_2"], ["110_2"]),
        r"\text{even}": ([r"\text{even}", "even"], ["odd", "not even"]),
        "Monday": ([r"\text{Monday}"], []),
        "3:2": (["3:2", "6:4", r"\frac{3}{2}"], ["2:3"]),
        r"\frac{3}{2}": ([r"1\frac{1}{2}"], []),
        "1.5": ([r"1\frac{1}{2}"], []),
        r"\frac{-1}{2}": ([r"-\frac{1}{2}"], []),
        "3+4i": (["3+4i", "4i+3"], ["3-4i"]),
        "3": ([r"\log_2 8"], []),
        r"\infty": ([r"\infty"], [r"-\infty"]),
        r"\emptyset": ([r"\emptyset"], []),
        "x^2": (["f(x) = x^2"], []),
        "f(x)=x^2": (["x^2"], []),
        "1200": ([r"1.2 \times 10^3", "1.2e3"], []),
        r"3\text{ p.m.}": (["3:00 PM"], ["3:00 AM"]),
        "15:00": (["15:00"], []),
        "10^{100}": (["10^{100}"], ["10^{100}+1"]),
        r"\frac{1}{2}\sqrt{3}": ([r"\frac{\sqrt{3}}{2}"], []),
    },
    "mathematics": {
        "[5, 3]": (["[3, 5]", "3, 5", "3 and 5"], ["3, 5 and 7", "3"]),
        "[5, 3, 1]": ([], ["[3, 5]"]),
        "[3,5]": (["x = 3 or x = 5", "x=3, 5", "{3, 5}"], []),
        "[-1, 3/2]": (["3/2 and -1", "1.5 and -1"], []),
        "12 3 5": (["12, 3, 5", "12 3 5", "[12, 3, 5]"], ["5, 3, 12"]),
        "12 5 3": (["12 > 5 > 3"], []),
        "1 + 2*x": (["2*x + 1"], []),
        "2*x + 1": (["2x+1"], ["2x-1"]),
        "x^2": (["x**2"], []),
        "1/sqrt(2)": (["sqrt(2)/2"], []),
        "True": (["True"], ["False"]),
        "0.02": (["0.02", "1/50"], []),
        "-2/3": (["-2/3"], ["-0.667"]),
        "1/13": (["1/13"], []),
        "2*(a+1)*(a-3)": (["2*(a - 3)*(a + 1)"], []),
        "pq": (["pq"], []),
    },
    "simuleq": {
        "[3, 5]": (["3 and 5", "x = 5, y = 3", "3"], ["3 and 6", "3, 5 and 7"]),
        "9.5": (["9.5 and 3"], []),
        "[-3]": (["-3"], []),
    },
    "numglue": {
        "yes": (["yes"], ["no"]),
        "Option 2": (["Option 2"], []),
        "Broncos": (["Denver Broncos"], []),
        "3": (["3"], []),
    },
    "gsm8k": {
        "0.5": (["1/2", "50%"], []),
        "2/3": ([], ["0.67"]),
        "0.67": (["2/3"], []),
        "5.5": (["5 hours and 30 minutes", "$5.50", "5 dollars and 50 cents"], []),
        "312": (["three hundred and twelve"], []),
        "2500000": (["2.5 million"], []),
        "5": ([], ["-5", "5 or 6"]),
        "1000": (["1,000", "10^3"], []),
        "1234": (["$1,234.00"], []),
        "6": (["2 * 3 = 6"], ["2 * 3"]),
        "18": (["approximately 18"], []),
    },
}
CASES = [
    (benchmark, gold, answer, right)
    for benchmark, golds in PAIRS.items()
    for gold, both in golds.items()
    for right, answers in zip((True, False), both, strict=True)
    for answer in answers
]


@pytest.mark.parametrize(("benchmark", "gold", "answer", "right"), CASES)
def test_answer_is_the_gold_one_or_is_not(benchmark, gold, answer, right):
    written = f"${answer}$" if benchmark == "math" else answer
    for output in (f"The answer is {written}.", f"So \\boxed{{{answer}}}.", f"Therefore we get {written}."):
        assert check(output, gold, benchmark=benchmark).right == right, output
