#!/usr/bin/env python3
"""Makes the blocking client from the asyncio one.

  tools/generate_sync.py            writes src/rstmdb/_sync/{client,subscription}.py
  tools/generate_sync.py --check    says whether they are as it would write them

The syntax tree says where `async` and `await` stand and which names have a blocking counterpart;
only those places of the text are changed, so comments and lines stay as they were written.
"""

import argparse
import ast
import pathlib
import re
import sys

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "src/rstmdb"
FILES = ("client.py", "subscription.py")
NAMES = {
    "AsyncIterator": "Iterator",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
HEADER = "# Made by tools/generate_sync.py from _async/{name}; change that file.\n"


class Places(ast.NodeVisitor):
    """[(line, column, the text there, the text instead)], columns in bytes as ast counts them."""

    def __init__(self):
        self.found = []

    def replace(self, node, old, new, column=0):
        self.found.append((node.lineno, node.col_offset + column, old, new))

    def visit_AsyncFunctionDef(self, node):
        self.replace(node, "async def", "def")
        self._definition(node, len("async def "))

    def visit_FunctionDef(self, node):
        self._definition(node, len("def "))

    def _definition(self, node, column):
        if node.name in NAMES:
            self.replace(node, node.name, NAMES[node.name], column)
        self.generic_visit(node)

    def visit_AsyncFor(self, node):
        self.replace(node, "async for", "for")
        self.generic_visit(node)

    def visit_AsyncWith(self, node):
        self.replace(node, "async with", "with")
        self.generic_visit(node)

    def visit_Await(self, node):
        self.replace(node, "await ", "")
        self.generic_visit(node)

    def visit_Name(self, node):
        if node.id in NAMES:
            self.replace(node, node.id, NAMES[node.id])

    def visit_alias(self, node):
        if node.name in NAMES:
            self.replace(node, node.name, NAMES[node.name])

    def visit_comprehension(self, node):
        if node.is_async:
            raise SystemExit("an asynchronous comprehension cannot be made into a blocking one yet")
        self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, str) and "async with" in node.value:
            self.found.append((node.lineno, node.col_offset, None, node.end_lineno))


def generate(source, name):
    places = Places()
    places.visit(ast.parse(source))
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    for number, column, old, new in sorted(places.found, key=lambda p: p[:2], reverse=True):
        if old is None:  # an example in a docstring
            for line in range(number - 1, new):
                lines[line] = lines[line].replace(b"async with", b"with")
            continue
        line = lines[number - 1]
        if line[column : column + len(old)] != old.encode():
            raise SystemExit(f"{name}:{number}:{column}: expected {old!r} in {line!r}")
        lines[number - 1] = line[:column] + new.encode() + line[column + len(old) :]
    text = b"".join(lines).decode()
    if left := re.search(r"\b(?:async|await|asyncio)\b", text):
        raise SystemExit(f"{name}: {left.group()} is left in the text")
    return HEADER.format(name=name) + text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    stale = []
    for name in FILES:
        target = PACKAGE / "_sync" / name
        text = generate((PACKAGE / "_async" / name).read_text(), name)
        if args.check:
            if not target.exists() or target.read_text() != text:
                stale.append(name)
        else:
            target.write_text(text)
    for name in stale:
        print(f"_sync/{name} is stale: run tools/generate_sync.py")
    sys.exit(1 if stale else 0)


if __name__ == "__main__":
    main()
