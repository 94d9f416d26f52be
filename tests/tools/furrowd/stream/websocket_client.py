#!/usr/bin/python3
"""A WebSocket client of another stack for the tests of the live stream: websocket_client.py URL TOKEN.

Reads hello, a snapshot and deltas without a gap, subscribes, resumes, and closes. Needs Debian's python3-websockets.
"""
import asyncio
import json
import sys

import websockets


async def read(socket, wanted):
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), 20))
        if message["type"] == wanted:
            return message


async def main(url, token):
    headers = {"Authorization": "Bearer " + token}
    async with websockets.connect(url + "?max_hz=50", extra_headers=headers, subprotocols=["furrow.v1"]) as socket:
        assert socket.subprotocol == "furrow.v1"
        hello = json.loads(await socket.recv())
        assert hello["type"] == "hello", hello
        snapshot = json.loads(await socket.recv())
        assert snapshot["type"] == "snapshot", snapshot
        at = snapshot["at"]
        for _ in range(20):
            delta = await read(socket, "delta")
            assert delta["from"] == at, (delta, at)
            at = delta["at"]
        await (await socket.ping())
        await socket.send(json.dumps({"id": 1, "subscribe": {"signals": ["engine_speed_rpm"], "max_hz": 50}}))
        assert (await read(socket, "subscribed"))["id"] == 1
        snapshot = await read(socket, "snapshot")
        assert list(snapshot["machines"][0]["values"]) == ["engine_speed_rpm"], snapshot
        last = await read(socket, "delta")
    resumed = "&resume=" + last["id"]
    async with websockets.connect(url + "?max_hz=50&signals=engine_speed_rpm" + resumed, extra_headers=headers) as socket:
        await read(socket, "hello")
        delta = json.loads(await socket.recv())
        assert delta["type"] == "delta" and delta["from"] == last["at"], delta
    try:
        async with websockets.connect(url, extra_headers={"Authorization": "Bearer wrong"}):
            raise AssertionError("a wrong token was accepted")
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 401
    print("all is well")


asyncio.run(main(sys.argv[1], sys.argv[2]))
