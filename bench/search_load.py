"""A million messages to search in, of words as Koreans chat with, loaded past the journal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final, NamedTuple

_COMMON = """
네 아니 오늘 내일 지금 그거 이거 저는 그래서 그런데 진짜 정말 너무 조금 빨리 감사합니다
확인했습니다 부탁드려요 알겠습니다 수고하셨습니다 괜찮아요 좋아요 어디 언제 누가 왜 점심 저녁
먹었어요 일정 공유 파일 문서 서버 배포 수정 테스트 리뷰 고객 문의 답변 요청 완료 진행 예정 취소
변경 추가 삭제 보고 참고 ㅋㅋㅋ ㅋㅋ ㅎㅎ ㅠㅠ ㅇㅇ ㄴㄴ ok OK yes API DB PR v2 login error 500
404 2026 10시 3시 12:30 100% 5만원 도착했어요 출발합니다 모르겠어요 해볼게요"""
COMMON: Final = _COMMON.split()
SYLLABLES: Final = (
    "가강개거건겁게결경계고공과관광교구국군권그극근금기길김나남내너노누다단담당대도동두드등라란"
    "람래러력령로록료류리마만말매면명모목무문물미민바반발방배백번범변별보복본부분불비사산상생서"
    "선설성세소속손송수순술스시식신실심아안애야약양어업에여연영예오온완외요용우운원월위유육은을"
    "음이익인일임입자작장재저적전절점정제조족존종주준중즈지직진질차참창처천철청체초촌총최추축출"
    "충치친카커코크타택토통투트파판편평포표품풍프피하학한합항해행향현형호화환활황후흥희"
)
ENDINGS: Final = ("", "", "은", "는", "이", "가", "을", "를", "에서", "으로", "입니다", "했어요")
WORDS: Final = 4_000
FAMILIAR: Final = 0.6  # of the words that are said are common ones

PLANTED: Final = {"펭귄탑": 100_000, "견적서": 1_000, "회의록": 10}
"""Each word is said in one of so many messages."""

COLUMNS: Final = (
    "room_no",
    "seq",
    "kind",
    "sender_no",
    "countable",
    "at",
    "client_id",
    "digest",
    "body",
)
BEGUN: Final = 1_760_000_000_000
MS_APART: Final = 400


class Shape(NamedTuple):
    """Rooms numbered from *first*, of which each in turn gets a message."""

    first: int
    rooms: int
    messages: int


def messages(shape: Shape, seed: int) -> Iterator[tuple[Any, ...]]:
    """Rows of COLUMNS."""
    chance = random.Random(seed)  # noqa: S311 - the same messages each time
    words = [*COMMON, *(_word(chance) for _ in range(WORDS))]
    shares = list(accumulate(_shares(len(words))))
    for n in range(shape.messages):
        said = chance.choices(words, cum_weights=shares, k=chance.randint(1, 12))
        said += [word for word, every in PLANTED.items() if chance.randrange(every) == 0]
        room, seq = shape.first + n % shape.rooms, 1 + n // shape.rooms
        sender, at = 1 + chance.randrange(50), BEGUN + n * MS_APART
        yield room, seq, 1, sender, seq, at, f"c{n}", n, " ".join(said)


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) + chance.choice(ENDINGS)


def _shares(count: int) -> Iterator[float]:
    """Common words evenly, the others by Zipf's law."""
    yield from [FAMILIAR / len(COMMON)] * len(COMMON)
    rest = [1 / (10 + rank) for rank in range(count - len(COMMON))]
    yield from ((1 - FAMILIAR) * share / sum(rest) for share in rest)
