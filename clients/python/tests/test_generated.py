"""The blocking client is what tools/generate_sync.py makes of the asyncio one."""

from __future__ import annotations

import inspect
import pathlib
import subprocess
import sys

import generate_sync
import pytest

import rstmdb
import rstmdb.sync

TOOL = pathlib.Path(generate_sync.__file__)


def test_it_is_not_stale() -> None:
    checked = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_staleness_is_seen(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("_async", "_sync"):
        (tmp_path / folder).mkdir()
        for name in generate_sync.FILES:
            source = generate_sync.PACKAGE / folder / name
            (tmp_path / folder / name).write_text(source.read_text())
    monkeypatch.setattr(generate_sync, "PACKAGE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate_sync", "--check"])
    with pytest.raises(SystemExit) as fine:
        generate_sync.main()
    assert fine.value.code == 0
    with (tmp_path / "_async/client.py").open("a") as source:
        source.write("\n\nasync def more() -> None:\n    await more()\n")
    with pytest.raises(SystemExit) as stale:
        generate_sync.main()
    assert stale.value.code == 1


def test_what_it_changes() -> None:
    source = '''
class A:
    """`async with A()` and é."""

    async def __aenter__(self) -> AsyncIterator[int]:  # a comment
        async for é, x in f(await g(await h())):
            async with x as y:
                await y
        raise StopAsyncIteration
'''
    assert generate_sync.generate(source, "a.py") == (
        generate_sync.HEADER.format(name="a.py")
        + '''
class A:
    """`with A()` and é."""

    def __enter__(self) -> Iterator[int]:  # a comment
        for é, x in f(g(h())):
            with x as y:
                y
        raise StopIteration
'''
    )
    with pytest.raises(SystemExit, match="left"):
        generate_sync.generate("import asyncio\n", "a.py")
    with pytest.raises(SystemExit, match="comprehension"):
        generate_sync.generate("async def f():\n    return [x async for x in y]\n", "a.py")


@pytest.mark.parametrize("name", ["Client", "Subscription"])
def test_both_have_the_same_methods(name: str) -> None:
    one, other = getattr(rstmdb, name), getattr(rstmdb.sync, name)

    def public(kind: type) -> dict[str, list[str]]:
        return {
            key: list(inspect.signature(value).parameters)
            for key, value in inspect.getmembers(kind, inspect.isfunction)
            if not key.startswith("_")
        }

    assert public(one) == public(other)
    blocking = inspect.getmembers(other, inspect.isfunction)
    assert not [key for key, value in blocking if inspect.iscoroutinefunction(value)]
