"""The commands, in the order of the journey. No imports worth speaking of: this is all that `--help` loads."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, what it is for, and the section of the overview it stands in."""

    name: str
    help: str
    section: str

    @property
    def module(self) -> str:
        """The module that is loaded when it is called; its `command` is a function or a group of functions."""
        return f"offramp.cli.{self.name}"


_LOOK = "Look around"
_RUN = "Run the gateway"
_KNOW = "Know what it costs"

COMMANDS = {
    command.name: command
    for command in (
        Command("status", "where you stand and what comes next (the same as `offramp` alone)", _LOOK),
        Command("demo", "watch the journey, with nothing but this package", _LOOK),
        Command("chat", "talk to a model and see what each answer costs", _LOOK),
        Command("init", "write an offramp.yaml from the keys and engines that are found", _RUN),
        Command("config", "check the configuration; print its JSON Schema", _RUN),
        Command("serve", "relay requests, fall back, record what happens", _RUN),
        Command("simulate", "an OpenAI-compatible engine for tests, with faults on demand", _RUN),
        Command("scan", "where code calls the OpenAI API, and what must change for it to move", _KNOW),
        Command("ledger", "what was asked, answered, spent and saved", _KNOW),
        Command("captures", "what was captured of requests and answers, masked", _KNOW),
        Command("prices", "the price cards: what a model or a machine costs, since when, says who", _KNOW),
        Command("audit", "what the traffic is like, what it costs, what to do about it", _KNOW),
        Command("plan", "what each alternative would cost and carry: stay or go", _KNOW),
    )
}
"""Every command by its name."""


def overview() -> str:
    """What `offramp --help` prints."""
    width = max(len(name) for name in (*COMMANDS, "--version"))
    lines = [
        "Carry a team's LLM traffic from the OpenAI API to models it controls.",
        "",
        "Usage: offramp [COMMAND] [OPTIONS]",
    ]
    section = ""
    for command in COMMANDS.values():
        if command.section != section:
            section = command.section
            lines += ["", f"{section}:"]
        lines.append(f"  {command.name:{width}}  {command.help}")
    lines += [
        "",
        "Options:",
        f"  {'--version':{width}}  print the version",
        f"  {'--help':{width}}  print this, or `offramp COMMAND --help` for one command",
        "",
        "In the first minute: `offramp serve`, then OPENAI_BASE_URL=http://127.0.0.1:8484/v1 in your application.",
    ]
    return "\n".join(lines)
