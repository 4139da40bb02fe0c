"""Makes the demonstration's collection and the files that it is asked with; runs with Debian's Python, for Pillow, cairo and NumPy.

    /usr/bin/python3 Tests/Demonstration/media.py OUT       OUT/collection, OUT/questions
"""

import sys
from pathlib import Path

import documents
import drawings
import films
import noises
import texts


def main() -> None:
    out = Path(sys.argv[1])
    collection, questions = out / "collection", out / "questions"
    folders = {name: collection / name for name in ("pictures", "scenes", "sounds", "films", "documents", "texts")}
    for folder in (*folders.values(), questions):
        folder.mkdir(parents=True)
    drawings.make(folders["pictures"], folders["scenes"])
    noises.make(folders["sounds"])
    films.make(folders["films"], folders["sounds"])
    documents.make(folders["documents"])
    texts.make(folders["texts"])
    drawings.make_questions(questions)
    noises.make_questions(questions)


if __name__ == "__main__":
    main()
