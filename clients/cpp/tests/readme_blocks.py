#!/usr/bin/env python3
"""Cuts the C++ blocks out of the client's README, for readme_test.cc to be compiled around them.

  readme_blocks.py README.md FOLDER

Writes FOLDER/SECTION.inc for each section that has a block (`start` for what stands before the
first section) and FOLDER/count.inc with their number. What a reader has to put in place of the
README's is replaced: addresses and files. The compiler names lines of the README.
"""

import pathlib
import re
import sys

BLOCK = re.compile(r"^## (?P<section>[^\n]*)$|^```cpp\n(?P<code>.*?)^```$",
                   re.MULTILINE | re.DOTALL)
IN_PLACE = (('"127.0.0.1"', '"127.0.0.1", .port = port'),
            ('"db.internal"', '"localhost", .port = port'), ('"ca.pem"', "files.ca()"),
            ('"me.pem"', "files.client_cert()"), ('"me.key"', "files.client_key()"))
HEAD = re.compile(r"^(#include|using namespace) .*\n", re.MULTILINE)


def main(readme, folder):
    text, folder = pathlib.Path(readme).read_text(encoding="utf-8"), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    section, written = "start", set()
    for found in BLOCK.finditer(text):
        if found["section"]:
            section = found["section"].split()[0].lower()
            continue
        if section in written:
            sys.exit(f"{readme}: a second block in {section}; the first one's file has its name")
        code = HEAD.sub("\n", found["code"])
        for there, here in IN_PLACE:
            code = code.replace(there, here)
        line = text.count("\n", 0, found.start("code")) + 1
        (folder / f"{section}.inc").write_text(f'#line {line} "{readme}"\n{code}')
        written.add(section)
    (folder / "count.inc").write_text(f"{len(written)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
