"""The child process of the doctor, `python -m fnn.doctor.child`.

It reads pickled trials from standard input, as many as come, and prints the outcome of each as a
line of JSON.
"""

import json
import pickle
import sys

from fnn.doctor.trial import attempt


def main() -> None:
    """Try what standard input holds, until its end."""
    while True:
        try:
            canary, seed, with_options = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        print(json.dumps(attempt(canary, seed, with_options)), flush=True)


if __name__ == "__main__":
    main()
