"""fnn says its types: pyright accepts a user's file, and sees mistakes in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "scripts" / "tools" / "a_users_file.py").read_text()
MISTAKES = {
    "run.final(3)": "run.final(3)",
    "a learning rate that is a text": 'optim.adam("fast")',
    "epochs that are missing": "fnn.train(net, loss, rule, digits, batch_size=64)",
    "an unknown option": 'fnn.mlp((64, 10), activations="relu")',
    "a misspelt function": "fnn.trian(net, losses.softmax_cross_entropy, rule, digits)",
    "a misspelt activation": "fnn.activations.rely",
    "a misspelt initialiser": "initializers.glorrot",
    "a misspelt layer": "layers.dropuot",
    "an unknown method": "sweep.sumary()",
    "a result of another kind": "text: str = sweep.history",
}


def errors_of(text: str, folder: Path) -> list[dict]:
    """Return what pyright says of a file."""
    file = folder / "mine.py"
    file.write_text(text)
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, str(file)], cwd=folder, capture_output=True, text=True)
    return json.loads(done.stdout)["generalDiagnostics"]


@pytest.mark.slow
def test_a_users_file_is_right_and_mistakes_in_it_are_seen(tmp_path):
    pytest.importorskip("pyright")
    assert errors_of(TEXT, tmp_path) == []
    wrong = TEXT + "\n".join(MISTAKES.values()) + "\n"
    lines = {error["range"]["start"]["line"] for error in errors_of(wrong, tmp_path)}
    first = TEXT.count("\n")
    unseen = [name for n, name in enumerate(MISTAKES) if first + n not in lines]
    assert not unseen
