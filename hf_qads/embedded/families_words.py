"""Word problems: shopping, sharing, travelling."""

from random import Random

from hf_qads.embedded.problems import ITEMS, NAMES, Problem, Slip


def shopping(draw: Random) -> Problem:
    """Some things at one price, and one more thing."""
    name, (many, one) = draw.choice(NAMES), draw.sample(ITEMS, 2)
    count, price, more = draw.randint(2, 9), draw.randint(2, 9), draw.randint(2, 15)

    def solve(slip: Slip) -> tuple[list[str], str]:
        cost = slip(count * price)
        total = slip(cost + more)
        return [
            f"The {many} cost {count} * {price} = {cost} dollars",
            f"With the {one} that is {cost} + {more} = {total} dollars",
        ], str(total)

    question = (
        f"{name} buys {count} {many} at {price} dollars each and {one} for {more} dollars. What is the cost?"
    )
    return Problem(question, solve)


def change(draw: Random) -> Problem:
    """What is left of a note after buying."""
    name, many = draw.choice(NAMES), draw.choice(ITEMS)
    count, price = draw.randint(2, 6), draw.randint(2, 8)
    note = draw.choice([n for n in (20, 30, 40, 50, 60) if n > count * price])

    def solve(slip: Slip) -> tuple[list[str], str]:
        cost = slip(count * price)
        left = slip(note - cost)
        return [
            f"The {many} cost {count} * {price} = {cost} dollars",
            f"So {note} - {cost} = {left} dollars are left",
        ], str(left)

    question = f"{name} has {note} dollars and buys {count} {many} at {price} dollars each. How much is left?"
    return Problem(question, solve)


def sharing(draw: Random) -> Problem:
    """Bags of things, shared among children."""
    children, each = draw.randint(2, 9), draw.randint(2, 9)
    total = children * each
    bags = draw.choice([b for b in range(1, 10) if total % b == 0 and total // b <= 12] or [children])
    inside, many = total // bags, draw.choice(ITEMS)

    def solve(slip: Slip) -> tuple[list[str], str]:
        found = slip(total)
        share = slip(each) if found == total else slip(found // children, (each,))
        return [
            f"There are {bags} * {inside} = {found} {many}",
            f"Each child gets {found} / {children} = {share} {many}",
        ], str(share)

    question = (
        f"{bags} bags with {inside} {many} each are shared by {children} children. How many does each get?"
    )
    return Problem(question, solve)


def ages(draw: Random) -> Problem:
    """One age from another, then their sum."""
    one, other = draw.sample(NAMES, 2)
    age, factor, years = draw.randint(3, 12), draw.randint(2, 4), draw.randint(2, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        older = slip(age * factor)
        both = slip(age + older)
        later = slip(both + years)
        return [
            f"{other} is {age} * {factor} = {older} years old",
            f"Together they are {age} + {older} = {both}",
            f"Adding {years} gives {both} + {years} = {later}",
        ], str(later)

    question = (
        f"{one} is {age} and {other} is {factor} times as old. What is the sum of their ages plus {years}?"
    )
    return Problem(question, solve)


def travel(draw: Random) -> Problem:
    """A way in two parts at two speeds."""
    name, way = draw.choice(NAMES), draw.choice(("walks", "runs", "rides", "drives"))
    hours, speed, more, slow = draw.randint(2, 6), draw.randint(3, 12), draw.randint(2, 5), draw.randint(2, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        first, second = slip(hours * speed), slip(more * slow)
        way_in_all = slip(first + second)
        return [
            f"The first part is {hours} * {speed} = {first} miles",
            f"The second part is {more} * {slow} = {second} miles",
            f"In all it is {first} + {second} = {way_in_all} miles",
        ], str(way_in_all)

    return Problem(
        f"{name} {way} {hours} hours at {speed} miles per hour, then {more} hours at {slow}. "
        "How far is that in all?",
        solve,
    )


def saving(draw: Random) -> Problem:
    """Money saved by the week on top of what was there."""
    name = draw.choice(NAMES)
    start, weekly, weeks = draw.randint(2, 20), draw.randint(2, 9), draw.randint(2, 9)

    def solve(slip: Slip) -> tuple[list[str], str]:
        saved = slip(weekly * weeks)
        total = slip(start + saved)
        return [
            f"In {weeks} weeks that is {weekly} * {weeks} = {saved} dollars",
            f"So {name} has {start} + {saved} = {total} dollars",
        ], str(total)

    question = (
        f"{name} has {start} dollars and saves {weekly} dollars a week. How much is it after {weeks} weeks?"
    )
    return Problem(question, solve)


def reading(draw: Random) -> Problem:
    """Pages left in a book."""
    name = draw.choice(NAMES)
    daily, days = draw.randint(3, 9), draw.randint(2, 9)
    pages = daily * days + draw.randint(3, 30)

    def solve(slip: Slip) -> tuple[list[str], str]:
        read = slip(daily * days)
        left = slip(pages - read)
        return [
            f"{name} reads {daily} * {days} = {read} pages",
            f"There are {pages} - {read} = {left} pages left",
        ], str(left)

    question = (
        f"A book has {pages} pages. {name} reads {daily} pages a day for {days} days. How many are left?"
    )
    return Problem(question, solve)


def garden(draw: Random) -> Problem:
    """Rows of plants, some of which die."""
    plant = draw.choice(("roses", "trees", "beans", "tulips"))
    rows, each = draw.randint(3, 9), draw.randint(3, 9)
    dead = draw.randint(2, 8)

    def solve(slip: Slip) -> tuple[list[str], str]:
        planted = slip(rows * each)
        left = slip(planted - dead)
        return [
            f"At first there are {rows} * {each} = {planted} {plant}",
            f"Then {planted} - {dead} = {left} {plant} live",
        ], str(left)

    question = f"A garden has {rows} rows of {each} {plant}. If {dead} {plant} die, how many live?"
    return Problem(question, solve)
