"""All executors pass one suite."""

from __future__ import annotations

import pytest

from narrate.executors import Executor
from narrate.executors.inline import Inline
from narrate.executors.processes import LOOKAHEAD, Processes
from narrate.executors.threads import Threads
from tests.suites.executor_suite import ExecutorSuite


class TestInline(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return Inline()


class TestThreads(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return Threads(4)


class TestProcesses(ExecutorSuite):
    lookahead = LOOKAHEAD + 10

    @pytest.fixture
    def executor(self) -> Executor:
        return Processes(2)
