"""Word problems: shopping, sharing, travelling."""

from random import Random

from hf_qads.embedded.problems import ITEMS, NAMES, Problem, Slip


def shopping(draw: Random) -> Problem:
    """Some things at one price, and one more thing."""
    name, (many, one) = draw.choice(NAMES), draw.sample(ITEMS, 2)
    count, price, more = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        cost = slip(count * price)
        total = slip(cost + more)
        return [
            f"They cost {count} * {price} = {cost} dollars",
            f"In all that is {cost} + {more} = {total} dollars",
        ], str(total)

    question = (
        f"{name} buys {count} {many} at {price} dollars each and {one} for {more} dollars. What is the cost?"
    )
    return Problem(question, solve)


def change(draw: Random) -> Problem:
    """What is left of a note after buying."""
    name, many = draw.choice(NAMES), draw.choice(ITEMS)
    count, price = draw.randint(2, 6), draw.randint(2, 6)
    note = draw.choice([note for note in (20, 30, 40) if note > count * price])

    def solve(slip: Slip) -> tuple[list[str], str]:
        cost = slip(count * price)
        left = slip(note - cost)
        return [
            f"They cost {count} * {price} = {cost} dollars",
            f"There are {note} - {cost} = {left} dollars left",
        ], str(left)

    return Problem(
        f"{name} has {note} dollars and buys {count} {many} at {price} dollars each. How much is left?", solve
    )


def sharing(draw: Random) -> Problem:
    """Bags of things, shared among children."""
    many = draw.choice(ITEMS)
    bags, inside = draw.randint(2, 6), draw.randint(2, 6)
    total = bags * inside
    children = draw.choice([number for number in range(2, 7) if total % number == 0])

    def solve(slip: Slip) -> tuple[list[str], str]:
        found = slip(total)
        share = slip(found // children)
        return [
            f"There are {bags} * {inside} = {found} in all",
            f"Each child gets {found} / {children} = {share} of them",
        ], str(share)

    question = (
        f"{bags} bags with {inside} {many} each are shared by {children} children. How many does each get?"
    )
    return Problem(question, solve)


def ages(draw: Random) -> Problem:
    """One age from another, then their sum."""
    one, other = draw.sample(NAMES, 2)
    age, factor, years = draw.randint(2, 6), draw.randint(2, 4), draw.randint(1, 6)

    def solve(slip: Slip) -> tuple[list[str], str]:
        older = slip(age * factor)
        both = slip(age + older)
        later = slip(both + years)
        return [
            f"The older one is {age} * {factor} = {older} years old",
            f"Together they are {age} + {older} = {both} years old",
            f"With the extra years it is {both} + {years} = {later}",
        ], str(later)

    question = (
        f"{one} is {age} and {other} is {factor} times as old. What is the sum of their ages plus {years}?"
    )
    return Problem(question, solve)


def travel(draw: Random) -> Problem:
    """A way in two parts."""
    name, way = draw.choice(NAMES), draw.choice(("walks", "runs", "rides", "drives"))
    hours, speed, more = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        first = slip(hours * speed)
        total = slip(first + more)
        return [
            f"The first part is {hours} * {speed} = {first} miles",
            f"The whole way is {first} + {more} = {total} miles",
        ], str(total)

    question = (
        f"{name} {way} {hours} hours at {speed} miles per hour and then {more} miles more. How far is that?"
    )
    return Problem(question, solve)


def saving(draw: Random) -> Problem:
    """Money saved by the week on top of what was there."""
    name = draw.choice(NAMES)
    start, weekly, weeks = draw.randint(1, 9), draw.randint(2, 6), draw.randint(2, 6)

    def solve(slip: Slip) -> tuple[list[str], str]:
        saved = slip(weekly * weeks)
        total = slip(saved + start)
        return [
            f"The weeks bring {weekly} * {weeks} = {saved} dollars",
            f"With the start it is {saved} + {start} = {total} dollars",
        ], str(total)

    question = (
        f"{name} has {start} dollars and saves {weekly} dollars a week. How much is it after {weeks} weeks?"
    )
    return Problem(question, solve)


def reading(draw: Random) -> Problem:
    """Pages left in a book."""
    name = draw.choice(NAMES)
    daily, days = draw.randint(2, 6), draw.randint(2, 6)
    pages = daily * days + draw.randint(1, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        read = slip(daily * days)
        left = slip(pages - read)
        return [
            f"The days make {daily} * {days} = {read} pages",
            f"There are {pages} - {read} = {left} pages left",
        ], str(left)

    question = (
        f"A book has {pages} pages. {name} reads {daily} pages a day for {days} days. How many are left?"
    )
    return Problem(question, solve)


def garden(draw: Random) -> Problem:
    """Rows of plants, some of which die."""
    name, plant = draw.choice(NAMES), draw.choice(("roses", "trees", "beans", "tulips"))
    rows, each = draw.randint(2, 6), draw.randint(3, 6)
    dead = draw.randint(1, 5)

    def solve(slip: Slip) -> tuple[list[str], str]:
        planted = slip(rows * each)
        left = slip(planted - dead)
        return [
            f"At first there are {rows} * {each} = {planted} plants",
            f"Then {planted} - {dead} = {left} plants live on",
        ], str(left)

    return Problem(
        f"{name} plants {rows} rows of {each} {plant} and {dead} {plant} die. How many live?", solve
    )
