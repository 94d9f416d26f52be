"""The command blocks of a page of docs/: what stands between fences without a language.

A comment in the line before a fence says how a block is tested:
  <!-- test: not run: REASON -->     nobody runs it
  <!-- test: packages -->            the test of the packages runs it, in a booted Debian
  <!-- test: in the background -->   it ends with a node that goes on; the next block waits for the node's `ready`
  <!-- test: on each server -->      it is run on three servers, with its first line changed as the page says
  <!-- test: cron -->                a line of a crontab: its command is run once, by cron's rules
Without a comment deploy_docs_test runs it.
Usage as a program:
  doc_blocks.py PAGE SECTION KIND...      prints the blocks of these kinds in a section, as one script
  doc_blocks.py --sections PAGE KIND...   prints the sections that have such a block
"""
import re
import sys
import textwrap
from collections import namedtuple

Block = namedtuple("Block", "kind line text section")
KINDS = ("run", "packages", "in the background", "on each server", "cron", "not run")


def blocks_of(path):
    out = []
    kind, inside, begun, language, section = None, None, 0, "", ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = re.match(r"\s*```(\S*)\s*$", line)
        comment = re.match(r"\s*<!-- test: ([a-z ]+?)(: .+)? -->\s*$", line)
        if inside is None and line.startswith("## "):
            section = line[3:].strip()
        if inside is None and comment:
            kind = comment[1]
            if kind not in KINDS or (kind == "not run") != bool(comment[2]):
                raise SystemExit(f"{path}:{number}: not a comment for the test: {line.strip()}")
        elif fence and inside is None:
            inside, begun, language = [], number, fence[1]
        elif fence:
            if not language:
                out.append(Block(kind or "run", begun, textwrap.dedent("\n".join(inside)) + "\n", section))
            inside, kind = None, None
        elif inside is not None:
            inside.append(line)
    return out


if __name__ == "__main__":
    import pathlib
    if sys.argv[1] == "--sections":
        for section in sorted({one.section for one in blocks_of(pathlib.Path(sys.argv[2])) if one.kind in sys.argv[3:]}):
            print(section)
        sys.exit(0)
    found = [one.text for one in blocks_of(pathlib.Path(sys.argv[1]))
             if one.section == sys.argv[2] and one.kind in sys.argv[3:]]
    if not found:
        raise SystemExit(f"{sys.argv[1]}: no such block in '{sys.argv[2]}'")
    print("".join(found), end="")
