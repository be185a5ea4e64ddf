"""Number problems: equations, sequences, shapes."""

from random import Random

from hf_qads.embedded.problems import Problem, Slip


def equation(draw: Random) -> Problem:
    """A linear equation in one unknown."""
    factor, root, plus = draw.randint(2, 9), draw.randint(2, 9), draw.randint(1, 20)
    letter = draw.choice("xyzn")
    right = factor * root + plus

    def solve(slip: Slip) -> tuple[list[str], str]:
        product = slip(right - plus)
        found = slip(root) if product == right - plus else slip(product // factor, (root,))
        return [
            f"Take away {plus} to get {right} - {plus} = {product}",
            f"Then {letter} is {product} / {factor} = {found}",
        ], str(found)

    return Problem(f"Solve {factor} * {letter} + {plus} = {right} for {letter}.", solve)


def sequence(draw: Random) -> Problem:
    """The term after the next of an arithmetic sequence."""
    start, step = draw.randint(1, 30), draw.randint(2, 12)
    terms = [start + step * place for place in range(4)]

    def solve(slip: Slip) -> tuple[list[str], str]:
        difference = slip(step)
        following = slip(terms[3] + difference)
        after = slip(following + difference)
        return [
            f"The step is {terms[1]} - {terms[0]} = {difference}",
            f"The next number is {terms[3]} + {difference} = {following}",
            f"The one after it is {following} + {difference} = {after}",
        ], str(after)

    listed = ", ".join(map(str, terms))
    return Problem(f"What is the second number after {listed}?", solve)


def mean(draw: Random) -> Problem:
    """The mean of three numbers."""
    first, second, average = draw.randint(1, 12), draw.randint(1, 12), draw.randint(8, 15)
    third = 3 * average - first - second

    def solve(slip: Slip) -> tuple[list[str], str]:
        partial = slip(first + second)
        total = slip(partial + third)
        found = slip(average) if total == 3 * average else slip(total // 3, (average,))
        return [
            f"First add {first} + {second} = {partial}",
            f"The sum is {partial} + {third} = {total}",
            f"The mean is {total} / 3 = {found}",
        ], str(found)

    return Problem(f"Find the mean of {first}, {second} and {third}.", solve)


def perimeter(draw: Random) -> Problem:
    """Twice the sum of two sides."""
    length, width = draw.randint(2, 25), draw.randint(2, 25)
    thing = draw.choice(("field", "room", "table", "card", "box"))

    def solve(slip: Slip) -> tuple[list[str], str]:
        half = slip(length + width)
        around = slip(2 * half)
        return [
            f"Half the way around is {length} + {width} = {half}",
            f"The way around is 2 * {half} = {around}",
        ], str(around)

    return Problem(f"A {thing} is {length} long and {width} wide. What is its perimeter?", solve)


def area(draw: Random) -> Problem:
    """A rectangle with a piece cut out."""
    length, width = draw.randint(3, 12), draw.randint(3, 9)
    cut = draw.randint(2, 8)
    thing = draw.choice(("field", "room", "table", "card", "box"))

    def solve(slip: Slip) -> tuple[list[str], str]:
        whole = slip(length * width)
        left = slip(whole - cut)
        return [
            f"The whole area is {length} * {width} = {whole}",
            f"Without the piece it is {whole} - {cut} = {left}",
        ], str(left)

    return Problem(
        f"A {thing} is {length} by {width}. A piece of area {cut} is cut out. What area is left?", solve
    )


def percent(draw: Random) -> Problem:
    """A discount in per cent."""
    rate, tens = draw.choice((10, 20, 30, 40, 50)), draw.randint(1, 9)
    price, thing = 10 * tens, draw.choice(("coat", "lamp", "bag", "chair", "clock", "bike"))

    def solve(slip: Slip) -> tuple[list[str], str]:
        less = slip(rate * tens // 10)
        paid = slip(price - less)
        return [
            f"The discount is {rate} * {price} / 100 = {less} dollars",
            f"The new price is {price} - {less} = {paid} dollars",
        ], str(paid)

    tail = draw.choice(("What is the new price?", "What does it cost now?", "How much is it in the sale?"))
    return Problem(f"A {thing} of {price} dollars is sold at {rate} percent off. {tail}", solve)


def minutes(draw: Random) -> Problem:
    """Hours and minutes, in minutes."""
    hours, extra, less = draw.randint(1, 9), draw.randint(2, 39), draw.randint(2, 9)
    thing = draw.choice(("film", "flight", "class", "game", "trip"))

    def solve(slip: Slip) -> tuple[list[str], str]:
        base = slip(hours * 60)
        whole = slip(base + extra)
        left = slip(whole - less)
        return [
            f"The hours are {hours} * 60 = {base} minutes",
            f"The {thing} takes {base} + {extra} = {whole} minutes",
            f"Without the break it is {whole} - {less} = {left} minutes",
        ], str(left)

    return Problem(
        f"A {thing} takes {hours} hours and {extra} minutes with a break of {less} minutes. "
        "How many minutes is it without the break?",
        solve,
    )
