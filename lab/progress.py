"""Tells what is being built or waited for, and how long it took: live on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TaskID, TextColumn

NOTE_WIDTH = 70
QUIET_SECONDS = 5.0

Note = Callable[[str], None]


class Progress:
    """The steps of one command; several may run at the same time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._lock = threading.Lock()
        self._live = RichProgress(
            SpinnerColumn("dots"),
            TextColumn("{task.description}"),
            TextColumn("[dim]{task.fields[seconds]:.0f} s[/dim]"),
            TextColumn("[dim]{task.fields[note]}[/dim]"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._started: dict[TaskID, float] = {}

    def __enter__(self) -> "Progress":
        self._live.start()
        self._stop = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._clock.join()
        self._live.stop()

    def say(self, sentence: str, style: str = "") -> None:
        """Print a sentence that stays."""
        self.console.print(escape(sentence), style=style or None, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str, done: str = "") -> Iterator[Note]:
        """Show a step while it runs and what it took when it ends; yields a function that adds a note to it."""
        began = time.monotonic()
        task = self._live.add_task(escape(title), total=None, note="", seconds=0.0)
        with self._lock:
            self._started[task] = began
        last_line = [began]
        if not self.console.is_terminal:
            self.say(f"... {title}")

        def note(text: str) -> None:
            self._live.update(task, note=escape(text[:NOTE_WIDTH]))
            if not self.console.is_terminal and time.monotonic() - last_line[0] > QUIET_SECONDS:
                last_line[0] = time.monotonic()
                self.say(f"    {title}: {text[:NOTE_WIDTH]}")

        try:
            yield note
        except BaseException:
            self._end(task, f"[red]✗[/red] {escape(title)}", began)
            raise
        self._end(task, f"[green]✓[/green] {escape(done or title)}", began)

    def _end(self, task: TaskID, line: str, began: float) -> None:
        with self._lock:
            self._started.pop(task, None)
        self._live.remove_task(task)
        self.console.print(f"{line} [dim]{time.monotonic() - began:.1f} s[/dim]", highlight=False)

    def _tick(self) -> None:
        while not self._stop.wait(0.2):
            with self._lock:
                for task, began in self._started.items():
                    self._live.update(task, seconds=time.monotonic() - began)
