"""How software refuses what a document prints."""

from collections.abc import Callable


def refusal(call: Callable[[], object]) -> str:
    """Return the message of the ValueError that a call raises, "" if it raises none."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""
