"""Requests to a model: Stillbox, distilabel and Data Designer on the same server.

    python benches/model_peers.py STILLBOX COMPONENT DISTILABEL DATA_DESIGNER [CASE ...]

STILLBOX is the command, COMPONENT the component of the step `generate-text`, and the others are the Python interpreters of virtual environments in
which distilabel and Data Designer are installed; `-` leaves one out. Each engine asks for the same number of prompts, 50 at a time, as a process of its
own that is ended after five minutes. The server is part of this program, and answers each prompt with a text of its own. The table has

- seconds, with the start of the process,
- the rows whose answer is that of their prompt, out of all,
- the requests, those that were answered and therefore paid, and of these the ones whose answer is in no row,
- the exit status.
"""

import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

CONCURRENCY = 50
TIMEOUT = 300
REFUSED = 37
"""The prompt of each 50 that the server refuses in the case `refused`."""


@dataclass(frozen=True)
class Case:
    """One behaviour of the server."""

    rows: int
    latency: float = 0.05
    refuses: bool = False
    limited: float = 0.0
    """The share of requests that get status 429."""


CASES = {
    "no fault": Case(1000),
    "2 % refused": Case(1000, refuses=True),
    "every answer 429": Case(40, limited=1.0),
    "30 % random 429": Case(300, limited=0.3),
    "slow, 2 s": Case(200, latency=2.0),
}


@dataclass
class Counts:
    """The requests that the server has got."""

    requests: int = 0
    paid: int = 0


