"""Number problems: equations, sequences, shapes."""

from random import Random

from hf_qads.embedded.problems import NAMES, Problem, Slip

THINGS = ("field", "room", "table", "card", "box")


def equation(draw: Random) -> Problem:
    """A linear equation in one unknown."""
    factor, root, plus = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)
    name, letter = draw.choice(NAMES), draw.choice("xyzn")
    right = factor * root + plus

    def solve(slip: Slip) -> tuple[list[str], str]:
        product = slip(right - plus)
        found = slip(product // factor)
        return [
            f"Without the sum it is {right} - {plus} = {product}",
            f"The unknown is {product} / {factor} = {found}",
        ], str(found)

    return Problem(f"{name} solves {factor} * {letter} + {plus} = {right}. What is {letter}?", solve)


def sequence(draw: Random) -> Problem:
    """The second next term of an arithmetic sequence."""
    name, start, step = draw.choice(NAMES), draw.randint(1, 20), draw.randint(2, 6)
    terms = [start, start + step, start + 2 * step]

    def solve(slip: Slip) -> tuple[list[str], str]:
        difference = slip(step)
        following = slip(terms[2] + difference)
        after = slip(following + difference)
        return [
            f"The step is {terms[1]} - {terms[0]} = {difference}",
            f"The next number is {terms[2]} + {difference} = {following}",
            f"The second one is {following} + {difference} = {after}",
        ], str(after)

    return Problem(
        f"{name} counts {', '.join(map(str, terms))}. What is the second number after that?", solve
    )


def mean(draw: Random) -> Problem:
    """The mean of three numbers."""
    name, average = draw.choice(NAMES), draw.randint(4, 9)
    first, second = draw.randint(1, average), draw.randint(1, average)
    third = 3 * average - first - second

    def solve(slip: Slip) -> tuple[list[str], str]:
        partial = slip(first + second)
        total = slip(partial + third)
        found = slip(total // 3)
        return [
            f"Two of them make {first} + {second} = {partial}",
            f"The sum is {partial} + {third} = {total}",
            f"The mean is {total} / 3 = {found}",
        ], str(found)

    return Problem(f"{name} gets {first}, {second} and {third} points. What is the mean?", solve)


def perimeter(draw: Random) -> Problem:
    """Twice the sum of two sides."""
    name, thing = draw.choice(NAMES), draw.choice(THINGS)
    length, width = draw.randint(2, 9), draw.randint(2, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        half = slip(length + width)
        around = slip(2 * half)
        return [
            f"Half the way around is {length} + {width} = {half}",
            f"The way around is 2 * {half} = {around}",
        ], str(around)

    return Problem(f"{name} has a {thing} that is {length} by {width}. What is its perimeter?", solve)


def area(draw: Random) -> Problem:
    """A rectangle with a piece cut out."""
    name, thing = draw.choice(NAMES), draw.choice(THINGS)
    length, width, cut = draw.randint(2, 6), draw.randint(3, 6), draw.randint(1, 5)

    def solve(slip: Slip) -> tuple[list[str], str]:
        whole = slip(length * width)
        left = slip(whole - cut)
        return [
            f"The whole area is {length} * {width} = {whole}",
            f"Without the piece it is {whole} - {cut} = {left}",
        ], str(left)

    return Problem(
        f"{name} has a {thing} of {length} by {width} and cuts out {cut}. What area is left?", solve
    )


def percent(draw: Random) -> Problem:
    """A discount in per cent."""
    name, thing = draw.choice(NAMES), draw.choice(("coat", "lamp", "bag", "chair", "clock", "bike"))
    rate, tens = draw.choice((10, 20, 30, 50)), draw.randint(2, 6)
    price = 10 * tens

    def solve(slip: Slip) -> tuple[list[str], str]:
        less = slip(rate * tens // 10)
        paid = slip(price - less)
        return [
            f"The discount is {rate} * {price} / 100 = {less} dollars",
            f"The new price is {price} - {less} = {paid} dollars",
        ], str(paid)

    return Problem(
        f"{name} buys a {thing} of {price} dollars at {rate} percent off. What is the price?", solve
    )


def days(draw: Random) -> Problem:
    """Weeks and days, in days."""
    name, thing = draw.choice(NAMES), draw.choice(("trip", "course", "job", "test", "visit"))
    weeks, extra = draw.randint(2, 6), draw.randint(1, 6)

    def solve(slip: Slip) -> tuple[list[str], str]:
        base = slip(weeks * 7)
        whole = slip(base + extra)
        return [
            f"The weeks are {weeks} * 7 = {base} days",
            f"All in all it is {base} + {extra} = {whole} days",
        ], str(whole)

    return Problem(f"{name} has a {thing} of {weeks} weeks and {extra} days. How many days is it?", solve)
