"""How people are called where nobody is to know who they are (specification 004, blind mode)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Container
from itertools import count
from typing import Final

_QUALITIES = (
    "가벼운 강인한 건강한 고요한 고운 귀여운 기발한 깊은 깔끔한 꼼꼼한 나른한 "
    "낙천적인 느긋한 다정한 단단한 담대한 당당한 대담한 든든한 따뜻한 똑똑한 맑은 "
    "멋진 명랑한 밝은 별난 부드러운 부지런한 붉은 빛나는 빠른 산뜻한 상냥한 새로운 "
    "선선한 섬세한 성실한 소박한 솔직한 수줍은 순한 신나는 신비한 신중한 싱그러운 "
    "씩씩한 아늑한 알뜰한 야무진 여유로운 영리한 온화한 용감한 우아한 유쾌한 은은한 "
    "의젓한 잔잔한 재빠른 재치있는 정겨운 조용한 즐거운 지혜로운 진지한 차분한 착한 "
    "참신한 천진한 친절한 침착한 쾌활한 태평한 털털한 튼튼한 편안한 평온한 포근한 "
    "푸른 푸근한 한가한 한결같은 해맑은 화사한 활기찬 활발한 훈훈한 힘찬"
)
QUALITIES: Final = tuple(_QUALITIES.split())
_ANIMALS = (
    "가재 갈매기 강아지 개구리 개미 거북이 고니 고라니 고래 고슴도치 고양이 곰 공작 "
    "기러기 기린 까치 꽃게 꾀꼬리 나비 낙타 너구리 노루 노새 다람쥐 달팽이 담비 "
    "당나귀 도롱뇽 도마뱀 독수리 돌고래 두견이 두더지 두루미 두꺼비 딱따구리 망아지 "
    "매 메뚜기 무당벌레 문어 물개 물범 미어캣 바다사자 박새 반달곰 반딧불이 백로 "
    "범고래 벌새 병아리 부엉이 북극곰 비둘기 비버 사슴 사자 산양 살쾡이 삵 삽살개 "
    "새우 소쩍새 송아지 수달 알파카 앵무새 양 어치 얼룩말 여우 염소 오리 오소리 "
    "올빼미 왜가리 원앙 잉꼬 제비 족제비 종달새 직박구리 참새 청설모 치타 캥거루 "
    "코끼리 코알라 타조 토끼 판다 펭귄 표범 풍뎅이 하늘소 하마 해달 해마 호랑이 "
    "황새 후투티"
)
ANIMALS: Final = tuple(_ANIMALS.split())
ENOUGH: Final = 64
"""Attempts without a number behind the name: with the most members a room can have, one does."""

_SHAPE = re.compile(f"(?:{'|'.join(QUALITIES)})(?:{'|'.join(ANIMALS)})\\d*")


def is_pseudonym(name: str) -> bool:
    """Whether somebody of a blind room could be called *name*.

    >>> is_pseudonym("유쾌한여우"), is_pseudonym("유쾌한여우64"), is_pseudonym("여우")
    (True, True, False)
    """
    return _SHAPE.fullmatch(name) is not None


def pseudonym(key: bytes, room: str, user: str, taken: Container[str | None]) -> str:
    """A name for *user* in *room* that nobody there has yet.

    It is the same for the same room, user, *key* and *taken*, and tells nothing of the same user
    in another room: without the *key* no name can be computed, and none can be guessed from others.

    >>> pseudonym(b"key", "room", "ann", ())
    '유쾌한여우'
    """
    for attempt in count():
        words = f"{room}\0{user}\0{attempt}".encode()
        drawn = int.from_bytes(hmac.digest(key, words, "sha256")[:8], "big")
        rest, quality = divmod(drawn, len(QUALITIES))
        name = QUALITIES[quality] + ANIMALS[rest % len(ANIMALS)]
        if attempt >= ENOUGH:
            name += str(attempt)
        if name not in taken:
            return name
    raise AssertionError("endless")
