"""Text generation: backends that write answers to prompts, in process or by a server."""
