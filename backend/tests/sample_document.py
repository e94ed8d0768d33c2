"""The sample's PDF: a short introduction to attention, written for it and free of anybody's rights.

`python -m tests.sample_document FILE` writes it. Chapters begin on a page of their own; a line of the text below that
begins with `#` is a heading, `##` one within a chapter.
"""

import re
import sys
import textwrap
from pathlib import Path

from tests.pdf import Bookmark, Line, pdf

TITLE = "Attention, step by step"
COLUMNS = 84
LINES = 44

TEXT = """
# 1 Vectors
A vector is a list of numbers. The vector (3, 4) has two of them, and can be drawn as an arrow that goes three steps
to the right and four steps up. Two vectors of the same length are added number by number: (3, 4) + (1, -2) = (4, 2).
A vector is scaled by multiplying each of its numbers: 2 (3, 4) = (6, 8).

The length of a vector is the square root of the sum of the squares of its numbers. The arrow (3, 4) is 5 long, since
9 + 16 = 25.

## 1.1 The dot product
The dot product of two vectors multiplies them number by number and adds the results: (3, 4) . (1, -2) = 3 - 8 = -5.
It is large when two arrows point the same way, zero when they are at right angles, and negative when they point
apart. So the dot product measures how similar two directions are.

## 1.2 Words as vectors
A model that reads text gives every word a vector, its embedding. The numbers are learnt: words that are used in
similar ways end up with similar vectors. Nobody chooses what each number means.

# 2 Softmax
A list of scores, such as (2, 1, 0), says which of three things fits best, but not how much of each to take. The
softmax function turns scores into weights that are positive and add up to one. Each score s becomes e to the power of
s, and each result is divided by the sum of all of them.

For the scores (2, 1, 0) the powers are about 7.39, 2.72 and 1. Their sum is 11.11, so the weights are about 0.67,
0.24 and 0.09. The largest score gets most of the weight, but no other gets none.

## 2.1 Large scores
If all scores are multiplied by ten, the weights become almost (1, 0, 0): softmax turns into a choice of the largest.
Learning then slows down, since a small change of a score changes nothing. This is why scores are kept small.

## 2.2 Subtracting the maximum
The weights stay the same when the same number is subtracted from every score. Programs subtract the largest score
first, so that no power of e overflows.

# 3 Attention
Attention lets every word of a sentence gather information from the other words. Each word makes three vectors from
its own: a query, which says what it looks for; a key, which says what it offers; and a value, which is what it passes
on.

The score of one word for another is the dot product of the query of the first and the key of the second. Softmax
turns the scores of a word into weights. The result for the word is the sum of all values, each scaled by its weight.

## 3.1 Why divide by a square root
The dot product of two random vectors of d numbers grows with the square root of d. So the scores are divided by the
square root of d before softmax. Without that, long vectors would make large scores, and softmax would choose instead
of weighing.

## 3.2 A worked example
Take two words with the keys (1, 0) and (0, 1) and the values (10, 0) and (0, 10), and the query (2, 0). The dot
products are 2 and 0. Divided by the square root of 2 they are about 1.41 and 0. Softmax makes the weights 0.80 and
0.20. The result is 0.80 (10, 0) + 0.20 (0, 10) = (8, 2).

# 4 Masking
A model that writes text word by word must not look at the words that it has not written yet. While it learns, the
whole sentence is there, so the later words are hidden by a mask: the scores of all later words are set to minus
infinity before softmax, and their weights become zero.

With a mask the first word attends to itself alone, the second to the first two words, and so on. One pass over a
sentence thus trains the model on every beginning of it at once.

# 5 Several heads
One word may need several things from its sentence: what it refers to, which verb it belongs to, whether it is a
question. A layer therefore has several heads. Each head has its own queries, keys and values, of fewer numbers, and
attends on its own. The results of all heads are put one after the other and mixed by one more matrix.

## 5.1 What it costs
Every word is scored against every other. Twice as many words need four times as many scores. For long texts this
square is the main cost of attention, and many later designs try to avoid it.
"""


def document() -> bytes:
    """The PDF."""
    pages: list[list[Line]] = []
    outline: list[Bookmark] = []
    page = [Line(TITLE, 24), Line(""), Line("A sample document")]
    for paragraph in re.split(r"\n+(?=#)|\n\n", TEXT.strip()):
        mark, _, heading = paragraph.partition(" ")
        if mark == "#" or len(page) > LINES:
            pages.append(page)
            page = []
        if mark in ("#", "##"):
            heading, _, paragraph = heading.partition("\n")
            outline.append(Bookmark(len(mark), heading, len(pages) + 1))
            page += [Line(heading, 18 if mark == "#" else 14), Line("")]
        page += [*(Line(line) for line in textwrap.wrap(paragraph, COLUMNS)), Line("")]
    pages.append(page)
    return pdf(pages, outline, TITLE)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(document())
