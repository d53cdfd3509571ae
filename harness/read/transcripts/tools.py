"""What a call of a tool does, told by the shape of its arguments and, where that is not enough,
by the names that coding agents give their tools."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from harness.model import Edit, Ending, Step, StepKind
from harness.read.transcripts import javascript
from harness.read.transcripts.parsed import clean, first, mapping
from harness.read.transcripts.patch import END, PATCH, hunks, patched, replacements

_PATHS = ("file_path", "path", "filePath", "filepath", "absolutePath", "absolute_path", "filename",
          "file", "target_file", "targetFile", "notebook_path", "file_name")  # fmt: skip
_CONTENTS = ("content", "file_text", "fileText", "contents", "file_content", "streamContent")
_COMMANDS = ("command", "cmd", "script", "bash", "shell_command", "keystrokes", "commands")
_OLD = ("old_string", "old_str", "oldString", "oldText", "old_text", "search")
_NEW = ("new_string", "new_str", "newString", "newText", "new_text", "insert_text", "replace")
_EVERYWHERE = ("replace_all", "replaceAll", "allow_multiple")
_PATCHES = ("input", "patch", "patchText", "diff", "patch_text")
_IN_BACKGROUND = ("run_in_background", "isBackground", "is_background", "background")
# What one command of an editor means; any other changes something that is not followed.
_EDITOR = {"create": "write", "write": "write", "str_replace": "edit", "insert": "edit",
           "edit": "edit", "view": "look", "read": "look"}  # fmt: skip
# Names are compared without case, signs and the ending ``ToolCall``.
_READS = frozenset({"read", "readfile", "viewfile", "view", "openfile", "cat", "fsread"})
_LOOKS = _READS | frozenset(
    {"askfollowupquestion", "askuserquestion", "bashoutput", "codebasesearch", "diagnostics",
     "enterplanmode", "exitplanmode", "fetch", "fetchwebpage", "filesearch", "find", "findfile",
     "findfiles", "getchangedfiles", "geterrors", "getterminaloutput", "glob", "globfilesearch",
     "googlewebsearch", "goto", "grep", "grepsearch", "killbash", "killshell", "list",
     "listcodedefinitionnames", "listcontents", "listdir", "listdirectory", "listfiles", "ls",
     "managetodolist", "open", "plan", "readbash", "readlints", "readmanyfiles", "reportintent",
     "requestuserinput", "scrolldown", "scrollup", "search", "searchdir", "searchfile",
     "searchfilecontent", "searchfiles", "semanticsearch", "semsearch", "skill", "sleep",
     "stopbash", "submit", "taskcreate", "taskget", "tasklist", "taskoutput", "taskstop",
     "taskupdate", "think", "todo", "todoread", "todowrite", "toolsearch", "updateplan",
     "updatetodolist", "updatetodos", "useskill", "viewimage", "wait", "webfetch", "websearch",
     "writetodos"}
)  # fmt: skip
_SAYS = {"attemptcompletion": "result", "finish": "message", "taskcomplete": "summary"}
_REMOVES = frozenset({"delete", "deletefile", "remove", "removefile"})
_MOVES = frozenset({"move", "movefile", "rename", "renamefile"})
_POLLS = frozenset({"bashoutput", "taskoutput", "readbash", "writestdin", "getterminaloutput",
                    "getbashoutput", "processlog"})  # fmt: skip
_POLLED = ("bash_id", "task_id", "shell_id", "shellId", "session_id", "sessionId", "id")
_SHELLS = frozenset({"bash", "sh", "zsh", "dash"})
_SHELL_NAME = re.compile(r"bash|shell|terminal|execute_command", re.I)
_PATCH_COMMAND = re.compile(
    r"(?:^|(?<=[\n;&]))[ \t]*apply_patch[ \t]*<<-?[ \t]*(['\"]?)(\w+)\1[^\n]*\n"
    r"(.*?)(?:^\2[ \t]*$|\Z)",
    re.S | re.M,
)
_ONLY_CD = re.compile(r"(?:\s|&&|;|cd [^\s;&]+)*")


def plain_name(name: str) -> str:
    """A tool's name as it is compared: ``Read``, ``read_file`` and ``readToolCall`` are near."""
    name = name.rsplit("__", 1)[-1].rsplit(".", 1)[-1]
    return re.sub(r"[^a-z0-9]", "", name.removesuffix("ToolCall").lower())


