"""Commands. Every command answers on the standard output; a bad input is one Chinese sentence on the error output and exit code 2."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from datetime import date
from typing import NoReturn

from shebao.base.errors import ShebaoError
from shebao.base.money import MoneyError, fen
from shebao.base.months import Month, MonthError, first_day, month

EXIT_BAD_INPUT = 2

_SENTENCES = (
    (re.compile(r"the following arguments are required: (.+)"), "缺少参数 {}，请补充"),
    (re.compile(r"unrecognized arguments: (.+)"), "不认识的参数 {}，请核对"),
    (re.compile(r"argument (.+?): expected one argument"), "参数 {} 后面缺少内容，请补充"),
    (re.compile(r"argument (.+?): invalid choice: (.+?) \(choose from (.+)\)"), "参数 {} 不能是 {}，可选：{}"),
    (re.compile(r"argument (.+?): ignored explicit argument (.+)"), "参数 {} 不需要内容 {}，请去掉"),
    (re.compile(r"argument (.+?): (.*[\u4e00-\u9fff].*)"), "参数 {}：{}"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser that explains itself and says no in Chinese. Abbreviated options are refused, so that new ones break nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs |= {"allow_abbrev": False, "add_help": False}
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._positionals.title, self._optionals.title = "参数", "选项"
        self.add_argument("-h", "--help", action="help", help="显示这份说明")

    def format_help(self) -> str:
        return super().format_help().replace("usage: ", "用法：", 1)

    def format_usage(self) -> str:
        return super().format_usage().replace("usage: ", "用法：", 1)

    def error(self, message: str) -> NoReturn:
        for pattern, sentence in _SENTENCES:
            if match := pattern.fullmatch(message):
                message = sentence.format(*match.groups())
                break
        print(f"{message}（用法见 {self.prog} --help）", file=sys.stderr)
        raise SystemExit(EXIT_BAD_INPUT)


def answering(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Turn an expected 'no' into its sentence and exit code 2."""

    def run(args: argparse.Namespace) -> int:
        try:
            return command(args)
        except ShebaoError as error:
            print(error.text, file=sys.stderr)
            return EXIT_BAD_INPUT
        except BrokenPipeError:  # the reader (head, less) has gone: nothing more to say, and nothing at exit either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    return run


def day(text: str) -> date:
    """An argument like 2025-11-03."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"“{text}”不是有效的日期，请按 2025-11-03 的形式填写")


def month_or_day(text: str) -> date:
    """An argument like 2025-11 (its first day) or 2025-11-03."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return day(text)
    return first_day(a_month(text))


def a_month(text: str) -> Month:
    """An argument like 2025-11 or 202511."""
    try:
        return month(text)
    except MonthError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def amount(text: str) -> int:
    """An argument in yuan, not negative; the value is fen."""
    try:
        value = fen(text)
    except MoneyError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if value < 0:
        raise argparse.ArgumentTypeError("金额不能为负数，请核对")
    return value


def whole(text: str) -> int:
    """An argument that is a whole number from 0 to 100,000."""
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) or int(text) > 100_000:
        raise argparse.ArgumentTypeError(f"“{text}”不是有效的整数，请填 0 至 100000 的整数")
    return int(text)
