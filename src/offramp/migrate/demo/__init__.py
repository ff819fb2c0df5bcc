"""The show: real processes on loopback, the OpenAI SDK as their client, and an account of what happened."""
