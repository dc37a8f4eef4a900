"""The five course documents, and the ids of everything in them that software can execute, verify or
reproduce.
"""

from typing import NamedTuple


class Document(NamedTuple):
    """A course document: the prefix of its claims' ids, how many there are, and the name of its
    page.
    """

    prefix: str
    claims: int
    page: str
    author: str
    title: str

    @property
    def source(self) -> str:
        """Author and title."""
        return f"{self.author}, {self.title}"


CONVENTIONS = Document("X", 11, "conventions", "Between the documents", "Conventions that differ")
DOCUMENTS = (
    CONVENTIONS,
    Document(
        "0.",
        26,
        "adornetto",
        "Adornetto",
        "Deep Learning, Laboratory 02: Building Neural Network from Scratch",
    ),
    Document(
        "1.",
        32,
        "de-marzo",
        "De Marzo",
        "Deep Learning: shallow networks, MLP, training, backpropagation",
    ),
    Document("2.", 42, "sharif", "Sharif University", "Introduction to Neural Networks, Fall 2022"),
    Document("3.", 16, "notes", "Deep Learning notes", "11 March 2024"),
    Document("4.", 34, "piccoli", "Piccoli", "Neural Networks, 2022-2023"),
)


def ids_of(document: Document) -> list[str]:
    """The ids of a document's claims, in order."""
    return [f"{document.prefix}{number}" for number in range(1, document.claims + 1)]


IDS = [id for document in DOCUMENTS for id in ids_of(document)]


def document_of(id: str) -> Document:
    """The document that a claim stands in. ValueError for an id that none has."""
    for document in DOCUMENTS:
        if id in ids_of(document):
            return document
    raise ValueError(
        f"claim: got the id {id!r}, expected one of a document, such as {IDS[0]} or {IDS[-1]}."
    )
