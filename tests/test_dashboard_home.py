"""Callbacks from any thread come home, and nothing that goes wrong is lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from wsim.dashboard.home import HomeLoop
from wsim.errors import UsageError


def elsewhere(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_call_from_another_thread_runs_at_home():
    async def main():
        seen = []
        home = HomeLoop()
        elsewhere(home.callback(lambda value: seen.append((value, threading.get_ident()))), 7)
        assert seen == []
        await settle()
        assert seen == [(7, threading.get_ident())]

    asyncio.run(main())


def test_a_call_at_home_runs_at_once():
    async def main():
        seen = []
        HomeLoop().call(seen.append, 1)
        assert seen == [1]

    asyncio.run(main())


def test_without_a_loop_calls_run_where_they_are_made():
    seen = []
    home = HomeLoop()
    elsewhere(home.call, seen.append, 1)
    assert seen == [1]
    assert home.loop is None


def test_exceptions_of_calls_and_tasks_are_reported_at_home():
    async def main():
        told = []
        home = HomeLoop(lambda error: told.append((str(error), threading.get_ident())))

        async def fails():
            raise ValueError("task")

        elsewhere(home.call, int, "call")
        home.spawn(fails())
        await settle()
        assert [text for text, _ in told] == [
            "invalid literal for int() with base 10: 'call'",
            "task",
        ]
        assert {thread for _, thread in told} == {threading.get_ident()}

    asyncio.run(main())


def test_tasks_are_kept_until_they_end_and_cancelled_on_close():
    async def main():
        home = HomeLoop()
        task = home.spawn(asyncio.sleep(100))
        assert home.tasks == {task}
        home.close()
        await settle()
        assert task.cancelled()
        assert home.tasks == set()

    asyncio.run(main())


def test_after_close_nothing_is_called():
    async def main():
        seen = []
        home = HomeLoop()
        elsewhere(home.call, seen.append, 1)  # on its way when the panel closes
        home.close()
        home.call(seen.append, 2)
        await settle()
        assert seen == []

    asyncio.run(main())


def test_a_task_without_a_loop_is_refused():
    home = HomeLoop()
    with pytest.raises(UsageError, match="notebook cell"):
        home.spawn(asyncio.sleep(0))


def test_without_a_report_the_traceback_is_printed(capsys):
    HomeLoop().call(int, "nonsense")
    assert "invalid literal" in capsys.readouterr().err
