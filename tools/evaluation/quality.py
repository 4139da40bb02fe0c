#!/usr/bin/env python3
"""docs/quality.md from what `castor evaluate --json` measured.

    tools/evaluation/quality.py RESULT.json [PROMPTS.json] > docs/quality.md

RESULT is of all tasks of tools/evaluation/tasks with bare contents; PROMPTS the same with `--prompts on`. Tasks that were not
measured are named as such.
"""
import json
import sys
from dataclasses import dataclass

SIZES = ("3072", "1536", "768", "512", "256", "128")


@dataclass
class Row:
    title: str
    task: str
    metric: str
    teacher: str
    least: str
    aim: str


# Teacher: all-MiniLM-L6-v2, which knows English only, on the same files.
ROWS = [
    Row("STS-B dev, English, Spearman", "STS-B dev, English", "Spearman", "0.867", "0.80", "0.86"),
    Row("STS-B dev, mean of 10 other languages, Spearman", "STS-B dev, others", "Spearman", "0.647", "0.68", "0.78"),
    Row("Tatoeba (LASER), mean accuracy, both ways", "Tatoeba (LASER)", "accuracy", "0.09", "0.40", "0.65"),
    Row("Banking77, logistic regression", "Banking77", "accuracy", "0.930", "0.85", "0.92"),
    Row("NusaX sentiment, logistic regression, mean of 12 languages", "NusaX sentiment", "accuracy", "", "", ""),
    Row("Banking77, clusters, V-measure", "Banking77 clusters", "V-measure", "", "", ""),
    Row("Cranfield, nDCG@10", "Cranfield", "nDCG@10", "0.395", "0.28", "0.38"),
    Row("Exercism, MRR", "Exercism", "MRR", "0.853", "0.50", "0.80"),
    Row("Web queries to code, MRR", "Web queries to code", "MRR", "0.766", "0.45", "0.70"),
    Row("Held-back stamps, image to English caption, R@1", "Stamps, English", "image to caption R@1", "", "0.10", "0.30"),
    Row("Held-back stamps, image to English caption, R@5", "Stamps, English", "image to caption R@5", "", "0.30", "0.60"),
    Row("Stamps, image to caption in other languages, R@5", "Stamps, other languages", "image to text R@5", "", "", ""),
    Row("Aerial photos, image to text, R@5", "Aerial photos (ucm)", "image to caption R@5", "", "", "4 x chance"),
    Row("Caltech-101 by class name", "Caltech-101", "accuracy", "", "0.25", "0.50"),
    Row("Grocery by class name", "Grocery", "accuracy", "", "0.25", "0.50"),
    Row("Grocery, coarse classes", "Grocery, coarse", "accuracy", "", "", ""),
    Row("ESC-50 fold 4 by class name", "ESC-50 fold 4", "accuracy", "", "0.30", "0.55"),
    Row("Held-back spoken stamps to their text, R@1", "Spoken stamps", "speech to text R@1", "", "5 x chance", "15 x chance"),
    Row("Held-back spoken words to their text, mean of 8 languages, R@1", "Spoken words", "speech to text R@1", "", "5 x chance", "15 x chance"),
    Row("Held-back spoken words to their pictures, R@1", "Spoken words, pictures", "speech to picture R@1", "", "5 x chance", "15 x chance"),
    Row("Spoken digits by word", "Spoken digits", "accuracy", "", "0.40", "0.80"),
    Row("Held-back exercises, two frames to caption, R@5", "Exercises", "frames to caption R@5", "", "4 x chance", "8 x chance"),
]


def metric(task: dict, wanted: str) -> dict:
    """The metric of that name, or the one that begins so: names carry a classifier or a direction."""
    for test in (lambda name: name == wanted, lambda name: name.startswith(wanted), lambda name: wanted.split()[-1] in name):
        for entry in task["metrics"]:
            if test(entry["name"]):
                return entry
    raise SystemExit(f"quality.py: {task['name']} has no metric {wanted}; it has {[m['name'] for m in task['metrics']]}")


