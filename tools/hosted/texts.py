"""Made-up texts about things and what one does with them: alike in meaning where they share a thing, an action or an occasion."""

import random

THINGS = (
    "coffee machine,bicycle,printer,loaf of bread,tomato plant,violin,router,washing machine,tent,aquarium,camera,woollen sweater,"
    "fountain pen,kayak,fireplace,telescope,sewing machine,beehive,lawn mower,water pump,guitar,wooden floor,car battery,hard disk,"
    "rain barrel,winter tyre,baby carriage,pocket knife,garden pond,chest freezer,large painting,solar panel,fishing rod,bookshelf,"
    "ski boot,smoke detector,door lock,hearing aid,sourdough starter,rose bush"
).split(",")
ACTIONS = "clean,repair,buy,store,adjust,carry,measure,replace,choose,inspect,protect,sell,test,move,insure".split(",")
OCCASIONS = (
    "before winter,on a small budget,as a beginner,in a small flat,after heavy rain,without special tools,with a large family,"
    "in the mountains,late at night,together with a child,after many years,in a great hurry"
).split(",")
FORMS = (
    "How do I {action} a {thing} {occasion}?",
    "Three ways to {action} your {thing} {occasion}",
    "{occasion} we had to {action} the old {thing}.",
    "The {thing}: what to know before you {action} it {occasion}",
    "Never {action} a {thing} {occasion}, my neighbour says.",
)


def texts(count, seed=7):
    """`count` different texts; the same ones on every machine."""
    draw = random.Random(seed)
    every = [(f, t, a, o) for f in range(len(FORMS)) for t in THINGS for a in ACTIONS for o in OCCASIONS]
    for form, thing, action, occasion in draw.sample(every, count):
        text = FORMS[form].format(thing=thing, action=action, occasion=occasion)
        yield text[0].upper() + text[1:]
