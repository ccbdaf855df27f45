"""Invented names. Common surnames by their frequency, common given characters, a few rare glyphs that every page and paper must hold."""

import random
from dataclasses import dataclass

from shebao.base.terms import Sex

_SURNAMES = {
    72: "王李张",
    45: "刘陈",
    21: "杨黄赵吴周徐",
    12: "孙马朱胡郭何高",
    8: "林罗郑梁谢宋唐许韩冯邓",
    4: "曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢",
    2: "姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛",
}
DOUBLE_SURNAMES = ("欧阳", "上官", "司马", "诸葛")
SURNAMES = [name for names in _SURNAMES.values() for name in names] + list(DOUBLE_SURNAMES)
SURNAME_WEIGHTS = [weight for weight, names in _SURNAMES.items() for _ in names] + [1] * len(DOUBLE_SURNAMES)
MALE = "伟强磊军勇杰涛明超刚平辉鹏华飞波斌宇浩凯健俊帆鑫博文志建国海龙林旭东峰毅成轩泽恒睿安川"
FEMALE = "芳娜敏静丽艳娟霞秀燕玲桂莉婷雪琳晶洁红颖琴云倩璐佳慧欣怡梅兰雅萍蓉思雨梦瑶嘉妍诗萱"
RARE = (
    ("张䶮", Sex.MALE),
    ("李㛃", Sex.FEMALE),
    ("王𬭎", Sex.MALE),
    ("刘𫘧", Sex.MALE),
    ("陈𠅤", Sex.MALE),
    ("买买提·阿卜杜拉", Sex.MALE),
    ("阿依古丽·吐尔逊", Sex.FEMALE),
)
_TRADES = (
    # 行业, 工伤费率类别 (人社部发〔2015〕71号), 字号后的行业词, 相对数量
    ("软件和信息技术服务业", 1, "信息技术", 12),
    ("货币金融服务", 1, "金融服务", 3),
    ("批发业", 2, "商贸", 14),
    ("零售业", 2, "百货", 10),
    ("餐饮业", 2, "餐饮管理", 10),
    ("商务服务业", 2, "企业服务", 9),
    ("教育", 2, "教育咨询", 5),
    ("卫生", 2, "医疗", 4),
    ("食品制造业", 3, "食品", 5),
    ("计算机、通信和其他电子设备制造业", 3, "光电", 6),
    ("汽车制造业", 4, "汽车零部件", 7),
    ("医药制造业", 4, "生物医药", 3),
    ("通用设备制造业", 4, "机械", 5),
    ("建筑装饰业", 5, "装饰工程", 4),
    ("道路运输业", 5, "物流", 5),
    ("房屋建筑业", 6, "建筑工程", 4),
    ("土木工程建筑业", 6, "路桥工程", 2),
    ("石油加工业", 7, "石化", 1),
)
_FIRST = "江汉楚光长天云明安和瑞盛鼎恒华信新中宏远鹏科博联泰丰金正东启"
_SECOND = "城汉江谷成达源通宇创景泽隆诚兴辰捷瑞升晟鑫航力杰康百美邦信"
DEMO_MARK = "（演示）"


@dataclass(frozen=True, slots=True)
class Trade:
    """An industry with its 工伤费率类别 and the word that units of it carry in their names."""

    industry: str
    injury_class: int
    word: str


TRADES = tuple(Trade(industry, injury_class, word) for industry, injury_class, word, _ in _TRADES)
TRADE_WEIGHTS = [weight for *_, weight in _TRADES]


def person_name(chance: random.Random, sex: Sex) -> str:
    """A name of two or three characters."""
    surname = chance.choices(SURNAMES, SURNAME_WEIGHTS)[0]
    given = MALE if sex is Sex.MALE else FEMALE
    return surname + "".join(chance.choices(given, k=1 if chance.random() < 0.28 else 2))


class UnitNames:
    """Names of units, never one twice; every one is marked as invented."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._used = chance, set[str]()

    def fresh(self, trade: Trade) -> str:
        """Like 武汉江城信息技术有限公司（演示）."""
        ending = "股份有限公司" if self._chance.random() < 0.06 else "有限公司"
        for length in (2, 2, 2, 3, 4):
            word = self._chance.choice(_FIRST) + "".join(self._chance.choices(_SECOND, k=length - 1))
            name = f"武汉{word}{trade.word}{ending}{DEMO_MARK}"
            if name not in self._used:
                self._used.add(name)
                return name
        raise ValueError("too many units for the supply of names")