def main() -> None:
    result = json.load(open(sys.argv[1]))
    prompted = json.load(open(sys.argv[2])) if len(sys.argv) > 2 else None
    tasks = {task["name"]: task for task in result["tasks"]}
    with_prompts = {task["name"]: task for task in prompted["tasks"]} if prompted else {}
    sizes = [size for size in SIZES if int(size) in result["dimensions"]]
    print(f"""# How good

What castor-small's vectors are worth, measured by Castor {result['castor']} on the project's development data (docs/evaluation.md says what each task
is). Every number comes from one command, PATH being the data pack:

    castor evaluate --tasks tools/evaluation/tasks --data PATH --json result.json
    castor evaluate --tasks tools/evaluation/tasks --data PATH --prompts on --json prompts.json
    tools/evaluation/quality.py result.json prompts.json > docs/quality.md

*Teacher* is all-MiniLM-L6-v2, the English model that stage 1 follows, on the same files; *chance* is what random vectors reach. *At least* and
*aim* are what this model was meant to reach before it was trained.
""")
    print(f"| task | {' | '.join(sizes)} | with prompts | teacher | chance | at least | aim |")
    print(f"|---|{'---|' * (len(sizes) + 5)}")
    for row in ROWS:
        task = tasks.get(row.task)
        if task is None:
            print(f"| {row.title} | not measured |{' |' * (len(sizes) + 4)}")
            continue
        entry = metric(task, row.metric)
        prompts = ""
        if row.task in with_prompts and with_prompts[row.task].get("prompts"):
            prompts = f"{metric(with_prompts[row.task], row.metric)['values'][sizes[0]]:.3f}"
        values = " | ".join(f"{entry['values'][size]:.3f}" for size in sizes)
        # Clusters have none.
        chance = f"{entry['chance']:.3f}" if "chance" in entry else ""
        print(f"| {row.title} | {values} | {prompts} | {row.teacher} | {chance} | {row.least} | {row.aim} |")
    kept = {size: [] for size in sizes}
    for row in ROWS:
        if row.task in tasks:
            values = metric(tasks[row.task], row.metric)["values"]
            if values[sizes[0]] > 0:
                for size in sizes:
                    kept[size].append(values[size] / values[sizes[0]])
    print("\nShare of the largest size's quality that a prefix keeps, mean over the rows above: "
          + ", ".join(f"{size}: {100 * sum(values) / len(values):.1f} %" for size, values in kept.items() if values) + ".")
    if "Interleaved stamps" in tasks:
        print("\n## Interleaved\n\nA picture and its caption in one language, as one query, look for the text in another language:\n")
        print(f"| metric | {' | '.join(sizes)} | chance |\n|---|{'---|' * (len(sizes) + 1)}")
        for entry in tasks["Interleaved stamps"]["metrics"]:
            values = " | ".join(f"{entry['values'][size]:.3f}" for size in sizes)
            print(f"| {entry['name']} | {values} | {entry['chance']:.3f} |")
    print("""
## Bigger models

Published figures of models that are far larger or were trained on far more, for a sense of scale. They were measured by their authors
on the public sets, not by Castor on these files.

| model | set | figure | source |
|---|---|---|---|
| LASER (93 languages, 223 M sentence pairs) | Tatoeba, 112 languages | 65.5 % | Feng et al. 2020, arXiv 2007.01852 |
| LaBSE (471 M parameters, 6 G sentence pairs) | Tatoeba, 112 languages | 83.7 % | the same |
| AudioCLIP | ESC-50 by class name | 69.4 % | Guzhov et al. 2021, arXiv 2106.13043 |
| CLAP (128,000 pairs of sound and text) | ESC-50 by class name | 82.6 % | Elizalde et al. 2022, arXiv 2206.04769 |""")


if __name__ == "__main__":
    main()
