"""Word problems: shopping, sharing, travelling."""

from random import Random
from typing import Final

from hf_qads.embedded.problems import ITEMS, NAMES, Family, Slip, Solution, Values


def _draw_shopping(draw: Random) -> Values:
    name, (many, one) = draw.choice(NAMES), draw.sample(ITEMS, 2)
    count, price, more = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)
    return {"name": name, "many": many, "one": one, "count": count, "price": price, "more": more}


def _solve_shopping(slip: Slip, *, count: int, price: int, more: int, **_: str) -> Solution:
    cost = slip(count * price)
    total = slip(cost + more)
    return [
        f"They cost {count} * {price} = {cost} dollars",
        f"In all that is {cost} + {more} = {total} dollars",
    ], str(total)


shopping: Final = Family(
    "{name} buys {count} {many} at {price} dollars each and {one} for {more} dollars. What is the cost?",
    _draw_shopping,
    _solve_shopping,
)
"""Some things at one price, and one more thing."""


def _draw_change(draw: Random) -> Values:
    name, many = draw.choice(NAMES), draw.choice(ITEMS)
    count, price = draw.randint(2, 6), draw.randint(2, 6)
    note = draw.choice([note for note in (20, 30, 40) if note > count * price])
    return {"name": name, "many": many, "count": count, "price": price, "note": note}


def _solve_change(slip: Slip, *, count: int, price: int, note: int, **_: str) -> Solution:
    cost = slip(count * price)
    left = slip(note - cost)
    return [
        f"They cost {count} * {price} = {cost} dollars",
        f"There are {note} - {cost} = {left} dollars left",
    ], str(left)


change: Final = Family(
    "{name} has {note} dollars and buys {count} {many} at {price} dollars each. How much is left?",
    _draw_change,
    _solve_change,
)
"""What is left of a note after buying."""


def _draw_sharing(draw: Random) -> Values:
    many = draw.choice(ITEMS)
    bags, inside = draw.randint(2, 6), draw.randint(2, 6)
    children = draw.choice([number for number in range(2, 7) if bags * inside % number == 0])
    return {"many": many, "bags": bags, "inside": inside, "children": children}


def _solve_sharing(slip: Slip, *, bags: int, inside: int, children: int, **_: str) -> Solution:
    found = slip(bags * inside)
    share = slip(found // children)
    return [
        f"There are {bags} * {inside} = {found} in all",
        f"Each child gets {found} / {children} = {share} of them",
    ], str(share)


sharing: Final = Family(
    "{bags} bags with {inside} {many} each are shared by {children} children. How many does each get?",
    _draw_sharing,
    _solve_sharing,
)
"""Bags of things, shared among children."""


def _draw_ages(draw: Random) -> Values:
    one, other = draw.sample(NAMES, 2)
    age, factor, years = draw.randint(2, 6), draw.randint(2, 4), draw.randint(1, 6)
    return {"one": one, "other": other, "age": age, "factor": factor, "years": years}


def _solve_ages(slip: Slip, *, age: int, factor: int, years: int, **_: str) -> Solution:
    older = slip(age * factor)
    both = slip(age + older)
    later = slip(both + years)
    return [
        f"The older one is {age} * {factor} = {older} years old",
        f"Together they are {age} + {older} = {both} years old",
        f"With the extra years it is {both} + {years} = {later}",
    ], str(later)


ages: Final = Family(
    "{one} is {age} and {other} is {factor} times as old. What is the sum of their ages plus {years}?",
    _draw_ages,
    _solve_ages,
)
"""One age from another, then their sum."""


def _draw_travel(draw: Random) -> Values:
    name, way = draw.choice(NAMES), draw.choice(("walks", "runs", "rides", "drives"))
    hours, speed, more = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)
    return {"name": name, "way": way, "hours": hours, "speed": speed, "more": more}


def _solve_travel(slip: Slip, *, hours: int, speed: int, more: int, **_: str) -> Solution:
    first = slip(hours * speed)
    total = slip(first + more)
    return [
        f"The first part is {hours} * {speed} = {first} miles",
        f"The whole way is {first} + {more} = {total} miles",
    ], str(total)


travel: Final = Family(
    "{name} {way} {hours} hours at {speed} miles per hour and then {more} miles more. How far is that?",
    _draw_travel,
    _solve_travel,
)
"""A way in two parts."""


def _draw_saving(draw: Random) -> Values:
    name = draw.choice(NAMES)
    start, weekly, weeks = draw.randint(1, 9), draw.randint(2, 6), draw.randint(2, 6)
    return {"name": name, "start": start, "weekly": weekly, "weeks": weeks}


def _solve_saving(slip: Slip, *, start: int, weekly: int, weeks: int, **_: str) -> Solution:
    saved = slip(weekly * weeks)
    total = slip(saved + start)
    return [
        f"The weeks bring {weekly} * {weeks} = {saved} dollars",
        f"With the start it is {saved} + {start} = {total} dollars",
    ], str(total)


saving: Final = Family(
    "{name} has {start} dollars and saves {weekly} dollars a week. How much is it after {weeks} weeks?",
    _draw_saving,
    _solve_saving,
)
"""Money saved by the week on top of what was there."""


def _draw_reading(draw: Random) -> Values:
    name = draw.choice(NAMES)
    daily, days = draw.randint(2, 6), draw.randint(2, 6)
    pages = daily * days + draw.randint(1, 9)
    return {"name": name, "daily": daily, "days": days, "pages": pages}


def _solve_reading(slip: Slip, *, daily: int, days: int, pages: int, **_: str) -> Solution:
    read = slip(daily * days)
    left = slip(pages - read)
    return [
        f"The days make {daily} * {days} = {read} pages",
        f"There are {pages} - {read} = {left} pages left",
    ], str(left)


reading: Final = Family(
    "A book has {pages} pages. {name} reads {daily} pages a day for {days} days. How many are left?",
    _draw_reading,
    _solve_reading,
)
"""Pages left in a book."""


def _draw_garden(draw: Random) -> Values:
    name, plant = draw.choice(NAMES), draw.choice(("roses", "trees", "beans", "tulips"))
    rows, each = draw.randint(2, 6), draw.randint(3, 6)
    dead = draw.randint(1, 5)
    return {"name": name, "plant": plant, "rows": rows, "each": each, "dead": dead}


def _solve_garden(slip: Slip, *, rows: int, each: int, dead: int, **_: str) -> Solution:
    planted = slip(rows * each)
    left = slip(planted - dead)
    return [
        f"At first there are {rows} * {each} = {planted} plants",
        f"Then {planted} - {dead} = {left} plants live on",
    ], str(left)


garden: Final = Family(
    "{name} plants {rows} rows of {each} {plant} and {dead} {plant} die. How many live?",
    _draw_garden,
    _solve_garden,
)
"""Rows of plants, some of which die."""
