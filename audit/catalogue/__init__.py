"""The catalogue: one card for each exchange, so that a reader finds it among millions. Derived, never evidence.

    grams.py     how texts are cut, so that two characters are enough to find them      pure
    marks.py     what an exchange is, told in the way of its words                      pure
    severity.py  how urgent an exchange is for whoever looks through them               pure
    card.py      what stands on a card                                                  pure
    question.py  what a reader asks, and what nobody may be told beyond                 pure
    pages.py     how an answer is parted: pages, cursors, months                        pure
    filling.py   what came since the last look, and what is gone: how far, in which order
    entering.py  cards, tags and words of some records
    finding.py   asks the cards: the only reader

It lies beside the ledger (stores/shelf.py) and can be thrown away at any time: the next search writes it anew. Where a
text is erased from the ledger, the cards of its month forget its words, too.
"""
