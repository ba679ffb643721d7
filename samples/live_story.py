"""Speech of a story while a language model is still writing it: output.mp3 grows as the words come.

LMNT_BASE_URL=http://127.0.0.1:8080 python samples/live_story.py      (after: narrate serve)
With ANTHROPIC_API_KEY or OPENAI_API_KEY, and that SDK installed, a model writes; else a stand-in does.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from narrate import SpeechSession
from narrate.errors import NarrateError

ASKED = [{"role": "user", "content": "Tell a story of five sentences about the last ferry of the year."}]
STAND_IN = "The last ferry of the year left at noon. Halfway across the fog came down, and somebody began to sing."


async def story() -> AsyncIterator[str]:
    if os.environ.get("ANTHROPIC_API_KEY"):
        from anthropic import AsyncAnthropic

        async with AsyncAnthropic().messages.stream(model="claude-sonnet-5", max_tokens=400, messages=ASKED) as stream:
            async for words in stream.text_stream:
                yield words
    elif os.environ.get("OPENAI_API_KEY"):
        from openai import AsyncOpenAI

        async for chunk in await AsyncOpenAI().chat.completions.create(model="gpt-5.5", messages=ASKED, stream=True):
            yield (chunk.choices and chunk.choices[0].delta.content) or ""
    else:
        for word in STAND_IN.split():
            yield f"{word} "
            await asyncio.sleep(0.03)


async def write(session: SpeechSession) -> None:
    async for words in story():
        await session.append_text(words)
    await session.finish()


async def read(session: SpeechSession) -> None:
    with Path("output.mp3").open("wb") as file:
        async for message in session:
            file.write(message.audio)


async def main() -> None:
    async with SpeechSession(voice="leah") as session:
        await asyncio.gather(write(session), read(session))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except NarrateError as error:
        sys.exit(f"{error}")