@dataclass
class Server:
    """A server with the HTTP interface of OpenAI."""

    case: Case
    counts: Counts = field(default_factory=Counts)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    port: int = 0

    def start(self) -> None:
        """Starts the server on a thread."""
        ready = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self.connection, "127.0.0.1", 0, backlog=1024)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await server.serve_forever()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        ready.wait()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        try:
            while line := await reader.readline():
                length = 0
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    if name.lower() == "content-length":
                        length = int(value)
                body = await reader.readexactly(length)
                status, headers, answer = await self.answer(line.decode().split(" ")[1], body)
                content = json.dumps(answer).encode()
                head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {len(content)}\r\n\r\n"
                writer.write(head.encode() + content)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, path: str, body: bytes) -> tuple[str, str, object]:
        """Returns status, headers and body."""
        if "models" in path:
            return "200 OK", "", {"object": "list", "data": [{"id": "mock", "object": "model"}]}
        self.counts.requests += 1
        topic = re.search(rb"about topic (\d+)\.", body)
        number = int(topic.group(1)) if topic else -1
        if self.case.refuses and number % 50 == REFUSED:
            error = {"message": "the prompt violates the content policy", "type": "invalid_request_error"}
            return "400 Bad Request", "", {"error": error}
        if self.chance.random() < self.case.limited:
            error = {"message": "rate limit reached", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
            return "429 Too Many Requests", "retry-after: 1\r\n", {"error": error}
        await asyncio.sleep(self.case.latency)
        self.counts.paid += 1
        message = {"role": "assistant", "content": expected(number)}
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": "mock"}
        return "200 OK", "", {**head, "choices": choices, "usage": usage}


def expected(number: int) -> str:
    """The answer to a prompt."""
    return f"What there is to say about {number}."


def prompt(number: int) -> str:
    """A prompt."""
    return f"Write about topic {number}."


def right(output: Path) -> int:
    """Counts the rows with the answer of their prompt. A row is `{"number": ..., "answer": ...}`."""
    if not output.exists():
        return 0
    rows = (json.loads(line) for line in output.read_text().splitlines())
    return sum(row["answer"] == expected(int(row["number"])) for row in rows)


def stillbox(command: str, component: str, folder: Path, rows: int, port: int) -> list[str]:
    """Writes the pipeline. Returns the command that runs it."""
    (folder / "input.jsonl").write_text("".join(json.dumps({"number": number}) + "\n" for number in range(rows)))
    (folder / "pipeline.toml").write_text(f"""
[pipeline]
name = "peers"

[[source]]
path = "input.jsonl"

[[step]]
name = "answer"
component = {json.dumps(component)}
model = "mock"
parameters = {{ prompt = "Write about topic {{{{ number }}}}.", into = "answer" }}
on-failure = "reject"

[[sink]]
path = "output.jsonl"

[rejects]
path = "rejects.jsonl"

[[model]]
name = "mock"
url = "http://127.0.0.1:{port}/v1"
model = "mock"
concurrency = {CONCURRENCY}
""")
    return [command, "run", "pipeline.toml"]


def run_distilabel(rows: int, port: int) -> None:
    """Runs in the environment of distilabel."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    with Pipeline("peers") as pipeline:
        data = [{"number": number, "instruction": prompt(number)} for number in range(rows)]
        load = LoadDataFromDicts(data=data, batch_size=CONCURRENCY)
        model = OpenAILLM(model="mock", base_url=f"http://127.0.0.1:{port}/v1", api_key="none")
        load >> TextGeneration(llm=model, input_batch_size=CONCURRENCY)
    rows_out = pipeline.run(use_cache=False)["default"]["train"]
    write([(row["number"], row["generation"]) for row in rows_out])


def run_data_designer(rows: int, port: int) -> None:
    """Runs in the environment of Data Designer. Its source draws the topics, so some come twice and others not at all."""
    import data_designer.config as config
    from data_designer.interface import DataDesigner

    url = f"http://127.0.0.1:{port}/v1"
    provider = config.ModelProvider(name="mock", endpoint=url, provider_type="openai", api_key="none")
    inference = config.ChatCompletionInferenceParams(max_parallel_requests=CONCURRENCY)
    model = config.ModelConfig(alias="mock", model="mock", provider="mock", inference_parameters=inference)
    builder = config.DataDesignerConfigBuilder(model_configs=[model])
    topics = config.CategorySamplerParams(values=[str(number) for number in range(rows)])
    category = config.SamplerType.CATEGORY
    builder.add_column(config.SamplerColumnConfig(name="number", sampler_type=category, params=topics))
    text = "Write about topic {{ number }}."
    builder.add_column(config.LLMTextColumnConfig(name="answer", model_alias="mock", prompt=text))
    designer = DataDesigner(model_providers=[provider], artifact_path="artifacts")
    rows_out = designer.create(builder, num_records=rows, dataset_name="peers").load_dataset()
    write(list(zip(rows_out["number"], rows_out["answer"], strict=True)))


def write(rows: list[tuple[object, object]]) -> None:
    """Writes the output of an engine."""
    lines = (json.dumps({"number": int(str(number)), "answer": answer}) for number, answer in rows)
    Path("output.jsonl").write_text("".join(line + "\n" for line in lines))


def measure(engine: str, command: list[str], folder: Path, server: Server) -> str:
    """Runs an engine. Returns a line of the table."""
    start = time.monotonic()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            status = str(process.wait(TIMEOUT))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            status = f"ended after {TIMEOUT} s"
    seconds = time.monotonic() - start
    found, counts = right(folder / "output.jsonl"), server.counts
    lost = max(0, counts.paid - found)
    return f"{engine} | {seconds:.1f} | {found} of {server.case.rows} | {counts.requests} | {counts.paid} | {lost} | {status}"


def main() -> None:
    """Runs all cases with all engines."""
    command, component, *interpreters = (path if path == "-" else str(Path(path).absolute()) for path in sys.argv[1:5])
    names = sys.argv[5:] or list(CASES)
    print("| server | engine | seconds | rows right | requests | paid | paid and lost | exit status |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for name in names:
        engines = [("Stillbox", command)]
        engines += [(peer, python) for peer, python in zip(("distilabel", "Data Designer"), interpreters) if python != "-"]
        for engine, program in engines:
            server = Server(CASES[name])
            server.start()
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
                folder, rows, port = Path(temporary), server.case.rows, server.port
                if engine == "Stillbox":
                    run = stillbox(program, component, folder, rows, port)
                else:
                    run = [program, str(Path(__file__).resolve()), "--child", engine, str(rows), str(port)]
                print(f"| {name} | {measure(engine, run, folder, server)} |", flush=True)
                if os.environ.get("LOGS"):
                    target = Path(os.environ["LOGS"]) / f"{name}-{engine}.log".replace(" ", "-").replace("%", "")
                    target.write_text((folder / "log").read_text())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child = run_distilabel if sys.argv[2] == "distilabel" else run_data_designer
        child(int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
