import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.publishing.cards.escaping import fenced, markdown, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("bell\x07", "bell␇"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("line\u2028end", "line⟨U+2028⟩end"),
        ("tab\tand\nline\r\nend", "tab\tand\nline\nend"),
        ("\ufeffstart", "start"),
        ("小明 ½ é", "小明 ½ é"),
        ("lone \ud800", "lone ⟨U+D800⟩"),
    ],
)
def test_control_characters_are_shown_by_name(text, shown):
    assert visible(text) == shown


def test_a_long_text_is_cut_in_the_middle_and_says_so():
    cut = visible("a" * 700 + "b" * 300, limit=90)
    assert cut == "a" * 60 + " […910 characters…] " + "b" * 30


def test_one_line_holds_no_line_break():
    assert one_line("a\n\n b\tc", 4) == "a b…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>", "&lt;script&gt;"),
        ("a|b", r"a\|b"),
        ("![x](y)", r"!\[x\](y)"),
        ("*b* _i_ `c`", r"\*b\* \_i\_ \`c\`"),
        ("# title", r"\# title"),
        ("1. item", r"1\. item"),
        ("2.5", "2.5"),
        ("https://x.y", "https&#58;//x.y"),
        ("www.x.y", "www&#46;x.y"),
        ("$$x$$", r"\$\$x\$\$"),
    ],
)
def test_markdown_is_shown_as_text(text, shown):
    assert markdown(text) == shown


@given(st.text(max_size=200))
def test_markdown_renders_to_the_text_itself(text):
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("gfm-like", {"linkify": False}).renderInline(f"x {markdown(text)} x")
    assert "<" not in rendered.replace("&lt;", "")


@given(st.text(alphabet="`~ab\n#<", max_size=80))
def test_nothing_gets_out_of_a_fence(text):
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(f"{fenced(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
