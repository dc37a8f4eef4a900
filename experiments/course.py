"""The five course documents, and the ids of everything in them that software can execute, verify or reproduce."""

from typing import NamedTuple


class Document(NamedTuple):
    """A course document, the prefix of its claims' ids and how many there are."""

    prefix: str
    count: int
    author: str
    title: str


CONVENTIONS = Document("X", 11, "Between the documents", "Conventions that differ")
DOCUMENTS = (
    CONVENTIONS,
    Document("0.", 26, "Adornetto", "Deep Learning, Laboratory 02: Building Neural Network from Scratch"),
    Document("1.", 32, "De Marzo", "Deep Learning: shallow networks, MLP, training, backpropagation"),
    Document("2.", 42, "Sharif University", "Introduction to Neural Networks, Fall 2022"),
    Document("3.", 16, "Deep Learning notes", "11 March 2024"),
    Document("4.", 34, "Piccoli", "Neural Networks, 2022-2023"),
)
IDS = [f"{document.prefix}{number}" for document in DOCUMENTS for number in range(1, document.count + 1)]


def document_of(id: str) -> Document:
    """The document that a claim stands in."""
    return next(document for document in DOCUMENTS if id.startswith(document.prefix))
