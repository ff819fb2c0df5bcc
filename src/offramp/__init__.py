"""offramp: carry a team's LLM traffic from the OpenAI API to models it controls."""

__version__ = "0.1.0"
