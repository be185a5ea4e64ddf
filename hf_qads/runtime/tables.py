"""Tables in Markdown: a head, and rows of text."""

from collections.abc import Collection, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: Collection[int] = (0,)) -> str:
    """A table in Markdown, with a newline at its end.

    Args:
        head: names of the columns.
        rows: as many texts each; a vertical bar in one would part it.
        words: places in `head` of the columns of words, which are set to the left; numbers go to the right.
    """
    left = {place % len(head) for place in words}
    line = ["---" if place in left else "---:" for place in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, line, *rows))
