"""The cell of lesson 10, and how it is judged.

Answer to the question: it saves units, because each layer uses all pieces that the layers below
have made. It saves this much only on curves that repeat themselves as folds do: a network of few
units has few parameters, and cannot place a thousand bends one by one.
"""

from judging import Verdict, by_values

# %% your cell
shallow_units = 2**10 - 1

# %% how it is judged
SOLUTION = shallow_units

MISTAKES = {
    "1024 is the number of pieces. Pieces meet at bends, and there is one bend less.": 1024,
    "20 is what the deep network has. One hidden layer gains one bend for each unit.": 20,
    "2 · 1023 counts two units for each bend. One ReLU unit makes a bend.": 2046,
    "The pieces double with each layer: 2, 4, 8, … They do not grow by 2.": 19,
    "This is for 9 layers. Layer 10 doubles once more.": 511,
}


def verdict(answer) -> Verdict:
    """Judge the number."""
    found = by_values(answer, shallow_units, [lambda value: value], MISTAKES)
    praise = "2¹⁰ = 1024 pieces meet at 1023 bends, one for each unit."
    return found._replace(message=praise) if found.right else found
