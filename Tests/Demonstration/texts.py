"""Texts of many kinds, in eight languages and in code."""

from pathlib import Path

TEXTS = {
    "kitten.txt": (
        "The kitten had played all day. Now it yawned, curled up on the cushion by the stove and was asleep before the lamp went "
        "out.\n"),
    "puppy.md": (
        "# Your first weeks with a puppy\n\n"
        "Take the dog outside after every meal and praise it at once. Short walks on a leash are enough; it should never be left "
        "alone for longer than an hour.\n"),
    "wetter.txt": (
        "Wetterbericht: Morgen regnet es im Norden den ganzen Tag. Im Süden bleibt es sonnig bei zwanzig Grad, gegen Abend "
        "ziehen Gewitter auf.\n"),
    "horaires.txt": (
        "Gare du Nord. Le train pour Lyon part à 8 h 12 de la voie 3 et arrive à 10 h 09. Les billets s'achètent au guichet ou à "
        "l'automate.\n"),
    "sopa.txt": (
        "Sopa de pescado: se fríe la cebolla con ajo y tomate, se añade el pescado en trozos y un litro de agua, y se cuece todo "
        "veinte minutos.\n"),
    "museo.html": (
        "<html><head><title>Museo della città</title></head><body><h1>Orari</h1><p>Il museo è aperto dal martedì alla domenica, "
        "dalle dieci alle diciotto. Il biglietto costa otto euro; i bambini entrano gratis.</p></body></html>\n"),
    "xadrez.txt": (
        "No xadrez o bispo anda na diagonal, a torre em linha reta e o cavalo salta em forma de L. Ganha quem der xeque-mate ao "
        "rei.\n"),
    "tandarts.txt": "Beste mevrouw Jansen, uw afspraak bij de tandarts is op donderdag om half drie. Poets uw tanden goed voordat u komt.\n",
    "hoshi.txt": "夜空には数えきれないほどの星が見える。太陽も星の一つで、銀河系にはおよそ二千億個の星がある。\n",
    "sort.py": (
        "def sorted_numbers(values):\n"
        '    """Sorts a list of numbers by merging."""\n'
        "    if len(values) < 2:\n"
        "        return values\n"
        "    middle = len(values) // 2\n"
        "    left, right = sorted_numbers(values[:middle]), sorted_numbers(values[middle:])\n"
        "    merged = []\n"
        "    while left and right:\n"
        "        merged.append(left.pop(0) if left[0] <= right[0] else right.pop(0))\n"
        "    return merged + left + right\n"),
    "garden.md": (
        "# Tomatoes\n\n"
        "Sow them indoors in March. Plant them out when the nights are warm, and water the ground, not the leaves.\n\n"
        "# Roses\n\n"
        "Prune roses in early spring, when the forsythia blooms. Cut above a bud that points outwards.\n"),
    "moon.srt": (
        "1\n"
        "00:00:01,000 --> 00:00:05,000\n"
        "In July 1969 two astronauts landed on the moon.\n\n"
        "2\n"
        "00:00:06,000 --> 00:00:11,000\n"
        "They gathered stones, planted a flag and came home safely after eight days.\n"),
    "invoice.txt": (
        "Invoice 2041. Three office chairs at 129.00, one desk at 310.00. Total 697.00, to be paid within fourteen days. Thank "
        "you for your order.\n"),
}


def make(folder: Path) -> None:
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
