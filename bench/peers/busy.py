"""A plain process that computes on as many threads as OMP_NUM_THREADS says, while it is asked to.

`python -m bench.peers.busy PORT`: multiplies matrices as long as a connection to its port is open.
"""

import asyncio
import os
import sys
import threading


def compute(asked: threading.Event) -> None:
    """Multiply for ever, with pauses while `asked` is not set."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    matrix = torch.rand(512, 512)
    while asked.wait():
        torch.mm(matrix, matrix)


async def main(port: int) -> None:
    """Serve until ended."""
    asked = threading.Event()
    threading.Thread(target=compute, args=(asked,), daemon=True).start()

    async def while_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        asked.clear()
        writer.close()

    server = await asyncio.start_server(while_open, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
