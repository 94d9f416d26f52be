#!/usr/bin/python3
"""Many small concurrent queries on an asyncpg pool: asyncpg_pool.py URL [queries [connections [rounds]]].

Prints one JSON line with the milliseconds of each round. Needs Debian's python3-asyncpg; ends with 3 without it.
pool_bench runs it beside the same queries on Furrow's pool.
"""

import asyncio
import json
import sys
import time

try:
    import asyncpg
except ImportError:
    print("python3-asyncpg is not installed", file=sys.stderr)
    sys.exit(3)

STATEMENT = "select name from public.pool_bench where id = $1"


async def measure(url, queries, connections, rounds):
    async with asyncpg.create_pool(url, min_size=connections, max_size=connections) as pool:
        took = []
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            names = await asyncio.gather(*(pool.fetchval(STATEMENT, i) for i in range(queries)))
            took.append((time.perf_counter() - begun) * 1000)
            if names != [f"machine {i}" for i in range(queries)]:
                raise RuntimeError("an answer is wrong")
        return took[1:]  # the first one opened statements


def main():
    url = sys.argv[1]
    queries, connections, rounds = (int(n) for n in (sys.argv[2:] + ["1000", "20", "10"][len(sys.argv) - 2:]))
    took = asyncio.run(measure(url, queries, connections, rounds))
    print(json.dumps({"asyncpg": asyncpg.__version__, "milliseconds": took}))


if __name__ == "__main__":
    main()
