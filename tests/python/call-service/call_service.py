from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
import idna
import requests
import urllib3

from stillbox_sdk import http, step
from stillbox_sdk.httpx_transport import AsyncTransport, Transport


@dataclass
class Row:
    url: str
    client: str
    """Which client sends the request."""


@dataclass
class Answer:
    answer: str


@step(concurrency=4)
async def call_service(row: Row) -> Answer:
    """Sends a request, and returns the answer."""
    match row.client:
        case "sync":
            answer = http.get(row.url).text()
        case "async":
            answer = (await http.get_async(row.url)).text()
        case "post":
            answer = str((await http.post_async(row.url, json={"a": "ü"})).status)
        case "large":
            answer = (await http.request_async("POST", row.url, body=b"x" * 1_000_000)).text()
        case "gather":
            answers = await asyncio.gather(*(http.get_async(row.url) for _ in range(3)))
            answer = " ".join(answer.text() for answer in answers)
        case "timeout":
            async with asyncio.timeout(0.1):
                answer = (await http.get_async(row.url)).text()
        case "header":
            answer = http.get(row.url, headers={"connection": "close"}).text()
        case "deadlock":
            await asyncio.get_running_loop().create_future()
            answer = ""
        case "requests":
            response = requests.get(row.url, timeout=10)
            response.raise_for_status()
            answer = response.text
        case "idna":
            answer = idna.encode("Königsgäßchen", uts46=True).decode()
        case "requests-post":
            answer = requests.post(row.url, json={"a": 1}).text
        case "urllib3":
            answer = urllib3.PoolManager().request("GET", row.url).data.decode()
        case "httpx":
            with httpx.Client(transport=Transport(), follow_redirects=True) as client:
                answer = client.get(row.url).text
        case "httpx-async":
            async with httpx.AsyncClient(transport=AsyncTransport()) as client:
                answer = (await client.get(row.url)).text
        case other:
            raise ValueError(f"unknown client {other}")
    return Answer(answer)
