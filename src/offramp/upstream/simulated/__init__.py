"""An OpenAI-compatible engine for demos and tests: real sockets, continuous batching, faults on request, no model."""
