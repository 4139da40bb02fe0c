"""Makes the demonstration's collection and the files that it is asked with; runs with Debian's Python, for Pillow, cairo and NumPy.

    /usr/bin/python3 Tests/Demonstration/media.py OUT       OUT/collection, OUT/questions
"""

import subprocess
import sys
from pathlib import Path

import drawings
import films
import noises
import texts


def main() -> None:
    out = Path(sys.argv[1])
    collection, questions = out / "collection", out / "questions"
    folders = {name: collection / name for name in ("pictures", "sounds", "films", "documents", "texts")}
    for folder in (*folders.values(), questions):
        folder.mkdir(parents=True)
    drawings.make(folders["pictures"])
    noises.make(folders["sounds"])
    films.make(folders["films"], folders["sounds"])
    films.make_documents(folders["documents"])
    subprocess.run([sys.executable, drawings.DEMO / "document.py", folders["documents"] / "apple-pie.pdf"], check=True)
    texts.make(folders["texts"])
    drawings.make_questions(questions)
    noises.make_questions(questions)


if __name__ == "__main__":
    main()