def is_look(name: str) -> bool:
    """Whether a tool of this name changes nothing and runs nothing."""
    return plain_name(name) in _LOOKS


def read_path(name: str, given: Mapping[str, Any]) -> str | None:
    """The file that a call shows from its first to its last line, if it does that."""
    if plain_name(name) not in _READS and given.get("command") not in ("view", "read"):
        return None
    ranged = ("offset", "limit", "view_range", "viewRange", "start_line", "startLine", "end_line",
              "start_line_one_indexed", "line_start", "start")  # fmt: skip
    if any(given.get(key) not in (None, [], 0, -1) for key in ranged):
        return None
    path = first(given, _PATHS)
    return clean(path) or None


def path_of(given: Mapping[str, Any]) -> str | None:
    """The file that a call names, if any."""
    return clean(first(given, _PATHS)) or None


def polled(name: str, given: Mapping[str, Any]) -> str | None:
    """Under which name something is going on whose end a call asks for."""
    if plain_name(name) not in _POLLS or given.get("chars"):
        return None
    found = first(given, _POLLED)
    return str(found)[:60] if isinstance(found, str | int) else None


def steps_of(name: str, given: Mapping[str, Any], record: int) -> Iterator[Step]:
    """What a call does; nothing where that cannot be told."""
    plain = plain_name(name)
    if plain in _SAYS:
        yield Step(StepKind.SAID, record, clean(given.get(_SAYS[plain])))
        if not isinstance(given.get("command"), str):
            return
    patch = next((clean(given[k]) for k in _PATCHES if isinstance(given.get(k), str)), "")
    if PATCH.search(patch):
        yield from _patches(patch, record)
        return
    if plain == "artifacts":
        yield from _artifact(given, record)
        return
    path = first(given, _PATHS)
    command, code = first(given, _COMMANDS), given.get("code")
    if isinstance(path, str):
        yield from _of_file(plain, clean(path), patch, given, record)
    elif plain in _MOVES:
        old = first(given, ("source", "old_path", "oldPath", "from"))
        new = first(given, ("destination", "new_path", "newPath", "to"))
        if isinstance(old, str) and isinstance(new, str):
            yield Step(StepKind.EDITED, record, path=clean(old), moved_to=clean(new))
    elif isinstance(command, str) and command.strip():
        ending = Ending.STARTED if _in_background(given) else None
        yield from _shell(clean(command), record, ending)
    elif isinstance(command, list) and command and all(isinstance(w, str) for w in command):
        yield from _argv([clean(word) for word in command], record, name_is="commands" in given)
    elif isinstance(code, str):
        language = clean(given.get("language")).lower()
        if _SHELL_NAME.search(name) or language in _SHELLS:
            yield from _shell(clean(code), record, None)
        elif language in ("", "python", "python3", "py"):
            yield Step(StepKind.RAN, record, clean(code), language="python")


def _artifact(given: Mapping[str, Any], record: int) -> Iterator[Step]:
    """A document of claude.ai, which is a file in all but name."""
    python = clean(given.get("language")).lower() == "python"
    path = (clean(given.get("id")) or "artifact") + ".py" * (python or "language" not in given)
    if isinstance(given.get("content"), str):
        yield Step(StepKind.WROTE, record, clean(given["content"]), path)
    elif isinstance(given.get("old_str"), str):
        edit = Edit(clean(given["old_str"]), clean(given.get("new_str")))
        yield Step(StepKind.EDITED, record, path=path, edits=(edit,))


