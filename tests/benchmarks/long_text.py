"""What other requests wait while a text of 100,000 characters is searched, and what searching costs.

    python tests/benchmarks/long_text.py

Short requests of 60 characters are sent one after the other, alone and beside the long text; the event
loop is asked every millisecond how late it is. Wall-clock milliseconds of one process.
"""

import asyncio
import gc
import os
import statistics
import sys
import time
from datetime import datetime

from redaction.detector import Detector

SHORT = "昨日、山田太郎様から電話(090-1234-5678)がありました。道路の件です。No."
PROSE = "市民の皆様のご理解とご協力をお願いします。窓口の混雑が予想されますので、時間に余裕をもってお越しください。\n"
LONG = "昨日、市民税課の東係長に電話しました。住所は高槻市芥川町1-2-3、電話は072-000-1111です。\n"


async def short_requests(detector: Detector, until: "asyncio.Task[object]") -> list[float]:
    took: list[float] = []
    while not until.done():
        began = time.perf_counter()
        await detector.find([f"{SHORT}{time.perf_counter_ns()}"])
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.005)
    return took


async def lateness(until: "asyncio.Task[object]") -> list[float]:
    late: list[float] = []
    while not until.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - began) * 1000 - 1)
    return late


def spread(name: str, values: list[float]) -> str:
    values = sorted(values)
    p99 = values[int(len(values) * 0.99)]
    return f"| {name} | {statistics.median(values):.1f} | {p99:.1f} | {values[-1]:.1f} | {len(values)} |"


async def main() -> None:
    sys.setswitchinterval(0.001)  # as `sekisho serve` does
    detector = Detector()
    detector.load()
    gc.collect()
    gc.freeze()
    now = datetime.now().isoformat(timespec="minutes")
    print(f"{now}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print("| | median ms | p99 ms | worst ms | n |\n|---|---|---|---|---|")
    alone = asyncio.create_task(asyncio.sleep(1))
    print(spread("short request, alone", await short_requests(detector, alone)))
    for size in (25_000, 100_000):
        began = time.process_time()
        long = asyncio.create_task(detector.find([LONG * (size // len(LONG))]))
        beside, late = await asyncio.gather(short_requests(detector, long), lateness(long))
        print(spread(f"short request beside {size:,} characters", beside))
        print(spread(f"event loop beside {size:,} characters", late))
        print(f"({size:,} characters and what ran beside: {time.process_time() - began:.2f} CPU s)")
    detector.close()
    plain = Detector(remember=0)
    plain.load()
    for name, line in (("prose without personal data", PROSE), ("dense with personal data", LONG)):
        text = line * (50_000 // len(line))
        began = time.process_time()
        plain.find_now([text])
        spent = time.process_time() - began
        print(f"{name}: {1e6 * spent / len(text):.1f} CPU ms per 1,000 characters")


if __name__ == "__main__":
    asyncio.run(main())
