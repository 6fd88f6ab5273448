"""What ends a command with one line for people.

CannotRun
├── BadSetting      a setting is missing or wrong
├── CannotListen    the address cannot be listened on
├── ChildFailed     an embedded program did not start
├── DataInUse       another process has the data folder
├── DataUnusable    the data folder cannot be used
├── NoPrograms      there are no embedded programs here
└── NoSuchUser      nobody has that username
"""

from __future__ import annotations


def first_cause(error: BaseException) -> BaseException:
    """What is inside of a group: it has one cause however many tasks that ended."""
    return first_cause(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


class CannotRun(Exception):
    """The text is one line that says what is wrong and, where that is known, how to mend it."""


class BadSetting(CannotRun):
    """A setting is missing or wrong; the text begins with its name."""


class CannotListen(CannotRun):
    """The address is taken, or is not this machine's."""


class ChildFailed(CannotRun):
    """A program ended at its start, or was not ready in time; the text ends with its last words."""


class DataInUse(CannotRun):
    """Another process has the data folder."""


class DataUnusable(CannotRun):
    """The data folder cannot be used."""


class NoPrograms(CannotRun):
    """This system has no embedded PostgreSQL or Redis."""


class NoSuchUser(CannotRun):
    """A username was given that nobody has."""
