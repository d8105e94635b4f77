"""How the stories' servers begin: on a free port of the loopback, which they print; what they get goes to a file."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, IO[Any]], Awaitable[None]]


def listen(serve: Serve, log: str, mode: str = "ab") -> None:
    """``python server.py FOLDER [--port P]``: serve until stopped, with FOLDER/log open as ``mode``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with (given.folder / log).open(mode) as file:
        asyncio.run(_serve(lambda r, w: serve(r, w, file), given.port))


async def _serve(serve: Any, port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**26)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
