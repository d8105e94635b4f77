"""One writing process with many exchanges at a time: a checkpoint without its doors, as quick as the ledger lets it be.

    python writers.py LEDGER KEY NAME COUNT CLIENTS

It says `ready` once the ledger is open, waits for a line on its standard input, then tells the process at the other
end of its standard output, which stands for the upstream, what a checkpoint would tell it, each in one write:

    sent ID      the question is durable, and now it leaves the building
    done ID      so is the ending
    kept ID      the question could not be recorded: nothing was sent
    owed ID      it was sent, and the ending could not be recorded yet
"""

import asyncio
import os
import sys

from audit.ledger import Ledger
from audit.model import CannotRecord
from tests.audit.ledgers import asked

TEXT = "[PERSON_1_k7q2]様、お世話になっております。" * 8


def say(word: str, name: str) -> None:
    os.write(1, f"{word} {name}\n".encode())


async def exchange(ledger: Ledger, name: str) -> bool:
    """False when the ledger did not take it."""
    sent = False
    try:
        async with ledger.exchange(asked(request_id=name), TEXT, exchange=name) as entry:
            say("sent", name)
            sent = True
            entry.egress, entry.text = "masked", TEXT
            await asyncio.sleep(0)
        say("done", name)
    except CannotRecord:
        say("owed" if sent else "kept", name)
        return False
    return True


async def work(ledger: Ledger, name: str, count: int, clients: int) -> None:
    async def client(number: int) -> None:
        for turn in range(number, count, clients):
            if not await exchange(ledger, f"{name}-{turn}"):
                await asyncio.sleep(0.02)

    await asyncio.gather(*(client(number) for number in range(clients)))


def main() -> None:
    place, key, name, count, clients = sys.argv[1:]
    ledger = Ledger(place, key, settle_seconds=0.2, lease_seconds=3.0)
    ledger.start()
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(work(ledger, name, int(count), int(clients)))
    ledger.stop()


if __name__ == "__main__":
    main()
