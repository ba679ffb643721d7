"""The local speech server: LMNT's and OpenAI's surfaces, answered by any engine of narrate."""
