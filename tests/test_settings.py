"""Settings: flags over environment over file, and nothing that is silently not read."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.errors import BadFileError, BadValueError, UnknownNameError
from opbench.settings import Allowance, SizeRule, load_settings, parse_thresholds
from opbench.spec import Shape

Write = Callable[[str, str], Path]


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.lock == tmp_path / "opbench.lock.json"
    assert settings.results == tmp_path / "results"
    assert settings.root == tmp_path
    assert not settings.check.strict and settings.check.max_increase == ()
    assert settings.check.metrics == ("params", "macs", "activations", "weight_bytes")


def test_the_nearest_file_with_a_table_of_ours_counts_and_paths_are_relative_to_it(
    write: Write, tmp_path: Path
) -> None:
    write("pyproject.toml", '[tool.opbench]\nlock = "results/l.json"\nresults = "m"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    settings = load_settings(inner, {})
    assert settings.root == tmp_path
    assert settings.lock == tmp_path / "results" / "l.json"
    assert settings.results == tmp_path / "m"
    # What the environment says is relative to where one stands.
    assert load_settings(inner, {"OPBENCH_RESULTS": "here"}).results == inner / "here"


def test_the_check_table_is_read_whole(write: Write, tmp_path: Path) -> None:
    write(
        "pyproject.toml",
        """
        [tool.opbench.check]
        targets = ["net.py:build", "resnet*"]
        strict = true
        metrics = ["macs"]
        allow_uncounted = ["mylib::*"]
        [tool.opbench.check.max_increase]
        "resnet*" = "0.5%"
        "net.py:*" = { params = 0, macs = "2 %" }
        """,
    )
    check = load_settings(tmp_path, {}).check
    assert check.targets == ("net.py:build", "resnet*")
    assert check.strict
    assert check.metrics == ("macs",)
    assert check.allow_uncounted == ("mylib::*",)
    assert check.max_increase == (
        Allowance(glob="resnet*", amount=Fraction(1, 2), percent=True),
        Allowance(glob="net.py:*", metric="params", amount=Fraction(0), percent=False),
        Allowance(glob="net.py:*", metric="macs", amount=Fraction(2), percent=True),
    )


def test_one_allowance_for_everything(write: Write, tmp_path: Path) -> None:
    write("pyproject.toml", "[tool.opbench.check]\nmax_increase = 1000\n")
    (allowance,) = load_settings(tmp_path, {}).check.max_increase
    assert allowance.allows(5, 1005) and not allowance.allows(5, 1006)
    assert str(allowance) == "1,000"


def test_the_environment_wins_over_the_file(write: Write, tmp_path: Path) -> None:
    write(
        "pyproject.toml", '[tool.opbench]\nlock = "a.json"\n[tool.opbench.check]\nstrict = true\n'
    )
    environment = {
        "OPBENCH_LOCK": "b.json",
        "OPBENCH_CHECK_STRICT": "0",
        "OPBENCH_CHECK_TARGETS": "vgg16, resnet*",
        "OPBENCH_CHECK_MAX_INCREASE": "1%",
        "HOME": "/",
    }
    settings = load_settings(tmp_path, environment)
    assert settings.lock == tmp_path / "b.json"
    assert not settings.check.strict
    assert settings.check.targets == ("vgg16", "resnet*")
    assert settings.check.max_increase == (Allowance(amount=Fraction(1), percent=True),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tool.opbench]\nlok = "x"', "[tool.opbench]: no key is called 'lok'; did you mean lock?"),
        ("[tool.opbench.chek]\nstrict = true", "no key is called 'chek'"),
        ('[tool.opbench]\ntargets = ["a"]', "'targets' belongs to [tool.opbench.check]"),
        ("[tool.opbench]\nstrict = true", "to [tool.opbench.check] or [tool.opbench.compare]"),
        ('[tool.opbench.check]\nresults = "a"', "'results' belongs to [tool.opbench]"),
        ("[tool.opbench.check]\nstrct = true", "[tool.opbench.check]: no key is called 'strct'"),
        ('[tool.opbench.check]\nstrict = "yes"', "strict must be true or false, not 'yes'"),
        ("[tool.opbench]\nrules = 3", 'rules must be a table such as { "mylib::gemm"'),
        ('[tool.opbench.rules]\ngemm = "a.py:f"', "[tool.opbench] rules must be a table such as"),
        ('[tool.opbench.rules]\n"a::b" = 3', "[tool.opbench] rules must be a table such as"),
        ('[tool.opbench.rules]\n"a::b" = "a.py"', "[tool.opbench] rules must be a table such as"),
        ('[tool.opbench.rules]\n"a::b" = ":f"', "[tool.opbench] rules must be a table such as"),
        ('[tool.opbench.rules]\n"a::b" = "a.py:"', "[tool.opbench] rules must be a table such as"),
        ("[tool.opbench]\nlock = 3", "lock must be a non-empty string, not 3"),
        ("[tool.opbench]\ncheck = 3", "'check'"),
        ('[tool.opbench.check]\ntargets = "a"', "targets must be a list of non-empty strings"),
        (
            '[tool.opbench.check]\nmetrics = ["flops"]',
            "metrics must be a list of some of params, macs",
        ),
        ('[tool.opbench.check]\nmax_increase = "much"', "max_increase must be whole numbers"),
        ("[tool.opbench.check]\nmax_increase = -1", "max_increase must be whole numbers"),
        ("[tool.opbench.check]\nmax_increase = true", "max_increase must be whole numbers"),
        ("[tool.opbench.check]\nmax_increase = 1.5", "max_increase must be whole numbers"),
        ('[tool.opbench.check]\nmax_increase = "1/0%"', "max_increase must be whole numbers"),
        ("[tool.opbench.check]\nlighter = true", 'lighter must be "pass" or "fail", not True'),
        ('[tool.opbench.check]\ninput_sizes = "3x0x3"', "input_sizes must be sizes such as"),
        ('[tool.opbench.check]\ninput_sizes = ""', "input_sizes must be sizes such as"),
        ("[tool.opbench.check]\ninput_sizes = [3]", "input_sizes must be sizes such as"),
        ('[tool.opbench.check.input_sizes]\n"a" = 3', "input_sizes must be sizes such as"),
        (
            '[tool.opbench.check.max_increase]\n"a" = {flops = 1}',
            "max_increase of 'a' must name some of",
        ),
        ("[tool]\nopbench = 3", "must be a table"),
        ("[tool.opbench\n", "is not valid TOML"),
    ],
)
def test_what_nobody_would_read_is_refused_with_file_and_key(
    write: Write, tmp_path: Path, text: str, said: str
) -> None:
    path = write("pyproject.toml", text)
    with pytest.raises(BadFileError) as caught:
        load_settings(tmp_path, {})
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_input_sizes_are_one_or_several_for_all_or_by_glob(write: Write, tmp_path: Path) -> None:
    write(
        "pyproject.toml",
        """
        [tool.opbench.check.input_sizes]
        "net.py:*" = ["3x64x64", "3x96x96", "3x64x64"]
        "bert" = "128"
        """,
    )
    assert load_settings(tmp_path, {}).check.input_sizes == (
        SizeRule(glob="net.py:*", sizes=(Shape((3, 64, 64)), Shape((3, 96, 96)))),
        SizeRule(glob="bert", sizes=(Shape((128,)),)),
    )
    said = {"OPBENCH_CHECK_INPUT_SIZES": "3x8x8, 3x9x9", "OPBENCH_CHECK_LIGHTER": "pass"}
    check = load_settings(tmp_path, said).check
    assert check.input_sizes == (SizeRule(sizes=(Shape((3, 8, 8)), Shape((3, 9, 9)))),)
    assert check.lighter == "pass"


def test_a_wrong_value_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="OPBENCH_CHECK_STRICT must be true or false"):
        load_settings(tmp_path, {"OPBENCH_CHECK_STRICT": "perhaps"})
    with pytest.raises(UnknownNameError, match="did you mean OPBENCH_CHECK_STRICT"):
        load_settings(tmp_path, {"OPBENCH_CHECK_STRCT": "1"})
    with pytest.raises(UnknownNameError, match="did you mean OPBENCH_RESULTS"):
        load_settings(tmp_path, {"OPBENCH_RESULT": "x"})


@pytest.mark.parametrize("text", ['tool = "opbench"', "tool = [1]", '[tool]\nopbench = "x"'])
def test_a_tool_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BadFileError, match=r"pyproject\.toml: .*must be a table"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    "value",
    ['"1e99999999%"', '"1e9"', '"1/3%"', f'"{"9" * 400}%"', f"0x{'f' * 5000}", "9e18", '"٣%"'],
)
def test_an_allowance_is_a_number_as_people_write_it(
    write: Write, tmp_path: Path, value: str
) -> None:
    path = write("pyproject.toml", f"[tool.opbench.check]\nmax_increase = {value}\n")
    with pytest.raises(BadFileError, match="max_increase must be whole numbers") as refused:
        load_settings(tmp_path, {})
    assert str(path) in str(refused.value)
    assert len(str(refused.value)) < 400


_HOSTILE = st.sampled_from(
    [
        "",
        " ",
        "1e99999999%",
        "9" * 5000,
        "9" * 400 + "%",
        "nan%",
        "-1",
        "3%,",
        ",",
        "\udce9",
        "٣%",
        "[]",
    ]
)


@given(
    environment=st.dictionaries(
        st.sampled_from(
            [
                *("OPBENCH_LOCK", "OPBENCH_RESULTS", "OPBENCH_CHECK_TARGETS", "OPBENCH_CHECK"),
                *("OPBENCH_CHECK_MAX_INCREASE", "OPBENCH_COMPARE_THRESHOLD", "OPBENCH_"),
                *(
                    "OPBENCH_CHECK_METRICS",
                    "OPBENCH_CHECK_ALLOW_UNCOUNTED",
                    "OPBENCH_COMPARE_STRICT",
                ),
            ]
        ),
        _HOSTILE | st.text(st.characters(exclude_characters="\0"), max_size=5),
        max_size=3,
    )
)
def test_any_environment_is_read_or_refused_by_name(environment: dict[str, str]) -> None:
    try:
        load_settings(Path(), environment)
    except (BadValueError, UnknownNameError) as refused:
        assert any(name in str(refused) for name in environment)
        assert len(str(refused)) < 400


def test_this_repository_keeps_its_lock_under_results() -> None:
    root = Path(__file__).parent.parent
    settings = load_settings(root, {})
    assert settings.lock == root / "results" / "opbench.lock.json"
    assert settings.check.targets == ("*",)


def test_a_threshold_of_two_percentages_is_refused() -> None:
    for text in ("3%, 3%", "1ms,50us", "3%,1s,4%"):
        with pytest.raises(ValueError, match="one percentage, one time, or one of each"):
            parse_thresholds(text)
