"""``narrate adapt``: what in a document is made for the eye, rewritten to be heard, as Markdown to review."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from narrate.errors import shown

if TYPE_CHECKING:
    from narrate.adapt.answers import Question, Verdict
    from narrate.adapt.drafts import Draft
    from narrate.adapt.rewriting import Adapted, Answered, Instructions


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--llm", required=True, metavar="PROVIDER[:MODEL]", help="anthropic or openai, and a model of theirs.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path(), help="Where it goes.  [default: this folder]"
)
@click.option("--kinds", default="tables,lists,code,captions", show_default=True, help="What is rewritten.")
@click.option("--prompt", "template", default="adapt", metavar="FILE", help="Your own instructions to the model.")
@click.option("--dry-run", is_flag=True, help="List the blocks, and ask nobody.")
@click.option("--force", is_flag=True, help="Write over what may have been edited.")
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests in flight.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.option(
    "--store", type=click.Path(path_type=Path), help="Answers are kept beside it.  [default: the user's cache]"
)
def adapt(
    source: Path,
    llm: str,
    output: Path,
    kinds: str,
    template: str,
    dry_run: bool,
    force: bool,
    jobs: int,
    yes: bool,
    store: Path | None,
) -> None:
    """Rewrite the tables, lists, code and captions of SOURCE as prose, through a language model, block by block.

    The result is Markdown and a diff, for you to review; `narrate run` takes it. Each block that is rewritten is sent
    to the model's provider; answers are kept, so that none is asked for twice. OPENAI_BASE_URL names any server that
    speaks OpenAI's chat completions, ANTHROPIC_BASE_URL one that speaks Anthropic's messages.

    \b
    narrate adapt handbook.md --llm anthropic --dry-run
    narrate adapt handbook.md --llm anthropic:claude-sonnet-5
    narrate run handbook.spoken.md
    narrate adapt notes/ --llm openai:gpt-5.5 --kinds tables,code -o spoken/
    """
    from narrate.adapt.answers import Answers
    from narrate.adapt.drafts import survey
    from narrate.adapt.rewriting import Instructions, check_room, known, write
    from narrate.adapt.rewriting import adapt as rewrite
    from narrate.errors import SpeechIncomplete
    from narrate.llm import complete, model, server
    from narrate.prompts import prompt_from
    from narrate.studio import store_folder

    asked = model(llm)
    where = server(asked, os.environ)
    instructions = Instructions(prompt_from(template), str(asked), jobs)
    wanted = kinds_of(kinds)
    if not dry_run:
        _say(f"blocks of {source} go to {where.host} ({asked})")
    draft = survey(source, wanted)
    for warning in draft.warnings:
        _say(warning)
    answers = Answers(store_folder(store).with_name("adapted"))
    found = known(draft, instructions, answers)
    if dry_run:
        _list(draft, instructions, found)
        return
    if not found:
        click.echo(shown(f"{source}: holds nothing to rewrite; `narrate run {source}` reads it as it is"))
        return
    _check_place(source, output)
    if not force:
        check_room(draft, output, answers)
    _agree(found, yes)
    adapted = rewrite(
        draft,
        lambda system, prompt: complete(asked, system, prompt, env=os.environ),
        instructions,
        answers,
        found,
        _watch,
    )
    paths = write(draft, adapted, output, answers)
    click.echo("\n".join(_summary(draft, adapted, paths)))
    if adapted.failures:
        raise SpeechIncomplete(
            f"{len(adapted.failures)} of {sum(1 for _ in draft.blocks)} blocks stayed as they were; run again to ask "
            "for them, what was answered is kept"
        )


def kinds_of(text: str) -> frozenset[str]:
    """The kinds of blocks in a list with commas, in the plural or the singular; JobError, with a guess."""
    from narrate.errors import JobError
    from narrate.manuscript.visual import KINDS
    from narrate.settings import guess

    kinds = {name: kind for kind in KINDS for name in (kind, f"{kind}s")}
    named = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in named:
        if name not in kinds:
            raise JobError(f"--kinds {name}: unknown kind; {guess(name, ('tables', 'lists', 'code', 'captions'))}")
    if not named:
        raise JobError("--kinds: name at least one of tables, lists, code and captions")
    return frozenset(kinds[name] for name in named)


def _check_place(source: Path, output: Path) -> None:
    """What is written into a folder of Markdown would be a part of it the next time."""
    from narrate.errors import JobError

    if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
        raise JobError(f"{output}: lies inside {source}, and would be read as a part of it; choose another by -o")


def _agree(found: Mapping[Question, Verdict], yes: bool) -> None:
    """Say how much will be asked, before it is; and ask whether, where there is somebody to ask."""
    from narrate.errors import SpeechIncomplete

    waiting = [question for question, verdict in found.items() if not verdict.text]
    letters = sum(len(question.text) for question in waiting)
    _say(
        f"{len(waiting):,} blocks to ask about ({letters:,} characters); "
        f"{len(found) - len(waiting):,} are answered already"
    )
    ask = waiting and not yes and sys.stdin.isatty() and sys.stderr.isatty()
    if ask and not click.confirm("go on?", err=True):
        raise SpeechIncomplete("nothing was sent; run again when you like")


def _list(draft: Draft, instructions: Instructions, found: Mapping[Question, Verdict]) -> None:
    from narrate.adapt.drafts import size
    from narrate.adapt.rewriting import question

    total = 0
    for sheet, place in draft.blocks:
        kept = bool(found[question(sheet, place, instructions)].text)
        total += size(place)
        place_of = f"{sheet.before}:{place.first}-{place.last}"
        click.echo(shown(f"{place_of:<40} {place.kind:<8} {size(place):>7,} letters  {'kept' if kept else 'to ask'}"))
    waiting = sum(not verdict.text for verdict in found.values())
    click.echo(f"{sum(1 for _ in draft.blocks):,} blocks, {total:,} letters; {waiting:,} to ask, nothing was sent")


def _watch(answered: Iterable[Answered], count: int) -> Iterator[Answered]:
    from tqdm import tqdm

    hide = not sys.stderr.isatty()
    with tqdm(total=count, disable=hide, dynamic_ncols=True, unit="block", file=sys.stderr) as bar:
        for one in answered:
            bar.update()
            yield one


def _summary(draft: Draft, adapted: Adapted, paths: Iterable[Path]) -> Iterator[str]:
    yield from map(shown, map(str, paths))
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(adapted.rewritten.items()))
    yield f"rewritten: {kinds or 'nothing'}"
    if draft.left_out:
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(draft.left_out.items()))
        yield shown(f"left out of the Markdown (letters and digits): {told}")
    yield from (shown(f"check: {sentence}") for sentence in adapted.checks)
    yield from (shown(f"kept as it was: {sentence}") for sentence in adapted.failures)


def _say(sentence: str) -> None:
    click.echo(shown(sentence), err=True)
