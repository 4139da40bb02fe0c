#!/usr/bin/env python3
"""Pairs of sentences that differ in who does what to whom, in a word of negation, a number, a unit, a name or an attribute: what a bag of words takes for the same.

    tools/evaluation/minimal_pairs.py OUT [--split development] [--count 120]
    castor evaluate --tasks OUT/minimal-pairs.json --subsets

OUT receives KIND.tsv (first, second: each line says the same twice, and the line after it the opposite or another thing with nearly the same words), triplets.tsv (kind, anchor, same, other) and the
task. A first sentence has to find its second among all of its kind, of which its minimal partner's is the nearest. `--split training` gives sentences of
other words and other patterns, for learning: none of the development set's people, things, verbs, qualities, colours, names, places or sentence patterns is in it. Words of relations (left, under, before, older)
are in both, in other sentences.
"""
import argparse
import json
import random
import re
import sys
from pathlib import Path

WORDS = {
    # (development, training): nothing is in both.
    "people": (
        "dog man woman cat boy girl teacher nurse farmer thief horse wolf baker king".split(),
        ("child student doctor driver sailor soldier judge singer tailor guard monkey bear neighbour visitor painter lawyer clerk pilot goat fox waiter hunter "
         "actor artist athlete barber beggar bishop boxer brother builder butcher captain carpenter chef coach cook cousin cow dancer daughter dentist duck elephant engineer father fisherman "
         "gardener general giant goose grandfather guest hen hero host jockey journalist lady lion manager mayor mechanic merchant miller miner monk mother mouse musician officer owl parrot "
         "passenger patient pig pirate plumber poet policeman postman priest prince princess professor queen rabbit rat robber scientist secretary servant sheep shepherd sister snake son "
         "spider tiger tourist turtle uncle wizard worker writer zebra").split(),
    ),
    # Present, participle, and what says the same.
    "verbs": (
        [("bites", "bitten"), ("chases", "chased"), ("sees", "seen"), ("helps", "helped"), ("carries", "carried"), ("follows", "followed"), ("hears", "heard"), ("pushes", "pushed")],
        [("calls", "called"), ("watches", "watched"), ("greets", "greeted"), ("catches", "caught"), ("praises", "praised"), ("scares", "scared"), ("pulls", "pulled"), ("visits", "visited"), ("warns", "warned"),
         ("kicks", "kicked"), ("feeds", "fed"), ("washes", "washed"), ("finds", "found"), ("leaves", "left"), ("teaches", "taught"), ("paints", "painted"), ("admires", "admired"), ("annoys", "annoyed"), ("arrests", "arrested"), ("attacks", "attacked"),
         ("blames", "blamed"), ("consoles", "consoled"), ("defeats", "defeated"), ("draws", "drawn"), ("drags", "dragged"), ("examines", "examined"), ("forgives", "forgiven"), ("frightens", "frightened"),
         ("hates", "hated"), ("hides", "hidden"), ("hires", "hired"), ("hits", "hit"), ("holds", "held"), ("hurts", "hurt"), ("ignores", "ignored"), ("invites", "invited"), ("kisses", "kissed"), ("laughs at", "laughed at"),
         ("licks", "licked"), ("lifts", "lifted"), ("loves", "loved"), ("meets", "met"), ("misses", "missed"), ("obeys", "obeyed"), ("pays", "paid"), ("photographs", "photographed"), ("protects", "protected"),
         ("questions", "questioned"), ("remembers", "remembered"), ("rescues", "rescued"), ("respects", "respected"), ("robs", "robbed"), ("saves", "saved"), ("serves", "served"), ("shows", "shown"), ("stops", "stopped"),
         ("surprises", "surprised"), ("thanks", "thanked"), ("touches", "touched"), ("trusts", "trusted"), ("understands", "understood"), ("wakes", "woken"), ("wants", "wanted")],
    ),
    "things": (
        "cup lamp book chair box bottle clock ball shoe spoon".split(),
        ("table plate picture vase basket bed stove mirror candle bucket ladder pillow drum kettle hammer rug bag bench blanket boat bowl brick bridge broom brush button cable camera cart coat coin "
         "comb computer couch crate crown desk dish door dress envelope fence flag fork guitar hat helmet jar jug key kite knife lid magnet map mat medal melon mug nail needle newspaper onion orange oven "
         "paddle pan parcel pear pen pencil phone piano pipe plum poster pot purse radio ring rope sack saddle saw scarf screw sheet shelf shirt shovel sink skirt sofa sponge statue stick stone suitcase "
         "sword tent ticket towel toy tray trumpet tube tyre umbrella violin wallet wheel whistle window").split(),
    ),
    "colours": ("red blue green black yellow".split(), "white brown orange purple grey pink golden silver violet beige turquoise crimson".split()),
    "names": (
        "Anna Tom Maria Paul Julia Peter Sara Max".split(),
        ("Laura David Emma Lucas Nina Robert Clara Simon Elena Victor Helen Oscar Irene Felix Alice Andrew Barbara Ben Carol Charles Diana Daniel Edith Eric Eva Frank Grace George Hannah Henry Isabel Jack "
         "Jane James Karen Kevin Linda Louis Martha Mark Nora Nick Olga Otto Pamela Patrick Rachel Ralph Rosa Samuel Sophie Stefan Teresa Thomas Ursula Walter Wendy William Yvonne Zoe").split(),
    ),
    "places": (
        "Paris Oslo London Madrid Rome Berlin Cairo Tokyo".split(),
        ("Lisbon Vienna Warsaw Athens Dublin Prague Lima Seoul Delhi Ottawa Geneva Naples Amsterdam Ankara Baghdad Bangkok Barcelona Beijing Bogota Bombay Boston Brussels Budapest Chicago Copenhagen Dakar "
         "Dallas Denver Edinburgh Florence Glasgow Hamburg Hanoi Havana Helsinki Istanbul Jakarta Jerusalem Kiev Lagos Lyon Manila Marseille Melbourne Miami Milan Montreal Moscow Munich Nairobi Osaka "
         "Philadelphia Quito Riga Rotterdam Santiago Seville Shanghai Sofia Stockholm Sydney Tallinn Teheran Toronto Turin Venice Zagreb Zurich").split(),
    ),
    # What is said of a thing, the same in other words, the opposite in one word.
    "qualities": (
        [("good", "fine", "bad"), ("expensive", "costly", "cheap"), ("clean", "spotless", "dirty"), ("safe", "free of danger", "dangerous"), ("easy", "simple", "difficult"), ("open", "not closed", "closed"),
         ("full", "filled up", "empty"), ("useful", "helpful", "useless"), ("interesting", "exciting", "boring")],
        [("warm", "heated", "cold"), ("fast", "quick", "slow"), ("new", "recent", "old"), ("big", "large", "small"), ("dry", "free of water", "wet"), ("quiet", "silent", "loud"), ("healthy", "in good health", "ill"),
         ("strong", "powerful", "weak"), ("true", "correct", "false"), ("happy", "glad", "sad"), ("possible", "feasible", "impossible"), ("beautiful", "pretty", "ugly"), ("fresh", "newly made", "stale"), ("heavy", "of great weight", "light"), ("bright", "full of light", "dark"), ("deep", "far down", "shallow"), ("narrow", "not wide", "broad"),
         ("soft", "tender", "hard"), ("rich", "wealthy", "poor"), ("near", "close by", "far away"), ("early", "ahead of time", "late"), ("polite", "well-mannered", "rude"), ("clever", "intelligent", "stupid"),
         ("brave", "full of courage", "cowardly"), ("legal", "allowed by law", "illegal"), ("visible", "to be seen", "invisible"), ("complete", "finished", "incomplete"), ("common", "usual", "rare"),
         ("sweet", "full of sugar", "bitter"), ("sharp", "well ground", "blunt"), ("rough", "uneven", "smooth"), ("alive", "living", "dead"), ("honest", "sincere", "dishonest"), ("famous", "well known", "unknown")],
    ),
    "subjects": (
        "soup film hotel street answer kitchen shop advice".split(),
        ("coffee car room song house water garden phone story train letter market machine air animal apple bank beach boss bread bus church city class club country desk doctor engine farm field food forest fruit "
         "game guest guide idea island job lake law lesson library list meal meeting message mountain museum music offer office party path plan player price problem programme question report "
         "result river road school sea sentence show sky song speech star table task team test theatre tool town trip village voice wall weather wind window work world").split(),
    ),
    "doings": (
        [("came to the party", "was at the party", "stayed away from the party"), ("paid the bill", "settled the bill", "left the bill unpaid"), ("passed the exam", "was successful in the exam", "failed the exam"),
         ("likes the idea", "is fond of the idea", "dislikes the idea")],
        [("won the game", "was the winner of the game", "lost the game"), ("remembered the date", "kept the date in mind", "forgot the date"), ("told the truth", "was honest", "lied"), ("accepted the offer", "said yes to the offer", "refused the offer"),
         ("trusts the bank", "has faith in the bank", "distrusts the bank"), ("agreed with the plan", "was for the plan", "was against the plan"), ("arrived on time", "was punctual", "was late")],
    ),
}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
UNITS = (
    # Spelled, short, and a unit of another quantity or size that looks alike.
    [("kilometres", "km", "kilograms"), ("grams", "g", "kilograms"), ("minutes", "min", "hours"), ("litres", "l", "millilitres"), ("dollars", "$", "euros")],
    [("metres", "m", "kilometres"), ("seconds", "s", "minutes"), ("kilograms", "kg", "grams"), ("millimetres", "mm", "metres"), ("megabytes", "MB", "gigabytes"), ("euros", "EUR", "dollars"), ("tons", "t", "kilograms"),
     ("volts", "V", "watts"), ("miles", "mi", "metres"), ("degrees", "deg", "percent")],
)


