"""A program in a pseudo-terminal: keys go in, a screen of cells comes out, and what is waited for is a condition."""

import re
import time

import pexpect
import pyte

#: Seconds after which what does not come is given up. It is there at once; a busy machine takes its time.
PATIENCE = 15

#: What a terminal sends for a key, by the key's usual name. Ctrl-X is written as "\x18", Alt-H as "\x1bh".
KEYS = {
    "Enter": "\r",
    "Escape": "\x1b",
    "Tab": "\t",
    "Up": "\x1b[A",
    "Down": "\x1b[B",
    "Right": "\x1b[C",
    "Left": "\x1b[D",
    "Prefix": "\x02",
}

#: Sequences that pyte would take for others or print: operating system commands, control strings, a window title in
#: screen's way, and control sequences that are marked as private (< = > ?) or carry an intermediate character.
_FOREIGN = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1b[PX^_k][^\x1b]*\x1b\\"
    rb"|\x1b\[[<=>][0-9;:]*[ -/]*[@-~]"
    rb"|\x1b\[\?[0-9;]*(?:[@-Zi-km-~]|[ -/]+[@-~])"
    rb"|\x1b\[[0-9;:]*[ -/]+[@-~]"
)
#: Which colours the terminal has (10: text, 11: background): vim, also through tmux, chooses a light or a dark scheme.
_ASKED = re.compile(rb"\x1b\](1[01]);\?(?:\x07|\x1b\\)")
_ANSWERS = {b"10": "d5d5/c4c4/a1a1", b"11": "1d1d/2020/2121"}
_COLOURS_WITH_COLONS = re.compile(rb"\x1b\[([0-9;:]*:[0-9;:]*)m")
_UNFINISHED = re.compile(rb"\x1b(?:\][^\x07\x1b]*\x1b?|[PX^_k][^\x1b]*\x1b?|\[[0-?]*[ -/]*)?\Z")


class NotSeenError(AssertionError):
    """What was waited for did not come onto the screen in time."""


class _Screen(pyte.Screen):
    """pyte's screen, with the few sequences of xterm that it lacks and that tmux and zsh use."""

    def __init__(self, columns, lines, answer):
        self.answer = answer
        super().__init__(columns, lines)

    def write_process_input(self, data):
        self.answer(data)

    def scroll_up(self, count=1, **_):
        self._scroll("delete_lines", count)

    def scroll_down(self, count=1, **_):
        self._scroll("insert_lines", count)

    def _scroll(self, how, count):
        """Scroll the region: the lines at its top go or come."""
        cursor = self.cursor.x, self.cursor.y
        self.cursor.y = self.margins.top if self.margins else 0
        getattr(self, how)(count or 1)
        self.cursor.x, self.cursor.y = cursor

    def repeat(self, count=1, **_):
        """Draw the character before the cursor again."""
        if self.cursor.x:
            self.draw(self.buffer[self.cursor.y][self.cursor.x - 1].data * (count or 1))


class _Stream(pyte.ByteStream):
    csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down", "b": "repeat"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down", "repeat"}


