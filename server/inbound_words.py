"""What bots say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["ko", "en"]
Word = Literal[
    "help_kakao",
    "help_discord",
    "link_kakao",
    "link_discord",
    "linked",
    "wrong_code",
    "too_many_tries",
    "too_many",
    "nothing",
    "unread",
    "more",
    "read",
    "read_before",
    "which",
    "gone",
    "no_invitation",
    "accepted",
    "declined",
    "accepted_before",
    "declined_before",
    "repeated",
    "unavailable",
    "late",
]

WORDS: Final[Mapping[Language, Mapping[Word, str]]] = {
    "ko": {
        "help_kakao": "이렇게 보내 주세요.\n· 알림: 읽지 않은 알림 보기\n· 읽음 1, 모두 읽음\n"
        "· 수락 1, 거절 1\n· 연결 코드: 계정 연결",
        "help_discord": "/notifications 읽지 않은 알림 보기 · /read 읽음으로 표시 ·"
        " /accept 초대 수락 · /decline 초대 거절 · /link 계정 연결",
        "link_kakao": "아직 연결된 계정이 없습니다. 마당의 알림 설정에서 연결 코드를 만들어"
        " “연결 코드”라고 보내 주세요. 예: 연결 ABCD2345",
        "link_discord": "아직 연결된 계정이 없습니다. 마당의 알림 설정에서 연결 코드를 만들어"
        " /link 로 보내 주세요. 예: /link ABCD2345",
        "linked": "{name}님의 계정과 연결되었습니다.",
        "wrong_code": "맞지 않거나 기한이 지난 코드입니다. 새 코드를 만들어 다시 보내 주세요.",
        "too_many_tries": "시도가 너무 많습니다. {seconds}초 뒤에 다시 보내 주세요.",
        "too_many": "요청이 너무 많습니다. 잠시 뒤에 다시 보내 주세요.",
        "nothing": "읽지 않은 알림이 없습니다.",
        "unread": "읽지 않은 알림 {count}개",
        "more": "그 밖에 {count}개가 더 있습니다.",
        "read": "{count}개를 읽음으로 표시했습니다.",
        "read_before": "이미 읽었거나 없는 알림입니다.",
        "which": "몇 번 알림인지 알 수 없습니다. 먼저 목록을 보고 그 번호를 보내 주세요.",
        "gone": "그런 알림이 없거나 더 이상 답할 수 없습니다.",
        "no_invitation": "답할 수 있는 초대가 아닙니다.",
        "accepted": "수락했습니다.",
        "declined": "거절했습니다.",
        "accepted_before": "이미 수락한 초대입니다.",
        "declined_before": "이미 거절한 초대입니다.",
        "repeated": "이미 처리한 요청입니다.",
        "unavailable": "지금은 처리할 수 없습니다. 잠시 뒤에 다시 보내 주세요.",
        "late": "처리가 늦어지고 있습니다. 잠시 뒤에 목록을 확인해 주세요.",
    },
    "en": {
        "help_kakao": "Send one of these:\n· list: unread notifications\n· read 1, read all\n"
        "· accept 1, decline 1\n· link CODE: link your account",
        "help_discord": "/notifications shows what is unread · /read marks as read ·"
        " /accept and /decline answer an invitation · /link links your account",
        "link_kakao": "No account is linked yet. Make a code in Madang's notification settings and"
        " send it, such as: link ABCD2345",
        "link_discord": "No account is linked yet. Make a code in Madang's notification settings"
        " and send it, such as: /link ABCD2345",
        "linked": "This is linked with the account of {name} now.",
        "wrong_code": "The code is wrong or out of date. Make a new one and send that.",
        "too_many_tries": "Too many tries. Send it again in {seconds} seconds.",
        "too_many": "Too many requests. Send it again in a moment.",
        "nothing": "There is nothing unread.",
        "unread": "Unread notifications: {count}",
        "more": "And {count} more.",
        "read": "Marked as read: {count}",
        "read_before": "You have read that before, or there is no such one.",
        "which": "It is not clear which one you mean. Ask for the list first, and send a number"
        " of it.",
        "gone": "There is no such notification, or it cannot be answered any more.",
        "no_invitation": "That is no invitation that one can answer.",
        "accepted": "Accepted.",
        "declined": "Declined.",
        "accepted_before": "You have accepted that before.",
        "declined_before": "You have declined that before.",
        "repeated": "That was done before.",
        "unavailable": "This cannot be done right now. Send it again in a moment.",
        "late": "This takes longer than usual. Look at the list in a moment.",
    },
}


def say(language: Language, word: Word, **about: object) -> str:
    """The words for that.

    >>> say("en", "unread", count=3)
    'Unread notifications: 3'
    """
    return WORDS[language][word].format(**about)
