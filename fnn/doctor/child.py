"""Run trials in the child process of the doctor, `python -m fnn.doctor.child`.

The process reads pickled trials from standard input, one after the other, and prints the outcome of
each as a line of JSON.
"""

import json
import pickle
import sys

from fnn.doctor.trial import attempt


def main() -> None:
    """Run the trials that standard input holds, until its end."""
    while True:
        try:
            canary, seed, with_options = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        outcome = attempt(canary, seed, with_options)
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
