"""Words that announce answers and questions in the languages of datasets, and their decimal marks."""

import re

ANSWER = (
    r"(?:answers?|ans|respuesta|réponse|antwort(?:\s+lautet)?|risposta|resposta|odpowied[źz]|ответ|"
    r"jawaban(?:nya)?|cevap|yanıt|sonuç|đáp\s+(?:án|số)|antwoord|svar(?:et)?|उत्तर|الجواب|الإجابة|الاجابة)\b"
    r"(?:\s+(?:final[ea]?|corre[ck]?t[aeo]?|esatta|juste|definitiva|yang\s+benar|akhir|đúng|cuối\s+cùng|"
    r"الصحيحة|النهائية)\b){0,2}\.?"
)
WORDLESS = r"正确答案|答案|答|正确选项|정답|답|答え|解答|正解"  # of languages that put no space behind a word
IS = r"es|est|ist|lautet|é|è|to|jest|adalah|ialah|là|هي|هو"
BECOMES = r"是|为|為|は|은|는"
OPTION = r"opci[óo]n|op[çc][ãa]o|opzione|вариант|wariant|pilihan|seçenek|lựa\s+chọn|[选選][项項]|विकल्प|보기"
CONCLUDES = re.compile(
    r"(?i)^\W*(?:so|thus|therefore|hence|altogether|finally|overall|conclusion|(?:the\s+)?(?:result|"
    r"solution)s?(?=\s*:|\s+(?:is|are)\b)|in\s+(?:total|all|conclusion)|donc|ainsi|por\s+(?:lo\s+)?tanto|así|portanto|"
    r"logo|quindi|daher|somit|więc|zatem|значит|итак|jadi|vậy|yani|अतः|इसलिए|所以|因此|따라서|그러므로|したがって|よって)(?!\w)"
)
_QUESTION = (
    r"Questions?|Problems?|Q|Human|User|Instruction|Exercises?|Pregunta|Problema|Frage|Aufgabe|Problème|"
    r"Exercice|Domanda|Pergunta|Pytanie|Zadanie|Вопрос|Задача|Soal|Pertanyaan|Soru|Câu\s+hỏi|Bài(?:\s+toán)?|"
    r"प्रश्न|سؤال|السؤال|問題|问题|题目|문제|질문|質問"
)
NEXT_QUESTION = re.compile(
    rf"(?i)(?:^|\n)[ \t]*[#>*_\[ ]*(?:(?:[^\W\d]+[ \t]+)?(?:{_QUESTION})(?:[ \t]+[^\W\d]+)?[ \t]*"
    r"(?P<number>\d+)?[ \t]*(?:[*_]*[:.：\]]|(?<=\d)[ \t]*[*_]*(?=\n|[-–—] ?[A-Z][a-z])))"
)
_SPACED = re.compile(  # thousands, but not `2 500 ml bottles` and rows of numbers
    r"(?<![\d.,/^)] )(?<![\w.,/^-])[1-9]\d{0,2}(?: \d{3})+"
    r"(?![\w/-]|[.,]\d| [\d/(]| (?:m?[lg]|kg|[ckm]?m) [a-z]{3,}s\b)"
)


def in_points(text: str) -> str:
    """A text with commas for other marks of thousands."""
    text = re.sub(r"(?<=\d)['’_\u00a0\u202f\u2009](?=\d{3}(?!\d))", ",", text)
    return _SPACED.sub(lambda one: one[0].replace(" ", ","), text)
