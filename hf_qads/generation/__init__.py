"""Text generation backends: a transformers model in this process, or an OpenAI-compatible server."""
