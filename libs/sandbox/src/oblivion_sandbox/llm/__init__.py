"""The LLM stand-in: the protocols of OpenAI and Anthropic in front of simple, deterministic rules."""
