"""The stage: a gateway and its upstreams as real processes, and what can be seen of them from outside."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from offramp.errors import UnavailableError
from offramp.migrate.demo.cast import (
    GPU,
    LOCAL,
    LOCAL_MODEL,
    MODEL,
    OPENAI,
    SIMULATED_KEY,
    Ports,
    RealUpstream,
    configuration,
)
from offramp.migrate.demo.processes import HOST, LOOK_S, Troupe, free_ports
from offramp.migrate.local import get

GATEWAY = "gateway"
PATIENCE_S = 5.0
"""With the gateway's state: on a busy machine it is not this process's turn for seconds."""
_FOREIGN = ("OPENAI_", "OFFRAMP_", "AZURE_OPENAI_", "CEREBRIUM_")
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}


def choose_ports() -> Ports:
    """Free ones.

    Raises:
        UnavailableError: If there are none.
    """
    gateway, admin, local, openai = free_ports(4)
    return Ports(gateway=gateway, admin=admin, local=local, openai=openai)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCounts:
    """What a simulated engine says of itself."""

    requests: int
    """That it got since it was started, probes not among them."""
    in_flight: int


class _Counts(msgspec.Struct):
    served: int = 0
    failed: int = 0
    aborted: int = 0
    in_flight: int = 0


class _Instance(msgspec.Struct):
    breaker: str = ""
    healthy: bool = True


class _Upstream(msgspec.Struct):
    instances: list[_Instance] = []


class _State(msgspec.Struct):
    upstreams: dict[str, _Upstream] = {}


@dataclass(slots=True, kw_only=True)
class Stage:
    """Who is running, and where."""

    troupe: Troupe
    state_dir: Path
    real: Sequence[RealUpstream] = ()
    ports: Ports = field(default_factory=choose_ports)

    async def open(self) -> None:
        """Start everybody.

        Raises:
            UnavailableError: If somebody does not start.
        """
        file = self.troupe.folder / "offramp.yaml"
        file.write_text(configuration(self.ports, self.real), encoding="utf-8")
        async with asyncio.TaskGroup() as group:
            group.create_task(self.start_local())
            if not self.real:
                group.create_task(self._start_openai())
            group.create_task(self._start_gateway(file))

    async def start_local(self) -> None:
        """Start the self-hosted upstream, for the first time or again."""
        await self._simulate(LOCAL, self.ports.local, "--profile", "vllm", "--model", LOCAL_MODEL, "--hardware", GPU)

    async def _start_openai(self) -> None:
        await self._simulate(OPENAI, self.ports.openai, "--profile", "openai", "--model", MODEL)

    async def _simulate(self, name: str, port: int, *options: str) -> None:
        async def is_ready() -> bool:
            return await get(port, b"/_simulate") is not None

        await self.troupe.start(name, "simulate", "--port", str(port), *options, is_ready=is_ready)

    async def _start_gateway(self, file: Path) -> None:
        async def is_ready() -> bool:
            found = [await get(port, b"/health") for port in (self.ports.gateway, self.ports.admin)]
            return all(seen is not None and seen.status == 200 for seen in found)

        where = ("--config", str(file), "--state", str(self.state_dir))
        await self.troupe.start(GATEWAY, "serve", *where, is_ready=is_ready)

    async def kill(self, name: str) -> None:
        """`kill -9` of an upstream."""
        await self.troupe.kill(name)

    def is_running(self, name: str) -> bool:
        """Whether it runs."""
        return self.troupe.pid(name) is not None

    async def breaker(self, name: str = LOCAL) -> str:
        """The state of an upstream's breaker, as the admin API says it; empty if it does not answer."""
        seen = await get(self.ports.admin, b"/api/state", patience_s=PATIENCE_S)
        if seen is None or seen.status != 200:
            return ""
        upstream = msgspec.json.decode(seen.body, type=_State).upstreams.get(name)
        return upstream.instances[0].breaker if upstream is not None and upstream.instances else ""

    async def engine_counts(self) -> EngineCounts | None:
        """What the self-hosted upstream has got since it was started; `None` if it does not answer."""
        seen = await get(self.ports.local, b"/_simulate", patience_s=PATIENCE_S)
        if seen is None or seen.status != 200:
            return None
        counts = msgspec.json.decode(seen.body, type=_Counts)
        total = counts.served + counts.failed + counts.aborted + counts.in_flight
        return EngineCounts(requests=total, in_flight=counts.in_flight)

    async def ledger(self, requests: int, timeout_s: float = 5.0) -> dict[str, Any]:
        """`offramp ledger --json` of this show, once it has so many requests; as it is when the time is over.

        Raises:
            UnavailableError: If it cannot be read.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while True:
            books = await self._ledger_now()
            if books["requests"] >= requests or loop.time() > deadline_s:
                return books
            await asyncio.sleep(10 * LOOK_S)

    async def _ledger_now(self) -> dict[str, Any]:
        process = await self._offramp_ledger("--json", out=asyncio.subprocess.PIPE)
        printed, complaint = await process.communicate()
        if process.returncode != 0:
            raise UnavailableError(f"the ledger cannot be read: {complaint.decode(errors='replace').strip()}")
        books: dict[str, Any] = msgspec.json.decode(printed)
        return books

    async def show_ledger(self) -> None:
        """`offramp ledger` of this show, printed by itself to our own standard output."""
        process = await self._offramp_ledger(out=None)
        await process.communicate()

    async def _offramp_ledger(self, *options: str, out: int | IO[bytes] | None) -> asyncio.subprocess.Process:
        command = (sys.executable, "-P", "-m", "offramp", "ledger", "--state", str(self.state_dir), *options)
        return await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=asyncio.subprocess.PIPE
        )


def surroundings_of(
    env: Mapping[str, str], real: Sequence[RealUpstream], variables: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the show's processes: nobody's keys and proxies, but those that real upstreams need.

    Args:
        env: The process's own.
        real: Who is really asked.
        variables: `env` with `.env` below it, where the keys are.
    """
    here = f"{HOST},localhost"
    if real:
        keys = {each.key_variable: variables[each.key_variable] for each in real if each.key_variable}
        old = env.get("NO_PROXY") or env.get("no_proxy")
        return {**env, **keys, "NO_PROXY": f"{old},{here}" if old else here}
    kept = {
        name: value for name, value in env.items() if not name.startswith(_FOREIGN) and name.upper() not in _PROXIES
    }
    return {**kept, SIMULATED_KEY: "sk-simulated", "NO_PROXY": here}
