"""One short piece of work, written down as each program would write it down.

An agent writes a file and a check, runs the check (it fails), mends the file, runs it again (it
passes) and says so. Small, and made here rather than recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

BAD = "def op(x):\n    return x * 3\n"
OLD, NEW = "    return x * 3\n", "    return x * 2\n"
GOOD = BAD.replace(OLD, NEW)
CHECK = 'from op import op\nassert op(1) == 2\nprint("fine")\n'
ASK, FIRST, LAST = "Write op, please.", "I write it first.", "op is done, and its check passes."
RUN = "python check.py"
TRACE = "Traceback (most recent call last):\nAssertionError"
PATCHES = (
    "*** Begin Patch\n*** Add File: op.py\n" + "".join(f"+{x}\n" for x in BAD.splitlines()),
    "*** Begin Patch\n*** Add File: check.py\n" + "".join(f"+{x}\n" for x in CHECK.splitlines()),
    f"*** Begin Patch\n*** Update File: op.py\n@@\n def op(x):\n-{OLD}+{NEW}",
)
Json = dict[str, Any]
FORMATS: dict[str, Callable[[], bytes]] = {}
# Formats in which nothing records the exit status.
SILENT = {"anthropic", "anthropic-history", "ai-sdk", "aider", "bedrock", "claude-ai", "cline-xml",
          "gemini-api", "inspect", "pydantic-ai", "swe-agent", "swe-agent-text"}  # fmt: skip


def made(make: Callable[[], Any]) -> Callable[[], Any]:
    """Keep what ``make`` gives as a fixture: a list of lines, or one JSON value, or a text."""

    def raw() -> bytes:
        given = make()
        if isinstance(given, str):
            return given.encode()
        if isinstance(given, tuple):
            return "".join(json.dumps(line) + "\n" for line in given).encode()
        return json.dumps(given).encode()

    FORMATS[make.__name__.replace("_", "-")] = raw
    return make


def calls(write: str, edit: str, run: str, path: str = "path", **keys: str) -> list[Any]:
    """Name, arguments, output and exit status of the five calls."""
    content, old, new = keys.get("content", "content"), keys["old"], keys["new"]
    return [
        (write, {path: "/w/op.py", content: BAD}, "ok", None),
        (write, {path: "/w/check.py", content: CHECK}, "ok", None),
        (run, {"command": RUN}, TRACE, 1),
        (edit, {path: "/w/op.py", old: OLD, new: NEW}, "ok", None),
        (run, {"command": RUN}, "fine", 0),
    ]


CLAUDE = calls("Write", "Edit", "Bash", "file_path", old="old_string", new="new_string")
PLAIN = calls("write_file", "edit_file", "bash", old="old_str", new="new_str")


def blocks(call: str, answer: str) -> list[Json]:
    """Messages in the manner of Anthropic."""
    told: list[Json] = [{"role": "user", "content": ASK}]
    told.append({"role": "assistant", "content": [{"type": "text", "text": FIRST}]})
    for n, (name, given, output, status) in enumerate(CLAUDE):
        use = {"type": call, "id": f"t{n}", "name": name, "input": given}
        back: Json = {"type": answer, "tool_use_id": f"t{n}", "content": output}
        if status is not None:
            back["is_error"] = status != 0
        told.append({"role": "assistant", "content": [use]})
        told.append({"role": "user", "content": [back]})
    told.append({"role": "assistant", "content": [{"type": "text", "text": LAST}]})
    return told


@made
def anthropic() -> Any:
    return {"model": "m", "messages": blocks("tool_use", "tool_result")}


@made
def claude_code() -> Any:
    lines: list[Json] = [{"type": "mode", "mode": "normal"}]
    for message in blocks("tool_use", "tool_result"):
        line = {"type": message["role"], "message": {**message, "model": "m"}}
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block.get("is_error"):
                block["content"] = "Exit code 1\n" + block["content"]
            elif "is_error" in block:
                line["toolUseResult"] = {"stdout": "fine", "stderr": "", "interrupted": False}
        lines.append(line)
    return tuple(lines)


@made
def claude_code_web() -> Any:
    return {"loglines": [json.loads(line) for line in FORMATS["claude-code"]().splitlines()]}


@made
def anthropic_code_execution() -> Any:
    told = blocks("server_tool_use", "")
    content: list[Json] = []
    for message in told[1:]:
        for block in message["content"]:
            if block["type"]:
                content.append(block)
                continue
            failed = block.pop("is_error", None)
            ran = {"stdout": block["content"], "stderr": "", "return_code": int(bool(failed))}
            kind = "bash" if failed is not None else "text_editor"
            block["type"] = f"{kind}_code_execution_tool_result"
            block["content"] = ran if failed is not None else {"type": f"{kind}_result"}
            content.append(block)
    return [told[0], {"role": "assistant", "content": content}]


def chat(call: Callable[[int, str, Json], Json]) -> list[Json]:
    told: list[Json] = [{"role": "user", "content": ASK}, {"role": "assistant", "content": FIRST}]
    for n, (name, given, output, status) in enumerate(PLAIN):
        told.append({"role": "assistant", "content": None, "tool_calls": [call(n, name, given)]})
        code = "" if status is None else f"exit code: {status}\n"
        told.append({"role": "tool", "tool_call_id": f"t{n}", "content": code + output})
    return [*told, {"role": "assistant", "content": LAST}]


def function(n: int, name: str, given: Json) -> Json:
    inner = {"name": name, "arguments": json.dumps(given)}
    return {"id": f"t{n}", "type": "function", "function": inner}


@made
def openai() -> Any:
    return {"model": "m", "messages": chat(function)}


@made
def openai_lines() -> Any:
    return tuple(chat(function))


@made
def openai_responses() -> Any:
    items: list[Json] = [
        {"role": "user", "content": ASK},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": FIRST}],
        },
    ]
    for n, (name, given, output, status) in enumerate(PLAIN):
        if name == "bash":
            action = {"commands": [RUN]}
            out = {"stdout": output, "stderr": "", "outcome": {"type": "exit", "exit_code": status}}
            items.append({"type": "shell_call", "call_id": f"t{n}", "action": action})
            items.append({"type": "shell_call_output", "call_id": f"t{n}", "output": [out]})
        else:
            call = {"type": "function_call", "call_id": f"t{n}", "name": name}
            items.append({**call, "arguments": json.dumps(given)})
            items.append({"type": "function_call_output", "call_id": f"t{n}", "output": output})
    last = [{"type": "output_text", "text": LAST}]
    items.append({"type": "message", "role": "assistant", "content": last})
    return {"object": "response", "model": "m", "input": items[:1], "output": items[1:]}


def codex_lines(call: Callable[[int, str | None], Json], wrap: bool) -> tuple[Json, ...]:
    items: list[Json] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": ASK}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": FIRST}],
        },
    ]
    patches = iter(PATCHES)
    for n, (name, _, output, status) in enumerate(PLAIN):
        patch = None if name == "bash" else next(patches) + "*** End Patch\n"
        items.append(call(n, patch))
        head = f"Chunk ID: a\nWall time: 0.1 seconds\nProcess exited with code {status}\nOutput:\n"
        back: Any = output if patch else head + output
        if wrap and patch:
            back = json.dumps({"output": output, "metadata": {"exit_code": 0}})
        kind = items[-1]["type"] + "_output"
        items.append({"type": kind, "call_id": f"t{n}", "output": back})
    last = [{"type": "output_text", "text": LAST}]
    items.append({"type": "message", "role": "assistant", "content": last})
    lines: list[Json] = [
        {"type": "session_meta", "payload": {"id": "1", "cwd": "/w"}},
        {"type": "turn_context", "payload": {"model": "m"}},
        {"type": "event_msg", "payload": {"type": "agent_message", "message": FIRST}},
    ]
    return (*lines, *({"type": "response_item", "payload": item} for item in items))


@made
def codex() -> Any:
    def call(n: int, patch: str | None) -> Json:
        if patch is None:
            given = json.dumps({"cmd": RUN, "workdir": "/w"})
            named = {"type": "function_call", "name": "exec_command", "arguments": given}
            return {**named, "call_id": f"t{n}"}
        return {
            "type": "custom_tool_call",
            "name": "apply_patch",
            "input": patch,
            "call_id": f"t{n}",
        }

    return codex_lines(call, wrap=True)


@made
def codex_here_document() -> Any:
    def call(n: int, patch: str | None) -> Json:
        script = RUN if patch is None else f"cd /w && apply_patch <<'EOF'\n{patch}EOF\n"
        given = json.dumps({"command": ["bash", "-lc", script]})
        return {"type": "function_call", "name": "shell", "arguments": given, "call_id": f"t{n}"}

    return codex_lines(call, wrap=False)


@made
def codex_code_mode() -> Any:
    def call(n: int, patch: str | None) -> Json:
        code = f"const r = await tools.exec_command({{cmd: {json.dumps(RUN)}}});\ntext(r.output);"
        if patch is not None:
            code = f"const p = {json.dumps(patch)};\nawait tools.apply_patch(p);"
        return {"type": "custom_tool_call", "name": "exec", "input": code, "call_id": f"t{n}"}

    return codex_lines(call, wrap=False)


@made
def opencode() -> Any:
    parts: list[Json] = [{"type": "step-start"}, {"type": "text", "text": FIRST}]
    names = calls("write", "edit", "bash", "filePath", old="oldString", new="newString")
    for n, (name, given, output, status) in enumerate(names):
        held = {} if status is None else {"exit": status, "output": output}
        state = {"status": "completed", "input": given, "output": output, "metadata": held}
        parts.append({"type": "tool", "callID": f"t{n}", "tool": name, "state": state})
    parts.append({"type": "text", "text": LAST})
    asked = {"info": {"role": "user"}, "parts": [{"type": "text", "text": ASK}]}
    return {"info": {"id": "s"}, "messages": [asked, {
        "info": {"role": "assistant", "modelID": "m"}, "parts": parts}]}  # fmt: skip


@made
def opencode_run() -> Any:
    parts = json.loads(FORMATS["opencode"]())["messages"][1]["parts"]
    kinds = {"text": "text", "tool": "tool_use", "step-start": "step_start"}
    lines = [{"type": kinds[p["type"]], "sessionID": "s", "part": p} for p in parts]
    return tuple(lines)


def gemini_messages() -> list[Json]:
    lines: list[Json] = [{"id": "a", "type": "user", "content": [{"text": ASK}]}]
    lines.append({"id": "b", "type": "gemini", "content": FIRST, "model": "m"})
    names = calls("write_file", "replace", "run_shell_command", "file_path",
                  old="old_string", new="new_string")  # fmt: skip
    for n, (name, given, output, status) in enumerate(names):
        words = f"Output: {output}\nProcess Group PGID: 1" if status is not None else output
        words = words.replace("\nProcess", "\nExit Code: 1\nProcess") if status else words
        result = [{"functionResponse": {"name": name, "response": {"output": words}}}]
        call = {"id": f"t{n}", "name": name, "args": given, "result": result, "status": "success"}
        lines.append({"id": f"c{n}", "type": "gemini", "content": "", "toolCalls": [call]})
    return [*lines, {"id": "z", "type": "gemini", "content": LAST}]


@made
def gemini_cli() -> Any:
    # A message is written again whenever something is added to it.
    first, *rest = gemini_messages()
    early = {**rest[1], "toolCalls": []}
    return ({"sessionId": "s", "kind": "main"}, first, early, *rest, {"$set": {"x": 1}})


@made
def gemini_cli_json() -> Any:
    return {"sessionId": "s", "messages": gemini_messages()}


@made
def gemini_api() -> Any:
    told: list[Json] = [
        {"role": "user", "parts": [{"text": ASK}]},
        {"role": "model", "parts": [{"text": FIRST}]},
    ]
    for name, given, output, _ in PLAIN:
        told.append({"role": "model", "parts": [{"functionCall": {"name": name, "args": given}}]})
        back = {"name": name, "response": {"output": output}}
        told.append({"role": "user", "parts": [{"functionResponse": back}]})
    return {"contents": [*told, {"role": "model", "parts": [{"text": LAST}]}]}


@made
def copilot_cli() -> Any:
    lines: list[Json] = [
        {"type": "session.start", "data": {}},
        {"type": "user.message", "data": {"content": ASK}},
        {"type": "assistant.message", "data": {"content": FIRST, "toolRequests": []}},
    ]
    names = calls("create", "edit", "bash", content="file_text", old="old_str", new="new_str")
    for n, (name, given, output, status) in enumerate(names):
        request = {"toolCallId": f"t{n}", "name": name, "arguments": given}
        tail = "" if status is None else f"\n<shellId: 0 completed with exit code {status}>"
        started = {"toolCallId": f"t{n}", "toolName": name, "arguments": given}
        done = {"toolCallId": f"t{n}", "success": True, "model": "m"}
        lines += [
            {"type": "assistant.message", "data": {"content": "", "toolRequests": [request]}},
            {"type": "tool.execution_start", "data": started},
            {
                "type": "tool.execution_complete",
                "data": {**done, "result": {"content": output + tail}},
            },
        ]
    return (*lines, {"type": "assistant.message", "data": {"content": LAST}})


@made
def cursor() -> Any:
    def said(role: str, text: str) -> Json:
        message = {"role": role, "content": [{"type": "text", "text": text}]}
        return {"type": role, "message": message}

    lines: list[Json] = [{"type": "system", "subtype": "init", "model": "m"}]
    lines += [said("user", ASK), said("assistant", FIRST)]
    files = iter([("/w/op.py", BAD, None), ("/w/check.py", CHECK, None), ("/w/op.py", GOOD, BAD)])
    for n, (_, _, output, status) in enumerate(PLAIN):
        if status is None:
            path, after, before = next(files)
            result: Json = {"success": {"path": path, "afterFullFileContent": after}}
            if before:
                result["success"]["beforeFullFileContent"] = before
            inner = {"args": {"path": path, "streamContent": after}}
            tool = "editToolCall"
        else:
            ran = {"exitCode": status, "interleavedOutput": output}
            result = {"failure" if status else "success": ran}
            inner, tool = {"args": {"command": RUN}}, "shellToolCall"
        frame = {"type": "tool_call", "call_id": f"t{n}"}
        lines.append({**frame, "subtype": "started", "tool_call": {tool: inner}})
        whole = {tool: {**inner, "result": result}}
        lines.append({**frame, "subtype": "completed", "tool_call": whole})
    return (*lines, said("assistant", LAST))


@made
def pi() -> Any:
    lines: list[Json] = [{"type": "session", "version": 3}]
    told: list[Json] = [
        {"role": "user", "content": [{"type": "text", "text": ASK}]},
        {"role": "assistant", "model": "m", "content": [{"type": "text", "text": FIRST}]},
    ]
    names = calls("write", "edit", "bash", old="oldText", new="newText")
    for n, (name, given, output, status) in enumerate(names):
        call = {"type": "toolCall", "id": f"t{n}", "name": name, "arguments": given}
        tail = "\n\nCommand exited with code 1" if status else ""
        text = [{"type": "text", "text": output + tail}]
        back = {"role": "toolResult", "toolCallId": f"t{n}", "toolName": name, "content": text}
        told.append({"role": "assistant", "content": [call]})
        told.append({**back, "isError": bool(status)})
    told.append({"role": "assistant", "content": [{"type": "text", "text": LAST}]})
    return (*lines, *({"type": "message", "message": message} for message in told))


@made
def vscode_chat() -> Any:
    rounds: list[Json] = [{"response": FIRST, "toolCalls": []}]
    results: Json = {}
    parts: list[Json] = []
    names = calls("create_file", "replace_string_in_file", "run_in_terminal", "filePath",
                  old="oldString", new="newString")  # fmt: skip
    for n, (name, given, output, status) in enumerate(names):
        call = {"id": f"t{n}", "name": name, "arguments": json.dumps(given)}
        rounds.append({"response": "", "toolCalls": [call]})
        results[f"t{n}"] = {"content": [{"value": output}]}
        if status is not None:
            state = {"kind": "terminal", "terminalCommandState": {"exitCode": status}}
            part = {"kind": "toolInvocationSerialized", "toolCallId": f"t{n}"}
            parts.append({**part, "toolSpecificData": state})
    rounds.append({"response": LAST, "toolCalls": []})
    kept = {"metadata": {"toolCallRounds": rounds, "toolCallResults": results}}
    asked = {"message": {"text": ASK}, "response": parts, "result": kept, "modelId": "m"}
    return {"requests": [asked]}


@made
def vscode_chat_lines() -> Any:
    (asked,) = json.loads(FORMATS["vscode-chat"]())["requests"]
    parts = asked.pop("response")
    return (
        {"kind": 0, "v": {"requests": []}},
        {"kind": 2, "k": ["requests"], "v": [{**asked, "response": []}]},
        {"kind": 2, "k": ["requests", 0, "response"], "v": parts},
        {"kind": 1, "k": ["requests", 0, "modelId"], "v": "m"},
    )


@made
def cline() -> Any:
    told: list[Json] = [{"role": "user", "content": [{"type": "text", "text": f"<task>\n{ASK}"}]}]
    told.append({"role": "assistant", "content": [{"type": "text", "text": FIRST}]})
    diff = f"------- SEARCH\n{OLD}=======\n{NEW}+++++++ REPLACE"
    uses = [
        ("write_to_file", {"absolutePath": "/w/op.py", "content": BAD}, "ok"),
        ("write_to_file", {"absolutePath": "/w/check.py", "content": CHECK}, "ok"),
        ("execute_command", {"command": RUN}, f"Exit code: 1\nOutput:\n{TRACE}"),
        ("replace_in_file", {"absolutePath": "/w/op.py", "diff": diff}, "ok"),
        ("execute_command", {"command": RUN}, "Exit code: 0\nOutput:\nfine"),
    ]
    for n, (name, given, output) in enumerate(uses):
        use = {"type": "tool_use", "id": f"t{n}", "name": name, "input": given}
        told.append({"role": "assistant", "content": [use], "modelInfo": {"modelId": "m"}})
        words = [f"[{name} for 'it'] Result:\n{output}", "<environment_details>\n# Mode"]
        told.append({"role": "user", "content": [{"type": "text", "text": w} for w in words]})
    done = {"type": "tool_use", "id": "z", "name": "attempt_completion", "input": {"result": LAST}}
    return [*told, {"role": "assistant", "content": [done]}]


@made
def cline_xml() -> Any:
    diff = f"<<<<<<< SEARCH\n:start_line:2\n-------\n{OLD}=======\n{NEW}>>>>>>> REPLACE"
    uses = [
        ("write_to_file", {"path": "op.py", "content": "\n" + BAD}, "ok"),
        ("write_to_file", {"path": "check.py", "content": "\n" + CHECK}, "ok"),
        ("execute_command", {"command": RUN}, f"Command executed.\nOutput:\n{TRACE}"),
        ("apply_diff", {"path": "op.py", "diff": f"\n{diff}\n"}, "ok"),
        ("execute_command", {"command": RUN}, "Command executed.\nOutput:\nfine"),
    ]
    told: list[Json] = [{"role": "user", "content": f"<task>\n{ASK}"}]
    for n, (name, given, output) in enumerate(uses):
        inner = "".join(f"<{key}>{value}\n</{key}>\n" for key, value in given.items())
        words = f"{FIRST if not n else ''}\n<{name}>\n{inner}</{name}>"
        told.append({"role": "assistant", "content": words})
        told.append({"role": "user", "content": f"[{name} for 'it'] Result:\n{output}"})
    last = f"<attempt_completion>\n<result>\n{LAST}\n</result>\n</attempt_completion>"
    return [*told, {"role": "assistant", "content": last}]


@made
def langchain() -> Any:
    told: list[Json] = [{"type": "human", "data": {"content": ASK}}]
    told.append({"type": "ai", "data": {"content": FIRST, "response_metadata": {"model": "m"}}})
    for n, (name, given, output, status) in enumerate(PLAIN):
        call = {"name": name, "args": given, "id": f"t{n}"}
        word = {0: "succeeded", 1: "failed", None: ""}[status]
        tail = "" if status is None else f"\n[Command {word} with exit code {status}]"
        back = {"content": output + tail, "tool_call_id": f"t{n}", "status": "success"}
        told.append({"type": "ai", "data": {"content": "", "tool_calls": [call]}})
        told.append({"type": "tool", "data": back})
    return [*told, {"type": "ai", "data": {"content": LAST}}]


@made
def langsmith() -> Any:
    flat = [{"type": m["type"], **m["data"]} for m in json.loads(FORMATS["langchain"]())]
    return {"run_type": "chain", "inputs": {}, "outputs": {"messages": flat}}


@made
def langchain_constructors() -> Any:
    names = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage"}
    told = json.loads(FORMATS["langchain"]())
    return [{"lc": 1, "type": "constructor", "id": ["langchain", names[m["type"]]],
             "kwargs": m["data"]} for m in told]  # fmt: skip


@made
def pydantic_ai() -> Any:
    def asked(*parts: Json) -> Json:
        return {"kind": "request", "parts": list(parts)}

    def said(*parts: Json) -> Json:
        return {"kind": "response", "parts": list(parts), "model_name": "m"}

    told = [asked({"part_kind": "user-prompt", "content": ASK})]
    told.append(said({"part_kind": "text", "content": FIRST}))
    for n, (name, given, output, _) in enumerate(PLAIN):
        call = {"part_kind": "tool-call", "tool_name": name, "tool_call_id": f"t{n}"}
        told.append(said({**call, "args": json.dumps(given)}))
        back = {"part_kind": "tool-return", "tool_name": name, "tool_call_id": f"t{n}"}
        told.append(asked({**back, "content": output}))
    return [*told, said({"part_kind": "text", "content": LAST})]


@made
def ai_sdk() -> Any:
    told: list[Json] = [{"role": "user", "content": [{"type": "text", "text": ASK}]}]
    told.append({"role": "assistant", "content": [{"type": "text", "text": FIRST}]})
    for n, (name, given, output, _) in enumerate(PLAIN):
        named = {"toolCallId": f"t{n}", "toolName": name}
        call, back = (
            {"type": "tool-call", **named, "input": given},
            {"type": "tool-result", **named},
        )
        told.append({"role": "assistant", "content": [call]})
        value = {"type": "text", "value": output}
        told.append({"role": "tool", "content": [{**back, "output": value}]})
    return [*told, {"role": "assistant", "content": [{"type": "text", "text": LAST}]}]


@made
def ai_sdk_ui() -> Any:
    parts: list[Json] = [{"type": "step-start"}, {"type": "text", "text": FIRST}]
    for n, (name, given, output, status) in enumerate(PLAIN):
        back = {"stdout": output, "exitCode": status} if status is not None else output
        part = {"type": f"tool-{name}", "toolCallId": f"t{n}", "state": "output-available"}
        parts.append({**part, "input": given, "output": back})
    parts.append({"type": "text", "text": LAST})
    asked = {"role": "user", "parts": [{"type": "text", "text": ASK}]}
    return {"messages": [asked, {"role": "assistant", "parts": parts}]}


@made
def bedrock() -> Any:
    told: list[Json] = [{"role": "user", "content": [{"text": ASK}]}]
    told.append({"role": "assistant", "content": [{"text": FIRST}]})
    for n, (name, given, output, status) in enumerate(PLAIN):
        use = {"toolUse": {"toolUseId": f"t{n}", "name": name, "input": given}}
        state = {"status": "error" if status else "success"}
        back = {"toolResult": {"toolUseId": f"t{n}", "content": [{"text": output}], **state}}
        told += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [back]}]
    return {"modelId": "m", "messages": [*told, {"role": "assistant", "content": [{"text": LAST}]}]}


@made
def sharegpt() -> Any:
    told: list[Json] = [{"from": "human", "value": ASK}, {"from": "gpt", "value": FIRST}]
    for name, given, output, status in PLAIN:
        call = json.dumps({"name": name, "arguments": given})
        code = "" if status is None else f"exit code: {status}\n"
        told.append({"from": "function_call", "value": call})
        told.append({"from": "observation", "value": code + output})
    return {"conversations": [*told, {"from": "gpt", "value": LAST}]}


@made
def claude_ai() -> Any:
    told = [{"sender": "human", "text": ASK, "content": []}]
    for n, (first, given) in enumerate(
        [
            (FIRST, {"command": "create", "id": "op", "language": "python", "content": BAD}),
            ("", {"command": "update", "id": "op", "old_str": OLD, "new_str": NEW}),
        ]
    ):
        use = {"type": "tool_use", "id": f"t{n}", "name": "artifacts", "input": given}
        back = {"type": "tool_result", "tool_use_id": f"t{n}", "content": "ok"}
        said = {"type": "text", "text": first}
        told.append({"sender": "assistant", "text": first, "content": [said, use, back]})
    return {"uuid": "u", "chat_messages": [*told, {"sender": "assistant", "text": LAST}]}


@made
def atif() -> Any:
    steps: list[Json] = [{"step_id": 1, "source": "user", "message": ASK}]
    steps.append({"step_id": 2, "source": "agent", "message": FIRST})
    for n, (name, given, output, status) in enumerate(CLAUDE):
        call = {"tool_call_id": f"t{n}", "function_name": name, "arguments": given}
        words = output if status is None else f"Exit code {status}\n{output}"
        seen = {"results": [{"source_call_id": f"t{n}", "content": words}]}
        step = {"source": "agent", "message": f"Executed {name} t{n}"}
        steps.append({**step, "tool_calls": [call], "observation": seen})
    steps.append({"source": "agent", "message": LAST})
    agent = {"name": "a", "version": "1", "model_name": "m"}
    return {"schema_version": "ATIF-v1.7", "agent": agent, "steps": steps}


EDITOR = [
    ("str_replace_editor", {"command": "create", "path": "/w/op.py", "file_text": BAD}, "ok"),
    ("str_replace_editor", {"command": "create", "path": "/w/check.py", "file_text": CHECK}, "ok"),
    ("bash", {"command": RUN}, TRACE),
    ("str_replace_editor",
     {"command": "str_replace", "path": "/w/op.py", "old_str": OLD, "new_str": NEW}, "ok"),
    ("bash", {"command": RUN}, "fine"),
]  # fmt: skip


@made
def swe_agent() -> Any:
    told: list[Json] = [
        {"role": "assistant", "content": "For example.", "is_demo": True, "action": "rm -rf /"},
        {"role": "user", "content": [{"type": "text", "text": ASK}], "message_type": "observation"},
    ]
    for n, (name, given, output) in enumerate(EDITOR):
        calling = {"role": "assistant", "content": FIRST if not n else "", "action": "x"}
        told.append({**calling, "message_type": "action", "tool_calls": [function(n, name, given)]})
        words = [{"type": "text", "text": f"OBSERVATION:\n{output}"}]
        told.append({"role": "tool", "content": words, "tool_call_ids": [f"t{n}"]})
    end = {"role": "assistant", "content": LAST, "action": "submit"}
    return {"history": [*told, {**end, "tool_calls": [function(9, "submit", {})]}], "info": {}}


@made
def swe_agent_text() -> Any:
    from shlex import quote

    steps: list[Json] = []
    for n, (name, given, output) in enumerate(EDITOR):
        action = given["command"]
        if name != "bash":
            rest = "".join(f" --{k} {quote(v)}" for k, v in list(given.items())[2:])
            action = f"str_replace_editor {given['command']} {given['path']}{rest}"
        steps.append({"action": action, "observation": output, "thought": FIRST if not n else ""})
    steps.append({"action": "submit", "observation": "", "thought": LAST})
    return {"trajectory": steps, "history": [], "info": {}}


def here(path: str, text: str) -> str:
    return f"cat > {path} <<'EOF'\n{text}EOF"


@made
def mini_swe_agent() -> Any:
    told: list[Json] = [{"role": "user", "content": ASK}]
    runs = [(here("op.py", BAD), "", 0), (here("check.py", CHECK), "", 0), (RUN, TRACE, 1)]
    runs += [(here("op.py", GOOD), "", 0), (RUN, "fine", 0)]
    for n, (command, output, status) in enumerate(runs):
        words = f"{FIRST if not n else 'Next.'}\n\n```mswea_bash_command\n{command}\n```"
        told.append({"role": "assistant", "content": words, "extra": {
            "actions": [{"command": command}]}})  # fmt: skip
        text = f"<returncode>{status}</returncode>\n<output>\n{output}\n</output>"
        told.append({"role": "user", "content": text, "extra": {"returncode": status}})
    told.append({"role": "assistant", "content": LAST, "extra": {"actions": []}})
    return {"trajectory_format": "mini-swe-agent-1.1", "info": {}, "messages": told}


@made
def mini_swe_agent_old() -> Any:
    whole = json.loads(FORMATS["mini-swe-agent"]())
    for message in whole["messages"]:
        message.pop("extra", None)
        if isinstance(message["content"], str):
            message["content"] = message["content"].replace("mswea_bash_command", "bash")
    return {"info": {"mini_version": "1.9"}, "messages": whole["messages"]}


@made
def openhands() -> Any:
    def said(source: str, text: str) -> Json:
        message = {"role": source, "content": [{"type": "text", "text": text}]}
        return {"kind": "MessageEvent", "source": source, "llm_message": message}

    lines = [said("user", ASK)]
    for n, (name, given, output) in enumerate(EDITOR):
        thought = [{"type": "text", "text": FIRST}] if not n else []
        tool = "terminal" if name == "bash" else "file_editor"
        action = {"kind": "ActionEvent", "source": "agent", "tool_name": tool, "action": given}
        lines.append({**action, "tool_call_id": f"t{n}", "thought": thought})
        seen: Json = {"content": [{"type": "text", "text": output}], "is_error": False}
        if name == "bash":
            seen["exit_code"] = int(output == TRACE)
        back = {"kind": "ObservationEvent", "source": "environment", "observation": seen}
        lines.append({**back, "tool_call_id": f"t{n}"})
    done = {"kind": "ActionEvent", "source": "agent", "tool_name": "finish", "tool_call_id": "z"}
    return (*lines, {**done, "action": {"message": LAST}})


@made
def openhands_old() -> Any:
    events: list[Json] = [
        {"id": 0, "source": "user", "action": "message", "args": {"content": ASK}},
    ]
    for n, (name, given, output) in enumerate(EDITOR):
        action = {"id": 2 * n + 1, "source": "agent", "action": "run" if name == "bash" else "edit"}
        events.append({**action, "args": {**given, "thought": FIRST if not n else ""}})
        back: Json = {"id": 2 * n + 2, "source": "agent", "cause": 2 * n + 1, "content": output}
        if name == "bash":
            back["extras"] = {"metadata": {"exit_code": int(output == TRACE)}}
        events.append({**back, "observation": action["action"]})
    end = {"id": 99, "source": "agent", "action": "finish", "args": {"message": LAST}}
    return {"instance_id": "i", "history": [*events, end]}


@made
def inspect() -> Any:
    def call(n: int, name: str, given: Json) -> Json:
        return {"id": f"t{n}", "function": name, "arguments": given}

    told = [{**m, "content": m["content"] or ""} for m in chat(call)]
    for message in told:
        message["content"] = message["content"].removeprefix("exit code: 1\n")
        message["content"] = message["content"].removeprefix("exit code: 0\n")
    return {"eval": {"model": "m"}, "samples": [{"id": "s", "epoch": 1, "messages": told}]}


@made
def neutral() -> Any:
    steps: list[Json] = [{"kind": "user said", "text": ASK}, {"kind": "said", "text": FIRST}]
    steps.append({"kind": "wrote", "path": "op.py", "text": BAD})
    steps.append({"kind": "wrote", "path": "check.py", "text": CHECK})
    steps.append({"kind": "ran", "text": RUN, "output": TRACE, "exit_code": 1})
    steps.append({"kind": "edited", "path": "op.py", "edits": [{"old": OLD, "new": NEW}]})
    steps.append({"kind": "ran", "text": RUN, "output": "fine", "exit_code": 0})
    steps.append({"kind": "said", "text": LAST})
    sample = {"model": "m", "steps": steps}
    return {"format": "harness-transcript", "version": 1, "samples": [sample]}


@made
def aider() -> Any:
    def block(path: str, old: str, new: str) -> str:
        return f"{path}\n```python\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n"

    quoted = "".join(f"> {line}\n" for line in TRACE.split("\n"))
    text = f"""
# aider chat started at 2030-01-01 09:00:00

> Main model: m with diff edit format

#### {ASK}

{FIRST}

{block("op.py", "", BAD)}
{block("check.py", "", CHECK)}
> Applied edit to op.py
> Applied edit to check.py

> Running {RUN}

{quoted}
> Attempt to fix test errors? (Y)es/(N)o [Yes]: y

{block("op.py", OLD, NEW)}
> Applied edit to op.py
> Running {RUN}
> fine

{LAST}
"""
    # It ends its own lines, and those of the user, with two blanks.
    ours = ("> ", "#### ")
    lines = text.split("\n")
    return "\n".join(line + "  " * line.startswith(ours) for line in lines)
