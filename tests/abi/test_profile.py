"""A release as a host behaves in it."""

import pytest

import gadget_abi
from gadget_abi import EmbedderError, Profile

ABI = gadget_abi.load()


def test_a_change_is_in_effect_from_its_release_on() -> None:
    """fieldSet returns 0 on success from v0.39.0, not before."""
    assert not Profile(ABI, "v0.38.1").changed("field-set-returns-zero")
    assert Profile(ABI, "v0.39.0").changed("field-set-returns-zero")


def test_a_quirk_is_shown_by_a_strict_profile_of_its_releases_only() -> None:
    """malloc-gives-null is a quirk of the malloc releases, and of strict mode."""
    assert Profile(ABI, "v0.37.0", strict=True).quirk("malloc-gives-null")
    assert not Profile(ABI, "v0.37.0").quirk("malloc-gives-null")
    assert not Profile(ABI, "v0.38.0", strict=True).quirk("malloc-gives-null")


def test_a_misspelt_id_is_not_taken_for_a_quirk_that_is_off() -> None:
    """An id that the table does not have raises, in every mode."""
    with pytest.raises(KeyError):
        Profile(ABI, "v0.55.1").changed("field-set-returns-one")
    with pytest.raises(KeyError):
        Profile(ABI, "v0.55.1", strict=True).quirk("no-such-quirk")


def test_an_unknown_release_is_refused_with_those_that_are_known() -> None:
    """The error names the release and the range."""
    with pytest.raises(EmbedderError, match=r"'v0.99.0'.*v0.30.0 to v0.55.1"):
        Profile(ABI, "v0.99.0")


def test_a_profile_offers_the_functions_and_exports_of_its_release() -> None:
    """v0.37.0 has fieldGet and looks for malloc, v0.38.0 neither."""
    old, new = Profile(ABI, "v0.37.0"), Profile(ABI, "v0.38.0")
    assert ("fieldGet" in old.forms, "malloc" in old.exports) == (True, True)
    assert ("fieldGet" in new.forms, "malloc" in new.exports) == (False, False)
