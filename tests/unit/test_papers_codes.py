"""验证码: codes that cannot be guessed, are easy to type and notice a slip."""

from hypothesis import given
from hypothesis import strategies as st

from shebao.papers.codes import ALPHABET, CODE_LENGTH, new_code, qr_svg, read_code, shown, verify_url

_BODY = st.text(ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH)


def test_a_new_code_has_sixteen_characters_without_look_alikes() -> None:
    code = new_code()
    assert len(code) == 16
    assert not set(code) & set("ILOU")
    assert set(code) <= set(ALPHABET)


def test_codes_carry_75_random_bits() -> None:
    codes = {new_code() for _ in range(5_000)}
    assert len(codes) == 5_000
    for place in range(CODE_LENGTH - 1):
        assert {code[place] for code in codes} == set(ALPHABET)


def test_a_code_is_read_as_people_type_it() -> None:
    code = "0J45NKECSVJCVSPC"
    assert shown(code) == "0J45-NKEC-SVJC-VSPC"
    for typed in ("0J45-NKEC-SVJC-VSPC", " oj45 nkec svjc vspc ", "ＯＪ４５－ＮＫＥＣ－ＳＶＪＣ－ＶＳＰＣ", "0j45—nkec—svjc—vspc"):
        assert read_code(typed) == code


def test_i_and_l_are_read_as_one() -> None:
    code = next(code for code in (new_code() for _ in range(10_000)) if code.count("1") >= 2)
    first = code.replace("1", "I", 1)
    assert read_code(first.replace("1", "l", 1)) == code


def test_what_is_no_code_is_not_read() -> None:
    for text in ("", "0J45", "0J45NKECSVJCVSPU", "0J45NKECSVJCVSP中", "0J45NKECSVJCVSPC0", "0" * 100_000, "' or 1=1 --"):
        assert read_code(text) is None


@given(st.integers(0, CODE_LENGTH - 1), st.sampled_from(ALPHABET))
def test_any_single_wrong_character_is_noticed(place: int, other: str) -> None:
    code = new_code()
    wrong = code[:place] + other + code[place + 1 :]
    assert read_code(wrong) == (code if other == code[place] else None)


@given(st.integers(0, CODE_LENGTH - 1), st.integers(0, CODE_LENGTH - 1))
def test_any_swap_of_two_characters_is_noticed(i: int, j: int) -> None:
    code = new_code()
    swapped = list(code)
    swapped[i], swapped[j] = swapped[j], swapped[i]
    assert read_code("".join(swapped)) == (code if code[i] == code[j] else None)


@given(_BODY)
def test_one_text_in_thirty_two_is_a_code_and_no_other_ever_is(text: str) -> None:
    assert read_code(text) in (text, None)


def test_the_qr_holds_the_address_of_the_public_page() -> None:
    url = verify_url("https://hall.example/", "0J45NKECSVJCVSPC")
    assert url == "https://hall.example/v/0J45NKECSVJCVSPC"
    assert qr_svg(url).startswith("<svg") and qr_svg(url) != qr_svg(url + "0")
