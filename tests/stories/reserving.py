"""One process with many exchanges at a time under limits: a checkpoint without its doors.

    python reserving.py OFFICE NAME EXCHANGES CLIENTS REQUESTS TOKENS RESERVED SPENT

Every exchange wants one of REQUESTS in a year and RESERVED of TOKENS, in the whole house, and one in its section. It
says `ready` once the books are open and waits for a line on its standard input; then, a word and an id a line:

    granted ID    refused ID    unknown ID (nobody could tell)

With SPENT "never" no exchange ever ends, and it says `holding` once all were answered.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress

from audit.address import address_of
from proxy.office.counters import Counters, Done, Place, Want
from proxy.office.store import Office
from proxy.quotas import CannotCount, Teller

REQUESTS, TOKENS = Place("q-requests", "", "2026"), Place("q-tokens", "", "2026")


def say(word: str, name: str) -> None:
    os.write(1, f"{word} {name}\n".encode())


async def exchange(teller: Teller, name: str, wanted: dict[Place, Want], spent: str) -> None:
    try:
        answer = await teller.reserve(wanted)
    except CannotCount:
        say("unknown", name)
        return
    say("granted" if answer.granted else "refused", name)
    if answer.granted and spent != "never":
        await asyncio.sleep(0)
        used = {place: want.amount for place, want in wanted.items()} | {TOKENS: int(spent)}
        teller.settle({place: Done(want.amount, used[place]) for place, want in wanted.items()})


async def work(
    teller: Teller, name: str, count: int, clients: int, wanted: dict[Place, Want], spent: str
) -> None:
    async def client(number: int) -> None:
        for turn in range(number, count, clients):
            await exchange(teller, f"{name}-{turn}", wanted, spent)

    await asyncio.gather(*(client(number) for number in range(clients)))


def main() -> None:
    place, name, count, clients, requests, tokens, reserved, spent = sys.argv[1:]
    office = Office(address_of(place))
    teller = Teller(Counters(office))
    wanted = {
        REQUESTS: Want(1, int(requests)),
        TOKENS: Want(int(reserved), int(tokens)),
        Place("q-section", name, "2026"): Want(1, 10**9),
    }
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    asyncio.run(work(teller, name, int(count), int(clients), wanted, spent))
    if spent == "never":
        print("holding", name, flush=True)
        with suppress(KeyboardInterrupt):
            time.sleep(600)
    teller.stop()
    office.close()
    say("cpu", f"{time.process_time() - began:.3f}")


if __name__ == "__main__":
    main()