def spelled(number: int) -> str:
    if number < len(NUMBERS):
        return NUMBERS[number]
    if number in TENS:
        return TENS[number]
    return f"{TENS[number // 10 * 10]}-{NUMBERS[number % 10]}" if number > 20 else {13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen", 17: "seventeen", 18: "eighteen", 19: "nineteen"}[number]


class Maker:
    """Each kind gives (first, second) and its partner's (first, second)."""

    def __init__(self, split: str, seed: int):
        self.part = ("development", "training").index(split)
        self.pick = random.Random(f"{split} {seed}")

    def some(self, kind: str, count: int = 1):
        found = self.pick.sample(WORDS[kind][self.part], count)
        return found if count > 1 else found[0]

    def pattern(self, development: list, training: list):
        return self.pick.choice((development, training)[self.part])

    def roles(self):
        (one, other), (does, done) = self.some("people", 2), self.some("verbs")
        active, passive = self.pattern(
            [("the {a} {v} the {b}", "the {b} is {d} by the {a}"), ("a {a} {v} a {b}", "a {b} is being {d} by a {a}")],
            [("the {a} {v} the {b} every day", "every day the {b} is {d} by the {a}"), ("it is the {a} that {v} the {b}", "it is the {b} that is {d} by the {a}"),
             ("look, the {a} {v} the {b}", "look how the {b} is {d} by the {a}"), ("one {a} {v} one {b}", "one {b} gets {d} by one {a}"),
             ("the {a} never {v} the {b}", "the {b} is never {d} by the {a}"), ("in the story a {a} {v} a {b}", "in the story a {b} is {d} by a {a}"), ("my {a} {v} your {b}", "your {b} is {d} by my {a}"),
             ("here a {a} {v} the old {b}", "the old {b} is {d} by a {a} here"), ("a {a} that {v} a {b}", "a {b} that is {d} by a {a}"), ("we saw that the {a} {v} the {b}", "we saw the {b} being {d} by the {a}"),
             ("if the {a} {v} the {b}, run", "run if the {b} is {d} by the {a}"), ("who {v} the {b}? the {a}", "the {b} is {d} by whom? by the {a}"), ("the {b} runs away since the {a} {v} him", "he runs away, the {b} {d} by the {a}")],
        )
        return [tuple(text.format(a=a, b=b, v=does, d=done) for text in (active, passive)) for a, b in ((one, other), (other, one))]

    def order(self):
        one, other = self.some("things", 2)
        here, there = self.pattern(
            [("the {a} is to the left of the {b}", "the {b} is to the right of the {a}"), ("the {a} is on the {b}", "the {b} is under the {a}"), ("the {a} stands behind the {b}", "the {b} stands in front of the {a}")],
            [("there is a {a} above the {b}", "there is a {b} below the {a}"), ("she bought the {a} before the {b}", "she bought the {b} after the {a}"), ("first comes the {a}, then the {b}", "the {b} follows the {a}"),
             ("the {a} is inside the {b}", "the {b} has the {a} in it"), ("the {a} weighs more than the {b}", "the {b} weighs less than the {a}"), ("he took the {a} instead of the {b}", "he left the {b} and took the {a}"),
             ("put the {a} over the {b}", "put the {b} beneath the {a}"), ("left of the {b} you see a {a}", "right of the {a} you see a {b}"), ("he hid the {a} under a {b}", "he hid a {a} and put the {b} on top"),
             ("in front of the {b} lies the {a}", "the {b} lies at the back of the {a}"), ("the {a} covers the {b}", "the {b} is covered by the {a}"), ("she swapped a {a} for a {b}", "she gave a {a} away and got a {b}"),
             ("the {a} is cheaper than the {b}", "the {b} costs more than the {a}"), ("the {a} fell off the {b}", "off the {b} fell the {a}"), ("the {a} belongs in the {b}", "the {b} is the place for the {a}"),
             ("after the {a} he cleaned the {b}", "he cleaned the {a} and then the {b}"), ("the {a} hangs from the {b}", "the {b} holds up the {a}"), ("a {a} as part of a {b}", "a {b} of which a {a} is a part")],
        )
        return [tuple(text.format(a=a, b=b) for text in (here, there)) for a, b in ((one, other), (other, one))]

    def negation(self):
        if self.pick.random() < 0.6:
            thing, (quality, same, opposite) = self.some("subjects"), self.some("qualities")
            one, other, denied, contrary = self.pattern(
                [("the {t} is {q}", "the {t} is {s}", "the {t} is not {q}", "the {t} is {o}"), ("I think the {t} was {q}", "the {t} was {s}, I think", "I don't think the {t} was {q}", "the {t} was {o}, I think")],
                [("this {t} seems {q}", "this {t} looks {s}", "this {t} doesn't seem {q}", "this {t} seems {o}"), ("our {t} is still {q}", "our {t} remains {s}", "our {t} is no longer {q}", "our {t} is now {o}"),
                 ("they found the {t} {q}", "to them the {t} was {s}", "they never found the {t} {q}", "to them the {t} was {o}"), ("a {q} {t}", "a {t} that is {s}", "a {t} that isn't {q}", "a {o} {t}"), ("how {q} the {t} is!", "the {t} is so {s}!", "the {t} is hardly {q} at all!", "how {o} the {t} is!"),
                 ("no doubt the {t} is {q}", "for sure the {t} is {s}", "without doubt the {t} isn't {q}", "for sure the {t} is {o}"), ("that {t} must be {q}", "that {t} has to be {s}", "that {t} cannot be {q}", "that {t} must be {o}"),
                 ("the {t} became {q}", "the {t} got {s}", "the {t} did not become {q}", "the {t} got {o}"), ("a very {q} {t}", "a really {s} {t}", "a not very {q} {t}", "a rather {o} {t}")],
            )
            given = {"t": thing, "q": quality, "s": same, "o": opposite}
        else:
            name, (done, same, opposite) = self.some("names"), self.some("doings")
            one, other, denied, contrary = self.pattern(
                [("everybody {q}", "they all {s}", "nobody {q}", "none of them {s}"), ("{n} {q}", "{n} {s}", "it isn't so that {n} {q}", "{n} {o}")],
                [("surely {n} {q}", "it is certain that {n} {s}", "it is not true that {n} {q}", "it is certain that {n} {o}"), ("someone {q}", "there is somebody who {s}", "no one {q}", "there isn't anybody who {s}"),
                 ("{n}, who {q}", "{n}, of whom we know that he {s}", "{n}, of whom nobody says that he {q}", "{n}, who {o}"), ("did {n} say who {q}?", "did {n} tell who {s}?", "did {n} say who never {q}?", "did {n} tell who {o}?"),
                 ("yes, {n} {q}", "right, {n} {s}", "no, it was not {n} who {q}", "no, {n} {o}")],
            )
            given = {"n": name, "q": done, "s": same, "o": opposite}
        return [tuple(text.format(**given) for text in (one, other)), tuple(text.format(**given) for text in (denied, contrary))]

    def numbers(self):
        first = self.pick.randrange(2, 13) if self.pick.random() < 0.5 else self.pick.randrange(20, 100)
        second = first + self.pick.choice((-1, 1, 2, 10)) if first > 3 else first + self.pick.choice((1, 2, 10))
        if self.part:
            # The development set's numbers are even, those of training odd.
            first, second = first | 1, second | 1
        else:
            first, second = first & ~1, second & ~1
        second += 2 * (first == second)
        if second > 99:
            second = first - 2
        thing = self.some("things")
        words, digits = self.pattern(
            [("there are {w} {t}s here", "{n} {t}s are here"), ("we need {w} {t}s", "we need {n} {t}s"), ("{w} old {t}s", "{n} old {t}s")],
            [("he sold {w} {t}s", "he sold {n} {t}s"), ("a set of {w} {t}s", "{n} {t}s in a set"), ("it took {w} days", "it took {n} days"), ("page {w}", "p. {n}"), ("the bus number {w}", "bus {n}"),
             ("she is {w} years old", "her age is {n}")],
        )
        return [tuple(text.format(w=spelled(number), n=number, t=thing) for text in (words, digits)) for number in (first, second)]

    def units(self):
        number, (long, _, other) = self.pick.randrange(2, 90), self.pick.choice(UNITS[self.part])
        number = number | 1 if self.part else number & ~1
        shorts = {long: short for units in UNITS for long, short, _ in units} | {"watts": "W", "percent": "%", "gigabytes": "GB", "hours": "h", "millilitres": "ml"}
        words, mark = self.pattern(
            [("it was {n} {u}", "it was {n} {s}"), ("about {w} {u} in all", "about {n} {s} in all")],
            [("not more than {n} {u}", "at most {n} {s}"), ("exactly {w} {u}", "exactly {n} {s}"), ("{w} {u} are too much", "{n} {s} are too much"), ("only {n} {u} are left", "there are only {n} {s} left")],
        )
        return [tuple(text.format(n=number, w=spelled(number), u=unit, s=shorts[unit]) for text in (words, mark)) for unit in (long, other)]

    def names(self):
        if self.pick.random() < 0.5:
            one, other = self.some("names", 2)
            here, there = self.pattern(
                [("{a} sent a letter to {b}", "{b} got a letter from {a}"), ("{a} is older than {b}", "{b} is younger than {a}")],
                [("{a} sold the car to {b}", "{b} bought the car from {a}"), ("{a} taught {b} to swim", "{b} learned to swim from {a}"), ("{a} is the mother of {b}", "{b} is a child of {a}"), ("{a} runs faster than {b}", "{b} runs slower than {a}"),
                 ("{a} owes {b} money", "{b} is owed money by {a}"), ("{a} won against {b}", "{b} lost to {a}"), ("{a} lent {b} a book", "{b} borrowed a book from {a}"), ("{a} gave {b} a present", "{b} received a present from {a}"),
                 ("{a} was born before {b}", "{b} was born after {a}"), ("{a} is taller than {b}", "{b} is shorter than {a}"), ("{a} works for {b}", "{b} is the boss of {a}"), ("{a} hid from {b}", "{b} could not find {a}"),
                 ("{a} asked and {b} answered", "{b} answered what {a} asked"), ("{a} invited {b} to dinner", "{b} was invited to dinner by {a}"), ("{a} earns less than {b}", "{b} earns more than {a}"),
                 ("{a} wrote {b} an e-mail", "{b} has mail from {a}"), ("{a} arrived before {b}", "{b} arrived later than {a}")],
            )
        else:
            one, other = self.some("places", 2)
            here, there = self.pattern(
                [("{a} is bigger than {b}", "{b} is smaller than {a}"), ("the train goes from {a} to {b}", "the train to {b} starts in {a}")],
                [("he moved from {a} to {b}", "he left {a} and lives in {b} now"), ("{a} lies north of {b}", "{b} lies south of {a}"), ("it rains in {a} but not in {b}", "in {b} it is dry and in {a} it rains"),
                 ("a flight to {a} by way of {b}", "a flight that stops in {b} and ends in {a}"), ("from {a} we drove to {b}", "we drove to {b}, coming from {a}"), ("{a} has fewer people than {b}", "{b} has more people than {a}"),
                 ("tickets for {a}, bought in {b}", "in {b} they bought tickets for {a}"), ("he was born in {a} and died in {b}", "he died in {b}, but was born in {a}"), ("{a} is warmer than {b}", "{b} is colder than {a}"),
                 ("the parcel left {a} for {b}", "the parcel for {b} was sent off in {a}"), ("first {a}, then {b}", "{b} comes after {a}")],
            )
        return [tuple(text.format(a=a, b=b) for text in (here, there)) for a, b in ((one, other), (other, one))]

    def attributes(self):
        (one, other), (colour, second) = self.some("things", 2), self.some("colours", 2)
        here, there = self.pattern(
            [("a {c} {a} and a {d} {b}", "a {d} {b} and a {c} {a}"), ("the {a} is {c} and the {b} is {d}", "a {d} {b}, and the {a} is {c}")],
            [("a {d} {b} next to a {c} {a}", "the {c} {a} stands by the {d} {b}"), ("I want the {c} {a}, not the {d} {b}", "give me the {c} {a} instead of the {d} {b}"), ("two things: {a} ({c}), {b} ({d})", "a {c} {a} with a {d} {b}"),
             ("the {a} was painted {c}, the {b} {d}", "they made the {b} {d} and the {a} {c}"), ("he lost a {c} {a} and found a {d} {b}", "a {d} {b} was found, a {c} {a} lost by him"), ("my {a} is {c}, your {b} is {d}", "yours is a {d} {b}, mine a {c} {a}"),
             ("a {c} {a} in front of a {d} wall and a {b}", "before a {d} wall a {b} and a {c} {a}"), ("the {c} {a} costs less than the {d} {b}", "the {d} {b} costs more than the {c} {a}"), ("{c} {a}, {d} {b}", "{d} {b}, {c} {a}"),
             ("of {a} and {b} the first is {c}, the second {d}", "the {b} is {d} while the {a} is {c}")],
        )
        return [tuple(text.format(a=one, b=other, c=c, d=d) for text in (here, there)) for c, d in ((colour, second), (second, colour))]


KINDS = ("roles", "order", "negation", "numbers", "units", "names", "attributes")


def made(kind: str, split: str, count: int) -> list[list[tuple[str, str]]]:
    """`count` pairs of pairs at most, no sentence in two of them."""
    maker, seen, found = Maker(split, KINDS.index(kind)), set(), []
    for _ in range(40 * count):
        pair = [tuple(re.sub(r"\ba (?=[aeiou])", "an ", text) for text in side) for side in getattr(maker, kind)()]
        texts = [text for side in pair for text in side]
        if len(found) < count and len(set(texts)) == 4 and not seen & set(texts):
            seen.update(texts)
            found.append(pair)
    return found


def triplets(pairs: list[list[tuple[str, str]]]):
    """(anchor, same, other), from both sides of both."""
    for (a, b), (c, d) in pairs:
        yield from ((a, b, d), (b, a, c), (c, d, b), (d, c, a))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=("development", "training"), default="development")
    parser.add_argument("--count", type=int, default=120, help="pairs of pairs of a kind (120)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = ["kind\tanchor\tsame\tother\n"]
    for kind in KINDS:
        pairs = made(kind, arguments.split, arguments.count)
        (arguments.out / f"{kind}.tsv").write_text("first\tsecond\n" + "".join(f"{first}\t{second}\n" for pair in pairs for first, second in pair), encoding="utf-8")
        chosen += [f"{kind}\t" + "\t".join(triplet) + "\n" for triplet in triplets(pairs)]
        print(f"{kind}: {len(pairs)} pairs of pairs, such as {pairs[0]}")
    (arguments.out / "triplets.tsv").write_text("".join(chosen), encoding="utf-8")
    task = {"kind": "bitext", "name": "Minimal pairs", "file": "{kind}.tsv", "first": "first", "second": "second", "subsets": {"kind": list(KINDS)}}
    (arguments.out / "minimal-pairs.json").write_text(json.dumps(task, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