def raw_steps(name: str, words: str, record: int) -> Iterator[Step]:
    """What a call with a bare text does: a patch, or JavaScript that calls other tools."""
    if PATCH.search(words):
        if plain_name(name) == "applypatch":
            yield from _patches(words, record)
            return
    elif plain_name(name) in ("bash", "shell", "execcommand", "executebash"):
        yield from _shell(words, record, None)
        return
    if plain_name(name) in ("exec", "codemode", "js", "javascript"):
        for called in javascript.calls(words):
            if isinstance(called.argument, str):
                found = list(raw_steps(called.name, called.argument, record))
            elif called.argument is None:
                found = []
            else:
                found = list(steps_of(called.name, called.argument, record))
            if not found:
                kind = StepKind.LOOKED if is_look(called.name) else StepKind.UNKNOWN
                found = [Step(kind, record, called.name)]
            yield from found


def _in_background(given: Mapping[str, Any]) -> bool:
    return any(given.get(key) is True for key in _IN_BACKGROUND) or given.get("mode") in (
        "async",
        "detached",
    )


def _of_file(
    plain: str, path: str, patch: str, given: Mapping[str, Any], record: int
) -> Iterator[Step]:
    content, moved = first(given, _CONTENTS), given.get("move_path")
    editor = _EDITOR.get(clean(given.get("command")), "")
    if clean(given.get("command")) and not editor:
        # ``undo_edit`` and whatever else an editor may offer.
        return
    if editor == "look":
        return
    if plain in _REMOVES:
        yield Step(StepKind.REMOVED, record, path=path)
        return
    edits = tuple(_edits(plain, given)) if editor != "write" else ()
    if not edits and patch and editor != "write":
        edits = replacements(patch) or tuple(hunks(patch.split("\n")))
    if edits:
        to = clean(moved) or None
        yield Step(StepKind.EDITED, record, path=path, edits=edits, moved_to=to)
    elif isinstance(content, str) and plain not in _LOOKS:
        yield Step(StepKind.WROTE, record, clean(content), path)


def _edits(plain: str, given: Mapping[str, Any]) -> Iterator[Edit]:
    several = given.get("edits")
    for one in several if isinstance(several, list) and several else [given]:
        one = mapping(one)
        old, new = first(one, _OLD), first(one, _NEW)
        line = one.get("insert_line", one.get("insertLine"))
        if isinstance(line, int) and isinstance(new, str) and not old:
            yield Edit("", clean(new), after_line=line)
        elif isinstance(old, str):
            everywhere = any(one.get(key) is True for key in _EVERYWHERE)
            counted = one.get("expected_replacements")
            many = isinstance(counted, int) and counted > 1
            yield Edit(clean(old), clean(new), everywhere or many)
        elif plain == "insertcontent" and isinstance(one.get("content"), str):
            line = one.get("line")
            before = int(line) if isinstance(line, int | str) and str(line).isdecimal() else 0
            yield Edit("", clean(one["content"]), after_line=before - 1 if before else END)


def _patches(words: str, record: int) -> Iterator[Step]:
    for found in PATCH.finditer(words):
        yield from patched(found[0], record)


def _argv(words: list[str], record: int, *, name_is: bool) -> Iterator[Step]:
    """``["bash", "-lc", "…"]``, ``["apply_patch", "…"]``, ``["python", "check.py"]``."""
    if name_is:
        for word in words:
            yield from _shell(word, record, None)
    elif words[0] in ("apply_patch", "applypatch") and len(words) == 2:
        yield from _patches(words[1], record)
    elif words[0].rsplit("/", 1)[-1] in _SHELLS and len(words) > 2 and words[1].startswith("-"):
        yield from _shell(words[2], record, None)
    else:
        yield from _shell(words[0] if len(words) == 1 else shlex.join(words), record, None)


def _shell(command: str, record: int, ending: Ending | None) -> Iterator[Step]:
    """A command, and the patches that here-documents in it hand to ``apply_patch``."""
    place = 0
    for found in _PATCH_COMMAND.finditer(command):
        before = command[place : found.start()]
        if not _ONLY_CD.fullmatch(before):
            yield Step(StepKind.RAN, record, before, ending=ending)
        yield from _patches(found[3], record)
        place = found.end()
    rest = command[place:]
    if not place or rest.strip():
        yield Step(StepKind.RAN, record, rest, ending=ending)