class Terminal:
    """A program in a pseudo-terminal of a fixed size.

    :param command: program and arguments.
    :param columns: width in cells.
    :param lines: height in cells.
    :param env: the environment that the program gets, None for this process's.
    """

    def __init__(self, command, columns=80, lines=24, env=None):
        self.columns, self.lines = columns, lines
        #: All bytes that the program has written.
        self.raw = b""
        self._pending = b""
        self._child = pexpect.spawn(
            command[0], list(command[1:]), dimensions=(lines, columns), env=env, timeout=None, encoding=None
        )
        self._child.delaybeforesend = None
        self.screen = _Screen(columns, lines, self._child.send)
        self._stream = _Stream(self.screen)
        self.ended = False

    # --- keys

    def send(self, *keys):
        """Type: each argument is text, or the name of a key in KEYS."""
        self._child.send("".join(KEYS.get(key, key) for key in keys))

    def press(self, *keys):
        """Press keys one after the other, as fingers do: tmux takes what comes within a millisecond for a paste."""
        for key in keys:
            self.wait_quiet(0.03)
            self.send(key)

    def run(self, line):
        """Type a line and Enter."""
        self.send(line, "Enter")

    # --- what is on the screen

    @property
    def rows(self):
        """The lines of the screen as texts, blanks at the end left out."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def text(self):
        """The screen as one text."""
        return "\n".join(self.rows).rstrip()

    @property
    def before_cursor(self):
        """The text of the cursor's line in front of the cursor."""
        return self.screen.display[self.screen.cursor.y][: self.screen.cursor.x]

    def cells(self, text, within=None):
        """Return the cells of the last place where a text stands, in the row that contains `within` where it is given.

        :returns: list of pyte.screens.Char (data, fg, bg, bold, italics, underscore, strikethrough, reverse); [] where
            the text is not on the screen.
        """
        for y in range(self.lines - 1, -1, -1):
            row = "".join(self.screen.buffer[y][x].data or " " for x in range(self.columns))
            x = row.rfind(text)
            if x >= 0 and (within is None or within in row):
                return [self.screen.buffer[y][x + offset] for offset in range(len(text))]
        return []

    def colours(self, text, within=None):
        """Return the foreground colours of a text's cells but blanks: pyte's names or six hexadecimal digits."""
        return {cell.fg for cell in self.cells(text, within) if cell.data.strip()}

    # --- waiting

    def wait(self, what, condition, timeout=PATIENCE):
        """Read until a condition holds.

        :param what: the condition in words, for the message.
        :param condition: a function without arguments that looks at this terminal.
        :param timeout: seconds.
        :returns: what the condition returned.
        :raises NotSeenError: with the whole screen, when it did not hold in time or the program ended before.
        """
        end = time.monotonic() + timeout
        while True:
            self._read(0)
            held = condition()
            if held:
                return held
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                why = "the program ended" if self.ended else f"not within {timeout} s"
                raise NotSeenError(f"{why}: {what}\n{self.picture()}")
            self._read(min(left, 0.5))

    def wait_for(self, *texts, timeout=PATIENCE):
        """Wait until all texts are on the screen together."""
        self.wait(f"on the screen: {texts}", lambda: all(text in self.text for text in texts), timeout)

    def wait_match(self, pattern, timeout=PATIENCE):
        """Wait until a regular expression (re.MULTILINE) matches the screen, and return the match."""
        return self.wait(f"matches: {pattern}", lambda: re.search(pattern, self.text, re.MULTILINE), timeout)

    def wait_prompt(self, timeout=PATIENCE):
        """Wait until the cursor stands behind a prompt: the shell takes a command."""
        self.wait("a prompt", lambda: self.before_cursor.endswith("% "), timeout)

    def wait_gone(self, text, timeout=PATIENCE):
        """Wait until a text has left the screen."""
        self.wait(f"gone: {text!r}", lambda: text not in self.text, timeout)

    def wait_quiet(self, seconds=0.3, timeout=PATIENCE):
        """Wait until nothing was written for a time: for what must not come."""
        end = time.monotonic() + timeout
        while self._read(seconds):
            if time.monotonic() > end:
                raise NotSeenError(f"not within {timeout} s: nothing written for {seconds} s\n{self.picture()}")

    def picture(self):
        """Return the screen in a frame, with the cursor's place and the last bytes that came."""
        bar = "+" + "-" * self.columns + "+"
        rows = "\n".join(f"|{row}|" for row in self.screen.display)
        cursor = self.screen.cursor
        return f"{bar}\n{rows}\n{bar}\ncursor: line {cursor.y}, column {cursor.x}; last bytes: {self.raw[-200:]!r}"

    def _read(self, timeout):
        """Take what the program writes, waiting up to a time in seconds for it; False where nothing came."""
        try:
            data = self._child.read_nonblocking(65536, timeout)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            self.ended = True
            return False
        self.raw += data
        data = self._pending + data
        unfinished = _UNFINISHED.search(data)
        self._pending = data[unfinished.start() :] if unfinished else b""
        data = data[: unfinished.start()] if unfinished else data
        for asked in _ASKED.findall(data):
            self._child.send(f"\x1b]{asked.decode()};rgb:{_ANSWERS[asked]}\x1b\\")
        self._stream.feed(_COLOURS_WITH_COLONS.sub(_without_colons, _FOREIGN.sub(b"", data)))
        return True

    def close(self):
        """Hang up, as a window that is closed."""
        self._child.close(force=True)


def _without_colons(match):
    """Return colours and attributes without parts that pyte does not know (4:3, a wavy underline, is an underline)."""
    parts = [part.split(b":") for part in match[1].split(b";")]
    kept = [part[0] for part in parts if part[0] not in (b"38", b"48", b"58") or len(part) == 1]
    return b"\x1b[" + b";".join(kept) + b"m" if kept else b""
